/** Without a reply topic a request is a message: 200 means that it is kept, anything else that it may be sent again. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setLogSink } from '../../bridge/telemetry/log';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { useKafka } from '../../dev/kafka/use-kafka';
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import { readAll } from '../support/read-all';
import { ask, Stack } from '../support/stack';

// Outages are the subject; their log lines would drown the results.
setLogSink(() => undefined);

const kafka = useKafka();
const SENT = { message: 'message sent' };

async function oneWay(producer: Record<string, unknown>, bootstrapServers = kafka.bootstrapServers) {
  return Stack.start(bootstrapServers, [{ path: '/send', producer }]);
}

function text({ value }: ReceivedRecord): string {
  return value?.toString() ?? '(null)';
}

async function valuesIn(topic: string, count: number): Promise<string[]> {
  return (await readAll(kafka.connection, topic, count)).map(text);
}

test('200 comes after the acknowledgement, whatever acks and compression are', async () => {
  const variants = [
    {},
    { producer_request_acks: 1 },
    { producer_request_acks: 0 },
    { compression_type: 'gzip' },
    { compression_type: 'snappy' },
    { compression_type: 'lz4', producer_idempotence: false },
  ];
  const topics = await Promise.all(variants.map(() => kafka.topic({ partitions: 2 })));
  const routes = variants.map((variant, index) => ({
    path: `/send/${index}`,
    producer: { topic: topics[index], ...variant },
  }));
  const stack = await Stack.start(kafka.bootstrapServers, routes);
  try {
    for (const [index, topic] of topics.entries()) {
      const answer = await ask(`${stack.url}/send/${index}`, { body: 'hello' });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(answer.json, SENT);
      assert.deepEqual(await valuesIn(topic, 1), ['hello'], JSON.stringify(variants[index]));
    }
    await stack.nothingPending();
  } finally {
    await stack.stop();
  }
});

test('with producer_async the client does not wait for the batch its record goes out with', async () => {
  const topic = await kafka.topic();
  const stack = await oneWay({ topic, producer_async: true, producer_async_flush_timeout: 2000 });
  try {
    await ask(`${stack.url}/send`, { body: 'first' }); // Waits for the connection.
    const answer = await ask(`${stack.url}/send`, { body: 'second' });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, SENT);
    assert.ok(answer.tookMs < 1500, `answered after ${answer.tookMs} ms, before the batch was due`);
    const values = await valuesIn(topic, 2);
    assert.deepEqual(values, ['first', 'second']);
  } finally {
    await stack.stop();
  }
});

test('a full buffer is 503 overloaded, and what was accepted arrives', async () => {
  const topic = await kafka.topic();
  const stack = await oneWay({
    topic,
    producer_async: true,
    producer_async_flush_timeout: 3000,
    producer_async_buffering_limits_messages_in_memory: 10,
  });
  try {
    const bodies = Array.from({ length: 20 }, (_, index) => `record ${index}`);
    const answers = await Promise.all(bodies.map((body) => ask(`${stack.url}/send`, { body })));
    const accepted = bodies.filter((_, index) => answers[index]?.status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    assert.equal(accepted.length, 10);
    assert.deepEqual([...new Set(refused.map(({ json }) => json.code))], ['overloaded']);
    const values = await valuesIn(topic, 10);
    assert.deepEqual(values.sort(), accepted.sort());
  } finally {
    await stack.stop();
  }
});

test('a shutdown sends what is still in the buffer', async () => {
  const topic = await kafka.topic();
  const stack = await oneWay({ topic, producer_async: true, producer_async_flush_timeout: 1000 });
  const answer = await ask(`${stack.url}/send`, { body: 'last words' });
  await stack.stop();
  assert.equal(answer.status, 200);
  const values = await valuesIn(topic, 1);
  assert.deepEqual(values, ['last words']);
});

const REQUESTS = 10_000;
/** Of the requests: the broker stops before this one, … */
const STOP_AT = 2000;
/** … and the ones from here on are sent when it serves again. */
const LAST_WHILE_AWAY = 7000;
const OUTAGE_MS = 5000;
/** Some 800 a second. */
const BURST = 8;
const PAUSE_MS = 10;

async function stopAndStart(server: KafkaServer): Promise<void> {
  await server.nodes[0]?.stop('SIGKILL');
  await delay(OUTAGE_MS);
  await server.nodes[0]?.start();
}

test('every 200 of 10,000 requests around an outage of 5 s is in the topic exactly once', async () => {
  const own = await startKafka();
  const modes = [
    { path: '/acknowledged', topic: 'acknowledged', producer_async: false },
    { path: '/accepted', topic: 'accepted', producer_async: true },
  ];
  for (const { topic } of modes) await own.createTopic(topic, { partitions: 4 });
  const routes = modes.map(({ path, ...producer }) => ({ path, producer }));
  const stack = await Stack.start(own.bootstrapServers, routes);
  const agent = new Agent({ keepAlive: true, maxSockets: 500 });
  try {
    let away: Promise<void> | undefined;
    let back = false;
    const answers: { path: string; body: string; status: number }[] = [];
    const running: Promise<unknown>[] = [];
    for (let index = 0; index < REQUESTS; index++) {
      if (index % BURST === 0) await delay(PAUSE_MS);
      if (index === STOP_AT) away = stopAndStart(own).then(() => void (back = true));
      // The rest is for the time after.
      while (index === LAST_WHILE_AWAY && !back) await delay(PAUSE_MS);
      const { path } = modes[index % modes.length]!;
      const body = `message ${index}`;
      const answered = ask(stack.url + path, { body, agent });
      running.push(answered.then(({ status }) => answers.push({ path, body, status })));
    }
    await Promise.all(running);
    await away;
    await stack.nothingPending();
    assert.equal(answers.length, REQUESTS, 'every request has an answer');
    for (const { path, topic } of modes) {
      const own200s = answers.filter((answer) => answer.path === path && answer.status === 200);
      const records = await readAll(own.connection, topic, own200s.length, 30_000);
      const counts = new Map<string, number>();
      for (const record of records) counts.set(text(record), (counts.get(text(record)) ?? 0) + 1);
      const wrong = own200s.filter(({ body }) => counts.get(body) !== 1);
      assert.deepEqual(
        wrong.map(({ body }) => [body, counts.get(body) ?? 0]),
        [],
        `${topic}: every 200 is there, and there once`,
      );
      assert.ok(own200s.length > 1000, `${topic}: ${own200s.length} answers of 200`);
    }
    const others = new Set(answers.map(({ status }) => status).filter((status) => status !== 200));
    assert.ok(others.has(503), 'refused while the broker was away');
    for (const status of others) assert.ok(status === 503 || status === 504, String(status));
  } finally {
    agent.destroy();
    await stack.stop();
    await own.stop();
  }
});
