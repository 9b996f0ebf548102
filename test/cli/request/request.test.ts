/** `request` through the real plugins, with a Kafka in memory. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import { EXIT } from '../../../cli/exit-codes';
import { entitiesOf } from '../../../cli/kong-config/declarative';
import { kafkaRouteNamed, kafkaRoutes } from '../../../cli/kong-config/kafka-routes';
import { maskOf } from '../../../cli/masking';
import { Output } from '../../../cli/output';
import { ask } from '../../../cli/request/ask';
import { pluginsOfFlags, pluginsOfRoute, requestOf, type RequestFlags } from '../../../cli/request/flags';
import { ObservedClients } from '../../../cli/request/observed-clients';
import { exitCodeFor, printReport } from '../../../cli/request/report';
import { FakeKafka, headerOf } from '../../support/fake-kafka';

const BROKERS = [{ host: 'kafka', port: 9092 }];
const CONNECTION = { bootstrapServers: ['kafka:9092', '[::1]:9093'] };

type Headers = OutgoingRecord['headers'];
type Answering = (
  record: OutgoingRecord,
) => { readonly value?: string; readonly headers?: Headers } | undefined;

/** A service that answers each record, and whose answer is the second record on the topic. */
function kafkaWith(answer: Answering): FakeKafka {
  const kafka = new FakeKafka();
  kafka.onProduce = (record, onDelivery) => {
    onDelivery(undefined);
    const arrive = (offset: number, value: string, headers: Headers): void => {
      const bytes = headers.map(([name, text]): [string, Buffer] => [name, Buffer.from(text)]);
      const reply: ReceivedRecord = { topic: 'replies', partition: 1, offset, timestamp: 0, key: null, value: Buffer.from(value), headers: bytes }; // prettier-ignore
      kafka.arrive(reply);
    };
    arrive(4, 'of somebody else', [['correlation-id', 'other']]);
    const reply = answer(record);
    const id = record.headers.filter(([name]) => name === 'correlation-id');
    if (reply) arrive(5, reply.value ?? '', [...id, ...(reply.headers ?? [])]);
  };
  return kafka;
}

function route(...plugins: object[]) {
  const paths = ['~/orders/(?P<id>\\d+)$', '/orders'];
  const entities = entitiesOf({ routes: [{ name: 'orders', paths, methods: ['PUT'], plugins }] });
  return kafkaRouteNamed(kafkaRoutes(entities, { env: {}, withSecrets: true }), undefined);
}

async function run(
  kafka: FakeKafka,
  flags: RequestFlags,
  more: { route?: ReturnType<typeof route>; stdin?: string; interrupted?: AbortSignal } = {},
) {
  const clients = new ObservedClients(kafka);
  const plugins = more.route ? pluginsOfRoute(more.route, flags) : pluginsOfFlags(flags, CONNECTION);
  const answer = await ask({
    clients,
    plugins,
    request: await requestOf(flags, Readable.from([more.stdin ?? '']), more.route),
    connectTimeoutMs: 0,
    interrupted: more.interrupted ?? new AbortController().signal,
  });
  assert.equal(kafka.closed, 1, 'nothing is left open');
  return { answer, clients, sent: clients.sent[0]?.record };
}

const FLAGS: RequestFlags = { topic: 'requests', replyTopic: 'replies' };

test('flags: the record, the reply among others, the times', async () => {
  const kafka = kafkaWith(() => ({ value: '{"ok":true}' }));
  const header = ['X-Tenant: a', 'Authorization: planted'];
  const { answer, sent, clients } = await run(kafka, { ...FLAGS, key: 'k1', header, data: '{"a":1}' });
  assert.deepEqual([answer!.status, answer!.body.toString(), answer!.code], [200, '{"ok":true}', 'ok']);
  assert.deepEqual([sent!.topic, sent!.key, sent!.value!.toString()], ['requests', 'k1', '{"a":1}']);
  const names = ['x-tenant', 'authorization', 'content-type', 'kong-kafka-key', 'host'];
  const expected = ['a', 'planted', 'application/json', undefined, undefined];
  assert.deepEqual(
    names.map((name) => headerOf(sent!, name)),
    expected,
  );
  assert.deepEqual(answer!.reply, { topic: 'replies', partition: 1, offset: 5 });
  assert.equal(clients.seenAt('replies', 1, 5)!.record.value!.toString(), '{"ok":true}');
  assert.ok(clients.sent[0]!.acknowledgedAtMs !== undefined);
  assert.equal(answer!.correlationId, headerOf(sent!, 'correlation-id'));
});

