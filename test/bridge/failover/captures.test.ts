/** What becomes of each request that nginx brings, over real HTTP, in front of a broker that does what the test says. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import { GatewayError } from '../../../bridge/errors';
import type { Breakers } from '../../../bridge/failover/breakers';
import { Captures, type Capture } from '../../../bridge/failover/captures';
import { FACTS_HEADER, REPLAYED_HEADER, TICKET_HEADER } from '../../../bridge/failover/nginx-facts';
import { Tickets } from '../../../bridge/failover/ticket';
import type { WholeRequest } from '../../../bridge/failover/whole-request';
import { FailoverMetrics } from '../../../bridge/telemetry/failover-metrics';
import { Metrics, TEXT_TYPE } from '../../../bridge/telemetry/metrics';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeClock } from '../../support/fake-clock';
import { FakeSender } from '../../support/fake-sender';
import { ask } from '../../support/stack';

async function lab(t: TestContext, more: Partial<Capture> = {}) {
  const logged = captureLog(t);
  const kafka = new FakeSender();
  const clock = new FakeClock();
  const captures = new Captures({ clock });
  const { close, capture } = captures.open('key', () => ({
    topic: 'failed',
    statuses: [502, 504],
    methods: ['POST', 'PUT'],
    maxRequestBytes: 1000,
    answer: { status: 202, message: 'Later.', retryAfterSeconds: 0 },
    toValue: ({ id, body, status }) => `${id} ${status} ${body.toString()}`,
    sender: kafka.sender,
    ...more,
  }));
  const server = createServer((request, response) => captures.route.handle(request, response, ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    assert.equal(bytesInFlight.held, 0, 'the bytes of bodies are given back');
    assert.equal(captures.inFlight, 0);
  });
  const { port } = server.address() as AddressInfo;
  const marks = (status = 502, ticket = captures.ticketFor('key', 'r1')) => ({
    [TICKET_HEADER]: ticket,
    [FACTS_HEADER]: Buffer.from(JSON.stringify({ uri: '/x', status, bytes_sent: '0' })).toString('base64'),
  });
  const url = `http://127.0.0.1:${port}/failover/`;
  const values = () => kafka.records.map(({ value }) => value?.toString());
  return { captures, capture, kafka, clock, close, marks, url, port, values, logged };
}

test('a request is answered when a broker has its record, and not before', async (t) => {
  const { captures, kafka, marks, url, values } = await lab(t);
  kafka.hold();
  let isAnswered = false;
  const answer = ask(url, { headers: marks(), body: 'x' }).finally(() => (isAnswered = true));
  while (kafka.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([isAnswered, captures.inFlight], [false, 1]);
  kafka.release();
  const { status, headers, json } = await answer;
  assert.deepEqual([status, json, headers['retry-after']], [202, { message: 'Later.', id: 'r1' }, undefined]);
  assert.deepEqual(values(), ['r1 502 x']);
  const [record] = kafka.records;
  assert.deepEqual([record?.topic, record?.key], ['failed', 'r1']);
  assert.deepEqual(Object.fromEntries(record?.headers ?? []), {
    'content-type': 'application/json',
    'idempotency-key': 'r1',
  });
});

test('the answer is what the configuration says, as problem details for who prefers them', async (t) => {
  const { marks, url } = await lab(t, { answer: { status: 201, message: 'Later.', retryAfterSeconds: 7 } });
  const { status, headers, json } = await ask(url, {
    headers: { ...marks(), accept: 'application/problem+json' },
    body: 'x',
  });
  assert.deepEqual([status, headers['retry-after']], [201, '7']);
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.deepEqual(json, { type: 'about:blank', title: 'Later.', status: 201, id: 'r1' });
});

test('whatever is not kept gets the status of its failure, without a body, and is counted', async (t) => {
  const { captures, kafka, marks, url, logged } = await lab(t);
  const noTicket = { [FACTS_HEADER]: marks()[FACTS_HEADER] };
  const refusals = async (what: string, headers: Record<string, string>, body: string, status: number) => {
    const answer = await ask(url, { headers, body });
    assert.deepEqual([answer.status, answer.body.length], [status, 0], what);
  };
  await refusals('no ticket', noTicket, 'x', 502);
  await refusals('a ticket of another process', marks(504, new Tickets().issue({ key: 'key', requestId: 'r', issuedAtMs: Date.now() })), 'x', 504);
  await refusals('a configuration that is gone', marks(504, captures.ticketFor('gone', 'r')), 'x', 504);
  await refusals('no facts', { ...marks(), [FACTS_HEADER]: 'x' }, 'x', 502);
  await refusals('replayed', { ...marks(), [REPLAYED_HEADER]: '1' }, 'x', 502);
  await refusals('another failure', marks(503), 'x', 503);
  await refusals('too large', marks(504), 'x'.repeat(1001), 504);
  assert.equal((await ask(url, { method: 'DELETE', headers: marks(504) })).status, 504);
  bytesInFlight.limit = 2;
  await refusals('no memory', marks(504), 'xxx', 504);
  bytesInFlight.limit = Infinity;
  kafka.failure = new GatewayError('produce_timeout', 'no broker');
  await refusals('Kafka away', marks(504), 'x', 504);
  kafka.notReady = new GatewayError('draining', 'it ends');
  await refusals('draining', marks(504), 'x', 504);
  assert.deepEqual(captures.refused, {
    no_ticket: 4, replayed: 1, status: 1, method: 1, too_large: 1, no_memory: 1, gone: 0, not_delivered: 2,
  });
  assert.equal(captures.counters.kept, 0);
  assert.deepEqual(kafka.records, []);
  assert.deepEqual(logged.filter(({ level }) => level === 'error'), []);
}); // prettier-ignore

test('a body that breaks off is not kept', async (t) => {
  const { captures, kafka, marks, port } = await lab(t);
  const socket = connect(port, '127.0.0.1');
  const headers = Object.entries(marks()).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /failover/ HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n${headers.join('')}\r\nabc`);
  while (bytesInFlight.held === 0) await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  while (captures.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(captures.refused.gone, 1);
  assert.deepEqual(kafka.records, []);
});

test('one in pieces is refused at the first byte too much', async (t) => {
  const { captures, marks, url } = await lab(t);
  const sent = httpRequest(url, { method: 'POST', headers: marks(504), agent: false });
  sent.on('error', () => undefined);
  for (let part = 0; part < 11; part++) sent.write('x'.repeat(100));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  assert.deepEqual([response.statusCode, response.headers.connection], [504, 'close']);
  sent.destroy();
  assert.equal(captures.refused.too_large, 1);
});

/** With Kafka away and a service down, each request is one. */
test('of requests that could not be kept there is a line a minute for each reason, with their number', async (t) => {
  const { captures, kafka, clock, marks, url, logged } = await lab(t);
  kafka.failure = new GatewayError('produce_timeout', 'no broker');
  const fail = async () => assert.equal((await ask(url, { headers: marks(504), body: 'x' })).status, 504);
  for (let count = 0; count < 4; count++) await fail();
  clock.advance(59_999);
  await fail();
  kafka.failure = new GatewayError('produce_failed', 'refused');
  await fail();
  clock.advance(1);
  kafka.failure = new GatewayError('produce_timeout', 'no broker');
  await fail();
  const lines = logged.filter(({ event }) => event === 'failed_request_not_kept');
  assert.deepEqual(lines.map(({ code, further_times }) => [code, further_times]), [
    ['produce_timeout', undefined], ['produce_failed', undefined], ['produce_timeout', 4],
  ]);
  assert.equal(captures.refused.not_delivered, 7);
}); // prettier-ignore

