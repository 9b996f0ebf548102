/**
 * What goes wrong in other systems of this kind, as told in their issues. Those told elsewhere:
 *
 * - a reply that overtakes its delivery report, a failed delivery that is told by the timeout only, a reply to another
 *   instance that fills the log: test/plugins/request-reply.test.ts
 * - a reply between the assignment and the first read: kafka/reader.test.ts, first-second.test.ts
 * - an instance that restarts beside another: gateways.test.ts
 * - retention that deletes what is being read, a slow partition that stops the others: kafka/topic-life.test.ts
 * - an error without a value, quotes in a body, waits that stay after a timeout, `Prefer` with commas: request-reply.test.ts
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createTopic } from '../../bridge/kafka/admin';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import { setLogSink } from '../../bridge/telemetry/log';
import { useKafka } from '../../dev/kafka/use-kafka';
import { ask, Stack, type Answer } from '../support/stack';

setLogSink(() => undefined);

const BROKER_IDLE_LIMIT_MS = 2000;

const kafka = useKafka({
  properties: {
    'auto.create.topics.enable': 'false',
    'connections.max.idle.ms': String(BROKER_IDLE_LIMIT_MS),
  },
});
const cleanUps: (() => Promise<unknown>)[] = [];
let stack: Stack;
let topic: string;
let late: { topic: string; replyTopic: string };
/** Every request the service saw. */
const requests: ReceivedRecord[] = [];

interface Order {
  readonly bytes?: number;
  readonly nothing?: boolean;
}

/** Answers where the record says, as Spring does, with what the body asks for. */
function serve(request: ReceivedRecord): OutgoingRecord {
  const header = (name: string) => request.headers.find(([found]) => found === name)?.[1].toString() ?? '';
  const order = JSON.parse(request.value?.toString() ?? '{}') as Order;
  return {
    topic: header('kafka_replyTopic'),
    value: order.nothing ? null : Buffer.alloc(order.bytes ?? 2, 'ab'),
    headers: [['kafka_correlationId', header('kafka_correlationId')]],
  };
}

before(async () => {
  const large = { config: { 'max.message.bytes': '2000000' } };
  topic = await kafka.topic();
  late = { topic: await kafka.topic(), replyTopic: kafka.uniqueName('later') };
  const replyTopic = await kafka.topic(large);
  const producer = new RecordProducer(kafka.connection);
  const reader = new TopicReader(kafka.connection, producer);
  cleanUps.push(() => producer.close(500), () => reader.close()); // prettier-ignore
  const onRecord = (request: ReceivedRecord) => {
    requests.push(request);
    // Its connections are closed as idle, too.
    void producer
      .whenUp()
      .then(() => producer.produce(serve(request), (error) => assert.equal(error, undefined)));
  };
  const followed = [topic, late.topic].map((name) => reader.follow(name, { from: 'end', onRecord }));
  await Promise.all(followed.map((one) => one.whenReady()));
  const forwardAll = { headers: { forward_all_by_default: true } };
  stack = await Stack.start(kafka.bootstrapServers, [
    { path: '/orders', producer: { topic, reply_topic: replyTopic, ...forwardAll }, consumer: {} },
    { path: '/late', producer: { topic: late.topic, reply_topic: late.replyTopic }, consumer: {} },
  ]);
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

const post = (order: Order, headers: Record<string, string> = {}) =>
  ask(`${stack.url}/orders`, { body: JSON.stringify(order), headers });

/** The first answer that is not 503. */
async function whenAccepted(request: () => Promise<Answer>): Promise<Answer> {
  const deadlineMs = performance.now() + 10_000;
  let answer = await request();
  while (answer.status === 503 && performance.now() < deadlineMs) answer = await request();
  return answer;
}

/** Zilla crashed over 8 KB (aklivity/zilla#1479); Kong's plugins for Kafka lost bodies over 16 KB until 3.12. */
for (const bytes of [8193, 16_385, 1_048_576]) {
  test(`a reply of ${bytes} bytes arrives whole`, async () => {
    const answer = await post({ bytes });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(Buffer.alloc(bytes, 'ab')));
    await stack.nothingPending();
  });
}

/** A method that returns nothing makes a record without a value, which is no empty text. */
test('a reply without a value is 204', async () => {
  const nothing = await post({ nothing: true });
  assert.deepEqual([nothing.status, nothing.body.length], [204, 0]);
  await stack.nothingPending();
});

/** Kong keeps underscores in header names; whoever copied all headers let the client choose where the reply goes. */
test('a client that names a reply topic of its own gets its reply all the same', async () => {
  const answer = await post({}, { kafka_replyTopic: topic, REPLY_TOPIC: topic, 'x-own': 'kept' });
  assert.equal(answer.status, 200);
  const names = requests.at(-1)?.headers.map(([name]) => name) ?? [];
  assert.ok(names.includes('x-own'), 'headers are copied on this route');
  assert.equal(names.filter((name) => /reply_?topic/i.test(name)).length, 2, names.join());
  await stack.nothingPending();
});

describe('what takes a while', { concurrency: true }, () => {
  /** SmallRye's emitter was spoilt for good by one assignment that timed out (smallrye-reactive-messaging#2714). */
  test('requests before the reply topic is there are refused, and those after it are answered', async () => {
    const early = await ask(`${stack.url}/late`, { body: '{}' });
    assert.deepEqual([early.status, early.json.code], [503, 'not_ready']);
    assert.ok(early.headers['retry-after']);
    await createTopic(kafka.connection, late.replyTopic);
    const answer = await whenAccepted(() => ask(`${stack.url}/late`, { body: '{}' }));
    assert.equal(answer.status, 200);
    await stack.nothingPending();
  });

  /**
   * Brokers close connections that are idle. Others met the closed one with the next request and lost it, as did Kong's
   * own servers with theirs (Kong/kong-python-pdk#5).
   */
  test('a request after a long silence is answered', async () => {
    const quiet = await Stack.start(kafka.bootstrapServers, [
      { path: '/quiet', producer: { topic, reply_topic: await kafka.topic() }, consumer: {} },
    ]);
    try {
      const request = () => ask(`${quiet.url}/quiet`, { body: '{}' });
      assert.equal((await request()).status, 200);
      await delay(2 * BROKER_IDLE_LIMIT_MS);
      // In the moment in which it is closed requests may be refused; none may be lost.
      assert.equal((await whenAccepted(request)).status, 200);
      await quiet.nothingPending();
    } finally {
      await quiet.stop();
    }
  });
});
