/** WebSockets on a cluster in memory: what they may, and how they end. The socket is one of ours, the clock too. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { closeSchemas } from '../../bridge/schemas';
import { setLogSink } from '../../bridge/telemetry/log';
import { StubRegistry } from '../../dev/registry/stub-registry';
import { headerOf } from '../support/fake-kafka';
import { sockets } from '../support/sockets';

setLogSink(() => undefined);

test('a message is a record with the headers and the consumer of the upgrade', async (t) => {
  const { open, kafka, until, reply, requestReply } = await sockets(
    t,
    {},
    {
      forward_consumer: true,
      headers: { forward_http_headers_as_record_headers: true, include_headers: ['x-tenant'] },
    },
  );
  const { client, said } = await open({ 'x-tenant': 'seven' }, { id: 'alice' });
  client.send('{"ref":"mine","body":{"item":"book"}}');
  client.send('second');
  await until(() => kafka.produced.length === 2);
  const [first, second] = kafka.produced.map(({ record }) => record);
  assert.equal(first!.value?.toString(), '{"item":"book"}');
  assert.deepEqual(
    ['x-tenant', 'content-type', 'upgrade', 'sec-websocket-key'].map((name) => headerOf(first!, name)),
    ['seven', 'application/json', undefined, undefined],
  );
  assert.ok(
    first!.headers.some(([, value]) => value === 'alice'),
    'who was authenticated',
  );
  assert.equal(second!.value?.toString(), 'second');
  assert.notEqual(headerOf(first!, 'kafka_correlationId'), headerOf(second!, 'kafka_correlationId'));
  reply(1, 'b');
  reply(0, 'a');
  await until(() => said.length === 2);
  assert.deepEqual(
    said.map(({ ref, status, body }) => [ref, status, body]),
    [
      ['1', 200, 'b'],
      ['mine', 200, 'a'],
    ],
  );
  assert.equal(requestReply.inFlight, 0);
});

test('on a route without a service Kong is told of one, where the configuration says so', async (t) => {
  const { access } = await sockets(t, { without_service: true });
  const { context, upstream } = await access();
  const { host, port } = context.get('service') as { host: string; port: number };
  assert.equal(`${host}:${port}`, upstream.get('target'));
  const { access: plain } = await sockets(t);
  assert.equal((await plain()).context.size, 0);
});

test('a reference that is in use, a failed delivery and a deadline are errors with their reference', async (t) => {
  const { open, kafka, until, clock } = await sockets(t);
  const { client, said } = await open();
  client.send('{"ref":"a","body":1}');
  client.send('{"ref":"a","body":2}');
  client.send('{"ref":"b","body":3}');
  await until(() => kafka.produced.length === 2 && said.length === 1);
  assert.deepEqual([said[0]!.ref, said[0]!.status], ['a', 400]);
  kafka.produced[1]!.onDelivery(new GatewayError('produce_failed', 'no'));
  kafka.produced[0]!.onDelivery(undefined);
  await until(() => said.length === 2);
  assert.deepEqual([said[1]!.ref, said[1]!.status], ['b', 502]);
  clock.advance(1020);
  await until(() => said.length === 3);
  assert.deepEqual([said[2]!.ref, said[2]!.status], ['a', 504]);
});

test('what may not be in flight is not read, and none of it is lost', async (t) => {
  const { open, kafka, until, reply } = await sockets(t, { max_in_flight: 2 });
  const { client, said } = await open();
  for (let n = 0; n < 20; n++) client.send(String(n));
  await until(() => kafka.produced.length === 2);
  for (let n = 0; n < 20; n++) {
    await until(() => kafka.produced.length > n);
    assert.ok(kafka.produced.length <= n + 2, 'two at most');
    reply(n, String(n));
  }
  await until(() => said.length === 20);
  assert.deepEqual(
    said.map(({ body }) => body),
    Array.from({ length: 20 }, (_, n) => n),
  );
});

test('so many messages in a second, the others later', async (t) => {
  const { open, kafka, until, clock } = await sockets(t, { messages_per_second: 5, max_in_flight: 100 });
  const { client } = await open();
  for (let n = 0; n < 8; n++) client.send(String(n));
  await until(() => kafka.produced.length === 5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(kafka.produced.length, 5);
  clock.advance(210);
  await until(() => kafka.produced.length === 6);
  clock.advance(450);
  await until(() => kafka.produced.length === 8);
});

/** What could be read was said, whatever had come before it. */
test('several replies to one message are said as they came, also where the first has to wait for its schema', async (t) => {
  const registry = await StubRegistry.start();
  t.after(() => {
    closeSchemas();
    return registry.stop();
  });
  registry.add(1, { schema: '"string"' }, { subject: 'orders-value' });
  let refuse: (() => void) | undefined;
  const { open, kafka, until, reply } = await sockets(
    t,
    { end_header: 'last' },
    { schema_registry: { confluent: { url: registry.url } } },
  );
  const { client, said } = await open();
  client.send('"one"');
  await until(() => kafka.produced.length === 1);
  registry.trouble = (_request, response) => {
    refuse = () => response.writeHead(404).end();
    return true;
  };
  reply(0, '\0\0\0\0\x07of a schema that is not there');
  reply(0, 'plain', { last: '' });
  await until(() => refuse !== undefined);
  assert.equal(said.length, 0);
  refuse!();
  await until(() => said.length === 3);
  assert.deepEqual(
    said.map(({ status, body, end }) => [status, end ?? body]),
    [
      [502, said[0]!.body],
      [200, 'plain'],
      [undefined, true],
    ],
  );
});

