/** The end of a configuration that produces. */
import { GatewayError } from './errors';
import type { Exchange, RequestFacts } from './exchange';
import type { ConnectionOptions } from './kafka/connection';
import type { OutgoingRecord } from './kafka/records';
import { notReady, type Link } from './link';
import { REQUEST_ID_HEADER } from './reply/dialects';
import type { MatchRule } from './reply/match-rule';
import type { ReplyRoute } from './reply/reply-routing';
import type { WireId } from './request/correlation-id';
import { log } from './telemetry/log';

/** Longer than Kong ever needs between two plugins of one request. */
export const HAND_OVER_MS = 10_000;

export interface SenderOptions {
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
}

/** What a sender needs of the process it is part of. */
export interface SenderOwner {
  readonly counters: { sent: number; promised_but_lost: number };
  /** @throws GatewayError `draining` */
  refuseWhenDraining(): void;
  /** Calls back once after that time; the returned function cancels. */
  within(limitMs: number, onDeadline: () => void): () => void;
}

export class Sender {
  readonly #owner: SenderOwner;
  readonly #link: Link;
  readonly #route: ReplyRoute | undefined;
  readonly #reportTimeoutMs: number;
  readonly close: () => void;

  constructor(
    owner: SenderOwner,
    link: Link,
    options: Pick<SenderOptions, 'route' | 'reportTimeoutMs'>,
    close: () => void,
  ) {
    this.#owner = owner;
    this.#link = link;
    this.#route = options.route;
    this.#reportTimeoutMs = options.reportTimeoutMs;
    this.close = close;
  }

  /** What a generated id has to carry; undefined where replies are not routed, or while it is not known. */
  get routeTag(): number | undefined {
    return this.#link.channel?.routeTag;
  }

  /** True when a record can go out at once. @throws GatewayError `draining` */
  readyNow(): boolean {
    this.#owner.refuseWhenDraining();
    return this.#link.readyNow();
  }

  /** See Link. @throws GatewayError `not_ready` with the reason, `draining` */
  async whenReady(): Promise<void> {
    this.#owner.refuseWhenDraining();
    await this.#link.whenReady();
    this.#owner.refuseWhenDraining();
  }

  /**
   * Registers the wait, then produces: the reply may be faster than the delivery report.
   * @param timeoutMs of the wait; until it is claimed, where a consumer half claims it
   */
  request(
    record: OutgoingRecord,
    { id, requestId }: WireId,
    facts: RequestFacts,
    timeoutMs = HAND_OVER_MS,
  ): Exchange {
    const channel = this.#link.channel;
    if (!channel) throw new GatewayError('internal', 'a request without a reply channel');
    const addressed = this.#addressed(record, channel.partition, requestId);
    // All that the callbacks below may know of the record: they live as long as the wait, and would keep its body.
    const { topic } = record;
    let delivered = false;
    const onDeadline = () =>
      delivered
        ? new GatewayError(
            'reply_timeout',
            `delivered to ${topic}, no reply on ${channel.replyTopic} in time`,
          )
        : unconfirmed(topic);
    const wait = channel.register(id, timeoutMs, onDeadline, requestId);
    try {
      this.#link.lease.producer.produce(addressed, (error) => {
        delivered = error === undefined;
        if (error) channel.fail(wait, error);
      });
    } catch (error) {
      channel.fail(wait, new GatewayError('internal', 'the record was never produced', { cause: error }));
      throw error;
    }
    this.#owner.counters.sent++;
    const { accept, prefer, shownId } = facts;
    return { channel, wait, accept, prefer, shownId };
  }

  /**
   * Produces without a wait for a reply.
   * @param onEnd called once, later: when the broker has acknowledged, or with produce_timeout before it gives up
   */
  deliver(record: OutgoingRecord, onEnd: (error: GatewayError | undefined) => void): void {
    let open = true;
    const end = (error: GatewayError | undefined): void => {
      if (!open) return;
      open = false;
      forget();
      onEnd(error);
    };
    const forget = this.#owner.within(this.#reportTimeoutMs, () => end(unconfirmed(record.topic)));
    try {
      this.#link.lease.producer.produce(record, end, { awaited: true });
    } catch (error) {
      forget();
      throw error;
    }
    this.#owner.counters.sent++;
  }

  /** Produces without a wait, and without waiting for the broker. The record is in the buffer when this returns. */
  enqueue(record: OutgoingRecord): void {
    const { counters } = this.#owner;
    this.#link.lease.producer.produce(
      record,
      (error) => {
        if (error === undefined) return;
        // Its client has long been told that it is on its way: this is the only place where its loss shows.
        counters.promised_but_lost++;
        log.error('a record that was accepted could not be delivered', {
          topic: record.topic,
          code: error.code,
          reason: error.detail,
          lost_so_far: counters.promised_but_lost,
        });
      },
      { promised: true },
    );
    counters.sent++;
  }

  /** Apart: hands the record over to the client; a failed delivery can only be logged, the wait is elsewhere. */
  post(record: OutgoingRecord, { requestId }: WireId): void {
    // The consumer there reads all partitions, and its process alone could say which is the node's own.
    const { partition } = this.#route ?? {};
    const addressed =
      partition?.wraps === false
        ? this.#addressed(record, partition.number, requestId)
        : withHeaders(record, requestIdHeaders(requestId));
    this.#link.lease.producer.produce(addressed, (error) => {
      if (error) log.warn('a request was not delivered', { topic: record.topic, reason: error.detail });
    });
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
