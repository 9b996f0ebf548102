/** Real Kafka, real plugin server, stand-in gateway, a responder: what a client sees. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { ask, Stack, type TestRoute } from '../support/stack';

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
let stack: Stack;
let responder: Responder;

interface Case {
  readonly path: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly producer?: Record<string, unknown>;
  readonly consumer?: Record<string, unknown>;
}

const CASES: Case[] = [
  { path: '/echo' },
  { path: '/plain', producer: { dialects: ['plain'] }, behaviour: { dialect: 'plain' } },
  { path: '/spring', producer: { dialects: ['spring'] }, behaviour: { dialect: 'spring' } },
  { path: '/nestjs', producer: { dialects: ['nestjs'] }, behaviour: { dialect: 'nestjs' } },
  { path: '/smallrye', producer: { dialects: ['smallrye'] }, behaviour: { dialect: 'smallrye' } },
  { path: '/zilla', producer: { dialects: ['zilla'] }, behaviour: { dialect: 'zilla' } },
  {
    path: '/seed',
    producer: { message_format: 'body_with_correlation_id' },
    consumer: { match: 'body_field' },
    behaviour: { dialect: 'body' },
  },
  { path: '/nest-error', producer: { dialects: ['nestjs'] }, behaviour: { dialect: 'nestjs', error: true } },
  { path: '/quarkus-error', behaviour: { dialect: 'smallrye', error: true, status: 422 } },
  { path: '/nest-status', producer: { dialects: ['nestjs'] }, behaviour: { dialect: 'nestjs', error: true } },
  { path: '/envelope', consumer: { reply_format: 'envelope', forward_headers: { include: ['location'] } } },
  { path: '/twice', behaviour: { duplicates: 3 } },
  { path: '/own-id', producer: { correlation: 'client' }, behaviour: { delayMs: 300 } },
  {
    path: '/dressed',
    behaviour: { status: 201, headers: { 'x-order': '7', 'content-length': '1', 'x-split': 'a\r\nb: c' } },
  },
  { path: '/impossible', behaviour: { status: 600 } },
  { path: '/small', producer: { max_request_bytes: 1000 }, consumer: { max_reply_bytes: 100 } },
  { path: '/slow', behaviour: { delayMs: 400 }, consumer: { timeout: 5000 } },
];

before(async () => {
  const routes: TestRoute[] = [];
  const behaviours: Behaviour[] = [];
  for (const { path, behaviour, producer, consumer } of CASES) {
    const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
    behaviours.push({ ...DEFAULT_BEHAVIOUR, replyTopic, ...behaviour, topic });
    routes.push({
      path,
      producer: { topic, reply_topic: replyTopic, ...producer },
      consumer: consumer ?? {},
    });
  }
  const unanswered = { topic: await kafka.topic(), reply_topic: await kafka.topic() };
  routes.push(
    { path: '/nobody', producer: unanswered, consumer: { timeout: 500 } },
    { path: '/patient', producer: unanswered, consumer: { timeout: 500, timeout_ceiling: 5000 } },
    { path: '/half', consumer: {} },
    { path: '/one-way', producer: { topic: unanswered.topic } },
  );
  responder = await startResponder({ connection: kafka.connection, topics: behaviours });
  cleanUps.push(() => responder.close());
  stack = await Stack.start(kafka.bootstrapServers, routes);
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

for (const path of ['/plain', '/spring', '/nestjs', '/smallrye', '/zilla']) {
  test(`a responder that knows only the headers of ${path.slice(1)} answers`, async () => {
    const answer = await ask(stack.url + path, { headers: { 'content-type': 'text/plain' }, body: 'hello' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), 'hello');
    await stack.nothingPending();
  });
}

test('the seed service reads the id from the body and answers with it in the body', async () => {
  const answer = await ask(`${stack.url}/seed`, {
    headers: { 'content-type': 'application/json' },
    body: '{"item":"book"}',
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.item, 'book');
  assert.equal(answer.json['correlation-id'], answer.json.correlation_id);
  await stack.nothingPending();
});

/** The service got bytes that claimed to be JSON, and the client, who got them back, was not told how to read them. */
test('a compressed body reaches the service and comes back, with what says how to read it', async () => {
  const body = gzipSync('{"item":"book"}');
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const echo = await ask(`${stack.url}/echo`, { headers, body });
  assert.deepEqual([echo.status, echo.headers['content-encoding']], [200, 'gzip']);
  assert.deepEqual(echo.body, body);
  const seed = await ask(`${stack.url}/seed`, { headers, body });
  assert.deepEqual([seed.status, seed.headers['content-encoding'], seed.json.item], [200, undefined, 'book']);
  await stack.nothingPending();
});