/** Where the includes are installed as well, nginx comes first. */
test('a request that nginx has brought is not kept by the log phase once more', async (t) => {
  const { captures, marks, url, values, capture } = await lab(t);
  const whole = { id: 'r1', method: 'POST', headers: {}, body: Buffer.from('x') } as WholeRequest;
  captures.snapshots.add(capture, whole);
  assert.equal((await ask(url, { headers: marks(), body: 'x' })).status, 202);
  const entry = { kafka_failover: { id: 'r1' }, response: { status: 502 }, source: 'kong' };
  await captures.onLogged(Buffer.from(JSON.stringify(entry)));
  assert.deepEqual([values(), captures.snapshots.size], [['r1 502 x'], 0]);
});

test('the failures that nginx brings open the breaker of their service, with the addresses that were tried', async (t) => {
  const seen: unknown[] = [];
  const breakers = { onFailure: (...call: unknown[]) => seen.push(call), openServices: ['orders'], open: 1 };
  const { marks, url, captures } = await lab(t, { breakers: breakers as unknown as Breakers });
  const facts = { uri: '/x', service: 'orders', backend_url: 'http://o:80', upstream_addr: '10.0.0.1:80' };
  const of = (status: number) => ({
    ...marks(status),
    [FACTS_HEADER]: Buffer.from(JSON.stringify({ ...facts, status })).toString('base64'),
  });
  await ask(url, { headers: of(502), body: 'x' });
  // Not kept, and a failure all the same; 503 is not configured.
  await ask(url, { method: 'GET', headers: of(504) });
  await ask(url, { headers: of(503), body: 'x' });
  const target = { backendUrl: 'http://o:80', upstreamAddresses: '10.0.0.1:80' };
  assert.deepEqual(seen.map((call) => (call as unknown[]).slice(0, 2)), [['orders', target], ['orders', target]]);
  assert.deepEqual(captures.status().open_breakers, ['orders']);
  assert.deepEqual(captures.reading().openServices, ['orders']);
}); // prettier-ignore

