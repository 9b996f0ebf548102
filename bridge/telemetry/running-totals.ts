/**
 * A counter over things that come and go: readers of one topic, clients of one cluster. What each has counted since it
 * was last looked at is added to the total of its labels, so the total never falls when one of them ends; Prometheus
 * takes a counter that falls for one that began at 0 again.
 */
import type { Family, MetricsPage } from './metrics';

/** As long as a scraper may be away and still see the last of them. */
export const KEPT_AFTER_END_MS = 600_000;

interface Total {
  value: number;
  readAtMs: number;
}

export class RunningTotals {
  readonly #family: Family;
  readonly #totals = new Map<string, Total>();
  readonly #lastOf = new WeakMap<object, Map<string, number>>();

  constructor(family: Family) {
    this.#family = family;
  }

  /**
   * @param counted what the source has counted so far
   * @param nowMs monotonic
   */
  read(source: object, labels: string, counted: number, nowMs: number): void {
    let lastOf = this.#lastOf.get(source);
    if (lastOf === undefined) this.#lastOf.set(source, (lastOf = new Map<string, number>()));
    const total = this.#totals.get(labels) ?? { value: 0, readAtMs: nowMs };
    // Less than last time: something was taken back. What was told is told.
    total.value += Math.max(counted - (lastOf.get(labels) ?? 0), 0);
    total.readAtMs = nowMs;
    lastOf.set(labels, counted);
    this.#totals.set(labels, total);
  }

  /** After the sources were read. */
  collect(page: MetricsPage, nowMs: number): void {
    for (const [labels, { value, readAtMs }] of this.#totals) {
      if (nowMs - readAtMs > KEPT_AFTER_END_MS) this.#totals.delete(labels);
      else page.add(this.#family, labels, value);
    }
  }
}
