/** The book of one load: sends requests, judges every answer. */
import type { Exchanger, LoadResult } from './load';
import { nextNonce, nonceOf } from './payload';
import { ascending, percentile } from './statistics';

/** Longer than the plugins' own limit of 5 s. */
export const LAST_ANSWERS_MS = 7000;

export class Tally {
  /** Sent and not yet answered. */
  open = 0;
  readonly #exchanger: Exchanger;
  readonly #fromMs: number;
  readonly #endMs: number;
  readonly #durationMs: number;
  readonly #lateOnesCount: boolean;
  readonly #latenciesMs: number[] = [];
  readonly #givenUp: NodeJS.Timeout;
  #inTime = 0;
  #ended = 0;
  #lost = 0;
  #crossed = 0;
  #lostStatus: number | undefined;

  /**
   * @param fromMs when the duration begins: what is answered before does not count
   * @param lastAnswersMs after the duration: whatever has not ended by then never will
   * @param lateOnesCount among the latencies, when the answer comes after the duration
   * @param onGivenUp called when it is too late for the last answers
   */
  constructor(
    exchanger: Exchanger,
    fromMs: number,
    of: { durationMs: number; lastAnswersMs?: number; lateOnesCount: boolean; onGivenUp: () => void },
  ) {
    this.#exchanger = exchanger;
    this.#fromMs = fromMs;
    this.#endMs = fromMs + of.durationMs;
    this.#durationMs = of.durationMs;
    this.#lateOnesCount = of.lateOnesCount;
    exchanger.takeTraffic?.();
    this.#givenUp = setTimeout(
      () => {
        this.#lost += this.open;
        if (this.open > 0) this.#lostStatus = 0;
        of.onGivenUp();
      },
      this.#endMs - performance.now() + (of.lastAnswersMs ?? LAST_ANSWERS_MS),
    );
  }

  /** @param fromMs from when its latency counts */
  send(fromMs: number, onEnd: (nowMs: number) => void): void {
    const nonce = nextNonce();
    this.open++;
    this.#exchanger.exchange(nonce, (status, body) => {
      const nowMs = performance.now();
      this.open--;
      this.#ended++;
      if (status !== 200) {
        this.#lost++;
        this.#lostStatus = status;
      } else if (nonceOf(body) !== nonce) this.#crossed++;
      else this.#answered(fromMs, nowMs);
      onEnd(nowMs);
    });
  }

  result(): LoadResult {
    clearTimeout(this.#givenUp);
    const sorted = ascending(this.#latenciesMs);
    const traffic = this.#exchanger.takeTraffic?.();
    return {
      requests: sorted.length,
      ended: this.#ended,
      perSecond: (this.#inTime * 1000) / this.#durationMs,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      lost: this.#lost,
      crossed: this.#crossed,
      ...(this.#lostStatus === undefined ? {} : { lostStatus: this.#lostStatus }),
      ...(traffic === undefined ? {} : { traffic }),
    };
  }

  #answered(fromMs: number, nowMs: number): void {
    if (nowMs < this.#fromMs) return;
    const inTime = nowMs <= this.#endMs;
    if (inTime) this.#inTime++;
    if (inTime || this.#lateOnesCount) this.#latenciesMs.push(nowMs - fromMs);
  }
}
