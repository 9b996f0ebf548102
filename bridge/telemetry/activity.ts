/**
 * What the status page tells of one configuration: requests and percentiles of the last minute, and what failed.
 *
 * A reply costs one increment. Durations are counted in buckets that grow by an eighth of a power of two, so a percentile
 * is right to about 6 %; the minute is six slots of ten seconds, of which the oldest is emptied for the next.
 */
import type { Clock } from '../clock';
import type { ErrorCode, GatewayError } from '../errors';

const SLOTS = 6;
const SLOT_MS = 10_000;
/** In microseconds: 64 µs and less are one bucket, and so are nine minutes and more. */
const LOWEST_POWER = 6;
const HIGHEST_POWER = 29;
const STEPS = 8;
const STEP_BITS = 3;
const BUCKETS = (HIGHEST_POWER - LOWEST_POWER) * STEPS;

export interface ActivityStatus {
  /** Ends of requests, whatever they were; of the last minute, like the next three. */
  readonly per_second: number;
  /** Of requests that got their reply, or one-way the broker's confirmation; absent where there was none. */
  readonly p50_ms?: number;
  readonly p99_ms?: number;
  readonly failed_in_last_minute: number;
  /** Since the start. */
  readonly succeeded: number;
  readonly failed: number;
  readonly refused_to_client: number;
  readonly last_error?: FailureStatus;
}

export interface FailureStatus {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly at: string;
  /** How often this code, since the start. */
  readonly count: number;
}

interface Slot {
  number: number;
  readonly durations: Uint32Array;
  succeeded: number;
  failed: number;
}

export class Activity {
  #slots: Slot[] | undefined;
  #current: Slot | undefined;
  #startedAtMs = Number.NaN;
  #succeeded = 0;
  #failed = 0;
  #refused = 0;
  readonly #counts = new Map<ErrorCode, number>();
  #last: { readonly code: ErrorCode; readonly detail: string; readonly atMs: number } | undefined;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** @param sinceMs when its record was about to be produced, on the clock */
  succeeded(sinceMs: number): void {
    const nowMs = this.clock.now();
    const slot = this.#slot(nowMs);
    slot.succeeded++;
    slot.durations[bucketOf(nowMs - sinceMs)]!++;
    this.#succeeded++;
  }

  /** Now, on the clock. */
  nowMs(): number {
    return this.clock.now();
  }

  /** A mistake of the client is only counted: nobody here can do anything about it. */
  failed(error: GatewayError): void {
    if (error.status < 500) {
      this.#refused++;
      return;
    }
    this.#slot(this.clock.now()).failed++;
    this.#failed++;
    this.#counts.set(error.code, (this.#counts.get(error.code) ?? 0) + 1);
    // Not the error itself: its cause may hold what it is about.
    this.#last = { code: error.code, detail: error.ownDetail, atMs: Date.now() };
  }

  status(): ActivityStatus {
    const nowMs = this.clock.now();
    const last = this.#lastError();
    const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS + 1;
    const slots = (this.#slots ?? []).filter(({ number }) => number >= oldest);
    const succeeded = sum(slots.map((slot) => slot.succeeded));
    const failed = sum(slots.map((slot) => slot.failed));
    // The youngest slot has just begun, and a process may be younger than a minute.
    const sinceMs = Math.max(oldest * SLOT_MS, this.#startedAtMs);
    const seconds = Math.max((nowMs - sinceMs) / 1000, 1);
    return {
      per_second: this.#slots === undefined ? 0 : round((succeeded + failed) / seconds),
      ...(succeeded > 0 && {
        p50_ms: percentile(slots, succeeded, 0.5),
        p99_ms: percentile(slots, succeeded, 0.99),
      }),
      failed_in_last_minute: failed,
      succeeded: this.#succeeded,
      failed: this.#failed,
      refused_to_client: this.#refused,
      ...(last && { last_error: last }),
    };
  }

  #lastError(): FailureStatus | undefined {
    if (this.#last === undefined) return undefined;
    const { code, detail, atMs } = this.#last;
    return { code, detail, at: new Date(atMs).toISOString(), count: this.#counts.get(code) ?? 0 };
  }

  #slot(nowMs: number): Slot {
    const number = Math.floor(nowMs / SLOT_MS);
    return this.#current?.number === number ? this.#current : this.#nextSlot(number, nowMs);
  }

  #nextSlot(number: number, nowMs: number): Slot {
    // Most configurations of a large gateway never have a request.
    if (this.#slots === undefined) {
      this.#startedAtMs = nowMs;
      this.#slots = Array.from({ length: SLOTS }, newSlot);
    }
    const slot = this.#slots[number % SLOTS] as Slot;
    slot.number = number;
    slot.durations.fill(0);
    slot.succeeded = slot.failed = 0;
    return (this.#current = slot);
  }
}

function newSlot(): Slot {
  return { number: Number.NEGATIVE_INFINITY, durations: new Uint32Array(BUCKETS), succeeded: 0, failed: 0 };
}

/** The power of two below it, and which eighth of the way to the next. */
function bucketOf(durationMs: number): number {
  const micros = Math.min(durationMs * 1000, 2 ** HIGHEST_POWER - 1) | 0;
  const power = 31 - Math.clz32(micros);
  if (power < LOWEST_POWER) return 0;
  return (power - LOWEST_POWER) * STEPS + ((micros >> (power - STEP_BITS)) & (STEPS - 1));
}

/** The middle of a bucket. */
function durationOf(bucket: number): number {
  const power = LOWEST_POWER + Math.floor(bucket / STEPS);
  return (2 ** power * (1 + ((bucket % STEPS) + 0.5) / STEPS)) / 1000;
}

function percentile(slots: readonly Slot[], count: number, share: number): number {
  const wanted = Math.ceil(count * share);
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (const { durations } of slots) seen += durations[bucket] as number;
    if (seen >= wanted) return round(durationOf(bucket));
  }
  return round(durationOf(BUCKETS - 1));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Three digits say enough. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
