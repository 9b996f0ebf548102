import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogSinks } from '../../../bridge/log-sink/log-sinks';
import type { PhaseEvent } from '../../../bridge/phase';
import { parseLogConfig } from '../../../plugins/custom_kafka_log/config';
import { LogHandler } from '../../../plugins/custom_kafka_log/handler';
import { FakeClock } from '../../support/fake-clock';
import { FakeKafka } from '../../support/fake-kafka';
import { FakeKong } from '../../support/fake-kong';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'logs' };

function lab(options: object = {}) {
  const kafka = new FakeKafka();
  const sinks = new LogSinks({ clients: kafka, clock: new FakeClock() });
  const handler = new LogHandler(parseLogConfig({ ...LEAST, ...options }), sinks);
  return {
    kafka,
    sinks,
    handler,
    values: () => kafka.produced.map(({ record }) => record.value?.toString()),
  };
}

/** An event of our server that notes what is done with it. */
function event(steps: string[]): PhaseEvent {
  const done = (step: string) => () => void steps.push(step);
  return {
    requestId: undefined,
    tell: done('tell'),
    exit: done('exit'),
    pass: done('pass'),
    goOn: done('goOn'),
    onOver: done('onOver'),
  };
}

test('the phase asks one thing, and is over before anything is done with the answer', () => {
  const { handler, kafka, values } = lab({ entities: 'full', redact: [] });
  const steps: string[] = [];
  kafka.onProduce = () => void steps.push('produce');
  const { log } = handler.planned;
  assert.deepEqual(log.reads, [['kong.log.serialize']]);
  log.run(event(steps), ['{"a":"Z\xc3\xbcrich"}']);
  assert.deepEqual(steps, ['pass', 'produce']);
  assert.deepEqual(values(), ['{"a":"Zürich"}']);
});

test('the stock server hands over text, and asks nothing else: all that would be an error in this phase', async () => {
  const { handler, values } = lab();
  const kong = new FakeKong({ entry: '{"a":"Zürich"}' });
  await handler.log(kong);
  assert.deepEqual(kong.reads, ['serialize']);
  assert.deepEqual(values(), ['{"a":"Zürich"}']);
});

test('by default secrets are hidden and entities are short', () => {
  const { handler, values } = lab();
  const entry = {
    request: { headers: { 'x-api-key': 'planted' } },
    service: { id: 's', name: 'orders', host: 'internal' },
  };
  handler.planned.log.run(event([]), [JSON.stringify(entry)]);
  assert.deepEqual(JSON.parse(values()[0]!), {
    request: { headers: { 'x-api-key': '***' } },
    service: { id: 's', name: 'orders' },
  });
});

test('a request is none the wiser while Kafka is away', async () => {
  const { handler, kafka, sinks } = lab();
  kafka.state = 'down';
  const steps: string[] = [];
  handler.planned.log.run(event(steps), ['{}']);
  await handler.log(new FakeKong());
  assert.deepEqual(steps, ['pass']);
  assert.equal(sinks.held, 2);
});

test('the connection of entries is acknowledged by all, written once, in compressed batches', () => {
  const { kafka } = lab();
  assert.equal(kafka.acquired.length, 1);
  const config = parseLogConfig(LEAST);
  assert.equal(config.producer_request_acks, -1);
  assert.equal(config.producer_idempotence, true);
  assert.equal(config.compression_type, 'lz4');
  assert.equal(config.producer_async_flush_timeout, 1000);
});
