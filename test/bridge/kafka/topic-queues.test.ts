/** A topic without a leader kept its records in the queue until it was full, and every other topic was refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { TopicQueues, type PartitionLeader, type QueuedRecord } from '../../../bridge/kafka/topic-queues';
import { setLogSink } from '../../../bridge/telemetry/log';
import { FakeClock } from '../../support/fake-clock';

setLogSink(() => undefined);

const LIMITS = { records: 10, bytes: 1000, isBuffer: false };
const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** @param leaders by topic, as a broker tells them; a topic that is not in it cannot be asked about */
function queues(t: TestContext, leaders: Record<string, readonly number[]> = {}, limits = LIMITS) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const all = new TopicQueues(
    limits,
    (topic) => {
      asked.push(topic);
      const found = leaders[topic];
      if (found === undefined) return Promise.reject(new Error('away'));
      return Promise.resolve(found.map((leader, id): PartitionLeader => ({ id, leader })));
    },
    clock,
  );
  t.after(() => {
    all.stop();
    assert.equal(clock.pendingTimers, 0);
  });
  const admit = (
    topic: string,
    { bytes = 1, key = null as string | null, partition = null as number | null } = {},
  ) => all.admit({ topic, value: null, headers: [], key, partition }, bytes);
  const add = (topic: string, bytes = 1): QueuedRecord => {
    const queue = admit(topic, { bytes });
    queue.add(bytes);
    return { queue, bytes, sweep: all.sweep };
  };
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(SECOND);
      await settled();
    }
  };
  return { all, asked, leaders, admit, add, pass, clock };
}

test('a topic that shares the queue holds half of it, and others what is left', (t) => {
  const { admit, add } = queues(t);
  add('good');
  const bad = Array.from({ length: 5 }, () => add('bad'));
  assert.throws(() => admit('bad'), { code: 'overloaded', message: /Half of the queue .* bad/ });
  for (let i = 0; i < 4; i++) add('good');
  assert.throws(() => admit('good'), { code: 'overloaded' });
  assert.equal(bad.length, 5);
});

test('a record that leaves makes room for another of its topic', (t) => {
  const { all, admit, add } = queues(t);
  add('good');
  const [first] = Array.from({ length: 5 }, () => add('bad'));
  all.remove(first as QueuedRecord);
  admit('bad');
});

test('bytes count like records', (t) => {
  const { admit, add } = queues(t);
  add('good');
  add('bad', 499);
  admit('bad', { bytes: 1 });
  assert.throws(() => admit('bad', { bytes: 2 }), { code: 'overloaded' });
});

test('a topic that is alone has all of the queue while its records get through', async (t) => {
  const { all, admit, add, pass } = queues(t, { only: [1] });
  const first = Array.from({ length: 10 }, () => add('only'));
  // The library itself says when it is full.
  admit('only');
  for (const record of first) all.remove(record);
  await pass(3);
  for (let i = 0; i < 8; i++) add('only');
  await pass(2);
  assert.throws(() => admit('only'), { code: 'overloaded' });
});

test('a buffer for one topic is filled through an outage, one for several only by halves', async (t) => {
  const { admit, add, pass } = queues(t, { only: [-1] }, { ...LIMITS, isBuffer: true });
  for (let i = 0; i < 10; i++) {
    add('only');
    await pass(1);
  }
  admit('only');
  add('other');
  assert.throws(() => admit('only'), { code: 'overloaded' });
});

test('a topic that nobody has used for a minute is no reason to leave room', async (t) => {
  const { all, admit, add, pass } = queues(t);
  all.remove(add('once'));
  await pass(59);
  const records = Array.from({ length: 5 }, () => add('busy'));
  assert.throws(() => admit('busy'), { code: 'overloaded' });
  for (const record of records) all.remove(record);
  await pass(2);
  for (let i = 0; i < 6; i++) add('busy');
});

test('records that get through are no reason to ask for leaders, however many', async (t) => {
  const { all, asked, add, pass } = queues(t, { busy: [1] });
  for (let second = 0; second < 5; second++) {
    const records = [add('busy'), add('busy')];
    await pass(1);
    for (const record of records) all.remove(record);
  }
  assert.deepEqual(asked, []);
  assert.deepEqual(all.status(), []);
});

test('a topic without a leader is refused with the reason, named, and served again once it has one', async (t) => {
  const { all, asked, leaders, admit, add, pass } = queues(t, { bad: [-1, -1] });
  const old = add('bad');
  await pass(1);
  assert.deepEqual(asked, []);
  await pass(1);
  assert.deepEqual(asked, ['bad']);
  const reason = { code: 'not_ready', message: /Topic bad has no leader for 2 of its 2 partitions/ };
  assert.throws(() => admit('bad'), reason);
  assert.throws(() => admit('bad', { key: 'k' }), reason);
  assert.throws(() => admit('bad', { partition: 1 }), reason);
  assert.deepEqual(all.status(), [
    { topic: 'bad', outstanding: 1, refused: 3, partitions_without_leader: 2 },
  ]);
  admit('good');

  // The last record has timed out: asking goes on all the same.
  all.remove(old);
  await pass(3);
  assert.equal(asked.length, 4);
  leaders['bad'] = [1, 1];
  await pass(1);
  admit('bad');
  assert.deepEqual(all.status(), []);
  await pass(3);
  assert.equal(asked.length, 5);
});

test('where one partition has no leader, only records for it are refused', async (t) => {
  const { admit, add, pass } = queues(t, { half: [1, -1, 2] });
  add('half');
  await pass(2);
  assert.throws(() => admit('half', { partition: 1 }), { code: 'not_ready', message: /1 of its 3/ });
  assert.equal(
    admit('half', { partition: 2 }).partitionFor({ topic: 'half', partition: 2, value: null, headers: [] }),
    2,
  );
  // Kafka's own UtilsTest: murmur2 of "21" is -973932308, of "foobar" -790332482.
  const partitionOf = (hash: number) => (hash & 0x7fffffff) % 3;
  for (const [key, hash] of [
    ['21', -973932308],
    ['foobar', -790332482],
  ] as const) {
    // prettier-ignore
    const record = { topic: 'half', key, value: null, headers: [] };
    if (partitionOf(hash) === 1) assert.throws(() => admit('half', { key }), { code: 'not_ready' });
    else assert.equal(admit('half', { key }).partitionFor(record), null, 'the library chooses as ever');
  }
  const chosen = new Set(
    Array.from({ length: 50 }, () => admit('half').partitionFor({ topic: 'half', value: null, headers: [] })),
  );
  assert.deepEqual([...chosen].sort(), [0, 2], 'records without a key go elsewhere');
});

test('while leaders cannot be asked for, what is known stays', async (t) => {
  const { asked, leaders, admit, add, pass } = queues(t, { bad: [-1] });
  add('bad');
  await pass(2);
  delete leaders['bad'];
  await pass(3);
  assert.equal(asked.length, 4);
  assert.throws(() => admit('bad'), { code: 'not_ready' });
});

test('a topic that nobody wants for a minute is forgotten, and nobody asks about it any more', async (t) => {
  const { all, asked, add, pass } = queues(t, { bad: [-1] });
  const record = add('bad');
  await pass(2);
  all.remove(record);
  await pass(60);
  const questions = asked.length;
  await pass(60);
  assert.equal(asked.length, questions);
  assert.deepEqual(all.status(), []);
});
