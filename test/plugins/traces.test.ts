/** How a request is followed, whichever plugins it runs through: spans, Kong's own trace, Kong's log entries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import type { RequestTrace, TracerOptions, Tracing } from '../../bridge/telemetry/tracing';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { replyTo, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const OURS = '11111111111111111111111111111111';
const TRACED = { headers: { traceparent: TRACEPARENT } };

/** Notes what it is told. */
class Told implements Tracing {
  readonly tracers: TracerOptions[] = [];
  readonly calls: unknown[][] = [];
  traceId: string | undefined;

  tracer(options: TracerOptions) {
    this.tracers.push(options);
    return {
      begin: (record: OutgoingRecord, correlationId: string | undefined): RequestTrace => {
        this.calls.push(['begin', record.topic, correlationId !== undefined]);
        return {
          traceId: this.traceId,
          traced: (given) => ({ ...given, headers: [...given.headers, ['traced', 'yes']] }),
          delivered: (error) => this.calls.push(['delivered', error?.code]),
          ended: (reply: ReceivedRecord | undefined, outcome) =>
            this.calls.push(['ended', reply?.value?.toString(), outcome]),
        };
      },
    };
  }

  status(): undefined {}

  close(): Promise<void> {
    this.calls.push(['close']);
    return Promise.resolve();
  }
}

interface Options {
  readonly config?: object;
  readonly reply?: object;
  readonly inOwnServer?: boolean;
}

/** A request through the two plugins, or through the one that does both. */
function route(plugins: 'two' | 'one', { config, reply, inOwnServer = true }: Options = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const tracing = new Told();
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.tracing = tracing;
  if (inOwnServer) requestReply.setTogether(true);
  const least = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };
  const { log_fields } = (config ?? {}) as { log_fields?: boolean };
  const handlers =
    plugins === 'two'
      ? [
          new ProducerHandler(parseProducerConfig({ ...least, ...config }), requestReply),
          new ConsumerHandler(
            parseConsumerConfig({ ...reply, ...(log_fields && { log_fields }) }),
            requestReply,
          ),
        ]
      : [new RequestReplyHandler(parseRequestReplyConfig({ ...least, ...config, reply }), requestReply)];

  /** Kongs of its events; resolves when the client is held or answered. */
  const ask = async (request: FakeRequest = {}) => {
    const kongs: FakeKong[] = [];
    let held = Promise.resolve();
    for (const handler of handlers) {
      if (kongs.some((kong) => kong.exits.length > 0)) break;
      const kong = new FakeKong(request, kongs[0]?.shared);
      kongs.push(kong);
      held = handler.access(kong);
      await settled();
    }
    const last = kongs.at(-1)!;
    return { kongs, first: kongs[0]!, last, held };
  };
  return { clock, kafka, tracing, requestReply, ask };
}

