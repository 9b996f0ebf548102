import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { GatewayError } from '../../../bridge/errors';
import type { OutgoingRecord } from '../../../bridge/kafka/records';
import { exportSpans } from '../../../bridge/telemetry/trace-export';
import type { TracerOptions } from '../../../bridge/telemetry/tracing';
import { captureLog } from '../../pluginserver/support/serving';
import { headerOf } from '../../support/fake-kafka';
import { heldBytes } from '../../support/memory';
import { receivedRecord } from '../../support/records';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const NOT_SAMPLED = `00-${TRACE}-${SPAN}-00`;
const RESPONDER = '1111111111111111';

const OUTCOME = { success: { code: 0 }, failure: { code: 1, error: new Error('connection refused') } };

/** A collector in memory. */
class Collected implements SpanExporter {
  readonly spans: ReadableSpan[] = [];
  outcome: { code: number; error?: Error } = OUTCOME.success;

  export(...[spans, onResult]: Parameters<SpanExporter['export']>): void {
    if (this.outcome === OUTCOME.success) this.spans.push(...spans);
    onResult(this.outcome);
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  named(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    assert.equal(found.length, 1, `${name} in ${this.spans.map((span) => span.name).join(', ')}`);
    return found[0] as ReadableSpan;
  }
}

afterEach(() => {
  delete process.env.OTEL_TRACES_SAMPLER;
  delete process.env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE;
  delete process.env.OTEL_BSP_EXPORT_TIMEOUT;
  delete process.env.OTEL_SERVICE_NAME;
});

function setUp(options: Partial<TracerOptions> = {}) {
  const collected = new Collected();
  const tracing = exportSpans(collected);
  return { collected, tracing, tracer: tracing.tracer({ replyTopic: 'replies', b3: 'off', ...options }) };
}

function recordWith(...headers: [string, string][]): OutgoingRecord {
  return {
    topic: 'orders',
    value: Buffer.from('12345'),
    headers: [['content-type', 'text/plain'], ...headers],
  };
}

function replyWith(headers: Record<string, string> = {}) {
  return { ...receivedRecord({ headers, value: 'done' }), partition: 3, offset: 42 };
}

test('a request is two spans below that of the client, linked to that of the responder', async () => {
  const { collected, tracing, tracer } = setUp();
  const trace = tracer.begin(recordWith(['traceparent', SAMPLED], ['tracestate', 'a=1']), 'wire-id');
  trace.delivered(undefined);
  trace.ended(replyWith({ traceparent: `00-${TRACE}-${RESPONDER}-01` }), undefined);
  await tracing.close();

  const send = collected.named('send orders');
  assert.equal(send.kind, SpanKind.PRODUCER);
  assert.equal(send.parentSpanContext?.spanId, SPAN);
  assert.equal(send.spanContext().traceId, TRACE);
  assert.equal(send.spanContext().traceState?.serialize(), 'a=1');
  assert.equal(send.status.code, SpanStatusCode.UNSET);
  assert.deepEqual(send.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    'messaging.message.body.size': 5,
    'messaging.message.conversation_id': 'wire-id',
  });

  const receive = collected.named('receive replies');
  assert.equal(receive.kind, SpanKind.CONSUMER);
  assert.equal(receive.parentSpanContext?.spanId, send.spanContext().spanId);
  assert.deepEqual(
    receive.links.map(({ context }) => [context.traceId, context.spanId, context.isRemote]),
    [[TRACE, RESPONDER, true]],
  );
  assert.equal(receive.status.code, SpanStatusCode.UNSET);
  assert.deepEqual(receive.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'receive',
    'messaging.operation.type': 'receive',
    'messaging.destination.name': 'replies',
    'messaging.message.conversation_id': 'wire-id',
    'messaging.destination.partition.id': '3',
    'messaging.kafka.offset': 42,
    'messaging.message.body.size': 4,
  });
  assert.deepEqual(tracing.status(), { spans_exported: 2, spans_lost: 0 });
});

