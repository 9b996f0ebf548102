/**
 * Traces end to end: real Kafka, real plugin server, the official SDK on both sides, a collector of the test's own. The
 * responder is instrumented as services are: it knows the gateway by the headers of records only.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { freePorts } from '../../dev/kafka/ports';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { Collector, type CollectedSpan } from '../support/collector';
import { eventually } from '../support/gateway-client';
import { ask, Stack, type TestRoute } from '../support/stack';

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
const requests: ReceivedRecord[] = [];
let collector: Collector;
let routes: TestRoute[];
let stack: Stack;
let topic: string;
let replyTopic: string;

/** The responder's half of a trace: reads the context of a request, gives that of its own span to the reply. */
function instrumented(url: string) {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'orders' }),
    spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))],
  });
  const tracer = provider.getTracer('test');
  const propagator = new W3CTraceContextPropagator();
  const getter = {
    keys: ({ headers }: ReceivedRecord) => headers.map(([name]) => name),
    get: ({ headers }: ReceivedRecord, key: string) => headers.find(([name]) => name === key)?.[1].toString(),
  };
  const replyHeaders = (request: ReceivedRecord): Record<string, string> => {
    const parent = propagator.extract(ROOT_CONTEXT, request, getter);
    const span = tracer.startSpan(`process ${request.topic}`, { kind: SpanKind.CONSUMER }, parent);
    const headers: Record<string, string> = {};
    propagator.inject(trace.setSpan(parent, span), headers, {
      set: (carrier: Record<string, string>, name, value) => void (carrier[name] = value),
    });
    span.end();
    return headers;
  };
  return { replyHeaders, shutdown: () => provider.shutdown() };
}