test('a pair of plugins and the one plugin ask alike, as the route says', async () => {
  const config = {
    bootstrap_servers: BROKERS,
    topic: 'requests',
    reply_topic: 'replies',
    key_source: 'path',
    key_name: 'id',
    message_format: 'envelope',
    forward_method: true,
    forward_uri: true,
  };
  const wait = { status_headers: ['s'] };
  for (const ofRoute of [
    route({ name: 'custom_kafka_producer', config }, { name: 'custom_kafka_consumer', config: wait }),
    route({ name: 'custom_kafka_request_reply', config: { ...config, reply: wait } }),
  ]) {
    const kafka = kafkaWith(() => ({ headers: [['s', '201']] }));
    const { answer, sent } = await run(
      kafka,
      { data: 'b', header: ['content-type: text/plain'], path: '/orders/7?x=1' },
      { route: ofRoute },
    );
    assert.deepEqual([answer!.status, sent!.key], [201, '7']);
    const { method, uri, uri_args, body } = JSON.parse(sent!.value!.toString()) as Record<string, unknown>;
    assert.deepEqual([method, uri, uri_args, body], ['PUT', '/orders/7?x=1', { x: '1' }, 'b']);
  }
});

test('one-way; the path of the route is the default; stdin is a body', async () => {
  const config = { bootstrap_servers: BROKERS, topic: 'requests', headers: { method_and_path: true } };
  const { answer, sent } = await run(
    kafkaWith(() => undefined),
    { data: '@-' },
    { route: route({ name: 'custom_kafka_producer', config }), stdin: 'from stdin' },
  );
  assert.deepEqual([answer!.status, answer!.body.toString()], [200, '{"message":"message sent"}']);
  assert.equal(sent!.value!.toString(), 'from stdin');
  assert.deepEqual([headerOf(sent!, ':path'), headerOf(sent!, ':method')], ['/orders', 'PUT']);
});

test('how it ends: an answer, an error of the service, no reply, nothing sent', async () => {
  const silent = () => undefined;
  const answered = await run(kafkaWith(() => ({ value: 'x' })), FLAGS); // prettier-ignore
  assert.equal(exitCodeFor(answered.answer!), EXIT.fine);
  const timeout = await run(kafkaWith(silent), { ...FLAGS, timeout: 20 });
  assert.deepEqual([timeout.answer!.code, exitCodeFor(timeout.answer!)], ['reply_timeout', EXIT.findings]);
  assert.match(timeout.answer!.body.toString(), /delivered to requests, no reply on replies in time/);
  assert.match(timeout.answer!.hints.join(), /the id in header correlation-id has 5 characters/);
  const failed = await run(kafkaWith(() => ({ headers: [['REPLY_ERROR', '']] })), FLAGS); // prettier-ignore
  assert.deepEqual([failed.answer!.code, exitCodeFor(failed.answer!)], ['responder_error', EXIT.findings]);
  const down = kafkaWith(silent);
  down.state = 'down';
  down.reason = 'Connection refused';
  const { answer, sent } = await run(down, FLAGS);
  assert.deepEqual([answer!.code, exitCodeFor(answer!), sent], ['not_ready', EXIT.failed, undefined]);
  const denied = kafkaWith(silent);
  denied.refusal = new GatewayError('produce_failed', 'not allowed');
  const unsent = await run(denied, FLAGS);
  assert.deepEqual([exitCodeFor(unsent.answer!), unsent.clients.sent], [EXIT.failed, []]);
});

test('a reply does not steer the terminal that its answer is shown on', async () => {
  const hostile = '\u009b2J\u001b]0;x\u0007';
  const headers: Headers = [
    ['x-note', 'a\u009b2Jb'],
    ['content-type', 'text/plain'],
  ];
  const { answer } = await run(
    kafkaWith(() => ({ value: `a${hostile}\nb`, headers })),
    FLAGS,
  );
  let printed = '';
  const sink = { write: (part: string | Uint8Array) => void (printed += String(part)), isTTY: true };
  const interrupted = new AbortController().signal;
  printReport(
    new Output({ stdout: sink, stderr: sink, stdin: Readable.from([]), env: {}, interrupted }, false),
    { answer: answer!, sent: undefined, reply: undefined, startedAtMs: 0, endedAtMs: 0 },
    { verbose: false, include: true, mask: maskOf() },
  );
  assert.match(printed, /^x-note: a\\u\{9b\}2Jb$/m);
  assert.match(printed, /\n\na\\u\{9b\}2J\\u\{1b\}\]0;x\\u\{7\}\nb$/);
});

test('an interruption ends the wait', async () => {
  const controller = new AbortController();
  const kafka = kafkaWith(() => {
    setImmediate(() => controller.abort());
    return undefined;
  });
  const { answer } = await run(kafka, { ...FLAGS, timeout: 60_000 }, { interrupted: controller.signal });
  assert.equal(answer, undefined);
});

test('brokers of the command line replace those of the route; how records are produced stays', () => {
  const kafka = new FakeKafka();
  const seen: object[] = [];
  const acquire = kafka.acquire.bind(kafka);
  const pool = Object.assign(kafka, {
    acquire: (key: string, connection?: object) => {
      seen.push(connection!);
      return acquire(key);
    },
  });
  const produce = { acks: 1 } as never;
  new ObservedClients(pool, { bootstrapServers: ['mine:1'] }).acquire('k', { bootstrapServers: ['theirs:1'], produce }); // prettier-ignore
  assert.deepEqual(seen, [{ bootstrapServers: ['mine:1'], produce }]);
});

