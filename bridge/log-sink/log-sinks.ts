/** All log sinks of a process: shared by equal configurations, bounded together, and how they end. */
import { shareOf } from '../../common/worker';
import { BytesInFlight } from '../bytes-in-flight';
import { systemClock, type Clock } from '../clock';
import type { ConnectionOptions } from '../kafka/connection';
import { KafkaClients } from '../kafka/clients';
import { within } from '../kafka/managed-client';
import { LingerPool } from '../linger-pool';
import type { ClientPool } from '../link';
import { ClientMetrics } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import { LogSinkMetrics } from '../telemetry/log-sink-metrics';
import type { MetricGroup } from '../telemetry/metrics';
import { requestSchemas } from '../schemas';
import type { RequestSchemaOptions } from '../schema-registry/request-schemas';
import { LogSink, SinkCounters, type LogSinkOptions, type SinkOwner } from './log-sink';

export interface OpenSinkOptions extends Omit<LogSinkOptions, 'schemas'> {
  /** Equal keys share a sink, and stand for equal configurations. */
  readonly key: string;
  readonly connectionKey: string;
  readonly connection: ConnectionOptions;
  /** Undefined: entries go out in JSON. */
  readonly schemas?: RequestSchemaOptions | undefined;
}

/** A configuration's hold on its sink. */
export interface SinkHold {
  write(entry: Buffer): void;
  close(): void;
}

/**
 * Of all sinks together, apart from what requests may hold: entries that a broker does not take must not be why
 * requests are refused.
 */
export const MAX_LOG_BYTES = 256 * 1024 * 1024;
/** Kong brings an unchanged configuration back within seconds after any change to another. */
const LINGER_MS = 30_000;
const IDLE_STEP_MS = 20;
/** A drain waits no longer for a cluster that is away: who ends a process during an outage has reasons. */
const PATIENCE_MS = 5000;
/** What is held gets so long when there was no drain. */
const LAST_FLUSH_MS = 3000;

export class LogSinks implements SinkOwner {
  readonly clock: Clock;
  readonly memory = new BytesInFlight();
  readonly totals = new SinkCounters();
  readonly metrics: readonly MetricGroup[];
  readonly #clients: ClientPool;
  readonly #sinks: LingerPool<LogSink>;
  /** By the name that `POST /log/<name>` has for them; the one that was opened last is at the end. */
  readonly #named = new Map<string, readonly LogSink[]>();
  #drainingSinceMs: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: { clients?: ClientPool; clock?: Clock; maxBytes?: number } = {}) {
    this.clock = options.clock ?? systemClock;
    this.memory.limit = options.maxBytes ?? shareOf(MAX_LOG_BYTES);
    // What the library has is in our own account until its report.
    this.#clients = options.clients ?? new KafkaClients({ bytesInFlight: new BytesInFlight() });
    this.#sinks = new LingerPool(this.clock, LINGER_MS);
    this.metrics = [
      new ClientMetrics(this.clock, () => this.#clients.figures()),
      new LogSinkMetrics(() => ({
        totals: this.totals,
        heldEntries: this.held,
        heldBytes: this.memory.held,
      })),
    ];
  }

  open(options: OpenSinkOptions): SinkHold {
    const { key, name } = options;
    const sink = this.#sinks.acquire(key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      return new LogSink(this, lease, { ...options, schemas: requestSchemas(options.schemas) });
    });
    if (name !== undefined) {
      this.#named.set(name, [...this.#othersNamed(name, sink), sink]);
      sink.onEnd = () => {
        const others = this.#othersNamed(name, sink);
        if (others.length > 0) this.#named.set(name, others);
        else this.#named.delete(name);
      };
    }
    return { write: (entry) => sink.write(entry), close: () => this.#sinks.release(key) };
  }

  named(name: string): LogSink | undefined {
    return this.#named.get(name)?.at(-1);
  }

  #othersNamed(name: string, sink: LogSink): readonly LogSink[] {
    return (this.#named.get(name) ?? []).filter((other) => other !== sink);
  }

  get isDraining(): boolean {
    return this.#drainingSinceMs !== undefined;
  }

  /** Entries are still taken: those of the requests that are let finish. */
  drain(): void {
    this.#drainingSinceMs ??= this.clock.now();
  }

  get held(): number {
    return this.#sinks.things().reduce((sum, sink) => sum + sink.held, 0);
  }

  /** Resolves when Kafka has everything, or is not there to take it. */
  async idle(): Promise<void> {
    while (this.#awaited > 0) await new Promise<void>((resolve) => this.clock.after(IDLE_STEP_MS, resolve));
  }

  get #awaited(): number {
    const isPatient = this.clock.now() - (this.#drainingSinceMs ?? this.clock.now()) < PATIENCE_MS;
    return this.#sinks.things().reduce((sum, sink) => sum + (isPatient || sink.isUp ? sink.held : 0), 0);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.drain();
    await within(this.idle(), LAST_FLUSH_MS);
    await this.#clients.close();
    const { held } = this;
    this.#sinks.endAll();
    if (held > 0) log.warn('log entries were left when the process ended', { entries: held });
  }

  /** Kafka being away is no reason to send requests elsewhere. */
  status(): { ready: boolean; [fact: string]: unknown } {
    return {
      ready: true,
      held: this.held,
      held_bytes: this.memory.held,
      max_bytes: this.memory.limit,
      ...this.totals,
      sinks: this.#sinks.things().map((sink) => sink.status()),
      clusters: this.#clients.status(),
    };
  }
}
