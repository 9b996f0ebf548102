/** The demo, as `make demo` starts it, on ports of its own; commands of pages are pointed at them. */
import { join } from 'node:path';
import { type Child, startChild } from '../../../dev/child-process';
import { ROOT } from './pages';

export class Demo {
  private constructor(
    readonly config: string | undefined,
    readonly child: Child,
    /** Address in the pages -> address here. */
    private readonly addresses: ReadonlyMap<string, string>,
  ) {}

  /** @param config a configuration in place of kong/kong.yml */
  static async start(config?: string): Promise<Demo> {
    const flags = ['--free-ports', ...(config === undefined ? [] : ['--config', config])];
    const child = await startChild('demo', [join(ROOT, 'dist', 'dev', 'demo.js'), ...flags], {
      readyWhen: /gateway is running[^]*Ctrl-C stops everything/,
    });
    const printed = async (pattern: RegExp) => (await child.until(pattern))[1] ?? '';
    return new Demo(
      config,
      child,
      new Map([
        ['8000', await printed(/gateway is running[^]*?http:\/\/127\.0\.0\.1:(\d+)/)],
        ['8900', await printed(/Status page[^]*?http:\/\/127\.0\.0\.1:(\d+)/)],
        ['9092', await printed(/Kafka serves on 127\.0\.0\.1:(\d+)/)],
      ]),
    );
  }

  /** The command with the addresses of this demo. */
  pointed(command: string): string {
    return command.replace(
      /\b(?:localhost|127\.0\.0\.1):(8000|8900|9092)\b/g,
      (_, port: string) => `127.0.0.1:${this.addresses.get(port)}`,
    );
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}
