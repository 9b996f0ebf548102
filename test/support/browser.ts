/**
 * A headless Chromium, driven over its debugging pipe: two file descriptors, one JSON message after the other. Just what
 * the tests of a page need, so that none of the large packages for that has to be here.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const FETCHED = join(__dirname, '..', '..', '..', '.cache', 'chromium');
const LIBRARIES = join(FETCHED, 'usr', 'lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`);
const CANDIDATES = [
  process.env['CHROMIUM'] ?? '',
  'chromium',
  'chromium-headless-shell',
  'google-chrome',
  join(FETCHED, 'usr', 'lib', 'chromium', 'chromium-headless-shell'),
];
const TIMEOUT_MS = 20_000;

/** Undefined where there is none: `dev/setup/chromium.sh` fetches one. */
export function findChromium(): string | undefined {
  return CANDIDATES.find((path) => path !== '' && (path.includes('/') ? existsSync(path) : isInPath(path)));
}

function isInPath(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

/** What a page has said while it was loaded, and what can be asked of it. */
export interface Loaded {
  readonly complaints: readonly string[];
  evaluate<T>(expression: string): Promise<T>;
  /** PNG of the whole page, or of what is seen of it at first. */
  screenshot(part?: 'whole' | 'first'): Promise<Buffer>;
}

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
};

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #pending = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  readonly #exited: Promise<unknown>;
  #lastId = 0;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    this.#exited = new Promise((resolve) => child.once('exit', resolve));
    // Of one that has died; whoever waits for its answer is told so.
    (child.stdio[3] as Writable).on('error', () => undefined);
    let text = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#onMessage(JSON.parse(message) as Message);
    });
  }

  static start(path: string): Browser {
    const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-pipe',
      '--no-first-run',
    ];
    const child = spawn(path, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(path.startsWith(FETCHED) && { LD_LIBRARY_PATH: `${LIBRARIES}:${join(LIBRARIES, 'pulseaudio')}` }),
      },
    });
    return new Browser(child, profile);
  }

  async open(url: string, { width, height, scheme }: View): Promise<Loaded> {
    const { targetId } = await this.#call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#call('Target.attachToTarget', { targetId, flatten: true });
    const session = sessionId as string;
    const complaints: string[] = [];
    this.#listeners.add(({ method, params }) => {
      const complains = ['Log.entryAdded', 'Runtime.exceptionThrown', 'Runtime.consoleAPICalled'];
      if (complains.includes(method ?? '')) complaints.push(JSON.stringify(params));
    });
    for (const domain of ['Page', 'Log', 'Runtime']) await this.#call(`${domain}.enable`, {}, session);
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.#call('Emulation.setDeviceMetricsOverride', metrics, session);
    await this.#call('Emulation.setScrollbarsHidden', { hidden: true }, session);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.#call('Emulation.setEmulatedMedia', { features }, session);
    const loaded = this.#until('Page.loadEventFired');
    await this.#call('Page.navigate', { url }, session);
    await loaded;
    return {
      complaints,
      evaluate: async <T>(expression: string) => {
        const { result } = await this.#call('Runtime.evaluate', { expression, returnByValue: true }, session);
        return (result as { value: T }).value;
      },
      screenshot: async (part = 'whole') => {
        const { data } = await this.#call(
          'Page.captureScreenshot',
          { captureBeyondViewport: part === 'whole' },
          session,
        );
        return Buffer.from(data as string, 'base64');
      },
    };
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: the browser does not answer`)), TIMEOUT_MS);
      this.#pending.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #until(method: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} does not come`)), TIMEOUT_MS);
      const listener = (message: Message): void => {
        if (message.method !== method) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  #onMessage(message: Message): void {
    if (message.id !== undefined) {
      this.#pending.get(message.id)?.(message);
      this.#pending.delete(message.id);
      return;
    }
    for (const listener of this.#listeners) listener(message);
  }
}
