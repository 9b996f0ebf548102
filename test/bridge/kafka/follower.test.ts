/** A follower that wants what was there before it, and no more than that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follower } from '../../../bridge/kafka/follower';
import { receivedRecord } from '../../support/records';

function follow() {
  const offsets: string[] = [];
  let stops = 0;
  let caughtUp = 0;
  const feed = { reading: true, reason: undefined, partition: undefined };
  const follower = new Follower(
    feed,
    {
      from: { sinceMs: 0 },
      upToNow: true,
      onRecord: ({ partition, offset }) => offsets.push(`${partition}:${offset}`),
      onCaughtUp: () => caughtUp++,
    },
    () => stops++,
  );
  const deliver = (partition: number, offset: number) =>
    follower.deliver({ ...receivedRecord({}), partition, offset });
  return { follower, deliver, offsets, stops: () => stops, caughtUp: () => caughtUp };
}

/** Each would look at every record of the topic for ever, and there is one for each configuration. */
test('it gets the records up to where others are, then stops by itself and is ready', async () => {
  const { follower, deliver, offsets, stops, caughtUp } = follow();
  const ready = follower.whenReady();
  follower.startsBehind(
    new Map([
      [0, 3],
      [1, 9],
    ]),
  );
  for (const offset of [1, 2, 3]) deliver(0, offset);
  deliver(2, 5);
  assert.deepEqual([stops(), caughtUp()], [0, 0]);
  deliver(1, 7);
  // The last one was a marker of a transaction, which nobody sees.
  deliver(1, 9);
  assert.deepEqual([stops(), caughtUp()], [1, 1]);
  deliver(1, 10);
  assert.deepEqual(offsets, ['0:1', '0:2', '1:7']);
  await ready;
  await follower.whenReady();
  assert.equal(follower.ready, true);
});

test('where nothing was there before, it is done at once', async () => {
  const { follower, offsets, stops } = follow();
  follower.startsBehind(new Map());
  await follower.whenReady();
  assert.deepEqual([offsets, stops(), follower.ready], [[], 1, true]);
});

test('who has seen what another reads back passes it over, up to the last of it and not longer', () => {
  const { follower, deliver, offsets } = follow();
  follower.startsBehind(new Map([[0, 100]]));
  follower.skipBelow(0, 7);
  for (const offset of [5, 6]) deliver(0, offset);
  assert.equal(follower.skipsBelow(0), 0);
  // The topic was made anew, which nothing says.
  deliver(0, 0);
  assert.deepEqual(offsets, ['0:0']);
});

test('a topic that is gone has nothing more from before', () => {
  const { follower, stops } = follow();
  follower.startsBehind(new Map([[0, 3]]));
  follower.startOver();
  assert.deepEqual([stops(), follower.ready], [1, true]);
});

test('one that is stopped before it got there is not ready', async () => {
  const { follower } = follow();
  follower.startsBehind(new Map([[0, 3]]));
  follower.stop();
  assert.equal(follower.ready, false);
  await assert.rejects(follower.whenReady(), { code: 'not_ready' });
});