/** Kong closes all instances at each change of any plugin, and a request may wait for its upstream for a minute. */
test('what was marked is kept for two minutes after the last instance that had the configuration', async (t) => {
  const { captures, kafka, clock, close, marks, url } = await lab(t);
  const again = captures.open('key', () => assert.fail('it is there'));
  const headers = marks();
  close();
  clock.advance(200_000);
  again.close();
  clock.advance(119_999);
  assert.equal((await ask(url, { headers, body: 'x' })).status, 202);
  assert.equal(kafka.closed, 0);
  clock.advance(1);
  assert.equal(kafka.closed, 1);
  assert.equal((await ask(url, { headers, body: 'x' })).status, 502);
});

test('the process ends when what is being kept is kept', async (t) => {
  const { captures, kafka, clock, marks, url } = await lab(t);
  kafka.hold();
  const answer = ask(url, { headers: marks(), body: 'x' });
  while (kafka.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  let isIdle = false;
  const idle = captures.idle().then(() => (isIdle = true));
  clock.advance(1000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isIdle, false);
  kafka.release();
  assert.equal((await answer).status, 202);
  while (clock.pendingTimers > 0) {
    clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await idle;
});

test('a request that Kong gives no id has one of its own', async (t) => {
  const { captures, marks, url, values } = await lab(t);
  for (const id of [undefined, ''])
    assert.equal((await ask(url, { headers: marks(502, captures.ticketFor('key', id)), body: 'x' })).status, 202);
  const ids = values().map((value) => value?.split(' ')[0] ?? '');
  for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
  assert.notEqual(ids[0], ids[1]);
}); // prettier-ignore

const metricsOf = (captures: Captures): string => {
  const metrics = new Metrics([new FailoverMetrics(() => captures.reading())]);
  return [...{ [Symbol.iterator]: () => metrics.scrape(TEXT_TYPE) }].join('');
};

test('metrics tell what was kept, and why the rest was not', async (t) => {
  const { captures } = await lab(t);
  captures.ticketFor('key', 'r1');
  const page = metricsOf(captures);
  assert.match(page, /^kong_kafka_failover_marked_requests_total 1$/m);
  assert.match(page, /^kong_kafka_failover_requests_total\{result="kept"\} 0$/m);
  assert.match(page, /^kong_kafka_failover_requests_total\{result="kept_at_once"\} 0$/m);
  assert.match(page, /^kong_kafka_failover_requests_total\{result="too_large"\} 0$/m);
  assert.doesNotMatch(page, /^kong_kafka_failover_open_breakers/m);
});

test('metrics name the services that are left alone', async (t) => {
  const breakers = { openServices: ['orders', 'say "hi"'], open: 2 };
  const { captures } = await lab(t, { breakers: breakers as unknown as Breakers });
  const page = metricsOf(captures);
  assert.match(page, /^kong_kafka_failover_open_breakers\{service="orders"\} 1$/m);
  assert.match(page, /^kong_kafka_failover_open_breakers\{service="say \\"hi\\""\} 1$/m);
});
