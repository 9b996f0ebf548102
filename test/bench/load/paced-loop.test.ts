import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { LoadResult } from '../../../bench/load/load';
import { runPacedLoop } from '../../../bench/load/paced-loop';
import { bodyOf } from '../../../bench/load/payload';
import { moveTime, ScriptedExchanger, type Answer } from './scripted-exchanger';

/** A run of 100 ms at 100 requests per second: one each 10 ms, in which time passes only by the exchanger's clock. */
class PacedRun {
  ticking = false;
  everyMs = 0;
  #onTick = (): void => undefined;
  readonly result: Promise<LoadResult>;

  constructor(
    t: TestContext,
    readonly exchanger: ScriptedExchanger,
    perSecond = 100,
  ) {
    moveTime(t, exchanger.clock);
    this.result = runPacedLoop(exchanger, { perSecond, durationMs: 100 }, (everyMs, onTick) => {
      this.ticking = true;
      this.everyMs = everyMs;
      this.#onTick = onTick;
      return () => (this.ticking = false);
    });
  }

  /** Ticks every 10 ms, the first time at once. */
  tick(times: number): void {
    for (let count = 0; count < times; count++) {
      if (this.ticking) this.#onTick();
      this.exchanger.clock.advance(10);
    }
  }
}

function run(t: TestContext, ...answers: (Answer | undefined)[]): PacedRun {
  return new PacedRun(t, new ScriptedExchanger(answers));
}

test('requests start when they are due, and the run ends with the last answer', async (t) => {
  const paced = run(t, { afterMs: 4 });
  paced.tick(10);
  const { requests, ended, perSecond, p50Ms, p99Ms } = await paced.result;
  assert.deepEqual([requests, ended, perSecond, p50Ms, p99Ms], [10, 10, 100, 4, 4]);
  assert.equal(paced.ticking, false);
  assert.equal(paced.exchanger.clock.pendingTimers, 0);
});

test('a driver that stood still makes up for what was due, and the wait counts', async (t) => {
  const paced = run(t, { afterMs: 1 });
  paced.tick(2);
  paced.exchanger.clock.advance(50);
  paced.tick(5);
  const { requests, p50Ms, p99Ms } = await paced.result;
  // Of the six that were due at 20 to 70 ms and sent at 70 ms the first had waited 50 ms.
  assert.deepEqual([requests, p50Ms, p99Ms], [10, 1, 51]);
});

test('an answer after the time is a latency, and not part of the rate', async (t) => {
  const paced = run(t, { afterMs: 300 }, { afterMs: 1 });
  paced.tick(10);
  paced.exchanger.clock.advance(300);
  const { requests, perSecond, p99Ms } = await paced.result;
  assert.deepEqual([requests, perSecond, p99Ms], [10, 90, 300]);
});

test('errors, foreign bodies and silence are told apart', async (t) => {
  const foreign = bodyOf('f'.repeat(32));
  const paced = run(t, { afterMs: 1, status: 503 }, { afterMs: 1, body: foreign }, undefined, { afterMs: 1 });
  paced.tick(10);
  paced.exchanger.clock.advance(7100);
  const { requests, lost, crossed, lostStatus } = await paced.result;
  assert.deepEqual([requests, lost, crossed, lostStatus], [7, 2, 1, 0]);
});

test('a rate that no thread could follow is sent in small groups', async (t) => {
  const paced = new PacedRun(t, new ScriptedExchanger([{ afterMs: 0.5 }]), 20_000);
  assert.equal(paced.everyMs, 0.25);
  paced.tick(11);
  assert.equal((await paced.result).requests, 2000);
});

test('what is answered during the ramp does not count, but has been work', async (t) => {
  const exchanger = new ScriptedExchanger([{ afterMs: 45 }]);
  moveTime(t, exchanger.clock);
  let onTick = (): void => undefined;
  const running = runPacedLoop(exchanger, { perSecond: 100, rampMs: 50, durationMs: 100 }, (_, tick) => {
    onTick = tick;
    return () => (onTick = () => undefined);
  });
  for (let ticks = 0; ticks < 25; ticks++) {
    onTick();
    exchanger.clock.advance(10);
  }
  const { requests, ended, perSecond, lost } = await running;
  // Of fifteen, one each 10 ms, the first is answered at 45 ms, the eleventh at 145 ms and the last at 185 ms.
  assert.deepEqual([requests, ended, perSecond, lost], [14, 15, 100, 0]);
});
