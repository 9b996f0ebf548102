/**
 * What the process takes on, over all its plugins: beyond a limit new requests are answered 503 `overloaded` at once,
 * so that those it has accepted end in time and memory is bounded.
 *
 * Only the first plugin of a request is refused. Log events, which nobody waits for, are dropped and counted. An event of a plugin that goes on with an accepted request (its record
 * is sent already) is never shed.
 */

import { BytesInFlight } from '../bridge/bytes-in-flight';
import { GatewayError } from '../bridge/errors';
import { log } from '../bridge/telemetry/log';
import { ConnectionLimit, maxConnections } from './connection-limit';
import { Refusal } from './refusal';

export interface OverloadLimits {
  readonly maxOpenEvents: number;
  /** Bodies read, frames not yet complete, records without an acknowledgement, and answers that Kong has not yet taken. */
  readonly maxBytesInFlight: number;
  /** 0: the event loop may be as late as it likes. */
  readonly maxEventLoopLagMs: number;
}

export const DEFAULT_LIMITS: OverloadLimits = {
  // Six workers of Kong at its default of 16384 connections, two for each waiting request.
  maxOpenEvents: 50_000,
  maxBytesInFlight: 256 * 1024 * 1024,
  // A burst of some thousand requests holds the loop for a few hundred milliseconds. A second means that requests come
  // faster than they are handled, and every further one makes all others later.
  maxEventLoopLagMs: 1000,
};

/** One late sample is a pause: a large collection of garbage, a machine that was suspended. */
const LATE_SAMPLES_TO_BEGIN = 2;
/** Ten samples are a second. */
const CALM_SAMPLES_TO_END = 10;
const CALM_SHARE_OF_LIMIT = 0.5;

const REASONS = {
  open_events: 'as many events are open as the plugin server takes on',
  bytes_in_flight: 'as many bytes are in flight as the plugin server takes on',
  event_loop: 'the event loop of the plugin server is late',
  connections: 'as many connections are open as the plugin server has file descriptors for',
} as const;
export type OverloadReason = keyof typeof REASONS;

/** What was shed for one reason, from the first to the last of a row. */
class Episode {
  total = 0;
  private sinceBegin = 0;
  private sinceTick = 0;

  /** @param facts that stand in the lines of its beginning and its end */
  constructor(
    private readonly message: string,
    private readonly facts: Readonly<Record<string, unknown>> = {},
  ) {}

  /** One line for the whole row: a line for each would be load, too. */
  count(facts: Record<string, unknown>): void {
    if (this.sinceBegin === 0) log.warn(`overloaded: ${this.message}`, { ...this.facts, ...facts });
    this.total++;
    this.sinceBegin++;
    this.sinceTick++;
  }

  onTick(): void {
    if (this.sinceTick === 0 && this.sinceBegin > 0) {
      log.info('no longer overloaded', { ...this.facts, refused: this.sinceBegin });
      this.sinceBegin = 0;
    }
    this.sinceTick = 0;
  }
}

/** Requests refused for one reason. */
class Refusals extends Episode {
  readonly refusal: Refusal;

  constructor(reason: OverloadReason) {
    super('new requests are answered 503', { reason });
    this.refusal = new Refusal(new GatewayError('overloaded', REASONS[reason]));
  }
}

export class Overload {
  openEvents = 0;
  private lagMs = 0;
  private lateSamples = 0;
  private calmSamples = 0;
  private isLate = false;
  private readonly episodes = {
    open_events: new Refusals('open_events'),
    bytes_in_flight: new Refusals('bytes_in_flight'),
    event_loop: new Refusals('event_loop'),
    connections: new Refusals('connections'),
  } satisfies Record<OverloadReason, Refusals>;

  private readonly logEvents = new Episode('log events are dropped');

  /** @param bytes shared with whatever else of the process holds something for requests */
  constructor(
    private readonly limits: OverloadLimits = DEFAULT_LIMITS,
    private readonly bytes: BytesInFlight = new BytesInFlight(),
    /** Of all servers of the process. */
    readonly connections: ConnectionLimit = new ConnectionLimit(maxConnections(limits.maxOpenEvents)),
  ) {
    bytes.limit = limits.maxBytesInFlight;
    bytes.onRefused = () => this.refuse('bytes_in_flight');
  }

  /** Why a new request must be refused, or undefined. */
  refusal(): Refusal | undefined {
    const reason = this.reason();
    return reason === undefined ? undefined : this.refuse(reason);
  }

  /** True when a log event is not run, and counted: nobody waits for it, and requests do. */
  dropsLogEvent(): boolean {
    const reason = this.reason();
    if (reason === undefined) return false;
    this.logEvents.count({ because: reason });
    return true;
  }

  private reason(): OverloadReason | undefined {
    if (this.isLate) return 'event_loop';
    if (this.openEvents >= this.limits.maxOpenEvents) return 'open_events';
    if (this.bytes.held >= this.limits.maxBytesInFlight) return 'bytes_in_flight';
    if (this.connections.isExceeded) return 'connections';
    return undefined;
  }

  /** False, and nothing is taken, when that would be too much. */
  reserve(sizeBytes: number): boolean {
    return this.bytes.reserve(sizeBytes);
  }

  /** For what is there already and cannot be refused; negative to give back. */
  add(sizeBytes: number): void {
    this.bytes.add(sizeBytes);
  }

  /** Begins when the loop stays late, ends when it has been well within the limit for a second. */
  onLagSample(lagMs: number): void {
    this.lagMs = lagMs;
    const { maxEventLoopLagMs } = this.limits;
    if (maxEventLoopLagMs === 0) return;
    this.lateSamples = lagMs >= maxEventLoopLagMs ? this.lateSamples + 1 : 0;
    this.calmSamples = lagMs < maxEventLoopLagMs * CALM_SHARE_OF_LIMIT ? this.calmSamples + 1 : 0;
    if (this.lateSamples >= LATE_SAMPLES_TO_BEGIN) this.isLate = true;
    else if (this.calmSamples >= CALM_SAMPLES_TO_END) this.isLate = false;
  }

  /** Called by the process's one timer. */
  onTick(): void {
    for (const episode of Object.values(this.episodes)) episode.onTick();
    this.logEvents.onTick();
  }

  status(): Record<string, unknown> {
    const { open_events, bytes_in_flight, event_loop, connections } = this.episodes;
    return {
      open_events: this.openEvents,
      bytes_in_flight: this.bytes.held,
      event_loop_lag_ms: Math.round(this.lagMs),
      event_loop_late: this.isLate,
      connections: this.connections.size,
      max_connections: this.connections.max,
      idle_connections_dropped: this.connections.dropped,
      refused: {
        open_events: open_events.total,
        bytes_in_flight: bytes_in_flight.total,
        event_loop: event_loop.total,
        connections: connections.total,
      },
      log_events_dropped: this.logEvents.total,
    };
  }

  private refuse(reason: OverloadReason): Refusal {
    const refusals = this.episodes[reason];
    refusals.count({
      open_events: this.openEvents,
      bytes_in_flight: this.bytes.held,
      event_loop_lag_ms: Math.round(this.lagMs),
    });
    return refusals.refusal;
  }
}