test('the record carries the span that sends it, and what it carried besides', () => {
  const { tracer } = setUp();
  const record = recordWith(['traceparent', SAMPLED], ['tracestate', 'a=1']);
  const trace = tracer.begin(record, 'wire-id');
  const traced = trace.traced(record);
  assert.match(headerOf(traced, 'traceparent') ?? '', new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`));
  assert.equal(traced.headers.filter(([name]) => name === 'traceparent').length, 1);
  assert.equal(headerOf(traced, 'tracestate'), 'a=1');
  assert.equal(headerOf(traced, 'content-type'), 'text/plain');
  assert.equal(trace.traceId, TRACE);
  assert.equal(headerOf(record, 'traceparent'), SAMPLED, 'not changed');
});

test('without a trace of the client one begins here', async () => {
  const { collected, tracing, tracer } = setUp({ b3: 'single' });
  const trace = tracer.begin(recordWith(), undefined);
  const traced = trace.traced(recordWith());
  trace.delivered(undefined);
  await tracing.close();
  const { traceId, spanId } = collected.named('send orders').spanContext();
  assert.equal(headerOf(traced, 'traceparent'), `00-${traceId}-${spanId}-01`);
  assert.equal(headerOf(traced, 'b3'), `${traceId}-${spanId}-1`);
  assert.equal(trace.traceId, traceId);
  assert.equal(collected.named('send orders').parentSpanContext, undefined);
});

test('a trace that the client does not sample goes on as it came, and nothing is exported', async () => {
  const { collected, tracing, tracer } = setUp();
  const record = recordWith(['traceparent', NOT_SAMPLED]);
  const trace = tracer.begin(record, 'wire-id');
  assert.equal(trace.traced(record), record);
  trace.delivered(undefined);
  trace.ended(replyWith(), undefined);
  await tracing.close();
  assert.deepEqual(collected.spans, []);
});

/** Without a word the responder's own sampler would begin a trace of which the first half is missing. */
test('where the sampler here says no, the responder learns so', async () => {
  process.env.OTEL_TRACES_SAMPLER = 'parentbased_always_off';
  const { collected, tracing, tracer } = setUp();
  const trace = tracer.begin(recordWith(), 'wire-id');
  const text = headerOf(trace.traced(recordWith()), 'traceparent') ?? '';
  assert.match(text, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(trace.traceId, text.split('-')[1]);
  trace.delivered(undefined);
  trace.ended(replyWith(), undefined);
  await tracing.close();
  assert.deepEqual(collected.spans, []);
});

test('a record that the broker refuses is one span, with the code the client gets', async () => {
  const { collected, tracing, tracer } = setUp();
  const trace = tracer.begin(recordWith(), 'wire-id');
  trace.delivered(new GatewayError('produce_failed', 'orders: not allowed'));
  trace.ended(undefined, 'produce_failed');
  await tracing.close();
  assert.equal(collected.spans.length, 1);
  const send = collected.named('send orders');
  assert.equal(send.attributes['error.type'], 'produce_failed');
  assert.deepEqual(send.status, { code: SpanStatusCode.ERROR }, 'no text: it may name brokers');
});

test('a wait that ends in an error says which, with or without a reply', async () => {
  const { collected, tracing, tracer } = setUp();
  for (const [reply, code] of [
    [undefined, 'reply_timeout'],
    [replyWith({ traceparent: SAMPLED }), 'reply_invalid'],
  ] as const) {
    const trace = tracer.begin(recordWith(), 'wire-id');
    trace.ended(reply, code);
    // The report comes late, and once more than it should.
    trace.delivered(undefined);
    trace.delivered(new GatewayError('produce_timeout', ''));
  }
  await tracing.close();
  const receives = collected.spans.filter((span) => span.name === 'receive replies');
  assert.deepEqual(
    receives.map((span) => [span.attributes['error.type'], span.status.code, span.links.length]),
    [
      ['reply_timeout', SpanStatusCode.ERROR, 0],
      ['reply_invalid', SpanStatusCode.ERROR, 1],
    ],
  );
  for (const send of collected.spans.filter((span) => span.name === 'send orders'))
    assert.equal(send.status.code, SpanStatusCode.UNSET);
});

test("a node's own reply topic is called by its template", async () => {
  const { collected, tracing, tracer } = setUp({ replyTopic: 'replies.{node}' });
  tracer.begin(recordWith(), 'wire-id').ended(replyWith(), undefined);
  await tracing.close();
  const { attributes } = collected.named('receive replies.{node}');
  assert.equal(attributes['messaging.destination.template'], 'replies.{node}');
  assert.equal(attributes['messaging.destination.name'], undefined);
});

test('a reply that names no span, or nonsense, is linked to none', async () => {
  const { collected, tracing, tracer } = setUp({ b3: 'multi' });
  for (const headers of [
    {},
    { traceparent: 'x' },
    { traceparent: `cc-${TRACE}-${SPAN}-01-${'x'.repeat(300)}` },
    { b3: '0' },
  ])
    tracer.begin(recordWith(), 'wire-id').ended(replyWith(headers), undefined);
  tracer
    .begin(recordWith(), 'wire-id')
    .ended(replyWith({ 'X-B3-TraceId': TRACE, 'X-B3-SpanId': RESPONDER }), undefined);
  await tracing.close();
  assert.deepEqual(
    collected.spans.map((span) => span.links.map(({ context }) => context.spanId)),
    [[], [], [], [], [RESPONDER]],
  );
});

test('the process names itself, unless somebody else has', async () => {
  for (const given of [undefined, 'edge']) {
    if (given !== undefined) process.env.OTEL_SERVICE_NAME = given;
    const { collected, tracing, tracer } = setUp();
    tracer.begin(recordWith(), undefined).delivered(undefined);
    await tracing.close();
    const { attributes } = collected.named('send orders').resource;
    assert.equal(attributes['service.name'], given ?? 'kong-kafka-pluginserver');
    assert.match(String(attributes['service.version']), /^\d+\.\d+\.\d+/);
  }
});

test('a collector that is away is one line, and another when it is back', async (t) => {
  process.env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE = '1';
  const lines = captureLog(t);
  const { collected, tracing, tracer } = setUp();
  const send = async (): Promise<void> => {
    tracer.begin(recordWith(), undefined).delivered(undefined);
    await new Promise(setImmediate);
  };
  collected.outcome = OUTCOME.failure;
  await send();
  await send();
  collected.outcome = OUTCOME.success;
  await send();
  await send();
  assert.deepEqual(tracing.status(), { spans_exported: 2, spans_lost: 2 });
  await tracing.close();
  assert.deepEqual(
    lines.map(({ level, message, reason, spans_lost }) => [level, message, reason ?? spans_lost]),
    [
      ['info', 'spans are exported by OpenTelemetry', undefined],
      ['warn', 'spans cannot be exported and are dropped until they can', 'connection refused'],
      ['info', 'spans are exported again', 2],
    ],
  );
});

/** The SDK's queue holds 2048 spans; what a request keeps besides goes with it. */
test('a collector that never answers costs no memory without bound', async () => {
  process.env.OTEL_BSP_EXPORT_TIMEOUT = '10000';
  let batches = 0;
  const tracing = exportSpans({ export: () => batches++, shutdown: () => Promise.resolve() });
  const tracer = tracing.tracer({ replyTopic: 'replies', b3: 'off' });
  const send = (count: number): void => {
    for (let index = 0; index < count; index++) {
      const trace = tracer.begin(recordWith(), 'wire-id');
      trace.delivered(undefined);
      trace.ended(replyWith(), undefined);
    }
  };
  send(5000);
  const before = await heldBytes();
  send(50_000);
  const grown = (await heldBytes()) - before;
  assert.ok(grown < 1e6, `${Math.round(grown / 1e6)} MB for 100,000 spans`);
  assert.ok(batches < 5, `${batches} batches under way: the next waits for the one before, or for its limit`);
  // And it does not hold the end up for long.
  const startedAt = performance.now();
  await tracing.close();
  assert.ok(performance.now() - startedAt < 8000);
});
