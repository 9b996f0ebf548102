/**
 * The last events of one stream, for a client that is slow or comes back, and the replies of which they are made. What is
 * too much is dropped, oldest first.
 */
import { bytesInFlight } from '../bytes-in-flight';
import { Fifo } from '../fifo';
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

interface Event {
  /** From 1, without gaps. */
  readonly number: number;
  readonly facts: EventFacts;
  /** As it is sent, but for its id; or the reply of which this is made. */
  content: string | ReceivedRecord;
}

export interface LoggedEvent extends Event {
  readonly content: string;
}

export interface UnreadEvent extends Event {
  readonly content: ReceivedRecord;
}

/** Objects, a string and its place in a list. */
const EVENT_COST_BYTES = 200;

export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  readonly #events = new Fifo<Event>();
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
    return this.#last - this.#events.size;
  }

  /** The oldest reply that has no text yet. */
  get unread(): UnreadEvent | undefined {
    for (this.#read = Math.max(this.#read, this.dropped); this.#read < this.#last; this.#read++) {
      const event = this.#after(this.#read);
      if (event !== undefined && !isRead(event)) return event as UnreadEvent;
    }
    return undefined;
  }

  /** @param content its text, or the reply that becomes one: see `read` */
  append(content: string | ReceivedRecord, facts: EventFacts): void {
    const event = { number: ++this.#last, facts, content };
    this.#events.push(event);
    this.#account(costOfEvent(event));
    this.#dropOld();
  }

  /** This is the text of that reply. Does nothing for one that has been dropped meanwhile. */
  read(unread: UnreadEvent, text: string): void {
    if (unread.number <= this.dropped) return;
    const event: Event = unread;
    this.#account(-costOfEvent(event));
    event.content = text;
    this.#account(costOfEvent(event));
    this.#dropOld();
  }

  /** The one after that number, if it is kept and has its text. */
  next(number: number): LoggedEvent | undefined {
    const event = this.#after(number);
    return event !== undefined && isRead(event) ? event : undefined;
  }

  clear(): void {
    this.#events.clear();
    this.#account(-this.#bytes);
  }

  #after(number: number): Event | undefined {
    return this.#events.at(number - this.dropped);
  }

  #dropOld(): void {
    for (let oldest = this.#events.first; oldest; oldest = this.#events.drop()) {
      const { size } = this.#events;
      // The newest stays, however large: it has not been sent yet.
      if (size === 1 || (size <= this.#maxEvents && this.#bytes <= this.#maxBytes)) break;
      this.#account(-costOfEvent(oldest));
    }
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    bytesInFlight.add(bytes);
  }
}

function isRead(event: Event): event is LoggedEvent {
  return typeof event.content === 'string';
}

function costOfEvent({ content }: Event): number {
  return EVENT_COST_BYTES + (typeof content === 'string' ? content.length : costOf(content));
}
