/**
 * A program of its own: what the spans of a request cost this process, in CPU, export included. The collector is another
 * process.
 *
 *   node --max-semi-space-size=64 cost-of-spans.js
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutgoingRecord } from '../../bridge/kafka/records';
import { setLogSink } from '../../bridge/telemetry/log';
import { openTracing } from '../../bridge/telemetry/tracing';
import { Collector } from './collector';
import { receivedRecord } from './records';

/** Half of the queue of spans, of which none shall be dropped. */
const AT_ONCE = 500;
const WARM_UP_ROUNDS = 20;
const ROUNDS = 40;
const SPANS_OF_REQUEST = 2;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';

const CASES: readonly [what: string, sampler: string, traceparent: string | undefined, spans: number][] = [
  ['sampled', 'always_on', undefined, SPANS_OF_REQUEST],
  ['sampled by the client', 'always_on', `00-${TRACE}-01`, SPANS_OF_REQUEST],
  ['not sampled', 'always_off', undefined, 0],
  ['not sampled by the client', 'parentbased_always_on', `00-${TRACE}-00`, 0],
];

async function collect(): Promise<void> {
  const collector = await Collector.start();
  process.send?.(collector.url);
}

async function measure(): Promise<void> {
  setLogSink(() => undefined);
  const child = fork(__filename, ['collect']);
  const [url] = (await once(child, 'message')) as [string];
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = url;
  process.env.OTEL_BSP_SCHEDULE_DELAY = '20';
  for (const [what, sampler, traceparent, spans] of CASES) {
    process.env.OTEL_TRACES_SAMPLER = sampler;
    const microseconds = await costOf(traceparent, spans);
    console.log(`${what}: ${microseconds.toFixed(1)} µs`);
  }
  child.kill();
}

async function costOf(traceparent: string | undefined, spans: number): Promise<number> {
  const tracing = openTracing();
  const tracer = tracing.tracer({ replyTopic: 'orders.replies', b3: 'off' });
  const record: OutgoingRecord = {
    topic: 'orders.requests',
    value: Buffer.alloc(200, 'x'),
    headers: traceparent === undefined ? [] : [['traceparent', traceparent]],
  };
  const reply = receivedRecord({ value: 'x', topic: 'orders.replies' });
  let expected = 0;
  const round = async (): Promise<void> => {
    for (let request = 0; request < AT_ONCE; request++) {
      const trace = tracer.begin(record, '123e4567-e89b-42d3-a456-426614174abc');
      trace.traced(record);
      trace.delivered(undefined);
      trace.ended(reply, undefined);
    }
    expected += AT_ONCE * spans;
    while ((tracing.status()?.spans_exported ?? 0) < expected) await delay(5);
  };
  for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) await round();
  const before = process.cpuUsage();
  for (let measured = 0; measured < ROUNDS; measured++) await round();
  const { user, system } = process.cpuUsage(before);
  assert.deepEqual(tracing.status(), { spans_exported: expected, spans_lost: 0 });
  await tracing.close();
  return (user + system) / (ROUNDS * AT_ONCE);
}

void (process.argv[2] === 'collect' ? collect() : measure());
