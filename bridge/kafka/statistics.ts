/**
 * What the clients' statistics tell about their brokers, and the watchdog's decision.
 *
 * After a broker's controlled stop librdkafka (2.10 up to at least 2.15.1) can be left with an empty broker list: a
 * metadata answer without brokers removes them all, and the re-bootstrap that should follow is cancelled. Nothing
 * revives such a client; it accepts records and times them out for ever. A plain outage looks different: the
 * entries stay, with a state other than UP.
 */

export interface BrokerCount {
  /** How old the client was when it wrote this; statistics are delivered later, after a long connect much later. */
  readonly ageMs: number;
  /** Brokers the client knows, the configured ones included. */
  readonly known: number;
  /** Of these, the ones with a working connection. */
  readonly up: number;
  /** The cluster as brokers have described it; before that, what was configured. */
  readonly brokers: readonly BrokerState[];
}

export interface BrokerState {
  /** host:port, with the number of the broker where it is known. */
  readonly name: string;
  /** In the library's words: UP, DOWN, CONNECT, AUTH… */
  readonly state: string;
}

/** Logical and internal entries are the client's own bookkeeping: a stuck consumer still lists its coordinator. */
const NOT_A_BROKER = new Set(['logical', 'internal']);

/** @returns undefined when the text is not a statistics object */
export function countBrokers(statisticsJson: string): BrokerCount | undefined {
  let statistics: { brokers?: unknown; age?: unknown } | null;
  try {
    statistics = JSON.parse(statisticsJson) as typeof statistics;
  } catch {
    return undefined;
  }
  const { brokers, age } = statistics ?? {};
  if (typeof brokers !== 'object' || brokers === null || typeof age !== 'number') return undefined;
  const entries = (Object.values(brokers) as Entry[]).filter(({ source }) => !NOT_A_BROKER.has(source ?? ''));
  // The library counts microseconds.
  return {
    ageMs: age / 1000,
    known: entries.length,
    up: entries.filter(({ state }) => state === 'UP').length,
    brokers: described(entries),
  };
}

interface Entry {
  readonly name?: string;
  readonly source?: string;
  readonly state?: string;
}

function described(entries: readonly Entry[]): BrokerState[] {
  const learned = entries.filter(({ source }) => source === 'learned');
  return (learned.length > 0 ? learned : entries).map(({ name = '', state = '' }) => ({
    // A number is a fact of the cluster, "bootstrap" is one of the library.
    name: name.replace(/\/bootstrap$/, ''),
    state,
  }));
}

/** An empty list in two statistics running means stuck; a single one may be a moment between two lists. */
export class StuckDetector {
  #emptyInARow = 0;

  /** @returns true when the client must be replaced */
  observe(count: Pick<BrokerCount, 'known'>): boolean {
    this.#emptyInARow = count.known === 0 ? this.#emptyInARow + 1 : 0;
    return this.#emptyInARow >= 2;
  }
}
