/**
 * The requests that wait for a reply. It knows waiters, not Kafka and not Kong.
 *
 * A wait is registered before its record is produced, because a reply can overtake the delivery report. It
 * ends exactly once: reply, failed delivery, deadline, reader failure, closed event and shutdown all go through
 * `#take`, which removes the entry; whoever gets the entry settles it, everybody else gets nothing.
 */
import type { Clock } from '../clock';
import { GatewayError } from '../errors';
import type { Deadline, DeadlineWheel } from './deadline-wheel';
import { EndedWaits, type EndedWait } from './ended-waits';

export type Outcome<Reply> = { readonly reply: Reply } | { readonly error: GatewayError };

export interface PendingReply<Reply> {
  readonly id: string;
  /** Monotonic milliseconds. */
  readonly createdAtMs: number;
  /** Resolves when the wait has ended, and never rejects: nobody may be listening yet. */
  readonly outcome: Promise<Outcome<Reply>>;
}

class Entry<Reply> implements PendingReply<Reply>, Deadline {
  readonly outcome: Promise<Outcome<Reply>>;
  settle!: (outcome: Outcome<Reply>) => void;
  onDeadline!: () => void;

  constructor(
    readonly id: string,
    readonly createdAtMs: number,
    public deadlineAtMs: number,
  ) {
    this.outcome = new Promise((resolve) => (this.settle = resolve));
  }
}

/** For this many times its timeout the id of a wait stays known after its end. */
const REMEMBERED_TIMEOUTS = 2;

export class PendingReplies<Reply> {
  readonly #entries = new Map<string, Entry<Reply>>();
  readonly #capacity: number;
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  readonly #ended = new EndedWaits();
  #closedBy: GatewayError | undefined;

  /** @param options.capacity waits at once; one more is refused with `overloaded` */
  constructor(options: { capacity: number; clock: Clock; wheel: DeadlineWheel }) {
    this.#capacity = options.capacity;
    this.#clock = options.clock;
    this.#wheel = options.wheel;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param deadlineAtMs on the clock of this registry
   * @param onDeadline makes the error with which the wait ends at its deadline
   * @throws GatewayError `overloaded` at capacity, `correlation_conflict` for an id that waits already or did
   *   so a moment ago, the closing error after close
   */
  register(id: string, deadlineAtMs: number, onDeadline: () => GatewayError): PendingReply<Reply> {
    if (this.#closedBy) throw this.#closedBy;
    if (this.#entries.size >= this.#capacity) {
      throw new GatewayError(
        'overloaded',
        `${this.#capacity} requests are in flight, which is the limit (max_in_flight)`,
      );
    }
    if (this.#entries.has(id))
      throw new GatewayError('correlation_conflict', 'the correlation id is in flight');
    const nowMs = this.#clock.now();
    if (this.#ended.find(id, nowMs))
      throw new GatewayError('correlation_conflict', 'the correlation id was in flight a moment ago');
    const entry = new Entry<Reply>(id, nowMs, deadlineAtMs);
    entry.onDeadline = () => this.fail(id, onDeadline());
    this.#entries.set(id, entry);
    this.#wheel.add(entry);
    return entry;
  }

  /** Moves the deadline of a wait that has not ended; does nothing for one that has. */
  extend(id: string, deadlineAtMs: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#wheel.remove(entry);
    entry.deadlineAtMs = deadlineAtMs;
    this.#wheel.add(entry);
  }

  /** How the wait for this id ended, if it was one of ours and not long ago. */
  ended(id: string): EndedWait | undefined {
    return this.#ended.find(id, this.#clock.now());
  }

  /** @returns false when nobody waits for this id: late, duplicate or foreign, which is normal on a shared topic */
  settle(id: string, reply: Reply): boolean {
    const entry = this.#take(id, 'answered');
    entry?.settle({ reply });
    return entry !== undefined;
  }

  /** @returns false when nobody waits for this id */
  fail(id: string, error: GatewayError): boolean {
    const entry = this.#take(id, 'failed');
    entry?.settle({ error });
    return entry !== undefined;
  }

  failAll(error: GatewayError): void {
    for (const id of [...this.#entries.keys()]) this.fail(id, error);
  }

  /** Refuses what is new and fails what waits. */
  close(error: GatewayError): void {
    this.#closedBy ??= error;
    this.failAll(error);
    this.#ended.clear();
  }

  #take(id: string, how: EndedWait['how']): Entry<Reply> | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    this.#entries.delete(id);
    this.#wheel.remove(entry);
    const endedAtMs = this.#clock.now();
    const timeoutMs = entry.deadlineAtMs - entry.createdAtMs;
    this.#ended.remember(id, { endedAtMs, how }, endedAtMs + REMEMBERED_TIMEOUTS * timeoutMs);
    return entry;
  }
}
