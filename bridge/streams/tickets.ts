/**
 * What leads a request that Kong passes on to the listener back to what the access phase has made of it. Each is good
 * once, and for ten seconds; nobody can guess one.
 */
import { randomBytes } from 'node:crypto';

/** In a header that the access phase overwrites: a client's own never gets here. */
export const STREAM_TICKET_HEADER = 'x-kafka-stream-ticket';

const VALID_MS = 10_000;
const TICKET_BYTES = 24;

interface Issued<T> {
  readonly thing: T;
  readonly forget: () => void;
}

export class StreamTickets<T> {
  readonly #issued = new Map<string, Issued<T>>();
  readonly #within: (limitMs: number, callback: () => void) => () => void;
  readonly #onExpired: (thing: T) => void;

  /** @param onExpired nobody has come with it */
  constructor(within: (limitMs: number, callback: () => void) => () => void, onExpired: (thing: T) => void) {
    this.#within = within;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#issued.size;
  }

  issue(thing: T): string {
    const ticket = randomBytes(TICKET_BYTES).toString('base64url');
    const forget = this.#within(VALID_MS, () => {
      this.#issued.delete(ticket);
      this.#onExpired(thing);
    });
    this.#issued.set(ticket, { thing, forget });
    return ticket;
  }

  take(ticket: unknown): T | undefined {
    const issued = typeof ticket === 'string' ? this.#issued.get(ticket) : undefined;
    if (issued === undefined) return undefined;
    this.#issued.delete(ticket as string);
    issued.forget();
    return issued.thing;
  }
}
