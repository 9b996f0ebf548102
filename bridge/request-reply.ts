/**
 * What both plugins of one process share: Kafka clients, reply channels, and the hand-over of a waiting request
 * from the producer half to the consumer half.
 *
 * Together: our plugin server runs both plugins in one process and the wait lives in its memory. Apart: Kong's
 * stock server runs each plugin in a process of its own; then only the correlation id crosses (in
 * `kong.ctx.shared`), the consumer reads the reply topic itself and registers the wait after the record is sent.
 */
import { systemClock, type Clock } from './clock';
import { GatewayError } from './errors';
import { KafkaClients } from './kafka/clients';
import type { ConnectionOptions } from './kafka/connection';
import type { RecordProducer } from './kafka/producer';
import type { TopicReader } from './kafka/reader';
import type { KeptTopic } from './kafka/topic-keeper';
import type { OutgoingRecord, ReceivedRecord } from './kafka/records';
import { LingerPool, type Lingering } from './linger-pool';
import { DeadlineWheel } from './reply/deadline-wheel';
import { HandOver } from './reply/hand-over';
import { HEADER_RULE, type MatchRule } from './reply/match-rule';
import type { PendingReply } from './reply/pending-replies';
import { orphanRecord, type Orphan } from './reply/orphans';
import { ReplyChannel, type ReplyChannelOptions } from './reply/reply-channel';
import type { ReplyRoute } from './reply/reply-routing';
import { log } from './telemetry/log';

/** Longer than Kong ever needs between two plugins of one request. */
const HAND_OVER_MS = 10_000;
/** Kong brings an unchanged configuration back within seconds after any change to another. */
const LINGER_MS = 30_000;
/** How long the first requests after a start wait for Kafka before they are told to come again. */
const FIRST_READY_MS = 3000;
/** Apart, the reader starts with the first request, which by then has been sent: look this far back. */
const LOOK_BACK_MS = 30_000;
/** Apart, nobody has told the consumer the producer's `max_in_flight`; this only bounds memory. */
const APART_CAPACITY = 100_000;

/** A request on its way: what the consumer half needs to know of it. */
export interface Exchange {
  readonly channel: ReplyChannel;
  readonly wait: PendingReply<ReceivedRecord>;
  readonly method: string;
  readonly accept: string | undefined;
  /** All Prefer headers, joined by commas. */
  readonly prefer: string | undefined;
  /** The id the client knows the request by; the one on the wire is `wait.id`. */
  readonly shownId: string;
}

/** What of it comes from the client's request. */
export type RequestFacts = Pick<Exchange, 'method' | 'accept' | 'prefer' | 'shownId'>;

/** What is needed of `KafkaClients`. */
export interface ClientPool {
  acquire(key: string, connection: ConnectionOptions): Lease;
  close(): Promise<void>;
  status(): unknown;
}

interface Lease {
  readonly producer: Pick<RecordProducer, 'state' | 'reason' | 'whenUp' | 'produce'>;
  readonly reader: Pick<TopicReader, 'follow'>;
  keepTopic(kept: KeptTopic): () => void;
  release(): void;
}

export interface SenderOptions {
  /** Equal keys share everything, and stand for equal configurations. */
  readonly key: string;
  readonly connectionKey: string;
  readonly connection: ConnectionOptions;
  readonly topic: string;
  /** Undefined: nobody waits for replies. */
  readonly route: ReplyRoute | undefined;
  readonly maxInFlight: number;
  /** How long the client of a one-way request waits for the delivery report. */
  readonly reportTimeoutMs: number;
  /** Where replies go that nobody waits for any more. Undefined: nowhere. */
  readonly orphanTopic?: string | undefined;
}

export interface ReceiverOptions {
  readonly key: string;
  readonly connectionKey: string;
  readonly connection: ConnectionOptions;
  readonly route: Pick<ReplyRoute, 'replyTopic' | 'create'>;
  readonly rule: MatchRule;
}

