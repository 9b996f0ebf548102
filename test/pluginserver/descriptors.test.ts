/** The status port is open to whoever reaches it, and the process has only so many file descriptors. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { freePorts } from '../../dev/kafka/ports';
import { DEMO, MAIN, pluginFolder, request } from './support/process';
import { eventually, temporaryFolder } from './support/serving';

const OPEN_FILES = 256;
const IDLE_CONNECTIONS = 3000;
/** At a time, for the descriptors of the test itself. */
const STEP = 250;

/** Connects, says nothing, and stays as long as it is let. */
async function idle(t: TestContext, target: () => Socket): Promise<void> {
  const open: Socket[] = [];
  t.after(() => open.forEach((socket) => socket.destroy()));
  for (let count = 0; count < IDLE_CONNECTIONS; count += STEP) {
    await Promise.all(
      Array.from({ length: STEP }, async () => {
        const socket = target().on('error', () => undefined);
        open.push(socket.resume());
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      }),
    );
    while (open.length > 2 * STEP) open.shift()?.destroy();
  }
}

// A thousand of them on the status port, and every request was a 500: the sockets could not accept any more.
it('thousands of idle connections, to the status port and to a socket, keep no request from its answer', async (t) => {
  if (process.platform === 'win32') return;
  const path = join(temporaryFolder(t), 'demo.sock');
  const [port = 0] = await freePorts(1);
  const command = [process.execPath, MAIN, '--plugin', `${pluginFolder(t, DEMO)}=${path}`];
  const child = spawn(
    'sh',
    ['-c', `ulimit -n ${OPEN_FILES}; exec "$@"`, 'sh', ...command, '--status-port', String(port)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += String(chunk)));
  await eventually(
    () => log.includes('"serving"'),
    () => log,
  );
  const waiting = await request({ path }, '/wait');

  await idle(t, () => connect(port, '127.0.0.1'));
  assert.equal(String((await (await request({ path }, '/one')).readExit()).body), '/one');
  await idle(t, () => connect(path));
  for (let count = 0; count < 20; count++) {
    assert.equal(String((await (await request({ path }, '/two')).readExit()).body), '/two');
  }
  if (process.platform === 'linux')
    assert.ok(readdirSync(`/proc/${child.pid}/fd`).length < OPEN_FILES - 20, 'a reserve is left');
  assert.equal((await fetch(`http://127.0.0.1:${port}/ready`)).status, 200);
  assert.doesNotMatch(log, /accepting connections failed/);
  assert.equal(waiting.socket.destroyed, false, 'what waits is not dropped');

  waiting.socket.destroy();
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
});
