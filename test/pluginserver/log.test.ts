import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { log, setLogLevel, toggleDebug } from '../../bridge/telemetry/log';
import { captureLog } from './support/serving';

it('an entry is one line of JSON with time, level, event, message and its facts', (t) => {
  const logged = captureLog(t);
  log.warn('kafka topic lost', {
    topic: 'a\ntopic',
    error: new Error('why'),
    message: 'taken',
    event: 'too',
  });
  const { time, error, ...rest } = logged[0] as Record<string, unknown>;
  assert.match(time as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.match((error as { stack: string }).stack, /Error: why\n/);
  assert.deepEqual(rest, {
    level: 'warn',
    event: 'kafka_topic_lost',
    message: 'kafka topic lost',
    topic: 'a\ntopic',
    message_: 'taken',
    event_: 'too',
  });
});

it('entries below the level are dropped', (t) => {
  const logged = captureLog(t);
  log.debug('instance started');
  assert.equal(log.enabled('debug'), false);
  setLogLevel('debug');
  t.after(() => setLogLevel('info'));
  log.debug('kafka client log');
  assert.deepEqual(
    logged.map(({ message }) => message),
    ['kafka client log'],
  );
});

it('debug can be switched on and off, and that is said at any configured level', (t) => {
  const logged = captureLog(t);
  setLogLevel('error');
  t.after(() => setLogLevel('info'));
  toggleDebug();
  assert.equal(log.enabled('debug'), true);
  toggleDebug();
  assert.equal(log.enabled('warn'), false);
  assert.deepEqual(
    logged.map(({ event, log_level }) => [event, log_level]),
    [
      ['log_level_changed', 'debug'],
      ['log_level_changed', 'error'],
    ],
  );
});

it('facts that are not JSON do not throw, and cost no more than themselves', (t) => {
  const logged = captureLog(t);
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const thrower = {
    toJSON() {
      throw new Error('no');
    },
  };
  for (const fact of [cycle, 1n, thrower]) log.info('kafka client up', { fact, client: 'producer' });
  assert.deepEqual(
    logged.map(({ client }) => client),
    ['producer', 'producer', 'producer'],
  );
});

it('a reader of stderr that is gone does not end the process', () => {
  const module = JSON.stringify(join(__dirname, '..', '..', 'bridge', 'telemetry', 'log.js'));
  const script = `const { log } = require(${module}); let left = 200;
    const timer = setInterval(() => { log.info('listening'); if (--left === 0) { clearInterval(timer); console.log('alive'); } }, 1);`;
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
    for (let line = 0; line < 10_000; line++) log.info('listening', { fact });
    console.log(process.stderr.writableLength);
    process.stderr.once('drain', () => log.info('serving'));`;
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
  assert.equal(last?.message, 'serving');
  assert.equal((lost?.lines ?? 0) + lines.length - 2, 10_000);
});

it('a disk that is full loses lines and nothing else', () => {
  if (!existsSync('/dev/full')) return;
  const module = JSON.stringify(join(__dirname, '..', '..', 'bridge', 'telemetry', 'log.js'));
  const script = `const { log } = require(${module}); let left = 50;
    const timer = setInterval(() => { log.info('listening'); if (--left === 0) { clearInterval(timer); console.log('alive'); } }, 1);`;
  const { stdout, status } = spawnSync('sh', ['-c', `"$0" -e "$1" 2>/dev/full`, process.execPath, script], {
    encoding: 'utf8',
  });
  assert.match(stdout, /alive/);
  assert.equal(status, 0);
});
