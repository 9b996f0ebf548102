import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../../bridge/errors';
import { recordShape, type ShapeOptions } from '../../../bridge/log-entry/record-shape';
import { LogSinks, type OpenSinkOptions } from '../../../bridge/log-sink/log-sinks';
import { closeSchemas, schemaRegistryStatus } from '../../../bridge/schemas';
import { setLogSink } from '../../../bridge/telemetry/log';
import { Metrics, TEXT_TYPE } from '../../../bridge/telemetry/metrics';
import { StubRegistry } from '../../../dev/registry/stub-registry';
import { FakeClock } from '../../support/fake-clock';
import { FakeKafka } from '../../support/fake-kafka';
import { UNTOUCHED } from '../../support/log-entries';

let lines: Record<string, unknown>[] = [];
let restoreLog = (): void => undefined;
beforeEach(() => {
  lines = [];
  restoreLog = setLogSink((line) => lines.push(JSON.parse(line) as Record<string, unknown>));
});
afterEach(() => restoreLog());

function lab(
  limits: { maxRecords?: number; maxBytes?: number; ofAll?: number; shape?: Partial<ShapeOptions> } = {},
) {
  const [kafka, clock] = [new FakeKafka(), new FakeClock()];
  const sinks = new LogSinks({ clients: kafka, clock, ...(limits.ofAll && { maxBytes: limits.ofAll }) });
  const open = (more: Partial<OpenSinkOptions> = {}) =>
    sinks.open({
      key: 'k',
      connectionKey: 'c',
      connection: { bootstrapServers: ['kafka:9092'] },
      topic: 'logs',
      shape: recordShape({ ...UNTOUCHED, ...limits.shape }),
      maxRecords: limits.maxRecords ?? 100,
      maxBytes: limits.maxBytes ?? 1_000_000,
      ...more,
    });
  const numbers = () => kafka.produced.map(({ record }) => Number(record.value!.toString().slice(5, -1)));
  const acknowledge = (count = Infinity, error?: GatewayError) => {
    for (const { onDelivery } of kafka.produced.splice(0, count)) onDelivery(error);
  };
  return { kafka, clock, sinks, open, numbers, acknowledge };
}

const entry = (number: number): Buffer => Buffer.from(`{"n":${number}}`);
const away = () => new GatewayError('not_ready', 'No connection to Kafka.');

/** What every story ends with: no entry without an end, and nothing kept of it. */
function nothingIsMissing(sinks: LogSinks): void {
  const { accepted, delivered, dropped, lost } = sinks.totals;
  assert.equal(delivered + dropped + lost, accepted);
  assert.equal(sinks.held, 0);
  assert.equal(sinks.memory.held, 0);
}

