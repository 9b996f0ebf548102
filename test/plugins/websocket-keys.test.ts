/** WebSockets whose connections break: what a client that comes again gets, and what is not sent a second time. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { GatewayError } from '../../bridge/errors';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { headerOf, type FakeKafka } from '../support/fake-kafka';
import { FakeKong } from '../support/fake-kong';
import { replyTo, SERVERS } from '../support/route';
import { sockets } from '../support/sockets';

setLogSink(() => undefined);

const KEYED = { idempotency: 'replay', idempotency_secret: 'the same on every gateway' };
const A = '{"ref":"a","key":"k","body":"two books"}';
const ids = ({ kafka }: { readonly kafka: FakeKafka }) =>
  kafka.produced.map(({ record }) => headerOf(record, 'kafka_correlationId'));

async function gateway(t: TestContext, config: object = {}, stream: object = {}) {
  const route = await sockets(t, stream, { ...KEYED, ...config });
  const { requestReply, until, clock } = route;
  /** Breaks the connection once the gateway has seen it all. */
  const broken = async ({ client }: { readonly client: WebSocket }) => {
    client.terminate();
    await until(() => requestReply.streams.size === 0);
    assert.equal(requestReply.inFlight, 0, 'nobody is waited for');
  };
  const store = () => (requestReply.status().kept_replies as Record<string, number>[])[0]!;
  const nothingLeft = async () => {
    await until(() => requestReply.inFlight === 0 && requestReply.streams.size === 0);
    assert.equal(store().waiting, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { ...route, broken, store, nothingLeft };
}

const answered = (said: Record<string, unknown>[]) =>
  said.map(({ ref, status, replayed, body }) => [ref, status, replayed, body]);

test('what is in flight when the connection breaks is joined by the next one, and not sent again', async (t) => {
  const { open, kafka, until, reply, broken, nothingLeft } = await gateway(t);
  const first = await open();
  first.client.send(A);
  await until(() => kafka.produced.length === 1);
  kafka.produced[0]!.onDelivery(undefined);
  await broken(first);
  const second = await open();
  second.client.send(A);
  second.client.send('{"ref":"b","key":"l","body":"marks the end"}');
  await until(() => kafka.produced.length === 2);
  reply(0, 'yes');
  reply(1, 'end');
  await until(() => second.said.length === 2);
  assert.deepEqual(answered(second.said), [
    ['a', 200, undefined, 'yes'],
    ['b', 200, undefined, 'end'],
  ]);
  assert.deepEqual(first.said, []);
  await broken(second);
  await nothingLeft();
});

test('a reply that came while the client was away is given when it comes again, and said to be replayed', async (t) => {
  const { open, kafka, until, reply, broken, store, nothingLeft, clock } = await gateway(t);
  const first = await open();
  first.client.send(A);
  await until(() => kafka.produced.length === 1);
  await broken(first);
  reply(0, '{"total":12345678901234567890}', { ':status': '201' });
  clock.advance(290_000);
  const second = await open();
  second.client.send(A);
  await until(() => second.said.length === 1);
  const [said] = second.said;
  assert.deepEqual([said!.ref, said!.status, said!.replayed], ['a', 201, true]);
  // As often as it asks, also under another name.
  second.client.send('{"ref":"z","body":"two books","key":"k"}');
  await until(() => second.said.length === 2);
  assert.deepEqual([second.said[1]!.ref, second.said[1]!.replayed], ['z', true]);
  assert.deepEqual([kafka.produced.length, store().replayed], [1, 2]);
  clock.advance(20_000);
  second.client.send(A);
  await until(() => kafka.produced.length === 2);
  await broken(second);
  await nothingLeft();
});

test('after a 504 it waits for the reply to the first; after a failed delivery it is sent', async (t) => {
  const { open, kafka, until, reply, clock, broken, nothingLeft } = await gateway(t);
  const { client, said } = await open();
  client.send(A);
  await until(() => kafka.produced.length === 1);
  kafka.produced[0]!.onDelivery(undefined);
  clock.advance(1050);
  await until(() => said.length === 1);
  assert.equal(said[0]!.status, 504);
  client.send(A);
  client.send('{"ref":"b","key":"l","body":1}');
  await until(() => kafka.produced.length === 2);
  kafka.produced[1]!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
  await until(() => said.length === 2);
  assert.deepEqual([said[1]!.ref, said[1]!.status], ['b', 502]);
  client.send('{"ref":"b","key":"l","body":1}');
  await until(() => kafka.produced.length === 3);
  reply(0, 'late');
  reply(2, 'at last');
  await until(() => said.length === 4);
  assert.deepEqual(answered(said.slice(2)), [
    ['a', 200, undefined, 'late'],
    ['b', 200, undefined, 'at last'],
  ]);
  await broken({ client });
  await nothingLeft();
});

test('a delivery that fails while the client is away leaves nothing to wait for', async (t) => {
  const { open, kafka, until, broken } = await gateway(t);
  const first = await open();
  first.client.send(A);
  await until(() => kafka.produced.length === 1);
  await broken(first);
  kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
  const second = await open();
  second.client.send(A);
  await until(() => kafka.produced.length === 2);
});

test('another body, a reply that is kept no longer and what is no key are replies, and end nothing', async (t) => {
  const { open, kafka, until, reply, requestReply } = await gateway(t, { keep_replies: { count: 1 } });
  const { client, said } = await open();
  client.send(A);
  await until(() => kafka.produced.length === 1);
  client.send('{"ref":"other","key":"k","body":"three books"}');
  await until(() => said.length === 1);
  reply(0, 'yes');
  client.send('{"ref":"b","key":"l","body":1}');
  await until(() => kafka.produced.length === 2);
  reply(1, 'puts the first out');
  await until(() => said.length === 3);
  client.send(A);
  await until(() => said.length === 4);
  const code = ({ body }: Record<string, unknown>) => (body as { code?: string }).code;
  assert.deepEqual(
    [said[0]!, said[3]!].map((error) => [error.ref, error.status, code(error)]),
    [
      ['other', 422, 'idempotency_conflict'],
      ['a', 410, 'result_gone'],
    ],
  );
  const wrong = ['', 'with blank', 'x'.repeat(256), 'nul\0', 'line\n', 'clé', 5, null, ['k'], {}, true];
  for (const [index, key] of wrong.entries())
    client.send(JSON.stringify({ ref: `wrong ${index}`, key, body: 1 }));
  await until(() => said.length === 4 + wrong.length);
  for (const [index, error] of said.slice(4).entries()) {
    assert.deepEqual([error.ref, error.status, code(error)], [`wrong ${index}`, 400, 'request_invalid']);
    const { message } = error.body as { message: string };
    assert.doesNotMatch(message, /idempotency-key/i, 'it is called key here');
  }
  assert.equal(kafka.produced.length, 2);
  assert.equal(requestReply.inFlight, 0);
  client.send('{"ref":"last","key":"m","body":1}');
  await until(() => kafka.produced.length === 3);
});

test('two names for one key on one connection are one record, and both are answered', async (t) => {
  const { open, kafka, until, reply, broken, store, nothingLeft } = await gateway(t);
  const opened = await open();
  opened.client.send(A);
  opened.client.send('{"ref":"b","key":"k","body":"two books"}');
  await until(() => store().joined === 1);
  reply(0, 'yes');
  await until(() => opened.said.length === 2);
  assert.deepEqual(answered(opened.said).sort(), [
    ['a', 200, undefined, 'yes'],
    ['b', 200, undefined, 'yes'],
  ]);
  assert.equal(kafka.produced.length, 1);
  await broken(opened);
  await nothingLeft();
});

test('the one that sent may leave, and the one that joined gets the reply', async (t) => {
  const { open, kafka, until, reply, store } = await gateway(t);
  const first = await open();
  const second = await open();
  first.client.send(A);
  await until(() => kafka.produced.length === 1);
  second.client.send(A);
  await until(() => store().joined === 1);
  first.client.terminate();
  reply(0, 'yes');
  await until(() => second.said.length === 1);
  assert.deepEqual(answered(second.said), [['a', 200, undefined, 'yes']]);
});

test('a message without a key is sent as ever, and so is one that is no envelope', async (t) => {
  const { open, kafka, until } = await gateway(t);
  const { client } = await open();
  for (const ref of ['a', 'b']) client.send(JSON.stringify({ ref, body: 'the same' }));
  client.send('{"ref":"c","key":"k","body":1,"more":1}');
  client.send(Buffer.from(A));
  await until(() => kafka.produced.length === 4);
  assert.equal(new Set(kafka.produced.map(({ record }) => headerOf(record, 'kafka_correlationId'))).size, 4);
  assert.equal(kafka.produced[3]!.record.value?.toString(), A, 'bytes are bytes');
});

test('a gateway that was killed: the next one sends once more, under the same id, and one reply is for both', async (t) => {
  const [killed, next] = [await gateway(t), await gateway(t)];
  const first = await killed.open();
  first.client.send(A);
  first.client.send('{"ref":"b","key":"l","body":"three books"}');
  await killed.until(() => killed.kafka.produced.length === 2);
  const [a, b] = [replyTo(killed.kafka, 0, 'a'), replyTo(killed.kafka, 1, 'b')];
  // Both are in Kafka; one has had its reply, which the client has not seen.
  next.kafka.arrive(b);
  const second = await next.open();
  second.client.send(A);
  second.client.send('{"ref":"b","key":"l","body":"three books"}');
  await next.until(() => second.said.length === 1);
  assert.deepEqual(answered(second.said), [['b', 200, true, 'b']]);
  assert.deepEqual(ids(next), [ids(killed)[0]]);
  next.kafka.arrive(a);
  await next.until(() => second.said.length === 2);
  assert.deepEqual(answered(second.said)[1], ['a', 200, undefined, 'a']);
  // The reply to the second record.
  next.reply(0, 'a');
  await next.broken(second);
  await next.nothingLeft();
  assert.equal(second.said.length, 2);
});

/** The reply to one made room for the next in the queue, which then was 503 where the client could have had a reply. */
test('a drain leaves what it has not taken to the next gateway, and says nothing of it', async (t) => {
  const [old, next] = [await gateway(t, {}, { max_in_flight: 2 }), await gateway(t)];
  const first = await old.open();
  first.client.send(A);
  first.client.send('{"ref":"z","key":"z","body":"one book"}');
  first.client.send('{"ref":"b","key":"l","body":"three books"}');
  const { streams } = old.requestReply;
  await old.until(() => old.kafka.produced.length === 2 && streams.counters.messages === 3);
  old.requestReply.drain();
  old.reply(0, 'a');
  await old.until(() => first.said.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  old.reply(1, 'z');
  assert.deepEqual(await first.closed, [1012, 'draining']);
  assert.deepEqual(answered(first.said), [
    ['a', 200, undefined, 'a'],
    ['z', 200, undefined, 'z'],
  ]);
  const second = await next.open();
  second.client.send('{"ref":"b","key":"l","body":"three books"}');
  await next.until(() => next.kafka.produced.length === 1);
  next.reply(0, 'b');
  await next.until(() => second.said.length === 1);
  assert.deepEqual(answered(second.said), [['b', 200, undefined, 'b']]);
  assert.equal(old.kafka.produced.length, 2);
});

test('a message that the drain overtakes is left to the next gateway as well', async (t) => {
  const { open, kafka, requestReply } = await gateway(t);
  const { client, said, closed } = await open();
  // Between the moment in which it is taken and that in which it is sent.
  Object.defineProperty(kafka, 'state', {
    get: () => {
      requestReply.drain();
      return 'connecting';
    },
  });
  client.send(A);
  assert.deepEqual(await closed, [1012, 'draining']);
  assert.deepEqual([said, kafka.produced.length], [[], 0]);
});

test('what comes after the end of a connection is not sent for nobody', async (t) => {
  const { open, kafka, until, clock, requestReply } = await gateway(t, {}, { max_life_ms: 1000 });
  const { client, closed } = await open();
  clock.advance(1010);
  // It has not seen the close frame yet.
  client.send(A);
  assert.deepEqual(await closed, [1000, 'max_life']);
  await until(() => requestReply.streams.size === 0);
  assert.equal(kafka.produced.length, 0);
});

test('a key belongs to the consumer of the upgrade', async (t) => {
  const route = await gateway(t);
  for (const consumer of [{ id: 'alice' }, { id: 'bob' }, undefined]) {
    const { client } = await route.open({}, consumer);
    client.send(A);
  }
  await route.until(() => route.kafka.produced.length === 3);
  assert.equal(new Set(ids(route)).size, 3);
  const { client } = await route.open({}, { id: 'alice' });
  client.send(A);
  await route.until(() => route.store().joined === 1);
});

test('those that join count against the limits of their connection', async (t) => {
  const slow = await gateway(t, {}, { max_in_flight: 2, messages_per_second: 3 });
  const first = await slow.open();
  first.client.send(A);
  await slow.until(() => slow.kafka.produced.length === 1);
  const second = await slow.open();
  for (const ref of ['a', 'b', 'c', 'd'])
    second.client.send(JSON.stringify({ ref, key: 'k', body: 'two books' }));
  await slow.until(() => slow.store().joined === 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(slow.store().joined, 2, 'two in flight');
  slow.reply(0, 'yes');
  await slow.until(() => second.said.length === 3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(second.said.length, 3, 'three in a second, also of what is kept');
  slow.clock.advance(400);
  await slow.until(() => second.said.length === 4);
  assert.deepEqual(
    second.said.map(({ replayed }) => replayed),
    [undefined, undefined, true, true],
  );
  assert.equal(slow.kafka.produced.length, 1);
});

test('join: what waits is joined, what nobody waits for is sent again under the same id', async (t) => {
  const route = await gateway(t, { idempotency: 'join' });
  const { open, kafka, until, reply, broken, store } = route;
  const first = await open();
  const second = await open();
  first.client.send(A);
  await until(() => kafka.produced.length === 1);
  second.client.send(A);
  await until(() => store().joined === 1);
  first.client.terminate();
  await broken(second);
  const third = await open();
  third.client.send(A);
  await until(() => kafka.produced.length === 2);
  assert.equal(new Set(ids(route)).size, 1);
  reply(0, 'the reply to the first is as good');
  await until(() => third.said.length === 1);
  assert.equal(third.said[0]!.status, 200);
});

/** The key of an upgrade went into each of its messages: to services that look at it they were all one. */
test('the record header idempotency-key is the key of the message, and never that of the upgrade', async (t) => {
  for (const config of [KEYED, {}]) {
    const { open, kafka, until } = await sockets(t, {}, config);
    const { client } = await open({ 'idempotency-key': 'of the upgrade' });
    for (const message of [A, '{"ref":"b","body":1}', '{"ref":"c","body":1}']) client.send(message);
    await until(() => kafka.produced.length === 3);
    const keys = kafka.produced.map(({ record }) => headerOf(record, 'idempotency-key'));
    assert.equal(keys[0], 'k');
    assert.equal(new Set(keys).size, 3);
    assert.ok(!keys.includes('of the upgrade'));
  }
});

test('without idempotency a key is a header and no more', async (t) => {
  const { open, kafka, until } = await sockets(t);
  const { client } = await open();
  client.send(A);
  client.send('{"ref":"b","key":"k","body":"two books"}');
  await until(() => kafka.produced.length === 2);
});

test('a stream of events cannot be asked for with a key, as it has several replies', async (t) => {
  const { handler, kafka, requestReply } = await gateway(t);
  const ask = async (headers: Record<string, string>) => {
    const kong = new FakeKong({ method: 'POST', headers, body: 'two books' });
    await handler.access(kong);
    return kong;
  };
  const refused = await ask({ 'idempotency-key': 'k' });
  assert.deepEqual([refused.answer.status, refused.answer.json.code], [400, 'request_invalid']);
  assert.match(JSON.stringify(refused.answer.json), /stream of events.*several replies/);
  assert.equal(kafka.produced.length, 0);
  assert.equal(requestReply.inFlight, 0);
  assert.equal((await ask({})).exits.length, 0, 'one without is a stream');
  assert.equal(kafka.produced.length, 1);
});

test('what is not sent is counted among the requests of its route', async (t) => {
  const { open, until, requestReply } = await gateway(t);
  const { client, said } = await open();
  client.send('{"ref":"a","key":"no key","body":1}');
  await until(() => said.length === 1);
  const [configuration] = requestReply.status().configurations as { refused_to_client: number }[];
  assert.equal(configuration!.refused_to_client, 1);
});

test('a message that may have several replies has no key: such a configuration is refused', () => {
  const parse =
    (stream: object, more: object = {}) =>
    () =>
      parseRequestReplyConfig({
        bootstrap_servers: SERVERS,
        topic: 'orders',
        reply_topic: 'replies',
        idempotency: 'join',
        reply: { mode: 'stream', stream, ...more },
      });
  assert.throws(parse({ count: 2 }), /reply\.stream\.count: cannot be combined with idempotency/);
  assert.throws(
    parse({ end_header: 'last' }),
    /reply\.stream\.end_header: cannot be combined with idempotency/,
  );
  assert.throws(parse({}, { mode: 'wait', collect: { count: 2 } }), /reply\.collect: cannot be combined/);
  for (const stream of [{}, { count: 1 }]) assert.doesNotThrow(parse(stream));
});

test('a route that says that a message has one reply says its end, also of a kept one', async (t) => {
  const { open, kafka, until, reply } = await gateway(t, {}, { count: 1 });
  const { client, said } = await open();
  client.send(A);
  await until(() => kafka.produced.length === 1);
  reply(0, 'yes');
  await until(() => said.length === 2);
  client.send(A);
  await until(() => said.length === 4);
  assert.deepEqual(
    said.map(({ end, replayed }) => [end, replayed]),
    [
      [undefined, undefined],
      [true, undefined],
      [undefined, true],
      [true, undefined],
    ],
  );
});