test('what is wrong with an encoded body is the answer, and nothing is sent', async () => {
  const headers = { 'content-type': 'application/json' };
  for (const [contentEncoding, body, status, error] of [
    ['gzip', gzipSync('{"item":'), 400, 'the body is not JSON: unexpected end at byte 8 of the decoded body'],
    ['gzip', Buffer.from('{}'), 400, 'the body is not gzip (content-encoding): it is damaged'],
    [
      'gzip',
      gzipSync(Buffer.alloc(2_000_000)),
      413,
      'the decoded body is too large, the limit is 1048576 bytes (max_request_bytes)',
    ],
    ['compress', Buffer.from('{}'), 415, undefined],
    ['identity', Buffer.from('{"item":'), 400, 'the body is not JSON: unexpected end at byte 8'],
  ] as const) {
    const answer = await ask(`${stack.url}/seed`, {
      headers: { ...headers, 'content-encoding': contentEncoding },
      body,
    });
    assert.equal(answer.status, status);
    assert.equal(answer.json.error, error ?? answer.json.error);
    assert.ok(answer.json.request_id);
  }
  await stack.nothingPending();
});

test('the client gets back the correlation id of Kong', async () => {
  const own = await ask(`${stack.url}/echo`);
  assert.match(String(own.headers['kong-request-id']), /^[0-9a-f-]{36}$/);
  const chosen = await ask(`${stack.url}/echo`, { headers: { 'kong-request-id': 'mine' } });
  assert.equal(chosen.headers['kong-request-id'], 'mine');
});

/** The first Python service of this pattern glued bodies together as text, and quotes broke it. */
test('a body with quotes, NUL and invalid UTF-8 comes back byte for byte', async () => {
  const bodies = [
    Buffer.from(`{"it's":"a \\"quoted\\" word"}'"`),
    Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0xf0, 0x28, 0x8c, 0xbc]),
    Buffer.alloc(0),
  ];
  for (const body of bodies) {
    const answer = await ask(`${stack.url}/echo`, {
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, body);
  }
  await stack.nothingPending();
});

test('bodies of 5 KB, 20 KB and 900 KB pass both ways, whether Kong keeps them in memory or in a file', async () => {
  for (const size of [5_000, 20_000, 900_000]) {
    const body = Buffer.alloc(size, 'abcdefghij');
    const answer = await ask(`${stack.url}/echo`, { body });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(body));
  }
  await stack.nothingPending();
});

test('a thousand requests at once each get their own nonce back', async () => {
  const nonces = Array.from({ length: 1000 }, () => randomUUID());
  const answers = await Promise.all(nonces.map((nonce) => ask(`${stack.url}/echo`, { body: nonce })));
  assert.deepEqual(
    answers.map((answer) => answer.body.toString()),
    nonces,
  );
  assert.ok(answers.every((answer) => answer.status === 200));
  await stack.nothingPending();
});

test('without a responder the client gets 504 at the deadline', async () => {
  const answer = await ask(`${stack.url}/nobody`);
  assert.equal(answer.status, 504);
  assert.equal(answer.json.code, 'reply_timeout');
  assert.equal(answer.json.request_id, answer.headers['x-kong-request-id']);
  assert.equal(answer.json.correlation_id, answer.headers['kong-request-id']);
  // The server's part of "deadline + 250 ms at most" is measured by itself; the rest is the test machine's.
  assert.ok(answer.tookMs >= 500 && answer.tookMs < 500 + 250 + 500, `took ${answer.tookMs} ms`);
  await stack.nothingPending();
});

test('a consumer without a producer is a clear 500', async () => {
  const answer = await ask(`${stack.url}/half`);
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, 'misconfigured');
  await stack.nothingPending();
});

test('without a reply topic the client is told that the message was sent', async () => {
  const answer = await ask(`${stack.url}/one-way`);
  assert.deepEqual([answer.status, answer.json], [200, { message: 'message sent' }]);
});

/** NestJS sends its errors in a header and no value: others made an empty success of it. */
test('an error reply is an error, in the way of each framework', async () => {
  const nest = await ask(`${stack.url}/nest-error`, { body: 'no such order' });
  assert.equal(nest.status, 502);
  assert.equal(nest.json.code, 'responder_error');
  const quarkus = await ask(`${stack.url}/quarkus-error`, { body: '{"why":"sold out"}' });
  assert.equal(quarkus.status, 422);
  assert.equal(quarkus.json.why, 'sold out');
  await stack.nothingPending();
});

test('an error of NestJS that names its status has it', async () => {
  const answer = await ask(`${stack.url}/nest-status`, { body: '{"status":404,"message":"no such order"}' });
  assert.deepEqual([answer.status, answer.json.code], [404, 'responder_error']);
});

