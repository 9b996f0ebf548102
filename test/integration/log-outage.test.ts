/**
 * Log entries while Kafka is killed twice and comes back: what fits arrives, once and in order, and what does not is
 * counted. The long form is `make log-drill`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLogDrill } from '../../bench/log-drill/run';
import { logDrillVerdicts } from '../../bench/log-drill/goals';
import { verdictLine } from '../../bench/load/verdict';
import { setLogSink } from '../../bridge/telemetry/log';

// Outages are the subject; their log lines would drown the results.
setLogSink(() => undefined);

test('a Kafka that is away twice for a moment costs no entry while the buffer holds them', async () => {
  const report = await runLogDrill({ entries: 15_000, perSecond: 1500, stops: 2, outageMs: 1000, lanes: 16 });
  for (const verdict of logDrillVerdicts(report)) assert.ok(verdict.holds, verdictLine(verdict));
  assert.deepEqual({ dropped: report.dropped, lost: report.lost }, { dropped: 0, lost: 0 });
});

test('what a small buffer cannot hold is dropped and counted, and the rest arrives in order', async () => {
  const report = await runLogDrill({
    entries: 6000,
    perSecond: 2000,
    stops: 1,
    outageMs: 1000,
    lanes: 16,
    config: { producer_async_buffering_limits_messages_in_memory: 500, producer_async_flush_timeout: 100 },
  });
  for (const verdict of logDrillVerdicts(report)) assert.ok(verdict.holds, verdictLine(verdict));
  assert.ok(report.dropped > 0, 'nothing was dropped');
});
