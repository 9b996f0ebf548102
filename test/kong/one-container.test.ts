/** kong/one-container.sh: the plugin server beside Kong in one container. A process that sleeps plays Kong. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../pluginserver/support/serving';

const ROOT = join(__dirname, '..', '..', '..');
const SCRIPT = join(ROOT, 'kong', 'one-container.sh');
const PRODUCER = 'KONG_PLUGINSERVER_KAFKA_PRODUCER_SOCKET';

/** Everything the script starts is in a process group of its own, which the test ends. */
function start(t: TestContext, environment: NodeJS.ProcessEnv, args: readonly string[]) {
  const child = spawn(SCRIPT, args, {
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing is left of it.
    }
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function until(condition: () => Promise<boolean> | boolean, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(output());
}

function childrenOf(pid: number): number[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return pids === '' ? [] : pids.split(' ').map(Number);
}

test('it starts the plugin server on its sockets, again when it ends, and becomes Kong', async (t) => {
  const folder = temporaryFolder(t);
  const paths = [join(folder, 'kafka-producer.sock'), join(folder, 'kafka-request-reply.sock')] as const;
  const kong = start(
    t,
    {
      [PRODUCER]: paths[0],
      KONG_KAFKA_OPTIONS: '--log-level info --drain-timeout-ms 9',
    },
    ['/bin/sh', '-c', 'echo "Kong is $$"; exec sleep 60'],
  );
  await until(() => kong.output().includes(`Kong is ${kong.child.pid}\n`), kong.output);
  const bothListen = async () => (await listens(paths[0])) && listens(paths[1]);
  await until(bothListen, kong.output);
  const [loop] = childrenOf(kong.child.pid!) as [number];
  const [first] = childrenOf(loop) as [number];
  process.kill(first, 'SIGKILL');
  await until(async () => !(await bothListen()), kong.output);
  await until(bothListen, kong.output);
  assert.notEqual(childrenOf(loop)[0], first);
  assert.equal(kong.child.exitCode, null);
});

test('it can be run, and gets into the image', () => {
  accessSync(SCRIPT, constants.X_OK);
  assert.match(readFileSync(join(ROOT, '.dockerignore'), 'utf8'), /^!kong\/one-container\.sh$/m);
  assert.match(readFileSync(join(ROOT, 'Dockerfile.kong'), 'utf8'), /dev\/setup\/assemble\.sh \/app$/m);
});

test('it names a setting that is missing', async (t) => {
  const { child, output } = start(t, {}, ['/bin/true']);
  await until(() => child.exitCode !== null, output);
  assert.notEqual(child.exitCode, 0);
  assert.match(output(), /KONG_PLUGINSERVER_KAFKA_PRODUCER_SOCKET: is not set/);
});
