/**
 * Many deadlines, one timer. Entries lie in slots of `TICK_MS`; adding, moving and removing one is O(1) and
 * an idle wheel has no timer at all. An entry fires at its deadline or up to one tick late, never early.
 */
import type { Clock } from '../clock';

/** Fine enough for "deadline + 250 ms at most", coarse enough that 10,000 waits cost one timer. */
const TICK_MS = 10;
/** One turn of 5.12 s holds the default timeout; later deadlines stay in their slot for another turn. */
const SLOTS = 512;

export interface Deadline {
  readonly deadlineAtMs: number;
  onDeadline(): void;
}

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #slots: Set<Deadline>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #slotOf = new Map<Deadline, Set<Deadline>>();
  #nextTick: number;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#nextTick = tickOf(clock.now());
  }

  get size(): number {
    return this.#slotOf.size;
  }

  add(entry: Deadline): void {
    if (this.#slotOf.size === 0) this.#nextTick = tickOf(this.#clock.now());
    // A deadline already past belongs to the next tick to run, or it would wait for a whole turn.
    const tick = Math.max(Math.ceil(entry.deadlineAtMs / TICK_MS), this.#nextTick);
    const slot = this.#slots[tick % SLOTS]!;
    slot.add(entry);
    this.#slotOf.set(entry, slot);
    this.#cancelTimer ??= this.#clock.after(TICK_MS, this.#turn);
  }

  /** Does nothing when the entry is not in the wheel. */
  remove(entry: Deadline): void {
    this.#slotOf.get(entry)?.delete(entry);
    this.#slotOf.delete(entry);
    if (this.#slotOf.size === 0) this.#stop();
  }

  readonly #turn = (): void => {
    this.#cancelTimer = undefined;
    const now = this.#clock.now();
    const lastTick = tickOf(now);
    const due: Deadline[] = [];
    // After a stall of more than a turn every slot is visited once, not once per missed tick.
    const firstTick = Math.max(this.#nextTick, lastTick - SLOTS + 1);
    for (let tick = firstTick; tick <= lastTick; tick++) {
      for (const entry of this.#slots[tick % SLOTS]!) if (entry.deadlineAtMs <= now) due.push(entry);
    }
    this.#nextTick = lastTick + 1;
    for (const entry of due) {
      // An earlier callback may have removed it.
      if (!this.#slotOf.has(entry)) continue;
      this.remove(entry);
      entry.onDeadline();
    }
    if (this.#slotOf.size > 0) this.#cancelTimer ??= this.#clock.after(TICK_MS, this.#turn);
  };

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function tickOf(timeMs: number): number {
  return Math.floor(timeMs / TICK_MS);
}
