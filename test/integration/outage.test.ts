/**
 * A broker goes away under load and comes back. Whoever asks meanwhile is told so, nobody is left waiting or gets
 * somebody else's reply, and afterwards everything works again without a restart of anything.
 *
 * How fast is measured elsewhere (`make drill`): this machine may be busy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drillStops, runDrill } from '../../bench/drill-run';

const RATE_PER_SECOND = 100;

for (const [index, { signal, outageMs }] of drillStops(2).entries()) {
  test(`a broker that is away for a moment (${signal}) costs answers, not correctness`, async () => {
    const report = await runDrill({
      stops: [{ signal, outageMs: Math.min(outageMs, 2000) }],
      ratePerSecond: RATE_PER_SECOND,
    });
    const [stop] = report.stops;
    assert.ok(stop, `stop ${index} is reported`);
    assert.equal(report.lost, 0, 'every request was answered');
    assert.equal(report.crossed, 0, 'every 200 carried the reply to its own request');
    const refused = Object.keys(stop.answers).filter((answer) => answer.startsWith('503'));
    assert.ok(refused.length > 0, `503 while the broker was away: ${JSON.stringify(stop.answers)}`);
    assert.notEqual(stop.first200Ms, undefined, '200 again after its return');
    assert.notEqual(stop.steadyMs, undefined, 'and then nothing else');
    const allowed = /^(200|503 (not_ready|produce_failed|produce_timeout)|504 (reply_timeout|produce_timeout)|502 produce_failed)$/;
    for (const answer of Object.keys(stop.answers)) assert.match(answer, allowed);
  });
}
