/** What becomes of requests in Kong's phases: in front of a broker and a clock that do what the test says. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import { configKey } from '../../../bridge/config/parse';
import { GatewayError } from '../../../bridge/errors';
import { Captures } from '../../../bridge/failover/captures';
import type { Phase, PhaseEvent } from '../../../bridge/phase';
import { RequestReply } from '../../../bridge/request-reply';
import { FAILOVER_TABLE, parseFailoverConfig } from '../../../plugins/custom_kafka_failover/config';
import { FailoverHandler } from '../../../plugins/custom_kafka_failover/handler';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeKafka } from '../../support/fake-kafka';
import { FakeKong } from '../../support/fake-kong';

const TARGET = { backendUrl: 'http://orders:80', upstreamAddresses: undefined };
const SERVICE = { id: 's1', name: 'orders', protocol: 'http', host: 'orders', port: 80 };

interface Given {
  readonly requestId?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Error;
  readonly service?: object | null;
  readonly consumer?: object;
  readonly entry?: object;
  readonly uri?: string;
}

/** An event of our server: Kong answers what it is asked. */
class Event implements PhaseEvent {
  readonly told: (readonly unknown[])[] = [];
  readonly asked: string[] = [];
  /** `pass`, or the status of the exit. */
  readonly end: Promise<string | number>;
  body: unknown;
  headers: unknown;
  #ended: (how: string | number) => void = () => undefined;