/** Kafka clients and, for request-reply, the channel of one configuration. */
class Link implements Lingering {
  constructor(
    readonly lease: Lease,
    readonly channel: ReplyChannel | undefined,
    private readonly stopKeeping: () => void = () => undefined,
  ) {}

  get ready(): boolean {
    return this.lease.producer.state === 'up' && (this.channel === undefined || this.channel.ready);
  }

  mayEnd(): boolean {
    return this.channel === undefined || this.channel.inFlight === 0;
  }

  end(): void {
    this.channel?.close(new GatewayError('draining', 'the reply channel is closed'));
    this.stopKeeping();
    this.lease.release();
  }
}

export class RequestReply {
  readonly counters = {
    sent: 0,
    unclaimed: 0,
    dropped_reply_headers: 0,
    promised_but_lost: 0,
    orphans_kept: 0,
    orphans_lost: 0,
  };
  readonly #clock: Clock;
  readonly #clients: ClientPool;
  readonly #wheel: DeadlineWheel;
  readonly #links: LingerPool<Link>;
  readonly #handOver: HandOver<Exchange>;
  #together = false;
  #draining = false;
  #closing: Promise<void> | undefined;

  constructor(options: { clients?: ClientPool; clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#clients = options.clients ?? new KafkaClients();
    this.#wheel = new DeadlineWheel(this.#clock);
    this.#links = new LingerPool(this.#clock, LINGER_MS);
    this.#handOver = new HandOver(this.#clock, this.#wheel, (exchange) => this.#unclaimed(exchange));
  }

  /** True when both halves of a request run in this process. */
  get together(): boolean {
    return this.#together;
  }

  /** The plugin server tells which plugins it serves; the stock server tells nothing, and that means apart. */
  setTogether(together: boolean): void {
    this.#together = together;
  }

  openSender(options: SenderOptions): Sender {
    const { key, topic, route, orphanTopic } = options;
    const link = this.#links.acquire(key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      if (route === undefined || !this.#together) return new Link(lease, undefined);
      const channel: ReplyChannel = this.#openChannel(lease, {
        replyTopic: route.replyTopic,
        partition: route.partition,
        create: route.create,
        routeTag: route.routeTag,
        onOrphan: orphanTopic === undefined ? undefined : (orphan) => this.#keep(lease, orphan, orphanTopic),
        capacity: options.maxInFlight,
        from: 'end',
        rules: [HEADER_RULE],
        sharedWithRequests: route.replyTopic === topic,
        mayComeLater: () => channel.unclaimed > 0,
      });
      return new Link(lease, channel, route.kept && lease.keepTopic(route.kept));
    });
    return new Sender(this, link, options, () => this.#links.release(key));
  }

  /** Only for the consumer of a process of its own. */
  openReceiver(options: ReceiverOptions): Receiver {
    const link = this.#links.acquire(options.key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      const channel = this.#openChannel(lease, {
        replyTopic: options.route.replyTopic,
        create: options.route.create,
        capacity: APART_CAPACITY,
        from: { sinceMs: Date.now() - LOOK_BACK_MS },
        rules: [options.rule],
        // Whether requests share the topic is the producer's knowledge; a reply never names a reply topic.
        sharedWithRequests: false,
        mayComeLater: () => true,
      });
      return new Link(lease, channel);
    });
    return new Receiver(link, () => this.#links.release(options.key));
  }

  offer(requestId: string, exchange: Exchange): void {
    exchange.channel.unclaimed++;
    this.#handOver.offer(requestId, exchange, HAND_OVER_MS);
  }

  claim(requestId: string): Exchange | undefined {
    const exchange = this.#handOver.claim(requestId);
    if (exchange) exchange.channel.unclaimed--;
    return exchange;
  }

  /** @throws GatewayError `draining` */
  refuseWhenDraining(): void {
    if (this.#draining) throw new GatewayError('draining', 'the plugin server is shutting down');
  }

  /** Calls back once after that time; the returned function cancels. */
  within(limitMs: number, onDeadline: () => void): () => void {
    const entry = { deadlineAtMs: this.#clock.now() + limitMs, onDeadline };
    this.#wheel.add(entry);
    return () => this.#wheel.remove(entry);
  }

  /** New requests are refused; those that were accepted go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Resolves when no accepted request waits any more. */
  async idle(): Promise<void> {
    while (this.inFlight > 0) await new Promise<void>((resolve) => this.#clock.after(20, resolve));
  }

  /** Requests whose producer half is done and whose consumer half has not come yet. */
  get notHandedOver(): number {
    return this.#handOver.size;
  }

  get inFlight(): number {
    return this.#links.things().reduce((sum, link) => sum + (link.channel?.inFlight ?? 0), 0);
  }

  /** Fails what still waits, then closes the Kafka clients in order. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#draining = true;
      this.#links.endAll();
      await this.#clients.close();
    })();
    return this.#closing;
  }

  status(): { ready: boolean; [fact: string]: unknown } {
    const links = this.#links.things();
    return {
      ready: !this.#draining && links.every((link) => link.ready),
      together: this.#together,
      draining: this.#draining,
      in_flight: this.inFlight,
      not_handed_over: this.notHandedOver,
      ...this.counters,
      reply_channels: links.flatMap(({ channel }) =>
        channel
          ? [
              {
                reply_topic: channel.replyTopic,
                reply_partition: channel.partition,
                ready: channel.ready,
                reason: channel.reason,
                in_flight: channel.inFlight,
                held_records: channel.heldRecords,
                ...channel.counters,
              },
            ]
          : [],
      ),
      clusters: this.#clients.status(),
    };
  }

  #openChannel(lease: Lease, options: ReplyChannelOptions): ReplyChannel {
    return new ReplyChannel(lease.reader, this.#clock, this.#wheel, options);
  }

  /** Nobody waits for it, so a failure is only counted. */
  #keep(lease: Lease, orphan: Orphan, orphanTopic: string): void {
    const count = (error?: unknown) =>
      error === undefined ? this.counters.orphans_kept++ : this.counters.orphans_lost++;
    try {
      lease.producer.produce(orphanRecord(orphan, orphanTopic), count);
    } catch (error) {
      count(error);
    }
  }

  #unclaimed(exchange: Exchange): void {
    exchange.channel.unclaimed--;
    exchange.channel.dropHeld();
    exchange.channel.fail(
      exchange.wait.id,
      new GatewayError('misconfigured', 'no custom_kafka_consumer claimed the wait'),
    );
    if (this.counters.unclaimed++ === 0) {
      log.warn(
        'a request was sent but nothing waits for its reply: is custom_kafka_consumer enabled on the route?',
        {
          reply_topic: exchange.channel.replyTopic,
        },
      );
    }
  }
}

