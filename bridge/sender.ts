/** The end of a configuration that produces. */
import type { Configuration } from './configuration';
import { GatewayError, toGatewayError } from './errors';
import type { Exchange, RequestFacts } from './exchange';
import type { ConnectionOptions } from './kafka/connection';
import type { OutgoingRecord } from './kafka/records';
import { notReady, type Link } from './link';
import { REQUEST_ID_HEADER } from './reply/dialects';
import type { MatchRule } from './reply/match-rule';
import type { ReplyChannel } from './reply/reply-channel';
import type { ReplyRoute } from './reply/reply-routing';
import type { Wait } from './reply/reply-topic';
import type { WireId } from './request/correlation-id';
import type { KeepBounds } from './results/kept-replies';
import type { IdempotencyOptions, RepeatedRequests } from './results/repeated-requests';
import { log } from './telemetry/log';
import {
  UNTRACED,
  type RequestTrace,
  type RequestTracer,
  type TracerOptions,
  type Tracing,
} from './telemetry/tracing';

/** Longer than Kong ever needs between two plugins of one request. */
export const HAND_OVER_MS = 10_000;

export interface SenderOptions {
  /** Whose configuration it is: its name. */
  readonly plugin: string;
  /** Equal keys share everything, and stand for equal configurations. */
  readonly key: string;
  readonly connectionKey: string;
  readonly connection: ConnectionOptions;
  readonly topic: string;
  /** Undefined: nobody waits for replies. */
  readonly route: ReplyRoute | undefined;
  /** By which the sender's own waits find their replies. Undefined: a consumer half claims them, or waits elsewhere. */
  readonly waitsBy?: MatchRule | undefined;
  readonly maxInFlight: number;
  /** How long the client of a one-way request waits for the delivery report. */
  readonly reportTimeoutMs: number;
  /** Where replies go that nobody waits for any more. Undefined: nowhere. */
  readonly orphanTopic?: string | undefined;
  readonly trace: TracerOptions;
  /** Requests that their clients call one are sent once. Undefined: each is sent. */
  readonly idempotency?: (IdempotencyOptions & { readonly keep: KeepBounds }) | undefined;
}

/** What a sender needs of the process it is part of. */
export interface SenderOwner {
  readonly counters: { sent: number; promised_but_lost: number };
  readonly tracing: Tracing;
  /** Calls back once after that time; the returned function cancels. */
  within(limitMs: number, onDeadline: () => void): () => void;
}

/** A record on its way, and what goes with it. */
export interface SentRequest {
  readonly record: OutgoingRecord;
  readonly wire: WireId;
  readonly trace: RequestTrace;
}

/** By which an admin finds a request in other logs, as fields of a log line. */
export interface RequestIds {
  /** Kong's. */
  readonly request_id: string | undefined;
  readonly correlation_id: string;
}

export class Sender {
  readonly #owner: SenderOwner;
  readonly configuration: Configuration;
  readonly #link: Link;
  readonly #route: ReplyRoute | undefined;
  readonly #reportTimeoutMs: number;
  readonly #tracer: RequestTracer;
  readonly #idempotency: IdempotencyOptions | undefined;
  /** Undefined where each request is sent. */
  readonly #repeated: RepeatedRequests | undefined;
  readonly close: () => void;

  constructor(
    owner: SenderOwner,
    link: Link,
    options: Pick<SenderOptions, 'route' | 'reportTimeoutMs' | 'trace' | 'idempotency'>,
    repeated: RepeatedRequests | undefined,
    close: () => void,
  ) {
    this.#owner = owner;
    this.configuration = link.configuration;
    this.#link = link;
    this.#route = options.route;
    this.#reportTimeoutMs = options.reportTimeoutMs;
    this.#tracer = owner.tracing.tracer(options.trace);
    this.#idempotency = options.idempotency;
    this.#repeated = repeated;
    this.close = close;
  }

  /** Where its replies come; undefined where nobody here waits for any. */
  get channel(): ReplyChannel | undefined {
    return this.#link.channel;
  }

