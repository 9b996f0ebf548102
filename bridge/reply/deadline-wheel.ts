/**
 * Many deadlines, one timer. Entries lie in slots of `TICK_MS`, each slot a ring of entries that know their neighbours:
 * adding, moving and removing one is O(1) and allocates nothing, and an idle wheel has no timer at all. An entry fires
 * at its deadline or up to one tick late, never early.
 */
import type { Clock } from '../clock';

/** Fine enough for "deadline + 250 ms at most", coarse enough that 10,000 waits cost one timer. */
const TICK_MS = 10;
/** One turn of 5.12 s holds the default timeout; later deadlines stay in their slot for another turn. */
const SLOTS = 512;

/** The wheel's own: its neighbours in its slot, while it lies in one. */
interface InSlot {
  before?: InSlot | undefined;
  after?: InSlot | undefined;
}

export interface Deadline extends InSlot {
  readonly deadlineAtMs: number;
  onDeadline(): void;
}

/** The entry of a slot that is always there and closes the ring. */
class Slot implements InSlot {
  before: InSlot = this;
  after: InSlot = this;
}

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => new Slot());
  #size = 0;
  #nextTick: number;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#nextTick = tickOf(clock.now());
  }

  get size(): number {
    return this.#size;
  }

  add(entry: Deadline): void {
    if (this.#size === 0) this.#nextTick = tickOf(this.#clock.now());
    // A deadline already past belongs to the next tick to run, or it would wait for a whole turn.
    const tick = Math.max(Math.ceil(entry.deadlineAtMs / TICK_MS), this.#nextTick);
    const slot = this.#slots[tick % SLOTS]!;
    entry.before = slot.before;
    entry.after = slot;
    slot.before.after = entry;
    slot.before = entry;
    this.#size++;
    this.#cancelTimer ??= this.#clock.after(TICK_MS, this.#turn);
  }

  /** Does nothing when the entry is not in the wheel. */
  remove(entry: Deadline): void {
    const { before, after } = entry;
    if (before === undefined || after === undefined) return;
    before.after = after;
    after.before = before;
    entry.before = undefined;
    entry.after = undefined;
    if (--this.#size === 0) this.#stop();
  }

  readonly #turn = (): void => {
    this.#cancelTimer = undefined;
    const now = this.#clock.now();
    const lastTick = tickOf(now);
    const due: Deadline[] = [];
    // After a stall of more than a turn every slot is visited once, not once per missed tick.
    const firstTick = Math.max(this.#nextTick, lastTick - SLOTS + 1);
    for (let tick = firstTick; tick <= lastTick; tick++) {
      const slot = this.#slots[tick % SLOTS]!;
      for (let next = slot.after; next !== slot; next = next.after!) {
        const entry = next as Deadline;
        if (entry.deadlineAtMs <= now) due.push(entry);
      }
    }
    this.#nextTick = lastTick + 1;
    for (const entry of due) {
      // An earlier callback may have removed it.
      if (entry.before === undefined) continue;
      this.remove(entry);
      entry.onDeadline();
    }
    if (this.#size > 0) this.#cancelTimer ??= this.#clock.after(TICK_MS, this.#turn);
  };

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

function tickOf(timeMs: number): number {
  return Math.floor(timeMs / TICK_MS);
}
