import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../bridge/errors';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { BytesInFlight } from '../../../bridge/bytes-in-flight';
import { RecordProducer } from '../../../bridge/kafka/producer';
import { createTopic } from '../../../bridge/kafka/admin';
import { connect, deliver, Inbox, keepBusy } from './support';

const kafka = useKafka();

test('a record arrives with its bytes, key and headers as they were', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const headers = [['a', '1'], ['__proto__', 'x'], ['a', 'zwölf 😀'], ['empty', '']] as const; // prettier-ignore
  await deliver(producer, { topic, value: everyByte, key: everyByte, headers });
  await inbox.has(1);
  const [record] = inbox.records;
  assert.deepEqual(record?.value, everyByte);
  assert.deepEqual(record.key, everyByte);
  assert.deepEqual(
    record.headers.map(([name, value]) => [name, value.toString()]),
    headers,
  );
  assert.equal(record.topic, topic);
  assert.equal(record.offset, 0);
  assert.ok(Math.abs(Date.now() - record.timestamp) < 60_000);
});

test('null, empty and large values stay apart', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  const large = Buffer.alloc(900_000, 'x');
  for (const value of [null, Buffer.alloc(0), large])
    await deliver(producer, { topic, value, key: value?.subarray(0, 9) ?? null });
  await inbox.has(3);
  assert.deepEqual(
    inbox.records.map(({ value }) => value?.length ?? null),
    [null, 0, large.length],
  );
  assert.deepEqual(
    inbox.records.map(({ key }) => key?.length ?? null),
    [null, 0, 9],
  );
});

test('a key decides the partition as Java clients decide it', async (t) => {
  const topic = await kafka.topic({ partitions: 10 });
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  // Kafka's own UtilsTest: murmur2 of "21" and "foobar" are -973932308 and -790332482.
  const expected = new Map(
    [['21', -973932308], ['foobar', -790332482]].map(([key, hash]) => [key, (Number(hash) & 0x7fffffff) % 10]), // prettier-ignore
  );
  for (const key of expected.keys()) await deliver(producer, { topic, key: String(key) });
  await inbox.has(expected.size);
  assert.deepEqual(
    new Map(inbox.records.map(({ key, partition }) => [key?.toString(), partition])),
    expected,
  );
});

test('a given partition is used', async (t) => {
  const topic = await kafka.topic({ partitions: 3 });
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  for (const partition of [2, 0, 1]) await deliver(producer, { topic, partition, key: 'same' });
  await inbox.has(3);
  assert.deepEqual(inbox.records.map(({ partition }) => partition).sort(), [0, 1, 2]);
});

test('a failed delivery reaches exactly its own callback', async (t) => {
  const small = kafka.uniqueName('small');
  await createTopic(kafka.connection, small, { config: { 'max.message.bytes': '1000' } });
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  const outcomes = new Map<number, GatewayError | undefined>();
  const calls: number[] = [];
  await new Promise<void>((resolve) => {
    for (let i = 0; i < 100; i++) {
      // Same key, same value: nothing but the callback itself tells them apart.
      const value = Buffer.alloc(5000, 'x');
      producer.produce({ topic: i === 42 ? small : topic, key: 'k', value, headers: [] }, (error) => {
        calls.push(i);
        outcomes.set(i, error);
        if (calls.length === 100) resolve();
      });
    }
  });
  assert.equal(new Set(calls).size, 100);
  for (const [i, error] of outcomes)
    assert.equal(error?.code, i === 42 ? 'request_too_large' : undefined, String(i));
  assert.equal(producer.outstanding, 0);
});

test('a record larger than the client accepts is refused at once and has no callback', async (t) => {
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  const onDelivery = () => assert.fail('not accepted, so never reported');
  assert.throws(() => producer.produce({ topic, value: Buffer.alloc(11 << 20), headers: [] }, onDelivery), {
    code: 'request_too_large',
  });
  assert.throws(() => producer.produce({ topic, value: null, headers: [['a', 'b\0']] }, onDelivery), {
    code: 'request_invalid',
  });
  assert.equal(producer.outstanding, 0);
});

test('a partition that does not exist is refused by name', async (t) => {
  const topic = await kafka.topic({ partitions: 2 });
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  await deliver(producer, { topic });
  await assert.rejects(deliver(producer, { topic, partition: 7 }), { code: 'produce_failed' });
});

