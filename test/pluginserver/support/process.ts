/** The plugin server as a process, with a plugin in a file of its own. */

import { spawn, spawnSync, type ChildProcess, type SpawnSyncOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FakeKong } from './fake-kong';
import { eventually, temporaryFolder } from './serving';

export const MAIN = join(__dirname, '..', '..', '..', 'pluginserver', 'main.js');

/** Does what the path of the request says. */
export const DEMO = `
exports.Name = 'demo'; exports.Version = '1.0.0'; exports.Priority = 1;
exports.Plugin = class {
  async access(kong) {
    const path = await kong.request.getPath();
    if (path === '/float') Promise.reject(new Error('floating'));
    if (path === '/timer') setImmediate(() => { throw new Error('in a timer'); });
    if (path === '/print') console.log('printed');
    if (path === '/wait') await new Promise(() => {});
    if (path === '/pool') return kong.response.exit(200, process.env.UV_THREADPOOL_SIZE);
    void kong.response.exit(200, path);
  }
};`;

export function pluginFolder(t: TestContext, source: string): string {
  const folder = join(temporaryFolder(t), 'plugin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.js'), source);
  return folder;
}

export function runMain(args: readonly string[], options: SpawnSyncOptions = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    timeout: 20_000,
    ...options,
  });
  return { status, stdout: String(stdout ?? ''), stderr: String(stderr ?? '') };
}

export interface Started {
  readonly child: ChildProcess;
  readonly path: string;
  readonly stderr: () => string;
  readonly exitCode: Promise<number | null>;
}

export async function start(
  t: TestContext,
  args: readonly string[] = [],
  source: string = DEMO,
  /** Of a process that runs, to take its socket over. */
  path: string = join(temporaryFolder(t), 'demo.sock'),
): Promise<Started> {
  const child = spawn(process.execPath, [MAIN, '--plugin', `${pluginFolder(t, source)}=${path}`, ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
  const exitCode = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  await eventually(() => stderr.includes('"listening"'), 'the server does not listen');
  return { child, path, stderr: () => stderr, exitCode };
}

/** A request whose handler has read its path. */
export async function request(server: { readonly path: string }, requestPath: string): Promise<FakeKong> {
  const kong = await FakeKong.connect(server.path);
  kong.handleEvent(await kong.startInstance('demo'));
  await kong.answerRequestId(randomUUID().replaceAll('-', ''));
  await kong.expectCall('kong.request.get_path');
  kong.answerText(requestPath);
  return kong;
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie waits for whoever adopted it; it is over all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