/** The producer's end of a configuration. */
export class Sender {
  readonly #owner: RequestReply;
  readonly #link: Link;
  readonly #route: ReplyRoute | undefined;
  readonly #reportTimeoutMs: number;
  readonly close: () => void;

  constructor(
    owner: RequestReply,
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

  /**
   * Returns at once when everything is up. Right after a start it waits a little for Kafka; a cluster known to be
   * down is not waited for.
   * @throws GatewayError `not_ready` with the reason, `draining`
   */
  async whenReady(): Promise<void> {
    this.#owner.refuseWhenDraining();
    if (this.#link.ready) return;
    await becomeReady(this.#link);
    this.#owner.refuseWhenDraining();
  }

  /** Registers the wait, then produces: the reply may be faster than the delivery report. */
  request(record: OutgoingRecord, correlationId: string, facts: RequestFacts): Exchange {
    const channel = this.#link.channel;
    if (!channel) throw new GatewayError('internal', 'a request without a reply channel');
    const addressed = this.#addressed(record, channel.partition);
    let delivered = false;
    const wait = channel.register(correlationId, HAND_OVER_MS, () =>
      delivered
        ? new GatewayError(
            'reply_timeout',
            `delivered to ${record.topic}, no reply on ${channel.replyTopic} in time`,
          )
        : unconfirmed(record.topic),
    );
    try {
      this.#link.lease.producer.produce(addressed, (error) => {
        delivered = error === undefined;
        if (error) channel.fail(correlationId, error);
      });
    } catch (error) {
      channel.fail(
        correlationId,
        new GatewayError('internal', 'the record was never produced', { cause: error }),
      );
      throw error;
    }
    this.#owner.counters.sent++;
    return { channel, wait, ...facts };
  }

  /** Produces without a wait. Resolves when the broker has acknowledged; rejects with produce_timeout before it gives up. */
  deliver(record: OutgoingRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = this.#owner.within(this.#reportTimeoutMs, () => reject(unconfirmed(record.topic)));
      const onDelivery = (error: GatewayError | undefined) => {
        forget();
        if (error) reject(error);
        else resolve();
      };
      try {
        this.#link.lease.producer.produce(record, onDelivery, { awaited: true });
      } catch (error) {
        forget();
        throw error;
      }
      this.#owner.counters.sent++;
    });
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
  post(record: OutgoingRecord): void {
    // The consumer there reads all partitions, and its process alone could say which is the node's own.
    const { partition } = this.#route ?? {};
    const addressed = partition?.wraps === false ? this.#addressed(record, partition.number) : record;
    this.#link.lease.producer.produce(addressed, (error) => {
      if (error) log.warn('a request was not delivered', { topic: record.topic, reason: error.detail });
    });
    this.#owner.counters.sent++;
  }

  /** Only now is it sure which partition is read. */
  #addressed(record: OutgoingRecord, partition: number | undefined): OutgoingRecord {
    const { partitionHeaders = [] } = this.#route ?? {};
    if (partitionHeaders.length === 0) return record;
    if (partition === undefined) throw notReady(this.#link);
    const text = String(partition);
    return {
      ...record,
      headers: [...record.headers, ...partitionHeaders.map((name) => [name, text] as const)],
    };
  }
}

