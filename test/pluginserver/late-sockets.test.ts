import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { LateSockets } from '../../pluginserver/late-sockets';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { FakeClock } from '../support/fake-clock';
import { captureLog, eventually, temporaryFolder } from './support/serving';

it('a socket that cannot be bound is tried again, less and less often, until it can or another process serves', async (t) => {
  captureLog(t);
  const folder = join(temporaryFolder(t), 'later');
  const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');
  const server = new PluginServer({ plugin, socketPath: join(folder, 's') });
  t.after(() => server.close());
  const clock = new FakeClock();
  const serving: PluginServer[] = [];
  let isOver = false;
  const watch = () =>
    new LateSockets<PluginServer>(
      (late) => serving.push(late),
      () => isOver,
      clock,
    ).watch([server]);

  watch();
  for (const delayMs of [1000, 2000, 4000]) {
    clock.advance(delayMs - 1);
    assert.equal(clock.pendingTimers, 1);
    clock.advance(1);
    await eventually(() => clock.pendingTimers === 1, 'no further attempt is planned');
  }
  mkdirSync(folder);
  clock.advance(8000);
  await eventually(() => serving.length === 1, 'the socket is not served');
  assert.ok(server.isServing);
  assert.equal(clock.pendingTimers, 0);

  isOver = true;
  watch();
  clock.advance(60_000);
  assert.deepEqual([serving.length, clock.pendingTimers], [1, 0]);
});
