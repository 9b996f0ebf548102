import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { runClosedLoop } from '../../../bench/load/closed-loop';
import type { LoadResult } from '../../../bench/load/load';
import { bodyOf } from '../../../bench/load/payload';
import { moveTime, ScriptedExchanger, type Answer } from './scripted-exchanger';

const OTHER_BODY = bodyOf('f'.repeat(32));

/** Begins a run of 100 ms in which time passes only by the clock of the exchanger. */
function begin(t: TestContext, exchanger: ScriptedExchanger, inFlight: number): Promise<LoadResult> {
  moveTime(t, exchanger.clock);
  return runClosedLoop(exchanger, { inFlight, durationMs: 100 });
}

/** The figures of a whole run: requests, per second, p50, p99, lost, status of a lost one, crossed, requests sent. */
async function figures(t: TestContext, inFlight: number, answers: readonly Answer[]): Promise<unknown[]> {
  const exchanger = new ScriptedExchanger(answers);
  const running = begin(t, exchanger, inFlight);
  exchanger.clock.advance(1000);
  const { requests, perSecond, p50Ms, p99Ms, lost, lostStatus, crossed } = await running;
  assert.equal(exchanger.clock.pendingTimers, 0);
  t.mock.restoreAll();
  return [requests, perSecond, p50Ms, p99Ms, lost, lostStatus, crossed, new Set(exchanger.nonces).size];
}

test('each lane sends its next request when the last one has ended, until the time is up', async (t) => {
  const after = (...timesMs: number[]) => timesMs.map((afterMs) => ({ afterMs }));
  for (const [inFlight, answers, expected] of [
    [3, after(10), [30, 300, 10, 10, 0, undefined, 0, 30]],
    [1, after(60, 5, 25, 400), [3, 30, 25, 60, 0, undefined, 0, 4]],
    [2, after(100, 101), [1, 10, 100, 100, 0, undefined, 0, 2]],
  ] as const) {
    assert.deepEqual(await figures(t, inFlight, answers), expected);
  }
});

test('an error is a lost request and a foreign body a crossed one, even after the end', async (t) => {
  for (const [bad, expected] of [
    [{ afterMs: 20, status: 503 }, [2, 20, 40, 40, 1, 503, 0, 3]],
    [{ afterMs: 20, body: OTHER_BODY }, [2, 20, 40, 40, 0, undefined, 1, 3]],
    [{ afterMs: 20, body: '' }, [2, 20, 40, 40, 0, undefined, 1, 3]],
    [{ afterMs: 900, status: 504 }, [0, 0, NaN, NaN, 1, 504, 0, 1]],
    [{ afterMs: 900, body: OTHER_BODY }, [0, 0, NaN, NaN, 0, undefined, 1, 1]],
  ] as const) {
    assert.deepEqual(await figures(t, 1, [bad, { afterMs: 40 }]), expected);
  }
});

test('what has no answer 7 s after the end is lost, with status 0', async (t) => {
  const exchanger = new ScriptedExchanger([undefined, undefined, { afterMs: 50 }]);
  let result: LoadResult | undefined;
  const running = begin(t, exchanger, 3).then((it) => (result = it));
  exchanger.clock.advance(7099);
  await new Promise(setImmediate);
  assert.equal(result, undefined);
  exchanger.clock.advance(1);
  const { requests, lost, lostStatus, crossed } = await running;
  assert.deepEqual([requests, lost, lostStatus, crossed], [2, 2, 0, 0]);
});

test('what was answered late, or wrongly, has been work all the same', async (t) => {
  const exchanger = new ScriptedExchanger([{ afterMs: 20, status: 503 }, { afterMs: 40 }, { afterMs: 400 }]);
  const running = begin(t, exchanger, 1);
  exchanger.clock.advance(1000);
  const { requests, ended } = await running;
  assert.deepEqual([requests, ended], [1, 3]);
});

test('traffic from before the run is thrown away', async (t) => {
  const exchanger = new ScriptedExchanger([{ afterMs: 25 }]);
  exchanger.exchange('before', () => undefined);
  const running = begin(t, exchanger, 2);
  exchanger.clock.advance(100);
  assert.equal((await running).traffic?.plugin?.events, 8);
});