/** The consumer's end where the producer is in another process. */
export class Receiver {
  readonly #link: Link;
  readonly close: () => void;

  constructor(link: Link, close: () => void) {
    this.#link = link;
    this.close = close;
  }

  /** @throws GatewayError `not_ready`, `correlation_conflict`, `overloaded` */
  async exchange(correlationId: string, timeoutMs: number, facts: RequestFacts): Promise<Exchange> {
    const channel = this.#link.channel;
    if (!channel) throw new GatewayError('internal', 'a receiver without a reply channel');
    const wait = channel.register(correlationId, timeoutMs, () =>
      channel.ready
        ? new GatewayError(
            'reply_timeout',
            `no reply on ${channel.replyTopic} in time; delivery is known to the producer only`,
          )
        : new GatewayError('not_ready', channel.reason ?? `${channel.replyTopic} is not positioned`),
    );
    channel.settleFromHeld(correlationId);
    return { channel, wait, ...facts };
  }
}

async function becomeReady(link: Link): Promise<void> {
  const { producer } = link.lease;
  const failWhenDown = () => {
    if (producer.state === 'down') throw notReady(link);
  };
  failWhenDown();
  const readiness = Promise.all([producer.whenUp(), link.channel?.whenReady()]).then(() => true);
  const deadlineMs = performance.now() + FIRST_READY_MS;
  // Looked at in steps, because "down" may become known while we wait.
  while (!(await Promise.race([readiness, pause(50)]))) {
    failWhenDown();
    if (performance.now() >= deadlineMs) throw notReady(link);
  }
}

function unconfirmed(topic: string): GatewayError {
  return new GatewayError('produce_timeout', `no delivery report from ${topic} in time`);
}

function notReady({ lease, channel }: Link): GatewayError {
  const reason =
    (lease.producer.state === 'up' ? channel?.reason : lease.producer.reason) ?? 'still connecting';
  return new GatewayError('not_ready', reason);
}

function pause(delayMs: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, delayMs, false));
}
