import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  runClosedLoop,
  type EventRounds,
  type Exchanger,
  type LoadResult,
} from '../../../bench/load/closed-loop';
import { bodyOf } from '../../../bench/load/payload';
import { FakeClock } from '../../support/fake-clock';

interface Answer {
  readonly afterMs: number;
  readonly status?: number;
  /** Default is the request's own body. */
  readonly body?: string;
}

const OTHER_BODY = bodyOf('f'.repeat(32));

/** Answers request by request as told, and all that follow like the last one; undefined is silence. */
class ScriptedExchanger implements Exchanger {
  readonly clock = new FakeClock();
  readonly nonces: string[] = [];
  #taken = 0;

  constructor(readonly answers: readonly (Answer | undefined)[]) {}

  exchange(nonce: string, done: (status: number, body: Buffer) => void): void {
    const answer = this.answers[Math.min(this.nonces.length, this.answers.length - 1)];
    this.nonces.push(nonce);
    if (answer === undefined) return;
    const { afterMs, status = 200, body = bodyOf(nonce) } = answer;
    this.clock.after(afterMs, () => done(status, Buffer.from(body)));
  }

  takeRounds(): EventRounds {
    const events = this.nonces.length - this.#taken;
    this.#taken = this.nonces.length;
    return { producer: { events, rounds: 9, most: 2 }, consumer: { events, rounds: 7, most: 1 } };
  }
}

/** Begins a run of 100 ms in which time passes only by the clock of the exchanger. */
function begin(t: TestContext, exchanger: ScriptedExchanger, inFlight: number): Promise<LoadResult> {
  const { clock } = exchanger;
  t.mock.method(performance, 'now', () => clock.now());
  t.mock.method(globalThis, 'setTimeout', (run: () => void, afterMs: number) => clock.after(afterMs, run));
  t.mock.method(globalThis, 'clearTimeout', (cancel: () => void) => cancel());
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

test('rounds from before the run are thrown away', async (t) => {
  const exchanger = new ScriptedExchanger([{ afterMs: 25 }]);
  exchanger.exchange('before', () => undefined);
  const running = begin(t, exchanger, 2);
  exchanger.clock.advance(100);
  const producer = { events: 8, rounds: 9, most: 2 };
  const consumer = { events: 8, rounds: 7, most: 1 };
  assert.deepEqual((await running).rounds, { producer, consumer });
});