test('an envelope decides status, headers and body', async () => {
  const headers = { location: '/orders/7', 'content-length': '1', 'x-other': '1' };
  const answer = await ask(`${stack.url}/envelope`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status: 201, headers, body: { id: 7 } }),
  });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.location, '/orders/7');
  assert.equal('x-other' in answer.headers, false);
  assert.equal(answer.body.toString(), '{"id":7}');
  const bad = await ask(`${stack.url}/envelope`, { body: 'hello' });
  assert.deepEqual([bad.status, bad.json.code], [502, 'reply_invalid']);
  await stack.nothingPending();
});

/** RFC 7240 separates preferences by commas; Zilla's parser knows semicolons only and misses the second one. */
test('a client that may choose its wait gets it', async () => {
  const answer = await ask(`${stack.url}/patient`, { headers: { prefer: 'respond-async, wait=1' } });
  assert.deepEqual([answer.status, answer.json.code], [504, 'reply_timeout']);
  assert.equal(answer.headers['preference-applied'], 'wait=1');
  assert.equal(answer.headers.vary, 'Prefer');
  assert.ok(answer.tookMs >= 1000 && answer.tookMs < 2500, `${answer.tookMs} ms`);
});

test('of several replies the first is the answer and the others do nothing', async () => {
  const before = responder.counters.replies;
  for (let i = 0; i < 20; i++)
    assert.equal((await ask(`${stack.url}/twice`, { body: `n${i}` })).body.toString(), `n${i}`);
  assert.ok(responder.counters.replies - before > 20);
  await stack.nothingPending();
});

test('status and headers of a reply reach the client, those that could split the answer do not', async () => {
  const answer = await ask(`${stack.url}/dressed`, { body: 'four' });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['x-order'], '7');
  assert.equal(answer.headers['content-length'], '4');
  assert.equal('x-split' in answer.headers, false);
  assert.equal(answer.body.toString(), 'four');
});

test('an impossible status is 502, and hurts no other request', async () => {
  const [bad, good] = await Promise.all([
    ask(`${stack.url}/impossible`),
    ask(`${stack.url}/echo`, { body: 'good' }),
  ]);
  assert.equal(bad.status, 502);
  assert.equal(bad.json.code, 'reply_invalid');
  assert.equal(good.body.toString(), 'good');
  await stack.nothingPending();
});

test('too large requests are 413 and too large replies 502', async () => {
  const request = await ask(`${stack.url}/small`, { body: Buffer.alloc(1001) });
  assert.deepEqual([request.status, request.json.code], [413, 'request_too_large']);
  // 20 KB lie in a file: refused by size, never read.
  const file = await ask(`${stack.url}/small`, { body: Buffer.alloc(20_000) });
  assert.deepEqual([file.status, file.json.code], [413, 'request_too_large']);
  const reply = await ask(`${stack.url}/small`, { body: Buffer.alloc(101) });
  assert.deepEqual([reply.status, reply.json.code], [502, 'reply_too_large']);
  await stack.nothingPending();
});

/** A HEAD said `content-length: 0` where a GET has a body: caches and download managers believed it. */
test('HEAD gets what GET gets, but for the body, also where it is an error', async () => {
  for (const [path, status] of [
    ['/echo', 200],
    ['/nobody', 504],
  ] as const) {
    const get = await ask(`${stack.url}${path}`, { method: 'GET', body: 'hello' });
    const head = await ask(`${stack.url}${path}`, { method: 'HEAD', body: 'hello' });
    assert.deepEqual([get.status, head.status], [status, status]);
    assert.ok(get.body.length > 0);
    assert.equal(head.headers['content-length'], String(get.body.length));
    assert.equal(head.headers['content-type'], get.headers['content-type']);
    assert.equal(head.body.length, 0);
  }
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

test('a client that chooses its id cannot have two requests under it at once, nor right after', async () => {
  const headers = { 'kong-request-id': 'order-4711-abcd' };
  const [first, second] = await Promise.all(
    ['first', 'second'].map((body) => ask(`${stack.url}/own-id`, { headers, body })),
  );
  assert.deepEqual([first!.status, second!.status].sort(), [200, 409]);
  const refused = first!.status === 409 ? first! : second!;
  assert.equal(refused.json.code, 'correlation_conflict');
  const again = await ask(`${stack.url}/own-id`, { headers, body: 'again' });
  assert.equal(again.status, 409);
  const other = await ask(`${stack.url}/own-id`, { headers: { 'kong-request-id': 'order-4712' }, body: 'x' });
  assert.equal(other.status, 200);
  assert.equal(other.headers['kong-request-id'], 'order-4712');
});