const PRODUCER = {
  name: 'custom_kafka_producer',
  config: { bootstrap_servers: BROKERS, topic: 'requests', reply_topic: 'replies' },
};

test('which plugin of a name runs: that of the route, else of its service, else that of all', () => {
  const plugin = (topic: string) => ({ ...PRODUCER, config: { ...PRODUCER.config, topic } });
  const ofService = { routes: [{ name: 'a' }, { name: 'b', plugins: [plugin('of-route')] }], plugins: [plugin('of-service')] }; // prettier-ignore
  const topics = (...more: object[]) =>
    kafkaRoutes(
      entitiesOf({ services: [{ name: 's', ...ofService }], routes: [{ name: 'c' }], plugins: [plugin('of-all'), ...more] }), // prettier-ignore
      { env: {}, withSecrets: true },
    ).map(({ route: { name }, request }) => `${name} ${request.config?.topic}`);
  assert.deepEqual(topics(), ['a of-service', 'b of-route', 'c of-all']);
  assert.deepEqual(
    topics({ ...plugin('named'), route: 'a' }, { ...plugin('off'), route: 'c', enabled: false }),
    ['a named', 'b of-route', 'c of-all'],
  );
});

const STREAM = { mode: 'stream', stream: { end_header: 'last' } };
const ONE_EVENT = (more: object) => ({
  ...PRODUCER,
  name: 'custom_kafka_request_reply',
  config: { ...PRODUCER.config, ...more },
});
const SECRET_OF_KONG = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://aws/x}' };
const withConfig = (more: object) => ({ ...PRODUCER, config: { ...PRODUCER.config, ...more } });

for (const [what, act, sentence] of [
  ['no topic', () => pluginsOfFlags({}, CONNECTION), /^Say where the record goes/],
  [
    'a topic that is none',
    () => pluginsOfFlags({ topic: 'a/b' }, CONNECTION),
    /^The flags do not fit: topic: must be a Kafka topic name/,
  ],
  [
    'a dialect that is none',
    () => pluginsOfFlags({ ...FLAGS, dialect: ['esperanto'] }, CONNECTION),
    /dialects\.0: must be one of plain/,
  ],
  [
    'nobody who waits',
    () => pluginsOfRoute(route(PRODUCER), {}),
    /there is no custom_kafka_consumer on the route/,
  ],
  [
    'route and topic',
    () => pluginsOfRoute(route(PRODUCER), { replyTopic: 'x' }),
    /^--reply-topic cannot be combined/,
  ],
  // The pair sent its record, and then said that the plugin server needs --http-listen.
  [
    'the one plugin, with a stream',
    () => pluginsOfRoute(route(ONE_EVENT({ reply: STREAM })), {}),
    /^route orders, custom_kafka_request_reply has mode: stream, .* kong-kafka tail/,
  ],
  [
    'a pair, with a stream',
    () => pluginsOfRoute(route(PRODUCER, { name: 'custom_kafka_consumer', config: STREAM }), {}),
    /^route orders, custom_kafka_consumer has mode: stream, .* kong-kafka tail/,
  ],
  [
    'a route that gives replies to earlier requests',
    () => route(ONE_EVENT({ reply: { mode: 'result', result_secret: 'planted, sixteen characters' } })),
    /^The configuration has no route that sends requests to Kafka/,
  ],
  [
    'a configuration that cannot work',
    () => route({ ...PRODUCER, config: {} }),
    /^route orders, custom_kafka_producer: .*required option is missing\.$/,
  ],
  [
    'a secret in a vault of Kong',
    () => route(withConfig({ authentication: SECRET_OF_KONG })),
    /authentication\.password in a vault that only Kong can open/,
  ],
] as const)
  // prettier-ignore
  test(`refused: ${what}`, () => {
    assert.throws(act, (error: Error & { exitCode?: number }) => {
      assert.equal(error.exitCode, EXIT.usage);
      assert.match(error.message, sentence);
      return true;
    });
  });

/** The first one of the route was taken: GET, with a body. */
test('the method is the usual one where the route takes it, else the first that it takes', async () => {
  const methodWith = async (methods: string[], flags: RequestFlags) => {
    const entities = entitiesOf({ routes: [{ name: 'orders', methods, plugins: [PRODUCER] }] });
    const [of] = kafkaRoutes(entities, { env: {}, withSecrets: true });
    return (await requestOf(flags, Readable.from([]), of)).method;
  };
  const body = { data: '{}' };
  assert.equal(await methodWith(['GET', 'POST'], body), 'POST');
  assert.equal(await methodWith(['POST', 'GET'], {}), 'GET');
  assert.equal(await methodWith(['PUT', 'PATCH'], body), 'PUT');
  assert.equal(await methodWith([], body), 'POST');
  assert.equal(await methodWith(['GET'], { ...body, method: 'DELETE' }), 'DELETE');
});

test('a header that is none is refused without its value', async () => {
  const refused = requestOf({ header: ['bad name: planted'] }, Readable.from([]), undefined);
  await assert.rejects(refused, (error: Error) => !error.message.includes('planted'));
});
