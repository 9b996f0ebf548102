/**
 * The one plugin that sends and waits, through the real plugin server: what a client sees of it. What it shares with the
 * pair is tested with the pair; how it ends, is updated and is killed, beside the pair in the files about that.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { readAll } from '../support/read-all';
import { ask, Stack, type TestRoute } from '../support/stack';

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
let stack: Stack;
/** Where what both plugins of a route have sent arrives. */
let contested = '';

interface Case {
  readonly path: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly config?: Record<string, unknown>;
  readonly consumer?: Record<string, unknown>;
}

const CASES: readonly Case[] = [
  { path: '/echo' },
  {
    path: '/seed',
    config: { message_format: 'body_with_correlation_id', reply: { match: 'body_field' } },
    behaviour: { dialect: 'body' },
  },
  { path: '/refused', behaviour: { dialect: 'smallrye', error: true, status: 422 } },
  {
    path: '/nest-error',
    config: { dialects: ['nestjs'] },
    behaviour: { dialect: 'nestjs', error: true },
  },
  { path: '/small', config: { max_request_bytes: 1000, reply: { max_reply_bytes: 100 } } },
  {
    path: '/envelope',
    config: { reply: { reply_format: 'envelope', forward_headers: { include: ['location'] } } },
  },
  { path: '/own-id', config: { correlation: 'client' }, behaviour: { delayMs: 300 } },
  { path: '/partition', config: { reply_routing: 'partition', dialects: ['plain'] } },
  { path: '/with-consumer', consumer: {} },
  { path: '/slow', config: { reply: { timeout: 5000 } }, behaviour: { delayMs: 400 } },
];

before(async () => {
  const routes: TestRoute[] = [];
  const behaviours: Behaviour[] = [];
  for (const { path, behaviour, config, consumer } of CASES) {
    const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
    behaviours.push({ ...DEFAULT_BEHAVIOUR, replyTopic, ...behaviour, topic });
    routes.push({
      path,
      requestReply: { topic, reply_topic: replyTopic, ...config },
      ...(consumer && { consumer }),
    });
  }
  contested = await kafka.topic();
  const toNobody = { topic: await kafka.topic(), reply_topic: await kafka.topic() };
  const toContested = { topic: contested, reply_topic: toNobody.reply_topic };
  routes.push(
    { path: '/nobody', requestReply: { ...toNobody, reply: { timeout: 500, timeout_ceiling: 5000 } } },
    { path: '/both', producer: toContested, requestReply: toContested },
    { path: '/all-three', producer: toContested, consumer: {}, requestReply: toContested },
  );
  const responder = await startResponder({ connection: kafka.connection, topics: behaviours });
  cleanUps.push(() => responder.close());
  stack = await Stack.start(kafka.bootstrapServers, routes);
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

test('a thousand requests at once each get their own reply, and the id of Kong', async () => {
  const nonces = Array.from({ length: 1000 }, () => randomUUID());
  const answers = await Promise.all(nonces.map((nonce) => ask(`${stack.url}/echo`, { body: nonce })));
  answers.forEach(({ status, body, headers }, index) => {
    assert.deepEqual([status, body.toString()], [200, nonces[index]]);
    assert.match(String(headers['kong-request-id']), /^[0-9a-f-]{36}$/);
  });
  await stack.nothingPending();
});

test('a body that Kong keeps in a file passes both ways', async () => {
  const body = Buffer.alloc(900_000, 'abcdefghij');
  const answer = await ask(`${stack.url}/echo`, { body });
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(body));
  await stack.nothingPending();
});

test('the id may be in the body, and the reply on a partition of its own', async () => {
  const headers = { 'content-type': 'application/json' };
  const seed = await ask(`${stack.url}/seed`, { headers, body: '{"item":"book"}' });
  assert.deepEqual([seed.status, seed.json.item], [200, 'book']);
  assert.equal(seed.json['correlation-id'], seed.json.correlation_id);
  const routed = await ask(`${stack.url}/partition`, { body: 'here' });
  assert.deepEqual([routed.status, routed.body.toString()], [200, 'here']);
  await stack.nothingPending();
});

test('an error reply is an error, and an envelope decides status and headers', async () => {
  const refused = await ask(`${stack.url}/refused`, { body: '{"why":"sold out"}' });
  assert.deepEqual([refused.status, refused.json.why], [422, 'sold out']);
  const nest = await ask(`${stack.url}/nest-error`, { body: '{"status":404,"message":"no such order"}' });
  assert.deepEqual([nest.status, nest.json.code], [404, 'responder_error']);
  const envelope = await ask(`${stack.url}/envelope`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status: 201, headers: { location: '/orders/7' }, body: { id: 7 } }),
  });
  assert.deepEqual([envelope.status, envelope.headers.location], [201, '/orders/7']);
  assert.equal(envelope.body.toString(), '{"id":7}');
  await stack.nothingPending();
});

