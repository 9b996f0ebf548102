/** Two gateways, and replies that have to find the one that asked: by partition, and by a topic of their own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { ask, Stack, type TestRoute } from '../support/stack';
import { deliver, Inbox } from './kafka/support';

const kafka = useKafka();
const PARTITIONS = 4;

interface Route {
  readonly path: string;
  readonly producer: Record<string, unknown>;
  readonly consumer?: Record<string, unknown>;
  readonly behaviour?: Partial<Behaviour>;
}

const ROUTES: Route[] = [
  { path: '/own', producer: { reply_routing: 'partition', dialects: ['plain'] } },
  {
    path: '/nest',
    producer: { reply_routing: 'partition', dialects: ['nestjs'] },
    behaviour: { dialect: 'nestjs' },
  },
  { path: '/same', producer: { reply_routing: 'partition', reply_partition: 2, dialects: ['plain'] } },
  { path: '/none', producer: { reply_routing: 'partition', reply_partition: 9, dialects: ['plain'] } },
  {
    // The test answers itself, and not where it is asked to.
    path: '/stubborn',
    producer: { reply_routing: 'partition', dialects: ['plain'] },
    consumer: { timeout: 500 },
  },
  { path: '/topic', producer: { reply_routing: 'topic' } },
];

const cleanUps: (() => Promise<unknown>)[] = [];
const requestTopics = new Map<string, string>();
const replyTopics = new Map<string, string>();
let orphanTopic: string;
let responder: Responder;
let first: Stack;
let second: Stack;

before(async () => {
  const routes: TestRoute[] = [];
  const behaviours: Behaviour[] = [];
  orphanTopic = await kafka.topic();
  for (const { path, producer, consumer = {}, behaviour } of ROUTES) {
    const topic = await kafka.topic();
    const isOwn = producer['reply_routing'] === 'topic';
    const replyTopic = isOwn
      ? `${kafka.uniqueName('replies')}.{node}.v1`
      : await kafka.topic({ partitions: PARTITIONS });
    replyTopics.set(path, replyTopic);
    requestTopics.set(path, topic);
    if (path !== '/stubborn') behaviours.push({ ...DEFAULT_BEHAVIOUR, ...behaviour, topic });
    routes.push({
      path,
      producer: {
        topic,
        reply_topic: replyTopic,
        orphan_topic: orphanTopic,
        error_handling: { return_error_message: true },
        ...producer,
      },
      consumer,
    });
  }
  responder = await startResponder({ connection: kafka.connection, topics: behaviours });
  cleanUps.push(() => responder.close());
  const gateway = async (nodeId: string) => {
    const stack = await Stack.start(kafka.bootstrapServers, routes, { env: { KONG_KAFKA_NODE_ID: nodeId } });
    cleanUps.push(() => stack.stop());
    return stack;
  };
  [first, second] = [await gateway('kong-1'), await gateway('kong-7')];
});

after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

interface Channel {
  readonly reply_topic: string;
  readonly reply_partition?: number;
  readonly replies: number;
  readonly foreign: number;
  readonly misrouted: number;
  readonly late: number;
}

async function channelOf(stack: Stack, path: string): Promise<Channel> {
  const { plugins } = (await stack.server.status()) as {
    plugins: { custom_kafka_producer: { process: { reply_topics: Channel[] } } };
  };
  const [before, behind] = (replyTopics.get(path) ?? '').split('{node}');
  const channel = plugins.custom_kafka_producer.process.reply_topics.find(
    ({ reply_topic }) => reply_topic.startsWith(before ?? '') && reply_topic.endsWith(behind ?? ''),
  );
  return channel ?? assert.fail(`no channel for ${path}`);
}

const REQUESTS = 20;

/** Once so many replies have been seen: a gateway that has all of its own may still have the other's to read. */
async function channelAfter(stack: Stack, path: string, seen: number): Promise<Channel> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const channel = await channelOf(stack, path);
    if (channel.replies + channel.foreign + channel.misrouted >= seen || performance.now() > deadlineMs)
      return channel;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Both gateways ask at the same time; every answer is that of its request.
 * @param seen replies that each of them reads
 */