  constructor(private readonly given: Given) {
    this.end = new Promise((resolve) => (this.#ended = resolve));
  }

  get requestId(): string {
    return this.given.requestId ?? 'r1';
  }

  goOn(phase: Phase): void {
    const { reads } = phase;
    const {
      method = 'POST',
      headers = {},
      body = '',
      service = SERVICE,
      consumer,
      entry,
      uri = '/x?y=1',
    } = this.given;
    const answers: Record<string, unknown> = {
      'kong.request.get_method': method,
      'kong.request.get_headers': headers,
      'kong.request.get_raw_body': typeof body === 'string' ? Buffer.from(body) : body,
      'kong.router.get_service': service,
      'kong.router.get_route': { id: 'rt1' },
      'kong.client.get_consumer': consumer ?? { username: 'Z\xc3\xbcrich' },
      request_uri: uri,
      remote_addr: '10.0.0.9',
      'kong.log.serialize': JSON.stringify(entry ?? null),
    };
    const names = reads.map(([name, argument]) => (name === 'kong.nginx.get_var' ? String(argument) : name));
    this.asked.push(...names);
    phase.run(this, names.map((name) => answers[name])); // prettier-ignore
  }

  tell(...call: readonly unknown[]): void {
    this.told.push(call);
  }

  exit(status: number, body: Buffer, headers: object): void {
    this.body = JSON.parse(body.toString());
    this.headers = headers;
    this.#ended(status);
  }

  pass(): void {
    this.#ended('pass');
  }

  onOver(): void {}
}

function lab(t: TestContext, options: object = {}) {
  captureLog(t);
  const kafka = new FakeKafka();
  kafka.onProduce = (_, onDelivery) => onDelivery(undefined);
  const captures = new Captures();
  const config = parseFailoverConfig({ bootstrap_servers: [{ host: 'kafka', port: 9092 }], ...options });
  const requestReply = new RequestReply({ clients: kafka });
  requestReply.setTogether(true);
  const handler = new FailoverHandler(config, captures, requestReply);
  const { capture } = captures.open(configKey(FAILOVER_TABLE, config), () => assert.fail('it is there'));
  /** As the listener tells of them. */
  const fail = (count: number, service = 'orders') => {
    for (let number = 0; number < count; number++)
      capture.breakers!.onFailure(service, TARGET, { requestId: 'f', tookMs: 1, status: 504 });
  };
  t.after(() => {
    captures.snapshots.clear();
    assert.deepEqual([captures.inFlight, bytesInFlight.held], [0, 0]);
  });
  const run = async (phase: 'access' | 'log', given: Given = {}) => {
    const event = new Event(given);
    event.goOn(handler.planned[phase]);
    const how = await event.end;
    return { how, event };
  };
  const values = () =>
    kafka.produced.map(({ record }) => JSON.parse(String(record.value)) as Record<string, unknown>);
  return { kafka, captures, capture, handler, fail, run, values };
}

const LOG = { capture: 'log' };
const BREAKER = { breaker: { failures: 2 } };
const MARKED = ['kong.nginx.set_ctx', 'kafka_failover'];

test('a request is marked, and nothing is asked of Kong: with a breaker that is closed as well', async (t) => {
  for (const options of [{}, BREAKER]) {
    const { fail, run, captures } = lab(t, options);
    if (options === BREAKER) fail(1);
    const { how, event } = await run('access');
    assert.deepEqual([how, event.asked], ['pass', []]);
    assert.deepEqual(event.told.map((call) => call.slice(0, 2)), [MARKED]);
    assert.equal(captures.counters.marked, 1);
  }
}); // prettier-ignore

test('while the breaker of its service is open it is kept, and answered when the broker has it', async (t) => {
  const { fail, run, values, captures, kafka } = lab(t, BREAKER);
  fail(2);
  const headers = { 'content-type': 'application/json', authorization: 'Bearer secret', 'x-name': 'Z\xc3\xbcrich' };
  const { how, event } = await run('access', { headers, body: '{"a":1}' });
  assert.deepEqual([how, event.told], [202, []]);
  assert.deepEqual(event.body, { message: 'The request was accepted and will be carried out later.', id: 'r1' });
  const [{ timestamp, ...value } = {}] = values();
  assert.ok(Math.abs(Number(timestamp) * 1000 - Date.now()) < 60_000);
  assert.deepEqual(value, {
    id: 'r1', attempt: 0, method: 'POST', uri: '/x?y=1', path: '/x', query_string: 'y=1',
    headers: { 'content-type': 'application/json', 'x-name': 'Zürich' }, body: '{"a":1}', remote_addr: '10.0.0.9',
    backend_url: 'http://orders:80', service: 'orders', route: 'rt1', consumer: 'Zürich', status: 504, delivered: 'no',
    error_reason: 'The service failed too often, the last time with 504, and was not tried.',
  }); // prettier-ignore
  assert.equal(kafka.produced[0]!.record.key, 'r1');
  assert.deepEqual([captures.counters.kept, captures.counters.kept_at_once, captures.counters.marked], [1, 1, 0]);
}); // prettier-ignore

test('a byte of the address that is not UTF-8 is kept as nginx would tell it', async (t) => {
  const { fail, run, values } = lab(t, BREAKER);
  fail(2);
  await run('access', { uri: '/caf\xe9' });
  await run('access', { uri: '/caf\xc3\xa9' });
  assert.deepEqual(
    values().map(({ path }) => path),
    ['/caf%E9', '/café'],
  );
});

test("over Kong's stock server it is the same, in two rounds of questions", async (t) => {
  const { fail, handler, values } = lab(t, BREAKER);
  fail(2);
  const kong = new FakeKong({ service: SERVICE, uri: '/x?y=1', body: 'Zürich', route: { name: 'all' } });
  await handler.access(kong);
  assert.deepEqual([kong.answer.status, kong.answer.json.id], [202, 'r1']);
  const [{ uri, body, service, route } = {}] = values();
  assert.deepEqual(
    { uri, body, service, route },
    { uri: '/x?y=1', body: 'Zürich', service: 'orders', route: 'all' },
  );
  const other = new FakeKong({ service: { ...SERVICE, name: 'prices' } });
  await handler.access(other);
  assert.deepEqual([other.exits, other.contextCalls], [[], 1]);
});

test('requests of other services go to them, and their bodies are not read', async (t) => {
  const { fail, run } = lab(t, BREAKER);
  fail(2);
  for (const service of [{ ...SERVICE, name: 'prices' }, null]) {
    const { how, event } = await run('access', { service });
    assert.equal(how, 'pass');
    assert.ok(!event.asked.includes('kong.request.get_raw_body'));
  }
});

test('what cannot be kept has its chance with the upstream', async (t) => {
  const { fail, run, kafka } = lab(t, BREAKER);
  fail(2);
  const cases: Given[] = [
    { method: 'GET' },
    { headers: { 'x-kafka-failover-replayed': '1' } },
    { body: new GatewayError('request_too_large', 'too large') },
    { body: new GatewayError('misconfigured', 'the file cannot be read') },
  ];
  for (const given of cases) {
    const { how, event } = await run('access', given);
    assert.deepEqual([how, event.told.length], ['pass', 1], JSON.stringify(given));
  }
  assert.deepEqual(kafka.produced, []);
});

test('Kafka away as well: the request goes on to its upstream, whose failure its client gets', async (t) => {
  const { fail, run, kafka, captures } = lab(t, BREAKER);
  fail(2);
  kafka.refusal = new GatewayError('not_ready', 'no connection');
  const { how, event } = await run('access');
  assert.deepEqual([how, event.told.length, captures.refused.not_delivered], ['pass', 1, 1]);
});

test('while Kafka is known to be away no request waits for it', async (t) => {
  const { fail, run, kafka } = lab(t, BREAKER);
  fail(2);
  kafka.state = 'down';
  const { how } = await run('access');
  assert.deepEqual([how, kafka.produced], ['pass', []]);
});

/** A request that Kong can serve is not refused because something about it could not be learned. */
test('what Kong does not say is no reason to end a request', async (t) => {
  const refused = new GatewayError('internal', 'Kong refused the call');
  for (const [options, given] of [
    [BREAKER, { service: refused }],
    [BREAKER, { consumer: refused }],
    [LOG, { consumer: refused }],
    [LOG, { service: refused }],
  ] as const) {
    const { fail, run } = lab(t, options);
    if (options === BREAKER) fail(2);
    const { how, event } = await run('access', given);
    assert.equal(how, 'pass');
    assert.deepEqual(event.told.at(-1)?.slice(0, 2), MARKED);
  }
});

/** The broker may have it: carried out by the upstream as well, it would be there twice. */
test('a record that nobody knows of is a failure, and the upstream does not get the request', async (t) => {
  const { fail, run, kafka } = lab(t, BREAKER);
  fail(2);
  kafka.onProduce = (_, onDelivery) => onDelivery(new GatewayError('produce_timeout', 'no broker said so'));
  const { how, event } = await run('access');
  assert.deepEqual([how, event.told], [504, []]);
  assert.equal((event.body as { code: string }).code, 'produce_timeout');
});

const entryOf = (id: string, status: number, source?: string, tries: object[] = [{ ip: '10.0.0.1', port: 80 }]) => ({
  kafka_failover: { id }, response: { status }, source, tries,
}); // prettier-ignore

test('capture log: a copy waits for the log phase, and is kept when Kong has answered with a failure', async (t) => {
  const { run, values, captures } = lab(t, LOG);
  const { how, event } = await run('access', { body: 'x' });
  assert.equal(how, 'pass');
  assert.deepEqual(event.told[0], ['kong.log.set_serialize_value', 'kafka_failover', { id: 'r1' }]);
  assert.deepEqual(event.told[1]?.slice(0, 2), MARKED);
  assert.deepEqual([captures.snapshots.size, captures.snapshots.heldBytes, bytesInFlight.held], [1, 1, 0]);
  await run('log', { entry: entryOf('r1', 502, 'kong') });
  await captures.idle();
  const [{ id, body, status, delivered } = {}] = values();
  assert.deepEqual({ id, body, status, delivered }, { id: 'r1', body: 'x', status: 502, delivered: 'maybe' });
  assert.deepEqual([captures.counters.kept, captures.counters.kept_by_log], [1, 1]);
  await run('log', { entry: entryOf('r1', 502, 'kong') });
  assert.equal(values().length, 1);
});

test('capture log: what the upstream has answered, succeeded, or is not configured is forgotten', async (t) => {
  const { run, values, captures } = lab(t, LOG);
  for (const [entry, given] of [
    [entryOf('r1', 503, 'upstream'), {}],
    [entryOf('r1', 200, 'upstream'), {}],
    [entryOf('r1', 401, 'kong'), {}],
    [entryOf('r1', 502, 'kong'), { method: 'GET' }],
    [entryOf('r1', 502, 'kong'), { headers: { 'x-kafka-failover-replayed': '1' } }],
  ] as const) {
    await run('access', given);
    await run('log', { entry });
    await captures.idle();
  }
  assert.deepEqual([values(), captures.snapshots.size], [[], 0]);
});

test('capture log: a body that was not kept is never pretended', async (t) => {
  const { run, values, captures } = lab(t, LOG);
  await run('access', { body: new GatewayError('request_too_large', 'too large') });
  await run('log', { entry: entryOf('r1', 502, 'kong', []) });
  await captures.idle();
  const [value = {}] = values();
  assert.deepEqual([value.body, value.body_base64, value.body_omitted, value.delivered], [undefined, undefined, 'too_large', 'no']);
}); // prettier-ignore

test('the request that tries a service is known by its ticket, also where Kong gives it no id', async (t) => {
  // Its failure was nobody's: the breaker took it for a success, and closed on a service that was away.
  const { fail, run, capture } = lab(t, BREAKER);
  fail(2);
  const ids: string[] = [];
  t.mock.method(capture.breakers!, 'decide', (_: string, id: string) => {
    ids.push(id);
    return 'through';
  });
  for (const requestId of ['r1', '']) {
    const { event } = await run('access', { requestId });
    assert.ok(String(event.told[0]?.[2]).endsWith(`.${ids.at(-1)}`));
  }
  assert.equal(ids[0], 'r1');
  assert.match(ids[1] ?? '', /^[0-9a-f-]{36}$/);
});

test('capture log: its failures open the breaker, too', async (t) => {
  const { run, captures, capture } = lab(t, { ...LOG, ...BREAKER });
  for (const requestId of ['a', 'b']) {
    await run('access', { requestId });
    await run('log', { entry: entryOf(requestId, 503, 'kong') });
  }
  await captures.idle();
  assert.deepEqual(capture.breakers!.openServices, ['orders']);
  const { how } = await run('access', { requestId: 'c' });
  assert.equal(how, 202);
  assert.equal(captures.snapshots.size, 0);
});

test('the other dump does no harm to a configuration that needs none', async (t) => {
  const { run } = lab(t);
  const { how, event } = await run('log');
  assert.deepEqual([how, event.asked], ['pass', []]);
});