test('a client that leaves ends what waits, at once', async (t) => {
  const { open, kafka, until, requestReply, clock } = await sockets(t);
  const { client } = await open();
  client.send('1');
  await until(() => kafka.produced.length === 1);
  assert.equal(requestReply.inFlight, 1);
  client.terminate();
  await until(() => requestReply.inFlight === 0 && requestReply.streams.size === 0);
  assert.equal(clock.pendingTimers, 0, 'nothing is left');
});

test('a drain waits for what is in flight and ends with 1012; new messages are not taken', async (t) => {
  const { open, kafka, until, reply, requestReply } = await sockets(t);
  const busy = await open();
  const quiet = await open();
  busy.client.send('1');
  await until(() => kafka.produced.length === 1);
  requestReply.drain();
  assert.deepEqual(await quiet.closed, [1012, 'draining']);
  busy.client.send('2');
  reply(0, 'one');
  assert.deepEqual(await busy.closed, [1012, 'draining']);
  assert.equal(busy.said[0]!.body, 'one');
  assert.equal(kafka.produced.length, 1);
  await until(() => requestReply.streams.size === 0);
  await requestReply.idle();
});

test('one that is being opened when the drain begins is ended as well', async (t) => {
  const { open, requestReply } = await sockets(t);
  const { closed } = await open({}, undefined, () => requestReply.drain());
  assert.deepEqual(await closed, [1012, 'draining']);
});

/** A browser sends its cookies with an upgrade that a foreign page asks for. */
test('a page of another origin may not open one, where origins are listed', async (t) => {
  const { access } = await sockets(t, { allowed_origins: ['https://shop.example'] });
  for (const [origin, isAllowed] of [
    ['https://shop.example', true],
    ['https://SHOP.example', true],
    ['https://evil.example', false],
    ['https://shop.example.evil.example', false],
    ['null', false],
  ] as const)
    assert.equal((await access({ origin })).exits.length === 0, isAllowed, origin);
  assert.equal((await access()).exits.length, 0, 'no browser');
});

test('silence, age, and a client that does not answer a ping are ends', async (t) => {
  const idle = await sockets(t, { idle_ms: 5000 });
  const first = await idle.open();
  idle.clock.advance(5010);
  assert.deepEqual(await first.closed, [1000, 'idle']);
  const old = await sockets(t, { max_life_ms: 60_000 });
  const second = await old.open();
  for (let beats = 0; beats < 3; beats++) {
    const ponged = once(second.client, 'ping');
    old.clock.advance(20_010);
    if (beats < 2) await ponged;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(await second.closed, [1000, 'max_life']);
  const dead = await sockets(t);
  const third = await dead.open();
  third.client.pong = () => undefined;
  (third.client as unknown as { _autoPong: boolean })._autoPong = false;
  dead.clock.advance(20_010);
  await new Promise((resolve) => setTimeout(resolve, 10));
  dead.clock.advance(20_010);
  assert.equal((await third.closed)[0], 1006);
});

test('a configuration that Kong has closed goes on for its open WebSockets', async (t) => {
  const { open, handler, kafka, until, reply, clock } = await sockets(t);
  const { client, said, closed } = await open();
  handler.close();
  clock.advance(19_000);
  client.send('1');
  await until(() => kafka.produced.length === 1);
  reply(0, 'one');
  await until(() => said.length === 1);
  assert.equal(said[0]!.status, 200);
  client.close();
  await closed;
  await until(() => {
    clock.advance(31_000);
    return kafka.released === 1;
  });
});

test('so many of one consumer, also those that are being opened', async (t) => {
  const { open, access, clock, until, requestReply } = await sockets(t, { max_per_consumer: 1 });
  assert.equal((await access({}, { id: 'alice' })).exits.length, 0);
  assert.equal((await access({}, { id: 'alice' })).answer.json.code, 'overloaded');
  clock.advance(10_010);
  const { client, closed } = await open({}, { id: 'alice' });
  assert.equal((await access({}, { id: 'alice' })).answer.json.code, 'overloaded');
  client.close();
  await closed;
  await until(() => requestReply.streams.size === 0);
  assert.equal((await access({}, { id: 'alice' })).exits.length, 0);
});

/** Its place was kept for ever, and with it what a closed configuration has of Kafka. */
test('one to which Kong cannot be led any more has no place', async (t) => {
  const { access, requestReply, handler, kafka, clock } = await sockets(t, { max_per_consumer: 1 });
  const address = requestReply.streams.listener();
  let asked = 0;
  requestReply.streams.listener = () => (asked++ === 0 ? address : null);
  assert.equal((await access({}, { id: 'alice' })).answer.json.code, 'not_ready');
  requestReply.streams.listener = () => address;
  assert.equal((await access({}, { id: 'alice' })).exits.length, 0);
  clock.advance(10_010);
  handler.close();
  clock.advance(61_000);
  assert.equal(kafka.released, 1);
});