test('without a reply the client gets 504 at the deadline of the route, or at its own', async () => {
  const answer = await ask(`${stack.url}/nobody`);
  assert.deepEqual([answer.status, answer.json.code], [504, 'reply_timeout']);
  assert.equal(answer.json.correlation_id, answer.headers['kong-request-id']);
  assert.ok(answer.tookMs >= 500 && answer.tookMs < 1250, `took ${answer.tookMs} ms`);
  const patient = await ask(`${stack.url}/nobody`, { headers: { prefer: 'wait=1' } });
  assert.deepEqual([patient.status, patient.headers['preference-applied']], [504, 'wait=1']);
  assert.ok(patient.tookMs >= 1000 && patient.tookMs < 2500, `took ${patient.tookMs} ms`);
  await stack.nothingPending();
});

test('too large requests are 413 and too large replies 502', async () => {
  for (const [bytes, status, code] of [
    [1001, 413, 'request_too_large'],
    // In a file: refused by size, never read.
    [20_000, 413, 'request_too_large'],
    [101, 502, 'reply_too_large'],
  ] as const) {
    const answer = await ask(`${stack.url}/small`, { body: Buffer.alloc(bytes) });
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
  }
  await stack.nothingPending();
});

test('a client that leaves hurts nobody, and its wait ends', async () => {
  const controller = new AbortController();
  const left = fetch(`${stack.url}/slow`, { signal: controller.signal }).catch(() => 'left');
  await new Promise((resolve) => setTimeout(resolve, 100));
  controller.abort();
  assert.equal(await left, 'left');
  assert.equal((await ask(`${stack.url}/slow`, { body: 'x' })).status, 200);
  await stack.nothingPending();
});

test('a client that chooses its id cannot have two requests under it at once', async () => {
  const headers = { 'kong-request-id': 'order-4711-abcd' };
  const answers = await Promise.all(
    ['first', 'second'].map((body) => ask(`${stack.url}/own-id`, { headers, body })),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  await stack.nothingPending();
});

test('a consumer on the route never runs: the request has its answer before', async () => {
  const answer = await ask(`${stack.url}/with-consumer`, { body: 'once' });
  assert.deepEqual([answer.status, answer.body.toString()], [200, 'once']);
  await stack.nothingPending();
});

/** Two plugins that send would be two records for one request, and one reply for nobody. */
test('beside a producer that waits for a reply it is a clear 500, and one record is sent, not two', async () => {
  for (const path of ['/both', '/all-three']) {
    const answer = await ask(stack.url + path, { body: path });
    assert.deepEqual([answer.status, answer.json.code], [500, 'misconfigured'], path);
  }
  const sent = await readAll(kafka.connection, contested, 2);
  assert.deepEqual(
    sent.map(({ value }) => value?.toString()),
    ['/both', '/all-three'],
  );
  // What the producer has handed over goes when nobody has claimed it.
  await stack.nothingPending(15_000);
});