before(async () => {
  collector = await Collector.start();
  cleanUps.push(() => collector.close());
  [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const service = instrumented(collector.url);
  cleanUps.push(() => service.shutdown());
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic }],
    onRequest: (request) => requests.push(request),
    replyHeaders: service.replyHeaders,
  });
  cleanUps.push(() => responder.close());
  const answered = { topic, reply_topic: replyTopic };
  routes = [
    { path: '/two', producer: answered, consumer: {} },
    { path: '/one', requestReply: { ...answered, trace: { b3: 'single' } } },
    {
      path: '/nobody',
      producer: { topic: await kafka.topic(), reply_topic: replyTopic },
      consumer: { timeout: 300 },
    },
    { path: '/one-way', producer: { topic: await kafka.topic() } },
  ];
  stack = await Stack.start(kafka.bootstrapServers, routes, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

/** What a traced client sends. */
function client(flags: '00' | '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

function textOf(record: ReceivedRecord | undefined, wanted: string): string | undefined {
  return record?.headers.find(([name]) => name === wanted)?.[1].toString();
}

async function spansOf(traceId: string, names: readonly string[]): Promise<CollectedSpan[]> {
  const found = () => names.map((wanted) => collector.ofTrace(traceId).find(({ name }) => name === wanted));
  await eventually(() => found().every(Boolean));
  assert.equal(collector.ofTrace(traceId).length, names.length);
  return found() as CollectedSpan[];
}

for (const path of ['/two', '/one']) {
  test(`one trace from the client to the reply (${path})`, async () => {
    const { traceId, spanId, traceparent } = client('01');
    const headers = { traceparent, tracestate: 'vendor=1', baggage: 'user=7' };
    assert.equal((await ask(`${stack.url}${path}`, { headers, body: '12345' })).status, 200);
    const names = [`send ${topic}`, `process ${topic}`, `receive ${replyTopic}`];
    const [send, process, receive] = (await spansOf(traceId, names)) as [
      CollectedSpan,
      CollectedSpan,
      CollectedSpan,
    ];
    assert.deepEqual(
      [send, process, receive].map(({ service }) => service),
      ['kong-kafka-pluginserver', 'orders', 'kong-kafka-pluginserver'],
    );
    assert.equal(send.parentSpanId, spanId);
    assert.equal(process.parentSpanId, send.spanId);
    assert.equal(receive.parentSpanId, send.spanId);
    assert.deepEqual(
      receive.links.map((link) => [link.traceId, link.spanId]),
      [[traceId, process.spanId]],
    );
    assert.deepEqual([send.kind, receive.kind], [4, 5]);
    assert.deepEqual([send.status, receive.status], [0, 0]);
    const request = requests.at(-1);
    assert.equal(
      send.attributes['messaging.message.conversation_id'],
      textOf(request, 'kafka_correlationId'),
    );
    assert.equal(
      receive.attributes['messaging.message.conversation_id'],
      send.attributes['messaging.message.conversation_id'],
    );
    assert.equal(send.attributes['messaging.message.body.size'], 5);
    assert.equal(textOf(request, 'traceparent'), `00-${traceId}-${send.spanId}-01`);
    assert.equal(textOf(request, 'tracestate'), 'vendor=1');
    assert.equal(textOf(request, 'baggage'), 'user=7');
    assert.equal(textOf(request, 'b3'), path === '/one' ? `${traceId}-${send.spanId}-1` : undefined);
  });
}

test('a client that does not sample is followed by nobody, and its context goes on unchanged', async () => {
  const { traceId, traceparent } = client('00');
  assert.equal((await ask(`${stack.url}/two`, { headers: { traceparent } })).status, 200);
  assert.equal(textOf(requests.at(-1), 'traceparent'), traceparent);
  // What is sampled afterwards is exported afterwards.
  const next = client('01');
  await ask(`${stack.url}/two`, { headers: { traceparent: next.traceparent } });
  await spansOf(next.traceId, [`send ${topic}`, `process ${topic}`, `receive ${replyTopic}`]);
  assert.deepEqual(collector.ofTrace(traceId), []);
});

test('without a client that traces, a trace begins at the gateway', async () => {
  assert.equal((await ask(`${stack.url}/two`, { headers: { traceparent: 'nonsense' } })).status, 200);
  const [, traceId = '', spanId] = textOf(requests.at(-1), 'traceparent')?.split('-') ?? [];
  const [send] = await spansOf(traceId, [`send ${topic}`, `process ${topic}`, `receive ${replyTopic}`]);
  assert.deepEqual([send?.spanId, send?.parentSpanId], [spanId, '']);
});

test('a wait without a reply is an error with the code of the answer', async () => {
  const { traceId, traceparent } = client('01');
  assert.equal((await ask(`${stack.url}/nobody`, { headers: { traceparent } })).json.code, 'reply_timeout');
  const { topic: silent } = routes[2]!.producer as { topic: string };
  const [send, receive] = await spansOf(traceId, [`send ${silent}`, `receive ${replyTopic}`]);
  assert.deepEqual([send?.status, receive?.status], [0, 2]);
  assert.equal(receive?.attributes['error.type'], 'reply_timeout');
  assert.deepEqual(receive?.links, []);
});

test('a one-way request is one span', async () => {
  const { traceId, traceparent } = client('01');
  assert.equal((await ask(`${stack.url}/one-way`, { headers: { traceparent } })).status, 200);
  const { topic: silent } = routes[3]!.producer as { topic: string };
  await spansOf(traceId, [`send ${silent}`]);
});

test('what is left at the end is exported before it', async (t) => {
  const other = await Stack.start(kafka.bootstrapServers, routes, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '600000' },
  });
  t.after(() => other.gateway.stop());
  const { traceId, traceparent } = client('01');
  assert.equal((await ask(`${other.url}/two`, { headers: { traceparent } })).status, 200);
  assert.equal(await other.server.stop(), 0);
  await spansOf(traceId, [`send ${topic}`, `process ${topic}`, `receive ${replyTopic}`]);
});

test('a collector that is away costs requests nothing, and the end a few seconds', async (t) => {
  const [port] = await freePorts(1);
  const other = await Stack.start(kafka.bootstrapServers, routes, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_BSP_SCHEDULE_DELAY: '10',
    },
  });
  t.after(() => other.gateway.stop());
  await ask(`${other.url}/two`);
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(`${other.url}/two`)));
  assert.ok(answers.every(({ status }) => status === 200));
  await other.server.child.until(/spans cannot be exported and are dropped until they can/);
  const { plugins } = (await other.server.status()) as {
    plugins: {
      custom_kafka_producer: { process: { tracing: { spans_exported: number; spans_lost: number } } };
    };
  };
  const { tracing } = plugins.custom_kafka_producer.process;
  assert.equal(tracing.spans_exported, 0);
  assert.ok(tracing.spans_lost > 0);
  const startedAt = performance.now();
  assert.equal(await other.server.stop(), 0);
  assert.ok(performance.now() - startedAt < 8000);
});
