/**
 * The last events of one stream, for a client that is slow or comes back, and the replies of which they are made. What is
 * too much is dropped, oldest first.
 */
import { bytesInFlight } from '../bytes-in-flight';
import { costOf, type ReceivedRecord } from '../kafka/records';

/** What a client knows that has an event. */
export interface EventFacts {
  /** Since 1970. */
  readonly atMs: number;
  /** The reply that it is; undefined for what we say ourselves. */
  readonly reply?: { readonly partition: number; readonly offset: number };
  /** Replies that the client is told it has missed. */
  readonly missing?: number;
  /** Nothing comes after it. */
  readonly isEnd?: boolean;
}

export interface LoggedEvent {
  /** From 1, without gaps. */
  readonly number: number;
  /** As it is sent, but for its id. */
  readonly block: string;
  readonly facts: EventFacts;
}

/** A reply that has its place, and no text yet. */
export interface UnreadEvent {
  readonly number: number;
  readonly record: ReceivedRecord;
  readonly facts: EventFacts;
}

type Kept = LoggedEvent | UnreadEvent;

/** Objects, a string and its place in a list. */
const EVENT_COST_BYTES = 200;

export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: (Kept | undefined)[] = [];
  /** Everything before it is dropped, and is undefined; moving the rest for each would cost as much as there is. */
  #head = 0;
  #bytes = 0;
  #last = 0;
  /** None up to this one has to be read. */
  #read = 0;

  constructor(bounds: { readonly bufferEvents: number; readonly bufferBytes: number }) {
    this.#maxEvents = bounds.bufferEvents;
    this.#maxBytes = bounds.bufferBytes;
  }

  /** The number of the last event that ever was; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The number before the oldest that is kept. */
  get dropped(): number {
    return this.#last - this.#size;
  }

  /** The oldest reply that has no text yet. */
  get unread(): UnreadEvent | undefined {
    for (this.#read = Math.max(this.#read, this.dropped); this.#read < this.#last; this.#read++) {
      const event = this.#after(this.#read);
      if (event !== undefined && 'record' in event) return event;
    }
    return undefined;
  }

  /** @param content the text of an event, or the reply that becomes one: see `read` */
  append(content: string | ReceivedRecord, facts: EventFacts): void {
    const number = ++this.#last;
    const event = typeof content === 'string' ? { block: content } : { record: content };
    this.#keep(this.#events.length, { number, facts, ...event });
    this.#dropOld();
  }

  /** This is the text of that reply. Does nothing for one that has been dropped meanwhile. */
  read({ number, facts }: UnreadEvent, block: string): void {
    if (number <= this.dropped) return;
    this.#keep(this.#head + number - this.dropped - 1, { number, facts, block });
    this.#dropOld();
  }

  /** The one after that number, if it is kept and has its text. */
  next(number: number): LoggedEvent | undefined {
    const event = this.#after(number);
    return event !== undefined && 'block' in event ? event : undefined;
  }

  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.#account(-this.#bytes);
  }

  get #size(): number {
    return this.#events.length - this.#head;
  }

  #after(number: number): Kept | undefined {
    return number < this.dropped ? undefined : this.#events[this.#head + number - this.dropped];
  }

  #keep(at: number, event: Kept | undefined): void {
    this.#account(costOfEvent(event) - costOfEvent(this.#events[at]));
    this.#events[at] = event;
  }

  #dropOld(): void {
    // The newest stays, however large: it has not been sent yet.
    while (this.#size > 1 && (this.#size > this.#maxEvents || this.#bytes > this.#maxBytes))
      this.#keep(this.#head++, undefined);
    if (this.#head * 2 <= this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    bytesInFlight.add(bytes);
  }
}

function costOfEvent(event: Kept | undefined): number {
  if (event === undefined) return 0;
  return EVENT_COST_BYTES + ('block' in event ? event.block.length : costOf(event.record));
}