  /** What a generated id has to carry; undefined where replies are not routed, or while it is not known. */
  get routeTag(): number | undefined {
    return this.#link.channel?.routeTag;
  }

  /** True when a record can go out at once. @throws as Link */
  readyNow(): boolean {
    return this.#link.readyNow();
  }

  /** See Link. */
  whenReady(): Promise<void> {
    return this.#link.whenReady();
  }

  /** Begins to follow a record that is about to be sent, which never is where what follows throws. */
  trace(record: OutgoingRecord, { id }: WireId): RequestTrace {
    return this.#tracer.begin(record, this.#route && id);
  }

  /**
   * Registers the wait, then produces: the reply may be faster than the delivery report.
   * @param timeoutMs of the wait; until it is claimed, where a consumer half claims it
   */
  request(sent: SentRequest, facts: RequestFacts, timeoutMs = HAND_OVER_MS): Exchange {
    const channel = this.#link.channel;
    if (!channel) throw new GatewayError('internal', 'a request without a reply channel');
    const { record, wire, trace } = sent;
    if (wire.ofKey !== undefined) {
      const repeated = this.#repeat(channel, sent, facts, timeoutMs);
      if (repeated !== undefined) return repeated;
    }
    const { id, requestId } = wire;
    const addressed = this.#addressed(trace.traced(record), channel.partition, requestId);
    // All that the callbacks below may know of the record: they live as long as the wait, and would keep its body.
    const { topic } = record;
    const key = typeof record.key === 'string' ? record.key : undefined;
    const { metrics } = this.configuration;
    const onDeadline = (isDelivered: boolean) =>
      isDelivered
        ? new GatewayError(
            'reply_timeout',
            `delivered to ${topic}, no reply on ${channel.replyTopic} in time`,
          )
        : unconfirmed(topic);
    const wait = channel.register(id, timeoutMs, onDeadline, requestId, wire.ofKey);
    const onReport = wire.ofKey && this.#first(wait);
    try {
      this.#link.lease.producer.produce(addressed, (error) => {
        trace.delivered(error);
        metrics.reported(error, wait.createdAtMs);
        if (onReport !== undefined) onReport(error);
        else if (!error) wait.delivered();
        // Nothing was sent, and the client is told to come again.
        else if (error.retryAfterSeconds !== undefined) channel.withdraw(wait, error);
        else channel.fail(wait, error);
      });
    } catch (error) {
      onReport?.(toGatewayError(error));
      channel.withdraw(wait, new GatewayError('internal', 'the record was never produced', { cause: error }));
      throw error;
    }
    metrics.produced(record);
    this.#owner.counters.sent++;
    const { accept, prefer, shownId } = facts;
    return { configuration: this.configuration, channel, wait, topic, key, accept, prefer, shownId, trace };
  }

  /** @returns undefined for the first with its key */
  #repeat(
    channel: ReplyChannel,
    { record, wire }: SentRequest,
    facts: RequestFacts,
    timeoutMs: number,
  ): Exchange | undefined {
    const repeated = this.#repeated?.repeat(channel, wire.id, timeoutMs, this.#idempotency ?? NO_MEMORY);
    if (repeated === undefined) return undefined;
    const { wait, isReplayed } = repeated;
    return {
      configuration: this.configuration,
      channel,
      wait,
      topic: record.topic,
      ...facts,
      trace: UNTRACED,
      repeats: { wireId: wire.id, isReplayed },
    };
  }

  #first(wait: Wait): ReturnType<RepeatedRequests['first']> | undefined {
    return this.#repeated?.first(wait, this.#idempotency ?? NO_MEMORY);
  }

  /**
   * Produces without a wait for a reply.
   * @param onEnd called once, later: when the broker has acknowledged, or with produce_timeout before it gives up
   */
  deliver({ record, trace }: SentRequest, onEnd: (error: GatewayError | undefined) => void): void {
    const { topic } = record;
    const { activity, metrics } = this.configuration;
    const sinceMs = metrics.nowMs();
    let open = true;
    const end = (error: GatewayError | undefined): void => {
      if (!open) return;
      open = false;
      forget();
      trace.delivered(error);
      if (error === undefined) {
        activity.succeeded(sinceMs);
        metrics.answered('ok', sinceMs, undefined);
      }
      onEnd(error);
    };
    const forget = this.#owner.within(this.#reportTimeoutMs, () => end(unconfirmed(topic)));
    try {
      const onReport = (error: GatewayError | undefined): void => {
        metrics.reported(error, sinceMs);
        end(error);
      };
      this.#link.lease.producer.produce(trace.traced(record), onReport, { awaited: true });
    } catch (error) {
      forget();
      throw error;
    }
    metrics.produced(record);
    this.#owner.counters.sent++;
  }

  /** Produces without a wait, and without waiting for the broker. The record is in the buffer when this returns. */
  enqueue({ record, trace }: SentRequest, ids: RequestIds): void {
    const { counters } = this.#owner;
    const { topic } = record;
    const { activity, metrics } = this.configuration;
    const sinceMs = metrics.nowMs();
    this.#link.lease.producer.produce(
      trace.traced(record),
      (error) => {
        trace.delivered(error);
        metrics.reported(error, sinceMs);
        if (error === undefined) return;
        // Its client has long been told that it is on its way: this is the only place where its loss shows.
        counters.promised_but_lost++;
        log.error('a record that was accepted could not be delivered', {
          topic,
          ...ids,
          code: error.code,
          reason: error.detail,
          lost_so_far: counters.promised_but_lost,
        });
      },
      { promised: true },
    );
    metrics.produced(record);
    metrics.ended('ok');
    activity.succeeded(activity.nowMs());
    counters.sent++;
  }

  /** Apart: hands the record over to the client; a failed delivery can only be logged, the wait is elsewhere. */
  post({ record, wire, trace }: SentRequest, ids: RequestIds): void {
    const { topic } = record;
    const { requestId } = wire;
    const traced = trace.traced(record);
    // The consumer there reads all partitions, and its process alone could say which is the node's own.
    const { partition } = this.#route ?? {};
    const addressed =
      partition?.wraps === false
        ? this.#addressed(traced, partition.number, requestId)
        : withHeaders(traced, requestIdHeaders(requestId));
    const { metrics } = this.configuration;
    const sinceMs = metrics.nowMs();
    this.#link.lease.producer.produce(addressed, (error) => {
      trace.delivered(error);
      metrics.reported(error, sinceMs);
      if (error)
        log.warn('a request was not delivered', { topic, ...ids, code: error.code, reason: error.detail });
    });
    metrics.produced(record);
    // Whoever waits for the reply is in another process.
    metrics.ended('ok');
    this.#owner.counters.sent++;
  }

  /** Only now is it sure which partition is read. */
  #addressed(
    record: OutgoingRecord,
    partition: number | undefined,
    requestId: string | undefined,
  ): OutgoingRecord {
    const { partitionHeaders = [] } = this.#route ?? {};
    if (partitionHeaders.length === 0) return withHeaders(record, requestIdHeaders(requestId));
    if (partition === undefined) throw notReady(this.#link);
    const text = String(partition);
    return withHeaders(record, [
      ...requestIdHeaders(requestId),
      ...partitionHeaders.map((name) => [name, text] as const),
    ]);
  }
}

const NO_MEMORY: IdempotencyOptions = { ttlMs: 0 };
const NO_HEADERS: OutgoingRecord['headers'] = [];

function requestIdHeaders(requestId: string | undefined): OutgoingRecord['headers'] {
  return requestId === undefined ? NO_HEADERS : [[REQUEST_ID_HEADER, requestId]];
}

function withHeaders(record: OutgoingRecord, headers: OutgoingRecord['headers']): OutgoingRecord {
  return headers.length === 0 ? record : { ...record, headers: [...record.headers, ...headers] };
}

function unconfirmed(topic: string): GatewayError {
  return new GatewayError('produce_timeout', `no delivery report from ${topic} in time`);
}
