/** What both stand-ins for a Kong worker know of the two plugins and of the request they send. */
import { BODY_LENGTH } from './payload';

export interface PluginSocket {
  readonly plugin: string;
  readonly socket: string;
  /** As Kong would send it to the instance. */
  readonly config: object;
}

export interface KongOptions {
  readonly producer: PluginSocket;
  readonly consumer: PluginSocket;
}

export const PHASE = 'access';
export const METHOD = 'POST';

/** Of a plain client behind Kong, with the Correlation ID plugin's header, which Kong 3.9 sets before ours run. */
export function requestHeaders(correlationId: string): Record<string, string> {
  return {
    host: '127.0.0.1:8000',
    'user-agent': 'curl/7.88.1',
    accept: '*/*',
    'content-type': 'application/json',
    'content-length': String(BODY_LENGTH),
    'kong-request-id': correlationId,
  };
}

/** Rounds of the events of one plugin. */
export class RoundCounter {
  #events = 0;
  #rounds = 0;
  #most = 0;

  add(rounds: number): void {
    this.#events++;
    this.#rounds += rounds;
    if (rounds > this.#most) this.#most = rounds;
  }

  take(): { events: number; rounds: number; most: number } {
    const taken = { events: this.#events, rounds: this.#rounds, most: this.#most };
    this.#events = this.#rounds = this.#most = 0;
    return taken;
  }
}
