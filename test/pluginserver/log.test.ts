import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { log, setLogLevel } from '../../bridge/telemetry/log';
import { captureLog } from './support/serving';

it('an entry is one line of JSON with time, level, message and its facts', (t) => {
  const logged = captureLog(t);
  log.warn('a\nmessage', { topic: 'orders', error: new Error('why'), message: 'taken' });
  const { time, error, ...rest } = logged[0] as Record<string, unknown>;
  assert.ok(!Number.isNaN(Date.parse(time as string)));
  assert.match((error as { stack: string }).stack, /Error: why\n/);
  assert.deepEqual(rest, { level: 'warn', message: 'a\nmessage', topic: 'orders', message_: 'taken' });
});

it('entries below the level are dropped', (t) => {
  const logged = captureLog(t);
  log.debug('no');
  assert.equal(log.enabled('debug'), false);
  setLogLevel('debug');
  t.after(() => setLogLevel('info'));
  log.debug('yes');
  assert.deepEqual(
    logged.map(({ message }) => message),
    ['yes'],
  );
});

it('facts that are not JSON do not throw', (t) => {
  const logged = captureLog(t);
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  log.info('cycle', { cycle });
  log.info('big', { big: 1n });
  assert.deepEqual(
    logged.map(({ message, fields }) => [message, fields]),
    [
      ['cycle', 'not serializable'],
      ['big', 'not serializable'],
    ],
  );
});

it('a reader of stderr that is gone does not end the process', () => {
  const module = JSON.stringify(join(__dirname, '..', '..', 'bridge', 'telemetry', 'log.js'));
  const script = `const { log } = require(${module}); let left = 200;
    const timer = setInterval(() => { log.info('line'); if (--left === 0) { clearInterval(timer); console.log('alive'); } }, 1);`;
  // The log goes into a pipe that `true` has closed, what the script prints comes back as stderr.
  const { stderr } = spawnSync(
    'sh',
    ['-c', `{ "$0" -e "$1" 2>&3 | cat >&4; } 3>&1 4>&2 | true`, process.execPath, script],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  assert.match(stderr, /alive/);
});

// Lines queued in memory without end.
it('a reader of stderr that stops reading costs a bounded amount of memory, and hears of what it missed', async () => {
  const module = JSON.stringify(join(__dirname, '..', '..', 'bridge', 'telemetry', 'log.js'));
  const script = `const { log } = require(${module}); const fact = 'x'.repeat(1000);
    for (let line = 0; line < 10_000; line++) log.info('line', { fact });
    console.log(process.stderr.writableLength);
    process.stderr.once('drain', () => log.info('read again'));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [unread] = (await once(child.stdout, 'data')) as [Buffer];
  assert.ok(Number(unread) < 2 * 1024 * 1024, `${String(unread)} bytes are kept`);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += String(chunk)));
  await once(child, 'close');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { message: string; lines?: number });
  const [lost, last] = lines.slice(-2);
  assert.equal(last?.message, 'read again');
  assert.equal((lost?.lines ?? 0) + lines.length - 2, 10_000);
});

it('a disk that is full loses lines and nothing else', () => {
  if (!existsSync('/dev/full')) return;
  const module = JSON.stringify(join(__dirname, '..', '..', 'bridge', 'telemetry', 'log.js'));
  const script = `const { log } = require(${module}); let left = 50;
    const timer = setInterval(() => { log.info('line'); if (--left === 0) { clearInterval(timer); console.log('alive'); } }, 1);`;
  const { stdout, status } = spawnSync('sh', ['-c', `"$0" -e "$1" 2>/dev/full`, process.execPath, script], {
    encoding: 'utf8',
  });
  assert.match(stdout, /alive/);
  assert.equal(status, 0);
});
