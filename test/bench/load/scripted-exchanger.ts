import type { TestContext } from 'node:test';
import type { Exchanger } from '../../../bench/load/load';
import { bodyOf } from '../../../bench/load/payload';
import type { Traffic } from '../../../bench/load/traffic';
import { FakeClock } from '../../support/fake-clock';

export interface Answer {
  readonly afterMs: number;
  readonly status?: number;
  /** Default is the request's own body. */
  readonly body?: string;
}

/** Answers request by request as told, and all that follow like the last one; undefined is silence. */
export class ScriptedExchanger implements Exchanger {
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

  takeTraffic(): Traffic {
    const events = this.nonces.length - this.#taken;
    this.#taken = this.nonces.length;
    return {
      plugin: { events, rounds: events, mostRounds: 1, calls: events, bytesSent: 0, bytesReceived: 0 },
    };
  }
}

/** From now on time passes only by this clock. */
export function moveTime(t: TestContext, clock: FakeClock): void {
  t.mock.method(performance, 'now', () => clock.now());
  t.mock.method(globalThis, 'setTimeout', (run: () => void, afterMs: number) => clock.after(afterMs, run));
  t.mock.method(globalThis, 'clearTimeout', (cancel: () => void) => cancel());
}
