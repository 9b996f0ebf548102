/** Streams whose replies lie on several partitions of a real Kafka, and are told in the order of their places. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS } from '../../dev/plugin-form';
import { EventSource } from '../support/event-source';
import { Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();
const SECRET = 'the same on every gateway';
const PARTITIONS = 4;

/** A service in the hands of the test: it says on which partition each reply is, and in which order they are written. */
async function service(t: TestContext) {
  const producer = new RecordProducer(kafka.connection);
  const reader = new TopicReader(kafka.connection, producer);
  t.after(async () => {
    await reader.close();
    await producer.close();
  });
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic({ partitions: PARTITIONS })];
  let onRequest: (request: ReceivedRecord) => void;
  const asked = new Promise<ReceivedRecord>((resolve) => (onRequest = resolve));
  await reader.follow(topic, { from: 'end', onRecord: (request) => onRequest(request) }).whenReady();
  const say = async (place: number, partition: number, isEnd = false): Promise<void> => {
    const { headers } = await asked;
    const [, id] = headers.find(([name]) => name === 'kafka_correlationId')!;
    await new Promise<void>((resolve, reject) =>
      producer.produce(
        {
          topic: replyTopic,
          partition,
          value: Buffer.from(JSON.stringify({ place })),
          headers: [
            ['kafka_correlationId', id.toString()],
            ['sequence', String(place)],
            ...(isEnd ? ([['last', 'true']] as const) : []),
          ],
        },
        (error) => (error ? reject(error) : resolve()),
      ),
    );
  };
  return { topic, replyTopic, say };
}

/** So many replies on that topic have been read by this gateway, for whoever waits there. */
async function hasRead({ server }: Stack, replyTopic: string, replies: number): Promise<void> {
  for (const deadlineMs = performance.now() + 10_000; ;) {
    const { plugins } = (await server.status()) as {
      plugins: Record<string, { process?: { reply_topics?: { reply_topic: string; replies: number }[] } }>;
    };
    const topics = Object.values(plugins).flatMap(({ process }) => process?.reply_topics ?? []);
    if (topics.some((one) => one.reply_topic === replyTopic && one.replies === replies)) return;
    assert.ok(performance.now() < deadlineMs, JSON.stringify(topics));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const placesIn = ({ events }: EventSource) =>
  events.map(({ name, data }) =>
    name === 'message' ? (JSON.parse(data) as { place: number }).place : `${name} ${data}`,
  );

/** What was written after the end that was read first was lost. */
for (const form of PLUGIN_FORMS)
  test(`an end that is read before the others comes last, also at another gateway (${form})`, async (t) => {
    const { topic, replyTopic, say } = await service(t);
    const [host = '', port] = kafka.bootstrapServers.split(':');
    const source = { bootstrap_servers: [{ host, port: Number(port) }], topic: replyTopic };
    const reply = {
      mode: 'stream',
      stream: { end_header: 'last', sequence_header: 'sequence' },
      result_secret: SECRET,
      ...(form === 'pair' && source),
    };
    const route = {
      ...waitingRoute(form, '/steps', { topic, reply_topic: replyTopic }, reply),
      hasService: true,
    };
    const start = () => Stack.start(kafka.bootstrapServers, [route]);
    const stacks = [await start(), await start()];
    try {
      const [first, other] = stacks;
      // Instances start with their first request.
      assert.equal((await EventSource.open(`${other!.url}/steps`, 'kks2.nothing')).status, 410);
      const events = await EventSource.open(`${first!.url}/steps`);
      await say(5, 0, true);
      await hasRead(first!, replyTopic, 1);
      assert.deepEqual(events.events, []);
      await say(3, 1);
      await say(1, 2);
      await say(1, 3);
      await events.count(1);
      first!.server.child.kill('SIGKILL');
      await events.untilEnd();
      assert.deepEqual(placesIn(events), [1]);
      const again = await EventSource.open(`${other!.url}/steps`, events.lastEventId);
      assert.equal(again.status, 200, again.rest);
      await say(4, 3);
      await say(2, 0);
      await again.untilEnd();
      assert.deepEqual(placesIn(again), [2, 3, 4, 5, 'end {"reason":"complete"}']);
      await other!.nothingPending();
    } finally {
      for (const stack of stacks) await stack.stop();
    }
  });

test('the same over a WebSocket, and a gap is an error of its message', async (t) => {
  const services = [await service(t), await service(t)] as const;
  const routes = services.map(({ topic, replyTopic }, index): TestRoute => {
    const stream = { end_header: 'last', sequence_header: 'sequence' };
    const reply = { mode: 'stream', timeout: index === 0 ? 10_000 : 1000, stream };
    return { path: `/${index}`, requestReply: { topic, reply_topic: replyTopic, reply }, hasService: true };
  });
  const stack = await Stack.start(kafka.bootstrapServers, routes);
  const said: Record<string, unknown>[][] = [];
  const clients: WebSocket[] = [];
  try {
    for (const [index, { replyTopic, say }] of services.entries()) {
      const client = new WebSocket(`${stack.url.replace('http', 'ws')}/${index}`);
      clients.push(client);
      await once(client, 'open');
      const messages: Record<string, unknown>[] = [];
      said.push(messages);
      const isOver = new Promise<void>((resolve) =>
        client.on('message', (data: Buffer) => {
          const message = JSON.parse(data.toString()) as Record<string, unknown>;
          messages.push(message);
          if (message.end === true || message.status !== 200) resolve();
        }),
      );
      client.send('{"ref":"a","body":1}');
      await say(3, 0, true);
      await hasRead(stack, replyTopic, 1);
      await say(1, 1);
      if (index === 0) await say(2, 2);
      await isOver;
    }
    const [complete, gap] = said;
    assert.deepEqual(
      complete!.map(({ body, end }) => end ?? body),
      [{ place: 1 }, { place: 2 }, { place: 3 }, true],
    );
    assert.deepEqual(
      gap!.map(({ status, body }) => [status, (body as { code?: string }).code]),
      [
        [200, undefined],
        [504, 'reply_timeout'],
      ],
    );
    await stack.nothingPending();
  } finally {
    for (const client of clients) client.terminate();
    await stack.stop();
  }
});
