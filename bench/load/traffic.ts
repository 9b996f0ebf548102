/** What the events of one plugin cost on the way between Kong and the plugin server. */
export interface EventTraffic {
  readonly events: number;
  /** How often the plugin server waited for answers of Kong. */
  readonly rounds: number;
  readonly mostRounds: number;
  /** Calls of Kong's PDK, the exit among them. */
  readonly calls: number;
  /** On the sockets, seen from Kong. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** By the name of the plugin, in the order in which a request meets them. */
export type Traffic = Readonly<Record<string, EventTraffic>>;

/** Counts until it is asked, and begins anew. */
export class TrafficCounter {
  #events = 0;
  #rounds = 0;
  #mostRounds = 0;
  #calls = 0;
  #bytesSent = 0;
  #bytesReceived = 0;

  /** An event ended after this many rounds of calls and answers. */
  ended(rounds: number): void {
    this.#events++;
    this.#rounds += rounds;
    if (rounds > this.#mostRounds) this.#mostRounds = rounds;
  }

  called(): void {
    this.#calls++;
  }

  sent(bytes: number): void {
    this.#bytesSent += bytes;
  }

  received(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  take(): EventTraffic {
    const taken = {
      events: this.#events,
      rounds: this.#rounds,
      mostRounds: this.#mostRounds,
      calls: this.#calls,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
    };
    this.#events = this.#rounds = this.#mostRounds = this.#calls = this.#bytesSent = this.#bytesReceived = 0;
    return taken;
  }
}
