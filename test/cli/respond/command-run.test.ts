import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { runCommand } from '../../../cli/respond/command-run';

const request = (more: Partial<ReceivedRecord> = {}): ReceivedRecord => ({
  topic: 'requests',
  partition: 2,
  offset: 7,
  timestamp: 1,
  key: Buffer.from('k'),
  value: Buffer.from('{"a":1}'),
  headers: [],
  ...more,
});

function run(
  script: string,
  {
    record = request(),
    timeoutMs = 10_000,
    stopped = new AbortController().signal,
  }: { record?: ReceivedRecord; timeoutMs?: number; stopped?: AbortSignal } = {},
) {
  const complaints: string[] = [];
  const env = { PATH: process.env.PATH, KONG_KAFKA_PASSWORD: 'planted', LD_PRELOAD: 'planted' };
  const options = { command: 'sh', args: ['-c', script], timeoutMs, env, onComplaint: (text: string) => void complaints.push(text) }; // prettier-ignore
  return runCommand(record, 'id-1', options, stopped).then((result) => ({ ...result, complaints }));
}

test('value on stdin, what is printed is the answer', async () => {
  const { value, contentType, error } = await run('cat; echo x >&2');
  assert.deepEqual([value.toString(), contentType, error], ['{"a":1}', 'application/json', undefined]);
});

test('the environment: the record, a few of ours, no secret; a header becomes no variable of its own', async () => {
  const headers: [string, Buffer][] = [
    ['X-Tenant', Buffer.from('a; rm -rf $HOME `id`')],
    ['LD_PRELOAD', Buffer.from('evil.so')],
    ['PATH', Buffer.from('/evil')],
    ['nul', Buffer.from('a\0b')],
    ['long', Buffer.from('x'.repeat(100_000))],
  ];
  const { value } = await run('env', { record: request({ headers }) });
  const lines = value.toString().trim().split('\n');
  for (const line of ['KAFKA_TOPIC=requests', 'KAFKA_PARTITION=2', 'KAFKA_OFFSET=7', 'KAFKA_KEY=k', 'KAFKA_CORRELATION_ID=id-1', 'KAFKA_HEADER_X_TENANT=a; rm -rf $HOME `id`', 'KAFKA_HEADER_LD_PRELOAD=evil.so', `PATH=${process.env.PATH}`]) assert.ok(lines.includes(line), line); // prettier-ignore
  assert.ok(
    !lines.some((line) => /^LD_PRELOAD=|^PATH=\/evil|planted|_NUL=|_LONG=/.test(line)),
    value.toString(),
  );
});

test('a command that fails answers with an error; stderr is for whoever runs the responder', async () => {
  const { status, error, complaints } = await run('echo half; echo why >&2; exit 3');
  assert.deepEqual([status, error, complaints.join('')], [500, 'the command ended with 3', 'why\n']);
});

test('one that is not there', async () => {
  const { error } = await runCommand(request(), 'id', { command: '/nowhere/at-all', args: [], timeoutMs: 1000, env: {}, onComplaint: () => undefined }, new AbortController().signal); // prettier-ignore
  assert.match(error ?? '', /^the command cannot be run: .*ENOENT/);
});

test('one that cannot be there: Node throws that instead of telling it', async () => {
  const { error, status } = await runCommand(request(), 'id', { command: `${__filename}/x`, args: [], timeoutMs: 1000, env: {}, onComplaint: () => undefined }, new AbortController().signal); // prettier-ignore
  assert.match(error ?? '', /^the command cannot be run: .*ENOTDIR/);
  assert.equal(status, 500);
});

test('one that reads nothing of a long value', async () => {
  const { value } = await run('exec true', { record: request({ value: Buffer.alloc(4_000_000, 'x') }) });
  assert.equal(value.length, 0);
});

test('one that prints without end is killed', async () => {
  const { error } = await run('yes');
  assert.match(error ?? '', /printed more than/);
});

test('one that takes too long is killed with what it has started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  try {
    const { error } = await run(`sleep 60 & echo $! > ${folder}/pid; wait`, { timeoutMs: 500 });
    assert.equal(error, 'the command was not done after 500 ms');
    assert.ok(existsSync(join(folder, 'pid')));
    await gone(Number(readFileSync(join(folder, 'pid'), 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a stop ends what runs', async () => {
  const controller = new AbortController();
  const running = run('sleep 60', { stopped: controller.signal });
  controller.abort();
  assert.equal((await running).error, 'the responder was stopped');
});

test('a process that ends at once leaves none behind', { timeout: 20_000 }, async () => {
  const module = join(__dirname, '..', '..', '..', 'cli', 'respond', 'command-run.js');
  // The command tells its number; whoever reads that leaves.
  const program = `
    const request = { topic: 'a', partition: 0, offset: 0, timestamp: 0, key: null, value: null, headers: [] };
    const onComplaint = (text) => { require('node:fs').writeSync(1, text); process.exit(); };
    const args = ['-c', 'echo $$ >&2; sleep 60'];
    require(${JSON.stringify(module)}).runCommand(
      request, 'id', { command: 'sh', args, timeoutMs: 60_000, env: process.env, onComplaint }, new AbortController().signal);
  `;
  const pid = Number(execFileSync(process.execPath, ['-e', program]).toString());
  assert.ok(pid > 1);
  await gone(pid);
});

/** Killed processes stay in the table until somebody has asked for them. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      if (/^\d+ \(.*\) [ZX]/.test(stat)) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
