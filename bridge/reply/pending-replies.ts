/**
 * The requests that wait for a reply on one topic, whichever configuration they belong to: one lookup finds whose reply
 * a record is, however many configurations there are, and no id can be waited for twice. It knows waiters, not Kafka
 * and not Kong.
 *
 * A wait is registered before its record is produced, because a reply can overtake the delivery report. It
 * ends exactly once: reply, failed delivery, deadline, reader failure, closed event and shutdown all go through
 * `#take`, which removes the entry; whoever gets the entry settles it, everybody else gets nothing.
 */
import { Directory } from '../../common/directory';
import type { Clock } from '../clock';
import { GatewayError } from '../errors';
import type { Collected, Collector } from './collector';
import type { Deadline, DeadlineWheel } from './deadline-wheel';
import { EndedWaits, type EndedWait } from './ended-waits';
import { foldedUuid } from './id-forms';

/** How a wait ends for somebody who is still there. */
export type Answered<Reply> = { readonly reply: Reply } | { readonly error: GatewayError };

export type Outcome<Reply> =
  | Answered<Reply>
  /** Its record is with a broker, and nobody waits any longer: the reply is asked for later. */
  | { readonly accepted: true };

export interface PendingReply<Reply> {
  readonly id: string;
  /** Of ours, beside an id that the client chose: a reply that carries one must carry this one. */
  readonly requestId: string | undefined;
  /** Monotonic milliseconds. */
  readonly createdAtMs: number;
  /** Calls back once when the wait has ended, at once where it has. Listeners are called in their order. */
  whenEnded(listener: (outcome: Outcome<Reply>) => void): void;
  /** A broker has acknowledged its record. */
  delivered(): void;
  readonly isDelivered: boolean;
  /** It ends as accepted, at its deadline or at once, where its record is delivered. Default: never. */
  acceptAt(moment: 'deadline' | 'delivery'): void;
}

/** Whose waits they are: one configuration. A full one leaves room for the others. */
export interface WaitOwner {
  /** Waits at once; one more is refused with `overloaded`. */
  readonly capacity: number;
  /** Counted by the registry. */
  inFlight: number;
  /** A wait has ended at its deadline, and its error is on its way. */
  onTimedOut(wait: PendingReply<unknown>): void;
}

export interface OwnedWait<Reply, Owner> extends PendingReply<Reply>, Collected {
  readonly owner: Owner;
}

class Entry<Reply, Owner extends WaitOwner> implements OwnedWait<Reply, Owner>, Deadline {
  isOver = false;
  collector: Collector | undefined = undefined;
  isDelivered = false;
  #acceptedAt: 'deadline' | 'delivery' | undefined;
  before: Deadline['before'];
  after: Deadline['after'];
  #outcome: Outcome<Reply> | undefined;
  #listener: ((outcome: Outcome<Reply>) => void) | undefined;

  constructor(
    readonly owner: Owner,
    readonly id: string,
    readonly requestId: string | undefined,
    /** Under which it is found. */
    public key: string,
    readonly createdAtMs: number,
    public deadlineAtMs: number,
    private readonly registry: PendingReplies<Reply, Owner>,
    private readonly deadlineError: DeadlineError,
  ) {}

  onDeadline(): void {
    if (this.#acceptedAt !== undefined && this.isDelivered) {
      this.registry.accept(this);
      return;
    }
    this.registry.fail(this, this.deadlineError(this.isDelivered));
    this.owner.onTimedOut(this);
  }

  delivered(): void {
    this.isDelivered = true;
    this.collector?.delivered?.();
    if (this.#acceptedAt === 'delivery') this.registry.accept(this);
  }

  acceptAt(moment: 'deadline' | 'delivery'): void {
    this.#acceptedAt = moment;
    if (moment === 'delivery' && this.isDelivered) this.registry.accept(this);
  }

  whenEnded(listener: (outcome: Outcome<Reply>) => void): void {
    const earlier = this.#listener;
    if (this.#outcome !== undefined) listener(this.#outcome);
    else if (earlier === undefined) this.#listener = listener;
    else
      this.#listener = (outcome) => {
        earlier(outcome);
        listener(outcome);
      };
  }

  settle(outcome: Outcome<Reply>): void {
    this.#outcome = outcome;
    this.#listener?.(outcome);
  }
}

/** Makes the error with which a wait ends at its deadline. */
export type DeadlineError = (isDelivered: boolean) => GatewayError;

/** For this many times its timeout the id of a wait stays known after its end. */
const REMEMBERED_TIMEOUTS = 2;
/** A stream may wait for hours, and what it leaves behind would keep that of all others from being forgotten. */
const LONGEST_REMEMBERED_MS = 300_000;

export class PendingReplies<Reply, Owner extends WaitOwner> {
  readonly #entries = new Directory<Entry<Reply, Owner>>();
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  readonly #ended = new EndedWaits<Owner>();
  #idsAreOurs = true;
  #hidden = 0;

