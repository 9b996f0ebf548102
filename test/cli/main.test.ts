/** The command as a process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { version } from '../../bridge/version';

const MAIN = join(__dirname, '..', '..', 'cli', 'main.js');

function start(
  t: TestContext,
  command: string,
  args: readonly string[],
  stdin: 'ignore' | 'pipe' = 'ignore',
) {
  const child = spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const printed = { stdout: '', stderr: '' };
  child.stdout!.on('data', (text: Buffer) => (printed.stdout += text.toString()));
  child.stderr!.on('data', (text: Buffer) => (printed.stderr += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...printed }));
  return { child, ended };
}

function configFor(t: TestContext, port: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = { bootstrap_servers: [{ host: '127.0.0.1', port }], topic: 'a', reply_topic: 'b' };
  const route = { name: 'orders', paths: ['/'], plugins: [{ name: 'custom_kafka_producer', config }] };
  writeFileSync(join(folder, 'kong.json'), JSON.stringify({ routes: [route] }));
  return join(folder, 'kong.json');
}

test('it prints its version, and ends with the code of what it found', async (t) => {
  assert.equal((await start(t, process.execPath, [MAIN, '--version']).ended).stdout, `${version}\n`);
  const args = [MAIN, 'doctor', '--config', configFor(t, 1), '--no-kafka'];
  const { code, stdout } = await start(t, process.execPath, args).ended;
  assert.equal(code, 3);
  assert.match(stdout, /producer_without_consumer/);
});

test('a reader that leaves early is no failure', async (t) => {
  const line = `"${process.execPath}" "${MAIN}" help doctor | head -n 1; exit "\${PIPESTATUS[0]}"`;
  const { code, stdout, stderr } = await start(t, 'bash', ['-c', line]).ended;
  assert.deepEqual([code, stdout, stderr], [0, 'Usage: kong-kafka doctor [options]\n', '']);
});

test('a reader of the complaints that leaves early changes no exit code', async (t) => {
  const line = `"${process.execPath}" "${MAIN}" nonsense 2>&1 | true; exit "\${PIPESTATUS[0]}"`;
  assert.equal((await start(t, 'bash', ['-c', line]).ended).code, 2);
});

test('Ctrl-C ends it while it waits for somebody to type', async (t) => {
  const { child, ended } = start(t, process.execPath, [MAIN, 'migrate', '-'], 'pipe');
  // More than a pipe holds: when it is taken, it is read.
  await new Promise((resolve) => child.stdin!.write(Buffer.alloc(1_000_000, '#'), resolve));
  child.kill('SIGINT');
  assert.deepEqual(await ended, { code: 1, stdout: '', stderr: 'Interrupted.\n' });
});

test('Ctrl-C ends it while it waits for a broker that says nothing', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const config = configFor(t, (server.address() as AddressInfo).port);
  const connected = once(server, 'connection');
  const { child, ended } = start(t, process.execPath, [MAIN, 'doctor', '--config', config]);
  await connected;
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /\nInterrupted\.\n$/);
});