for (const plugins of ['two', 'one'] as const) {
  test(`a request is told to the trace from begin to end (${plugins})`, async () => {
    const { kafka, tracing, requestReply, ask } = route(plugins, { config: { trace: { b3: 'single' } } });
    assert.deepEqual(tracing.tracers, [{ replyTopic: 'replies', b3: 'single' }]);
    const { held } = await ask();
    assert.equal(headerOf(kafka.produced[0]!.record, 'traced'), 'yes', 'the record is the traced one');
    kafka.produced[0]!.onDelivery(undefined);
    kafka.arrive(replyTo(kafka, 0, 'done'));
    await held;
    assert.deepEqual(tracing.calls, [
      ['begin', 'orders', true],
      ['delivered', undefined],
      ['ended', 'done', undefined],
    ]);
    await requestReply.close();
    assert.deepEqual(tracing.calls.at(-1), ['close'], 'what is left is exported');
  });

  test(`of a failed delivery the trace learns first (${plugins})`, async () => {
    const { kafka, tracing, ask } = route(plugins);
    const { held } = await ask();
    kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'not allowed'));
    await held;
    assert.deepEqual(tracing.calls.slice(1), [
      ['delivered', 'produce_failed'],
      ['ended', undefined, 'produce_failed'],
    ]);
  });

  test(`an answer that is an error is told with its code (${plugins})`, async () => {
    const { kafka, tracing, ask } = route(plugins, { reply: { reply_format: 'envelope' } });
    const invalid = await ask();
    kafka.arrive(replyTo(kafka, 0, 'no envelope'));
    await invalid.held;
    assert.deepEqual(tracing.calls.at(-1), ['ended', 'no envelope', 'reply_invalid']);
    const left = await ask();
    left.last.disconnect();
    await left.held;
    assert.deepEqual(tracing.calls.at(-1), ['ended', undefined, 'client_gone']);
  });

  test(`Kong's own trace joins that of the client, by one call (${plugins})`, async () => {
    const { kafka, tracing, ask } = route(plugins, { config: { trace: { kong: 'join' } } });
    // That of a client is the one it has anyway.
    tracing.traceId = TRACE;
    const { kongs, first, held } = await ask(TRACED);
    kafka.arrive(replyTo(kafka, 0, 'done'));
    await held;
    assert.deepEqual(first.context.get('TRACING_CONTEXT'), {
      trace_id: { raw: Buffer.from(TRACE, 'hex').toString('latin1'), formatted: {} },
      unlinked_spans: {},
    });
    assert.equal(
      kongs.reduce((calls, kong) => calls + kong.contextCalls, 0),
      1,
    );
  });

  test(`or that which begins here, and none where there is none (${plugins})`, async () => {
    const { tracing, ask } = route(plugins, { config: { trace: { kong: 'join' } } });
    const { first: without } = await ask({ headers: { traceparent: 'nonsense' } });
    assert.equal(without.contextCalls, 0);
    tracing.traceId = OURS;
    const { first } = await ask();
    const { trace_id } = first.context.get('TRACING_CONTEXT') as { trace_id: { raw: string } };
    assert.equal(Buffer.from(trace_id.raw, 'latin1').toString('hex'), OURS);
    assert.equal(first.contextCalls, 1);
  });

  test(`a request that is refused joins it, too (${plugins})`, async () => {
    const { ask } = route(plugins, { config: { trace: { kong: 'join' }, max_request_bytes: 1 } });
    const { first } = await ask({ ...TRACED, body: 'too much' });
    assert.equal(first.answer.status, 413);
    assert.equal(first.contextCalls, 1);
  });

  test(`Kong is not told of a trace that the configuration keeps out, nor without the option (${plugins})`, async () => {
    const excluded = { trace: { kong: 'join' }, headers: { exclude_headers: ['traceparent'] } };
    for (const config of [excluded, {}]) {
      const { first } = await route(plugins, { config }).ask(TRACED);
      assert.equal(first.contextCalls, 0);
    }
    // The stock server would send the bytes of the id as UTF-8.
    const stock = await route(plugins, { config: { trace: { kong: 'join' } }, inOwnServer: false }).ask(
      TRACED,
    );
    assert.equal(stock.first.contextCalls, 0);
  });

  test(`log plugins learn what became of a request, by one call (${plugins})`, async () => {
    const { kafka, ask } = route(plugins, { config: { log_fields: true } });
    const { kongs, last, held } = await ask();
    const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId');
    kafka.arrive({ ...replyTo(kafka, 0, 'done'), partition: 2, offset: 7 });
    await held;
    assert.deepEqual(last.logEntry.get('kafka'), {
      code: 'ok',
      topic: 'orders',
      correlation_id: id,
      reply_topic: 'replies',
      partition: 2,
      offset: 7,
    });
    assert.equal(
      kongs.reduce((calls, kong) => calls + kong.logEntry.size, 0),
      1,
    );

    const refused = await ask();
    kafka.produced[1]!.onDelivery(new GatewayError('produce_failed', 'not allowed'));
    await refused.held;
    const { code, topic } = refused.last.logEntry.get('kafka') as { code: string; topic: string };
    assert.deepEqual([code, topic], ['produce_failed', 'orders']);
  });

  test(`without the option they learn nothing (${plugins})`, async () => {
    const { kafka, ask } = route(plugins);
    const { kongs, held } = await ask();
    kafka.arrive(replyTo(kafka, 0, 'done'));
    await held;
    assert.ok(kongs.every((kong) => kong.logEntry.size === 0));
  });
}

for (const producer_async of [false, true]) {
  test(`one-way, a record is told of until it is delivered (async: ${producer_async})`, async () => {
    const config = { reply_topic: undefined, producer_async, log_fields: true };
    const { kafka, tracing, ask } = route('two', { config });
    const { first, held } = await ask();
    assert.equal(headerOf(kafka.produced[0]!.record, 'traced'), 'yes');
    kafka.produced[0]!.onDelivery(undefined);
    await held;
    assert.deepEqual(tracing.calls, [
      ['begin', 'orders', false],
      ['delivered', undefined],
    ]);
    assert.deepEqual(first.logEntry.get('kafka'), { code: 'ok', topic: 'orders' });
  });
}

test('one-way, a client that is told produce_timeout is the end of the trace', async () => {
  const { clock, kafka, tracing, ask } = route('two', {
    config: { reply_topic: undefined, log_fields: true },
  });
  const { first, held } = await ask();
  clock.advance(60_000);
  await held;
  assert.equal(first.answer.json.code, 'produce_timeout');
  kafka.produced[0]!.onDelivery(undefined);
  assert.deepEqual(tracing.calls.slice(1), [['delivered', 'produce_timeout']]);
  assert.deepEqual(first.logEntry.get('kafka'), { code: 'produce_timeout', topic: 'orders' });
});

test('apart, the record is traced and the wait, which is elsewhere, is not', async () => {
  const { kafka, tracing, ask } = route('two', { inOwnServer: false });
  await ask();
  assert.equal(headerOf(kafka.produced[0]!.record, 'traced'), 'yes');
  kafka.produced[0]!.onDelivery(undefined);
  assert.deepEqual(tracing.calls, [
    ['begin', 'orders', true],
    ['delivered', undefined],
  ]);
});