async function askBoth(path: string, seen = REQUESTS): Promise<[Channel, Channel]> {
  const answers = [first, second].flatMap((stack, gateway) =>
    Array.from({ length: REQUESTS }, async (_, number) => {
      const body = `${path} of ${gateway}, number ${number}`;
      const answer = await ask(`${stack.url}${path}`, { body });
      assert.deepEqual([answer.status, answer.body.toString()], [200, body]);
    }),
  );
  await Promise.all(answers);
  await Promise.all([first.nothingPending(), second.nothingPending()]);
  return [await channelAfter(first, path, seen), await channelAfter(second, path, seen)];
}

for (const path of ['/own', '/nest']) {
  test(`${path}: the number in the host's name chooses the partition, and no gateway sees the other's replies`, async () => {
    const [one, other] = await askBoth(path);
    assert.deepEqual([one.reply_partition, other.reply_partition], [1, 7 % PARTITIONS]);
    for (const { replies, foreign, misrouted } of [one, other])
      assert.deepEqual({ replies, foreign, misrouted }, { replies: REQUESTS, foreign: 0, misrouted: 0 });
  });
}

test('two gateways on the same partition drop what is not theirs', async () => {
  const [one, other] = await askBoth('/same', 2 * REQUESTS);
  assert.deepEqual([one.reply_partition, other.reply_partition], [2, 2]);
  for (const { replies, foreign, misrouted } of [one, other])
    assert.deepEqual({ replies, foreign, misrouted }, { replies: REQUESTS, foreign: REQUESTS, misrouted: 0 });
});

test('a partition that does not exist is 503 with the reason', async () => {
  const answer = await ask(`${first.url}/none`, { body: 'x' });
  assert.deepEqual([answer.status, answer.json['code']], [503, 'not_ready']);
  assert.match(String(answer.json['error']), /has no partition 9, only 0 to 3/);
});

test('replies of a service that ignores the partition are counted and kept, with the reason', async (t) => {
  const producer = new RecordProducer(kafka.connection);
  const reader = new TopicReader(kafka.connection, producer);
  t.after(async () => {
    await reader.close();
    await producer.close();
  });
  const [requests, orphans] = [new Inbox(), new Inbox()];
  const follow = (topic: string, { onRecord }: Inbox) =>
    reader.follow(topic, { from: 'end', onRecord }).whenReady();
  await Promise.all([follow(requestTopics.get('/stubborn') ?? '', requests), follow(orphanTopic, orphans)]);
  // A gateway knows its partition from the first request on; the ids of all further ones say it.
  for (const stack of [first, second, first]) {
    assert.equal((await ask(`${stack.url}/stubborn`, { body: 'nobody answers' })).status, 504);
  }
  await requests.has(3);
  const header = requests.records[2]?.headers.find(([name]) => name === 'correlation-id');
  const id = header?.[1].toString() ?? assert.fail('no correlation id');
  const replyTo = async (partition: number) =>
    deliver(producer, {
      topic: replyTopics.get('/stubborn') ?? '',
      partition,
      headers: [['correlation-id', id]],
      value: Buffer.from(`to ${partition}`),
    });
  await replyTo(3);
  await orphans.has(1);
  await replyTo(1);
  await orphans.has(2);
  const told = orphans.records.map(({ headers, value }) => {
    const texts = Object.fromEntries(headers.map(([name, bytes]) => [name, bytes.toString()]));
    return [texts['orphan-reason'], texts['orphan-partition'], texts['correlation-id'], value?.toString()];
  });
  assert.deepEqual(told, [
    ['misrouted', '3', id, 'to 3'],
    ['late', '1', id, 'to 1'],
  ]);
  const [one, other] = [await channelOf(first, '/stubborn'), await channelOf(second, '/stubborn')];
  assert.deepEqual([one.late, one.misrouted], [1, 0]);
  assert.deepEqual([other.late, other.misrouted], [0, 1]);
});

test('each gateway makes a reply topic of its own', async (t) => {
  const [one, other] = await askBoth('/topic');
  const named = (node: string) => replyTopics.get('/topic')?.replace('{node}', `gateway-${node}`);
  assert.deepEqual([one.reply_topic, other.reply_topic], [named('kong-1'), named('kong-7')]);
  for (const { replies, foreign, misrouted } of [one, other])
    assert.deepEqual({ replies, foreign, misrouted }, { replies: REQUESTS, foreign: 0, misrouted: 0 });
  // Kafka would have made it with four, at the first look for it.
  const producer = new RecordProducer(kafka.connection);
  t.after(() => producer.close());
  await producer.whenUp();
  assert.equal(await producer.partitionsOf(one.reply_topic), 1);
});