  constructor(options: { clock: Clock; wheel: DeadlineWheel }) {
    this.#clock = options.clock;
    this.#wheel = options.wheel;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** False once a client has chosen an id: then a reply's id may have any form. */
  get idsAreOurs(): boolean {
    return this.#idsAreOurs;
  }

  /**
   * @param deadlineAtMs on the clock of this registry
   * @param requestId given with an id that a client chose: see PendingReply
   * @param mayRepeat an id that was waited for a moment ago is the same request, and its reply as good
   * @throws GatewayError `overloaded` at the owner's capacity, `correlation_conflict` for an id that waits already or
   *   did so a moment ago, whoever its owner is
   */
  register(
    owner: Owner,
    id: string,
    deadlineAtMs: number,
    deadlineError: DeadlineError,
    requestId?: string,
    mayRepeat = false,
  ): OwnedWait<Reply, Owner> {
    if (owner.inFlight >= owner.capacity) {
      throw new GatewayError(
        'overloaded',
        `${owner.capacity} requests are in flight, which is the limit (max_in_flight)`,
      );
    }
    let key = id;
    if (requestId !== undefined) {
      // Two clients' UUIDs that differ only in case would be one to a responder, and are one to us.
      key = foldedUuid(id) ?? id;
      this.#idsAreOurs = false;
    }
    if (this.#entries.has(key))
      throw new GatewayError('correlation_conflict', 'the correlation id is in flight');
    const nowMs = this.#clock.now();
    if (!mayRepeat && this.#ended.find(key, nowMs))
      throw new GatewayError('correlation_conflict', 'the correlation id was in flight a moment ago');
    const entry = new Entry<Reply, Owner>(
      owner,
      id,
      requestId,
      key,
      nowMs,
      deadlineAtMs,
      this,
      deadlineError,
    );
    this.#entries.set(key, entry);
    owner.inFlight++;
    this.#wheel.add(entry);
    return entry;
  }

  /** @param id as it was registered, or a client's UUID in lower case */
  find(id: string): OwnedWait<Reply, Owner> | undefined {
    return this.#entries.get(id);
  }

  /** No record finds it by its id any more: whoever holds it ends it. */
  hide(wait: PendingReply<Reply>): void {
    const entry = entryOf<Reply, Owner>(wait);
    if (entry.isOver) return;
    this.#entries.delete(entry.key);
    // No id has a blank in it.
    entry.key = `hidden ${this.#hidden++}`;
    this.#entries.set(entry.key, entry);
  }

  /** Moves the deadline of a wait that has not ended; does nothing for one that has. */
  extend(wait: PendingReply<Reply>, deadlineAtMs: number): void {
    const entry = entryOf<Reply, Owner>(wait);
    if (entry.isOver) return;
    this.#wheel.remove(entry);
    entry.deadlineAtMs = deadlineAtMs;
    this.#wheel.add(entry);
  }

  /** How the wait for this id ended, if it was one of ours and not long ago. */
  ended(id: string): EndedWait<Owner> | undefined {
    return this.#ended.find(id, this.#clock.now());
  }

  /** @returns false when the wait has ended */
  settle(wait: PendingReply<Reply>, reply: Reply): boolean {
    const entry = this.#take(wait, 'answered');
    entry?.settle({ reply });
    return entry !== undefined;
  }

  /** @returns false when the wait has ended */
  fail(wait: PendingReply<Reply>, error: GatewayError): boolean {
    const entry = this.#take(wait, 'failed');
    entry?.settle({ error });
    return entry !== undefined;
  }

  /** Like `fail` for a wait whose record was never sent: no reply can come, so its id may be used again at once. */
  withdraw(wait: PendingReply<Reply>, error: GatewayError): void {
    this.#take(wait, undefined)?.settle({ error });
  }

  /** @returns false when the wait has ended */
  accept(wait: PendingReply<Reply>): boolean {
    const entry = this.#take(wait, 'accepted');
    entry?.settle(ACCEPTED);
    return entry !== undefined;
  }

  /** Ends the waits of some owners; those of others go on. */
  failAllOf(isConcerned: (owner: Owner) => boolean, error: GatewayError): void {
    for (const entry of [...this.#entries.values()]) if (isConcerned(entry.owner)) this.fail(entry, error);
  }

  /** @param how undefined: its id is not remembered */
  #take(
    wait: PendingReply<Reply>,
    how: EndedWait<Owner>['how'] | undefined,
  ): Entry<Reply, Owner> | undefined {
    const entry = entryOf<Reply, Owner>(wait);
    if (entry.isOver) return undefined;
    entry.isOver = true;
    this.#entries.delete(entry.key);
    entry.owner.inFlight--;
    this.#wheel.remove(entry);
    if (how === undefined) return entry;
    const endedAtMs = this.#clock.now();
    const timeoutMs = Math.min(entry.deadlineAtMs - entry.createdAtMs, LONGEST_REMEMBERED_MS);
    this.#ended.remember({
      id: entry.key,
      owner: entry.owner,
      endedAtMs,
      how,
      untilMs: endedAtMs + REMEMBERED_TIMEOUTS * timeoutMs,
    });
    return entry;
  }
}

const ACCEPTED = { accepted: true } as const;

/** Whoever has a wait has it from `register`. */
function entryOf<Reply, Owner extends WaitOwner>(wait: PendingReply<Reply>): Entry<Reply, Owner> {
  return wait as Entry<Reply, Owner>;
}
