import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { LateSockets } from '../../pluginserver/late-sockets';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { SharedSocket } from '../../pluginserver/workers/shared-socket';
import { FakeClock } from '../support/fake-clock';
import { captureLog, eventually, temporaryFolder } from './support/serving';

const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');

it('a socket that cannot be bound is tried again, less and less often, until it can or another process serves', async (t) => {
  captureLog(t);
  const folder = join(temporaryFolder(t), 'later');
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

/** Open sockets of this process. */
function socketCount(): number {
  let count = 0;
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:')) count++;
    } catch {
      // That of the listing itself.
    }
  }
  return count;
}

/** A server that listened once was never bound again, and a socket without a name was left behind by each attempt. */
for (const [whose, open] of [
  ['one process', (socketPath: string) => new PluginServer({ plugin, socketPath })],
  [
    'several workers',
    (socketPath: string) =>
      new SharedSocket({ plugin, socketPath, give: async () => undefined, open: () => undefined }),
  ],
] as const) {
  it(`a name that cannot be taken once the socket is bound is tried again, too (${whose})`, async (t) => {
    captureLog(t);
    const folder = temporaryFolder(t);
    const path = join(folder, 's');
    const server = open(path);
    t.after(() => server.close());
    const bind = server.bind.bind(server);
    let attempts = 0;
    server.bind = async () => {
      attempts++;
      await bind();
      // Somebody else is faster, every time.
      if (attempts <= 3) mkdirSync(path);
    };
    const clock = new FakeClock();
    let isServing = false;
    const before = socketCount();
    new LateSockets<typeof server>(
      () => (isServing = true),
      () => false,
      clock,
    ).watch([server]);
    for (const delayMs of [1000, 2000, 4000]) {
      clock.advance(delayMs);
      await eventually(() => clock.pendingTimers === 1, 'no further attempt is planned');
      assert.equal(server.isServing, false);
      rmdirSync(path);
      await eventually(() => socketCount() === before, 'a socket without a name is left behind');
      assert.deepEqual(readdirSync(folder), []);
    }
    clock.advance(8000);
    await eventually(() => isServing, 'the socket is not served');
    assert.equal(attempts, 4);
    assert.ok(server.isServing);
    assert.deepEqual(readdirSync(folder), ['s']);
  });
}