test('a full queue is overload, and what was accepted is still delivered', async (t) => {
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection, { producer: { 'queue.buffering.max.messages': 50 } });
  await producer.whenUp();
  const deliveries: Array<Promise<void>> = [];
  let refused: unknown;
  // One tick: no report is served in between.
  for (let i = 0; i < 500 && !refused; i++) {
    const settled = new Promise<void>((resolve, reject) => {
      try {
        producer.produce({ topic, value: null, headers: [] }, (error) => (error ? reject(error) : resolve()));
      } catch (error) {
        refused = error;
        resolve();
      }
    });
    deliveries.push(settled);
  }
  assert.equal((refused as GatewayError).code, 'overloaded');
  await Promise.all(deliveries);
  assert.equal(producer.counters.delivered, deliveries.length - 1);
});

test('the partitions of a topic are counted and a missing topic has none', async (t) => {
  const topic = await kafka.topic({ partitions: 3 });
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  assert.equal(await producer.partitionsOf(topic), 3);
  assert.deepEqual(await producer.watermarks(topic, [0, 1, 2]), Array(3).fill({ low: 0, high: 0 }));
});

test('close delivers what was accepted, then refuses', async (t) => {
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  const outcomes: Array<GatewayError | undefined> = [];
  for (let i = 0; i < 1000; i++) {
    producer.produce({ topic, value: null, headers: [] }, (error) => outcomes.push(error));
  }
  await producer.close();
  assert.equal(outcomes.length, 1000);
  assert.deepEqual(new Set(outcomes), new Set([undefined]));
  assert.throws(() => producer.produce({ topic, value: null, headers: [] }, () => undefined), {
    code: 'not_ready',
  });
  await assert.rejects(producer.partitionsOf(topic), { code: 'not_ready' });
});

test('a delivery callback that throws stops nothing', async (t) => {
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  producer.produce({ topic, value: null, headers: [] }, () => {
    throw new Error('a bug of the caller');
  });
  await deliver(producer, { topic });
  assert.equal(producer.outstanding, 0);
});

/** Under load records are handed over in groups: see busy-linger.ts. */
test('records of a busy process wait for each other, keep their order and are all accounted for', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(producer, { topic, value: Buffer.from('before') });
  keepBusy();
  const values = Array.from({ length: 50 }, (_, index) => String(index));
  const reports = values.map((value) => deliver(producer, { topic, value: Buffer.from(value) }));
  assert.equal(producer.outstanding, values.length);
  await Promise.all(reports);
  await inbox.has(1 + values.length);
  assert.deepEqual(
    inbox.records.map(({ value }) => value?.toString()),
    ['before', ...values],
  );
  assert.equal(producer.outstanding, 0);
});

test('closing hands over what still waits', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(producer, { topic, value: Buffer.from('before') });
  keepBusy();
  const last = deliver(producer, { topic, value: Buffer.from('last') });
  await producer.close();
  await last;
  await inbox.has(2);
});

/** Its client is told that it is on its way: a full buffer must show while that can still be taken back. */
test('a promised record does not wait, and a full buffer refuses it at once', async (t) => {
  const topic = await kafka.topic();
  const { producer } = connect(t, kafka.connection, {
    producer: { 'queue.buffering.max.messages': 1, 'linger.ms': 500 },
  });
  await producer.whenUp();
  keepBusy();
  const promise = () =>
    new Promise<unknown>((resolve) => {
      producer.produce({ topic, value: Buffer.from('x'), headers: [] }, resolve, { promised: true });
    });
  const first = promise();
  await assert.rejects(promise(), { code: 'overloaded' });
  assert.equal(await first, undefined);
});

/** Thousands of megabytes could lie in the client library while `--max-bytes-in-flight` saw none of them. */
test('a record counts until it is acknowledged, and is refused where it does not fit', async (t) => {
  const topic = await kafka.topic();
  const bytes = new BytesInFlight();
  bytes.limit = 200_000;
  const producer = new RecordProducer(kafka.connection, { bytesInFlight: bytes });
  t.after(() => producer.close(500));
  await producer.whenUp();
  const record = { topic, value: Buffer.alloc(100_000), headers: [] };
  const acknowledged = deliver(producer, record);
  assert.ok(bytes.held > 100_000 && bytes.held < 102_000, `${bytes.held} bytes`);
  assert.throws(() => producer.produce(record, () => undefined), { code: 'overloaded' });
  await acknowledged;
  assert.equal(bytes.held, 0);

  // One that the library does not take.
  assert.throws(() => producer.produce({ ...record, partition: 99 }, () => undefined), (error) => error instanceof Error); // prettier-ignore
  assert.equal(bytes.held, 0);
  await deliver(producer, record);
  assert.equal(bytes.held, 0);
  assert.equal(producer.outstanding, 0);
});
