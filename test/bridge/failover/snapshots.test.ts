import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Capture } from '../../../bridge/failover/captures';
import { Snapshots } from '../../../bridge/failover/snapshots';
import type { WholeRequest } from '../../../bridge/failover/whole-request';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeClock } from '../../support/fake-clock';

const CAPTURE = {} as Capture;

function lab(t: TestContext) {
  const logged = captureLog(t);
  const clock = new FakeClock();
  const snapshots = new Snapshots(clock);
  const add = (id: string, body = '') =>
    snapshots.add(CAPTURE, { id, body: Buffer.from(body) } as WholeRequest);
  t.after(() => {
    snapshots.clear();
    assert.deepEqual([snapshots.heldBytes, clock.pendingTimers, snapshots.size], [0, 0, 0]);
  });
  return { snapshots, clock, add, events: () => logged.map(({ event }) => event) };
}

test('a snapshot is there once, and its bytes are accounted for', (t) => {
  const { snapshots, add } = lab(t);
  add('a', 'xxx');
  add('a', 'yyyy');
  assert.deepEqual([snapshots.size, snapshots.heldBytes], [1, 4]);
  assert.equal(snapshots.take('a')?.request.body.toString(), 'yyyy');
  assert.deepEqual(
    [snapshots.take('a'), snapshots.take('b'), snapshots.heldBytes],
    [undefined, undefined, 0],
  );
});

test('a body that there is no memory for is left out, and that is said', (t) => {
  const { snapshots, add } = lab(t);
  const body = 'x'.repeat(16 * 1024 * 1024);
  for (const id of ['a', 'b', 'c', 'd', 'e']) add(id, body);
  const { request } = snapshots.take('e')!;
  assert.deepEqual([request.body.length, request.bodyOmitted], [0, 'no_memory']);
  assert.equal(snapshots.take('a')!.request.bodyOmitted, undefined);
  add('f', body);
  assert.equal(snapshots.take('f')!.request.bodyOmitted, undefined);
});

/** Kong drops log events when it has no timers left, and never sends one when the dump does not name the phase. */
test('what the log phase never comes for is given up after ten minutes, counted, and told once', (t) => {
  const { snapshots, clock, add, events } = lab(t);
  add('a', 'xxx');
  clock.advance(599_000);
  add('b', 'yyy');
  assert.deepEqual([snapshots.size, snapshots.givenUp], [2, 0]);
  clock.advance(1000);
  assert.deepEqual([snapshots.size, snapshots.givenUp, snapshots.heldBytes], [1, 1, 3]);
  clock.advance(660_000);
  assert.deepEqual([snapshots.size, snapshots.givenUp, clock.pendingTimers], [0, 2, 0]);
  assert.deepEqual(events(), ['log_phase_missing']);
});

/** Those that wait for longest are the most likely to fail. */
test('there are ten thousand at most: a new one has no place', (t) => {
  const { snapshots, add } = lab(t);
  for (let number = 0; number <= 10_000; number++) add(`r${number}`);
  assert.deepEqual([snapshots.size, snapshots.givenUp], [10_000, 1]);
  assert.equal(snapshots.take('r10000'), undefined);
  assert.ok(snapshots.take('r0'));
});
