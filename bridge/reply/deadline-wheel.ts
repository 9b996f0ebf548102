/**
 * Many deadlines, one timer. Entries lie in slots of `TICK_MS`, each slot a ring of entries that know their neighbours:
 * adding, moving and removing one is O(1) and allocates nothing, and an idle wheel has no timer at all. An entry fires
 * at its deadline or up to one tick late, never early; of thousands with the same deadline the last ones somewhat later,
 * so that they do not hold up everything else.
 */
import type { Clock } from '../clock';

/** Fine enough for "deadline + 250 ms at most", coarse enough that 10,000 waits cost one timer. */
const TICK_MS = 10;
/** One turn of 5.12 s holds the default timeout; later deadlines stay in their slot for another turn. */
const SLOTS = 512;
/** After so long the event loop gets its turn between two callbacks. */
const BUSY_MS = 10;

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
  /** Those of earlier ticks that have not had their turn, the first at the end. */
  #due: Deadline[] = [];
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
    this.#nextTick = Math.max(this.#nextTick, lastTick + 1);
    if (due.length > 0) this.#due = [...due.reverse(), ...this.#due];
    try {
      this.#fire(now);
    } finally {
      if (this.#size > 0)
        this.#cancelTimer ??= this.#clock.after(this.#due.length > 0 ? 0 : TICK_MS, this.#turn);
    }
  };

  #fire(nowMs: number): void {
    for (let entry = this.#due.pop(); entry !== undefined; entry = this.#due.pop()) {
      // Since it was due it may have been removed, or moved.
      if (entry.before === undefined || entry.deadlineAtMs > nowMs) continue;
      this.remove(entry);
      entry.onDeadline();
      if (this.#clock.now() - nowMs >= BUSY_MS) return;
    }
  }

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#due = [];
  }
}

function tickOf(timeMs: number): number {
  return Math.floor(timeMs / TICK_MS);
}