test('entries are handed over in order, and counted when a broker has them', () => {
  const { open, sinks, numbers, acknowledge } = lab();
  const sink = open();
  for (let number = 0; number < 10; number++) sink.write(entry(number));
  assert.deepEqual(numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(sinks.totals.delivered, 0);
  acknowledge();
  assert.equal(sinks.totals.delivered, 10);
  nothingIsMissing(sinks);
});

test('while Kafka is away entries wait, the oldest are dropped, and the rest goes out in order when it is back', () => {
  const { kafka, clock, open, sinks, numbers, acknowledge } = lab({ maxRecords: 5 });
  kafka.state = 'down';
  const sink = open();
  for (let number = 0; number < 8; number++) sink.write(entry(number));
  assert.deepEqual(numbers(), []);
  assert.equal(sinks.totals.dropped, 3);
  kafka.state = 'up';
  clock.advance(50);
  const seen: number[] = [];
  while (kafka.produced.length > 0) {
    seen.push(...numbers());
    acknowledge();
  }
  assert.deepEqual(seen, [3, 4, 5, 6, 7]);
  nothingIsMissing(sinks);
});

test('what the library has is not dropped, so it gets half of what may be held', () => {
  const { open, sinks, numbers, acknowledge } = lab({ maxRecords: 10 });
  const sink = open();
  for (let number = 0; number < 20; number++) sink.write(entry(number));
  assert.deepEqual(numbers(), [0, 1, 2, 3, 4]);
  assert.equal(sinks.totals.dropped, 10);
  acknowledge();
  assert.deepEqual(numbers(), [15, 16, 17, 18, 19]);
  acknowledge();
  nothingIsMissing(sinks);
});

test('bytes are bounded as well as entries', () => {
  const { kafka, open, sinks } = lab({ maxBytes: 5000 });
  kafka.state = 'down';
  const sink = open();
  for (let number = 0; number < 100; number++) sink.write(entry(number));
  assert.ok(sinks.memory.held <= 5000);
  assert.ok(sinks.held > 5);
  assert.equal(sinks.held + sinks.totals.dropped, 100);
});

test('an entry larger than the buffer is dropped, and pushes nothing out', () => {
  const { kafka, open, sinks } = lab({ maxBytes: 5000 });
  kafka.state = 'down';
  const sink = open();
  sink.write(entry(1));
  sink.write(Buffer.from(`{"n":"${'x'.repeat(6000)}"}`));
  assert.equal(sinks.held, 1);
  assert.equal(sinks.totals.dropped, 1);
});

test('all sinks together hold no more than their share of the process, each at the price of its own oldest', () => {
  const { kafka, open, sinks } = lab({ ofAll: 6000 });
  kafka.state = 'down';
  const [one, other] = [open(), open({ key: 'other' })];
  for (let number = 0; number < 5; number++) other.write(entry(number));
  for (let number = 0; number < 50; number++) one.write(entry(number));
  assert.ok(sinks.memory.held <= 6000);
  const [first, second] = sinks.status().sinks as Record<string, unknown>[];
  assert.equal(second!.waiting, 5);
  assert.ok((first!.dropped as number) > 0);
});

test('a full queue of the library only makes entries wait', () => {
  const { kafka, clock, open, sinks, numbers, acknowledge } = lab();
  const sink = open();
  kafka.refusal = new GatewayError('overloaded', 'the queue is full');
  sink.write(entry(1));
  sink.write(entry(2));
  assert.equal(sinks.held, 2);
  kafka.refusal = undefined;
  clock.advance(50);
  assert.deepEqual(numbers(), [1, 2]);
  acknowledge();
  nothingIsMissing(sinks);
});

test('an entry that the library will never take is lost, and those behind it are not', () => {
  const { kafka, open, sinks, numbers, acknowledge } = lab();
  const sink = open();
  kafka.refusal = new GatewayError('request_too_large', 'too large');
  sink.write(entry(1));
  kafka.refusal = undefined;
  sink.write(entry(2));
  assert.deepEqual(numbers(), [2]);
  acknowledge();
  assert.equal(sinks.totals.lost, 1);
  nothingIsMissing(sinks);
});

test('what a broker refuses is lost, with its reason on the status page', () => {
  const { open, sinks, acknowledge } = lab();
  open().write(entry(1));
  acknowledge(1, new GatewayError('produce_failed', 'not authorized'));
  assert.equal(sinks.totals.lost, 1);
  assert.equal((sinks.status().sinks as Record<string, unknown>[])[0]!.last_loss, 'not authorized');
  nothingIsMissing(sinks);
});

test('losses are told once a minute, in one line', () => {
  const { kafka, clock, open } = lab({ maxRecords: 2 });
  kafka.state = 'down';
  const sink = open();
  for (let number = 0; number < 1000; number++) sink.write(entry(number));
  sink.write(Buffer.from('no JSON, but nobody looks'));
  assert.equal(lines.length, 0);
  clock.advance(60_000);
  assert.equal(lines.length, 1);
  assert.equal(lines[0]!.dropped, 999);
  clock.advance(600_000);
  assert.equal(lines.length, 1, 'nothing was lost since');
  for (let number = 0; number < 10; number++) sink.write(entry(number));
  clock.advance(60_000);
  assert.equal(lines[1]!.dropped, 10);
});

test('entries that are left out or unreadable are counted, and cost nothing', () => {
  const { open, sinks } = lab({ shape: { onlyStatus: ['500-599'] } });
  const sink = open();
  sink.write(Buffer.from('{"response":{"status":200}}'));
  sink.write(Buffer.from('{"response":{"status":500}}'));
  sink.write(Buffer.from('{'));
  const { accepted, not_wanted, unreadable } = sinks.totals;
  assert.deepEqual([accepted, not_wanted, unreadable], [1, 1, 1]);
});

test('equal configurations share a sink, which stays until its entries are delivered', () => {
  const { kafka, clock, open, sinks, acknowledge } = lab();
  const [one, other] = [open(), open()];
  assert.deepEqual(kafka.acquired, ['c']);
  one.write(entry(1));
  one.close();
  other.close();
  clock.advance(120_000);
  assert.equal(kafka.released, 0);
  acknowledge();
  clock.advance(30_000);
  assert.equal(kafka.released, 1);
  nothingIsMissing(sinks);
});

test('entries of a configuration that is gone, for a cluster that is gone, are not kept for ever', () => {
  const { kafka, clock, open, sinks } = lab();
  kafka.state = 'down';
  const sink = open();
  sink.write(entry(1));
  sink.close();
  clock.advance(400_000);
  assert.equal(kafka.released, 1);
  assert.equal(sinks.totals.lost, 1);
  nothingIsMissing(sinks);
});

test('an entry that comes after the end of its sink is dropped', () => {
  const { clock, open, sinks } = lab();
  const sink = open();
  sink.close();
  clock.advance(30_000);
  sink.write(entry(1));
  assert.equal(sinks.totals.dropped, 1);
  nothingIsMissing(sinks);
});

test('a drain waits for what is held and still takes entries', async () => {
  const { clock, open, sinks, acknowledge } = lab();
  const sink = open();
  sinks.drain();
  sink.write(entry(1));
  let isIdle = false;
  const idle = sinks.idle().then(() => (isIdle = true));
  await Promise.resolve();
  assert.equal(isIdle, false);
  acknowledge();
  clock.advance(20);
  await idle;
  await sinks.close();
  nothingIsMissing(sinks);
});

test('a drain does not wait long for a Kafka that is away', async () => {
  const { kafka, clock, open, sinks } = lab();
  kafka.state = 'down';
  open().write(entry(1));
  sinks.drain();
  let isIdle = false;
  const idle = sinks.idle().then(() => (isIdle = true));
  for (let steps = 0; steps < 200; steps++) {
    clock.advance(20);
    await Promise.resolve();
  }
  assert.equal(isIdle, false);
  clock.advance(1000);
  await idle;
  assert.equal(sinks.held, 1);
});

test('what is left at the end is counted and said', async () => {
  const { kafka, open, sinks } = lab();
  kafka.state = 'down';
  kafka.refusal = away();
  open().write(entry(1));
  await sinks.close();
  assert.equal(sinks.totals.lost, 1);
  assert.equal(
    lines.find(({ message }) => message === 'log entries were left when the process ended')?.entries,
    1,
  );
  nothingIsMissing(sinks);
});

test('a sink is found by the name of the configuration that came last', () => {
  const { clock, open, sinks } = lab();
  const old = open({ name: 'main' });
  const before = sinks.named('main');
  open({ name: 'main', key: 'new' });
  assert.notEqual(sinks.named('main'), before);
  old.close();
  clock.advance(30_000);
  assert.ok(sinks.named('main'));
  assert.equal(sinks.named('other'), undefined);
});

/** A sink of the file KONG_KAFKA_LOG_SINKS is opened once: it was unknown from then on, until a restart. */
test('when the configuration that came last is gone, a sink is found by that of one that is still there', () => {
  const { clock, open, sinks } = lab();
  open({ name: 'main' });
  const ofFile = sinks.named('main');
  open({ name: 'main', key: 'of a route' }).close();
  assert.notEqual(sinks.named('main'), ofFile);
  clock.advance(30_000);
  assert.equal(sinks.named('main'), ofFile);
});

test('room is told for all entries of a batch, or none', () => {
  const { kafka, open, sinks } = lab({ maxRecords: 5, maxBytes: 10_000 });
  kafka.state = 'down';
  const hold = open({ name: 'main' });
  hold.write(entry(1));
  const sink = sinks.named('main')!;
  assert.equal(sink.hasRoomFor(4, 100), true);
  assert.equal(sink.hasRoomFor(5, 100), false);
  assert.equal(sink.hasRoomFor(1, 10_000), false);
  assert.equal(sink.isTooMuch(6, 100), true);
  assert.equal(sink.isTooMuch(5, 10_000), false);
});

test('metrics tell what became of the entries', () => {
  const { open, sinks, acknowledge } = lab({ maxRecords: 3 });
  const sink = open();
  for (let number = 0; number < 2; number++) sink.write(entry(number));
  acknowledge(1);
  const text = () => [...{ [Symbol.iterator]: () => new Metrics(sinks.metrics).scrape(TEXT_TYPE) }].join('');
  assert.match(text(), /^kong_kafka_log_entries_total\{result="delivered"\} 1$/m);
  assert.match(text(), /^kong_kafka_log_held_entries 1$/m);
  acknowledge();
  assert.match(text(), /^kong_kafka_log_held_entries 0$/m);
  nothingIsMissing(sinks);
});

test('with a schema registry entries wait for their schema, and go out in its bytes', async () => {
  const registry = await StubRegistry.start();
  try {
    const { kafka, clock, open, sinks, acknowledge } = lab({ maxRecords: 3 });
    registry.trouble = (_request, response) => {
      response.writeHead(500).end();
      return true;
    };
    const url = new URL(registry.url);
    const tls = { verify: true, caPem: undefined, certificatePem: undefined, keyPem: undefined, keyPassword: undefined }; // prettier-ignore
    const value = {
      subjectOf: (topic: string) => `${topic}-value`,
      version: 'latest',
      messageName: undefined,
      encoding: 'avro_json',
    } as const;
    const sink = open({
      schemas: {
        registry: { urls: [url], tls, authentication: { mode: 'none' }, headers: {}, timeoutMs: 1000 },
        topics: ['logs'],
        value,
        key: undefined,
        ttlMs: 60_000,
        mayWait: true,
      },
    });
    for (let number = 0; number < 4; number++) sink.write(entry(number));
    assert.equal(kafka.produced.length, 0);
    while (schemaRegistryStatus()[0]?.reason === undefined) await delay(20);
    // Entries can wait: that is no reason to send requests to another gateway.
    assert.equal(schemaRegistryStatus()[0]?.ready, true);
    registry.trouble = undefined;
    registry.add(7, { schema: '{"type":"record","name":"E","fields":[{"name":"n","type":"int"}]}' }, { subject: 'logs-value' }); // prettier-ignore
    while (kafka.produced.length === 0) {
      await delay(20);
      clock.advance(50);
    }
    // The oldest was pushed out while they waited.
    const seen: unknown[] = [];
    while (kafka.produced.length > 0) {
      seen.push(...kafka.produced.map(({ record }) => record.value?.toString('hex')));
      acknowledge();
    }
    assert.deepEqual(seen, ['000000000702', '000000000704', '000000000706']);
    sink.write(Buffer.from('{"n":"planted"}'));
    sink.write(Buffer.from('no planted JSON'));
    assert.equal(kafka.produced.length, 0);
    const { dropped, lost } = sinks.totals;
    assert.deepEqual([dropped, lost], [1, 2]);
    nothingIsMissing(sinks);
    assert.doesNotMatch(JSON.stringify([lines, sinks.status()]), /planted/);
    await sinks.close();
  } finally {
    closeSchemas();
    await registry.stop();
  }
});
