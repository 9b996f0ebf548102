import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drillVerdicts } from '../../../bench/drill/goals';
import { stopReport, type Latencies, type StopReport } from '../../../bench/drill/outcome';
import { drillStops, type DrillReport } from '../../../bench/drill/run';
import type { Outcome } from '../../../bench/load/open-loop';

const NONE = { count: 0, p50Ms: NaN, p99Ms: NaN, maxMs: NaN };

describe('drillStops', () => {
  it('goes from 1 to 8 s in even steps, shuffled, both signals in turns', () => {
    assert.deepEqual(drillStops(1), [{ signal: 'SIGTERM', outageMs: 1000 }]);
    assert.deepEqual(drillStops(4), [
      { signal: 'SIGTERM', outageMs: 1000 },
      { signal: 'SIGKILL', outageMs: 8000 },
      { signal: 'SIGTERM', outageMs: 5667 },
      { signal: 'SIGKILL', outageMs: 3333 },
    ]);
  });

  it('visits every length once', () => {
    const steps = Array.from({ length: 20 }, (_, step) => Math.round(1000 + (step * 7000) / 19));
    assert.deepEqual(new Set(drillStops(20).map(({ outageMs }) => outageMs)), new Set(steps));
  });
});

describe('stopReport', () => {
  const TIMES = { stoppedMs: 1000, startedMs: 3000, servesMs: 4000, endMs: 6000 };
  const ok = (sentMs: number, endedMs: number): Outcome => ({ sentMs, endedMs, status: 200 });
  const NOT_READY = { status: 503, code: 'not_ready' };
  const refused = (sentMs: number, endedMs: number): Outcome => ({ sentMs, endedMs, ...NOT_READY });
  const report = (...outcomes: Outcome[]) => stopReport('SIGKILL', TIMES, outcomes);

  it('tells an outage from the signal to steady answers', () => {
    const stop = report(
      ok(900, 999),
      { sentMs: 950, endedMs: 1900, status: 504, code: 'timeout' },
      ok(990, 1000),
      { sentMs: 1100, endedMs: 1500 },
      refused(1200, 1700),
      refused(1300, 1800),
      refused(1701, 1704),
      refused(2000, 2001),
      refused(2900, 2902),
      refused(3100, 3180),
      refused(3200, 3210),
      { ...ok(3500, 4010), crossed: true },
      refused(4050, 4060),
      ok(4100, 4120),
      ok(5900, 5999),
      ok(5950, 6000),
    );
    assert.deepEqual(stop, {
      signal: 'SIGKILL',
      outageMs: 3000,
      ended: 14,
      answers: { '200': 4, '503 not_ready': 8, '504 timeout': 1, none: 1 },
      lost: 1,
      crossed: 1,
      first503Ms: 700,
      whileDown: { count: 3, p50Ms: 2, p99Ms: 3, maxMs: 3 },
      whileStarting: { count: 2, p50Ms: 10, p99Ms: 80, maxMs: 80 },
      otherwise: 1,
      first200Ms: 10,
      steadyMs: 120,
    } satisfies StopReport);
  });

  it('has nothing to say about an outage that nobody noticed', () => {
    const stop = report(ok(990, 1010), ok(2000, 4005), ok(4001, 4011));
    assert.deepEqual([stop.first503Ms, stop.whileDown, stop.whileStarting], [undefined, NONE, NONE]);
    // Without a first 503 only requests sent after the broker serves tell when it answers again.
    assert.deepEqual([stop.otherwise, stop.first200Ms, stop.steadyMs], [0, 11, 0]);
  });

  it('counts refusals from the first one that was answered, not from the first one sent', () => {
    const stop = report(refused(1100, 3400), refused(1200, 3300), refused(3300, 3400), refused(3301, 3305));
    assert.deepEqual([stop.first503Ms, stop.whileDown], [2300, NONE]);
    assert.deepEqual(stop.whileStarting, { count: 1, p50Ms: 4, p99Ms: 4, maxMs: 4 });
  });

  it('takes a 200 from before the broker said so for 0 ms, and is steady after the last other answer', () => {
    const stop = report(refused(1100, 1200), ok(3900, 3990), ok(4100, 4200));
    assert.deepEqual([stop.first200Ms, stop.steadyMs, stop.otherwise], [0, 0, 1]);
    assert.equal(report(refused(1100, 1200), ok(4100, 4110), refused(4200, 4210)).steadyMs, undefined);
    assert.deepEqual([report().first200Ms, report().steadyMs], [undefined, undefined]);
  });
});

describe('drillVerdicts', () => {
  const down = (p99Ms: number): Latencies => ({ count: 9, p50Ms: 1, p99Ms, maxMs: 900 });
  const stop = (changes: Partial<StopReport> = {}): StopReport => ({
    ...stopReport('SIGTERM', { stoppedMs: 0, startedMs: 1, servesMs: 2, endMs: 3 }, []),
    ...{ whileDown: down(50), steadyMs: 2000, ...changes },
  });
  const clean = { sent: 600, lost: 0, crossed: 0, stillOpen: 0 };
  const drill = (changes: Partial<DrillReport>) => ({ stops: [stop(), stop()], ...clean, ...changes });
  const refusals = 'once the outage is known, 503 within 50 ms (p99 while down)';
  const recovery = 'steady 200s within 2 s after the broker serves';
  const failures = 'no request lost, crossed or left open';

  it('holds at the limits, and when an outage was over before anybody noticed', () => {
    assert.deepEqual(drillVerdicts(drill({ stops: [stop(), stop({ whileDown: NONE })] })), [
      { rule: failures, found: '0 lost, 0 crossed, 0 left open of 600', holds: true },
      { rule: refusals, found: '2 of 2 stops', holds: true },
      { rule: recovery, found: '2 of 2 stops', holds: true },
    ]);
  });

  it('names the one goal that was missed, at a single stop or in all', () => {
    for (const [changes, rule, found] of [
      [{ lost: 1 }, failures, '1 lost, 0 crossed, 0 left open of 600'],
      [{ crossed: 2 }, failures, '0 lost, 2 crossed, 0 left open of 600'],
      [{ stillOpen: 3 }, failures, '0 lost, 0 crossed, 3 left open of 600'],
      [{ stops: [stop(), stop({ whileDown: down(50.1) }), stop()] }, refusals, '2 of 3 stops'],
      [{ stops: [stop({ steadyMs: 2001 })] }, recovery, '0 of 1 stops'],
      [{ stops: [stop({ steadyMs: undefined }), stop()] }, recovery, '1 of 2 stops'],
    ] as const) {
      const missed = drillVerdicts(drill(changes)).filter(({ holds }) => !holds);
      assert.deepEqual(missed, [{ rule, found, holds: false }]);
    }
  });
});
