/** The last events of one stream, for a client that is slow or comes back. What is too much is dropped, oldest first. */
import { bytesInFlight } from '../bytes-in-flight';

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

/** Objects, a string and its place in a list. */
const EVENT_COST_BYTES = 200;

export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: LoggedEvent[] = [];
  #bytes = 0;
  #last = 0;

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
    return this.#last - this.#events.length;
  }

  append(block: string, facts: EventFacts): void {
    this.#last++;
    this.#events.push({ number: this.#last, block, facts });
    this.#account(costOf(block));
    // The newest stays, however large: it has not been sent yet.
    while (
      this.#events.length > 1 &&
      (this.#events.length > this.#maxEvents || this.#bytes > this.#maxBytes)
    ) {
      const [oldest] = this.#events.splice(0, 1);
      this.#account(-costOf(oldest!.block));
    }
  }

  /** The one after that number, if it is kept. */
  next(number: number): LoggedEvent | undefined {
    return this.#events[number - this.dropped];
  }

  clear(): void {
    this.#events = [];
    this.#account(-this.#bytes);
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    bytesInFlight.add(bytes);
  }
}

function costOf(block: string): number {
  return EVENT_COST_BYTES + block.length;
}
