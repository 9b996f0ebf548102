import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { BytesInFlight } from '../../../bridge/bytes-in-flight';
import type { Capture } from '../../../bridge/failover/captures';
import { Snapshots } from '../../../bridge/failover/snapshots';
import type { WholeRequest } from '../../../bridge/failover/whole-request';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeClock } from '../../support/fake-clock';

const CAPTURE = {} as Capture;

function lab(t: TestContext) {
  const logged = captureLog(t);
  const clock = new FakeClock();
  const memory = new BytesInFlight();
  const snapshots = new Snapshots({ clock, memory });
  const add = (id: string, body = '') =>
    snapshots.add(CAPTURE, { id, body: Buffer.from(body) } as WholeRequest);
  t.after(() => {
    snapshots.clear();
    assert.deepEqual([memory.held, clock.pendingTimers, snapshots.size], [0, 0, 0]);
  });
  return { snapshots, clock, memory, add, events: () => logged.map(({ event }) => event) };
}

test('a snapshot is there once, and its bytes are accounted for', (t) => {
  const { snapshots, memory, add } = lab(t);
  add('a', 'xxx');
  add('a', 'yyyy');
  assert.deepEqual([snapshots.size, memory.held], [1, 4]);
  assert.equal(snapshots.take('a')?.request.body.toString(), 'yyyy');
  assert.deepEqual([snapshots.take('a'), snapshots.take('b'), memory.held], [undefined, undefined, 0]);
});

test('a body that there is no memory for is left out, and that is said', (t) => {
  const { snapshots, memory, add } = lab(t);
  memory.limit = 5;
  add('a', 'xxxx');
  add('b', 'yyyy');
  const { request } = snapshots.take('b')!;
  assert.deepEqual([request.body.length, request.bodyOmitted], [0, 'no_memory']);
  assert.equal(snapshots.take('a')!.request.bodyOmitted, undefined);
});

/** Kong drops log events when it has no timers left, and never sends one when the dump does not name the phase. */
test('what the log phase never comes for is given up after ten minutes, counted, and told once', (t) => {
  const { snapshots, clock, memory, add, events } = lab(t);
  add('a', 'xxx');
  clock.advance(599_000);
  add('b', 'yyy');
  assert.deepEqual([snapshots.size, snapshots.given_up], [2, 0]);
  clock.advance(1000);
  assert.deepEqual([snapshots.size, snapshots.given_up, memory.held], [1, 1, 3]);
  clock.advance(660_000);
  assert.deepEqual([snapshots.size, snapshots.given_up, clock.pendingTimers], [0, 2, 0]);
  assert.deepEqual(events(), ['log_phase_missing']);
});

test('there are ten thousand at most: the oldest has to go', (t) => {
  const { snapshots, add } = lab(t);
  for (let number = 0; number <= 10_000; number++) add(`r${number}`);
  assert.deepEqual([snapshots.size, snapshots.given_up], [10_000, 1]);
  assert.equal(snapshots.take('r0'), undefined);
  assert.ok(snapshots.take('r1'));
});
