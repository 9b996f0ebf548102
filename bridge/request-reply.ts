/**
 * What the plugins of one process share: Kafka clients, reply channels, and the hand-over of a waiting request
 * from the producer half to the consumer half where those are two plugins.
 *
 * Together: our plugin server runs both plugins in one process and the wait lives in its memory. Apart: Kong's
 * stock server runs each plugin in a process of its own; then only the correlation id crosses (in
 * `kong.ctx.shared`), the consumer reads the reply topic itself and registers the wait after the record is sent.
 */
import { systemClock, type Clock } from './clock';
import type { Configuration } from './configuration';
import { GatewayError } from './errors';
import type { Exchange } from './exchange';
import { KafkaClients } from './kafka/clients';
import { clusterLabel } from './kafka/cluster-access';
import { threadPool } from './kafka/thread-pool';
import { LingerPool } from './linger-pool';
import { Link, type ClientPool, type Lease } from './link';
import { Receiver, type ReceiverOptions } from './receiver';
import { DeadlineWheel } from './reply/deadline-wheel';
import { HandOver } from './reply/hand-over';
import { HEADER_RULE } from './reply/match-rule';
import { orphanRecord, type Orphan } from './reply/orphans';
import type { ReplyRoute } from './reply/reply-routing';
import { ReplyTopics, type ReplySource } from './reply/reply-topics';
import { ResultReader, type ResultOptions } from './results/result-reader';
import type { KeepBounds } from './results/kept-replies';
import type { DeletedResult } from './results/reply-store';
import { ReplyStores } from './results/reply-stores';
import type { TopicStore, TopicStores } from './results/topic-store';
import { StateTopics } from './states/state-topics';
import { closeSchemas, schemaRegistryStatus } from './schemas';
import { HAND_OVER_MS, Sender, type SenderOptions } from './sender';
import { keptForMs, StreamReturns, type StreamReturnOptions } from './streams/stream-returns';
import { StreamStores } from './streams/stream-store';
import { Streams } from './streams/streams';
import { Activity } from './telemetry/activity';
import { ClientMetrics } from './telemetry/client-metrics';
import { log } from './telemetry/log';
import type { MetricGroup } from './telemetry/metrics';
import { ReplyMetrics } from './telemetry/reply-metrics';
import { SchemaMetrics } from './telemetry/schema-metrics';
import { StreamMetrics } from './telemetry/stream-metrics';
import { AllRequestMetrics, type RequestMetrics } from './telemetry/request-metrics';
import { ResultMetrics } from './telemetry/result-metrics';
import { NO_TRACING, type Tracing } from './telemetry/tracing';

/** Kong brings an unchanged configuration back within seconds after any change to another. */
const LINGER_MS = 30_000;
/** Apart, the reader starts with the first request, which by then has been sent: look this far back. */
const LOOK_BACK_MS = 30_000;
/** Apart, nobody has told the consumer the producer's `max_in_flight`; this only bounds memory. */
const APART_CAPACITY = 100_000;

export class RequestReply {
  readonly counters = {
    sent: 0,
    unclaimed: 0,
    dropped_reply_headers: 0,
    promised_but_lost: 0,
    orphans_kept: 0,
    orphans_lost: 0,
    collected: 0,
    collected_partial: 0,
  };
  /** Of senders that are opened from now on. */
  tracing: Tracing = NO_TRACING;
  /** Tells the other workers of this node, by their `told`. Never rejects. Undefined: there are none. */
  tellOthers: ((news: unknown) => Promise<void>) | undefined;
  readonly #clock: Clock;
  readonly #clients: ClientPool;
  readonly #wheel: DeadlineWheel;
  readonly #replyTopics: ReplyTopics;
  readonly #stores: ReplyStores;
  readonly #streamStores: StreamStores;
  /** Events that requests wait for. */
  readonly states: StateTopics;
  readonly #requestMetrics: AllRequestMetrics;
  /** What the process tells of itself when it is asked. */
  readonly metrics: readonly MetricGroup[];
  readonly #links: LingerPool<Link>;
  readonly #handOver: HandOver<Exchange>;
  readonly streams: Streams;
  #inOwnServer = false;
  #together = false;
  #draining = false;
  #closing: Promise<void> | undefined;

  constructor(options: { clients?: ClientPool; clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#clients = options.clients ?? new KafkaClients();
    this.#wheel = new DeadlineWheel(this.#clock);
    this.#replyTopics = new ReplyTopics(this.#clock, this.#wheel);
    this.#stores = new ReplyStores(this.#clock);
    this.#streamStores = new StreamStores(this.#clock);
    this.states = new StateTopics(this.#clock);
    this.#links = new LingerPool(this.#clock, LINGER_MS);
    this.#requestMetrics = new AllRequestMetrics(this.#clock, () =>
      this.#links.things().map((link) => link.figures()),
    );
    this.metrics = [
      this.#requestMetrics,
      new ReplyMetrics(this.#clock, () => this.#replyTopics.figures()),
      new ResultMetrics(this.#clock, {
        stores: () => this.#stores.readings(),
        states: () => this.states.readings(),
      }),
      new SchemaMetrics(() => schemaRegistryStatus().flatMap(({ subjects }) => subjects)),
      new ClientMetrics(this.#clock, () => this.#clients.figures()),
      new StreamMetrics(
        () => this.streams.reading(),
        () => this.counters,
      ),
    ];
    this.streams = new Streams((limitMs, callback) => this.within(limitMs, callback));
    this.#handOver = new HandOver(this.#clock, this.#wheel, (exchange) => this.#unclaimed(exchange));
  }

  /** True when both halves of a request run in this process. */
  get together(): boolean {
    return this.#together;
  }

  /** True when our plugin server runs this process. */
  get inOwnServer(): boolean {
    return this.#inOwnServer;
  }

  /** Our plugin server tells which plugins it serves; the stock server tells nothing, and that means apart. */
  setTogether(together: boolean): void {
    this.#inOwnServer = true;
    this.#together = together;
  }

  openSender(options: SenderOptions): Sender {
    const { plugin, topic, route, waitsBy, orphanTopic, idempotency } = options;
    // Equal configurations of two plugins are two: their requests are counted apart.
    const key = `${plugin} ${options.key}`;
    const link = this.#links.acquire(key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      const { configuration, release } = this.#configuration(options, topic, route);
      const { metrics } = configuration;
      const waitsHere = waitsBy !== undefined || this.#together;
      if (route === undefined || !waitsHere)
        return new Link(this, this.#clock, lease, undefined, configuration, release);
      const channel = this.#replyTopics.open(sourceOf(options, lease, route), {
        metrics,
        routeTag: route.routeTag,
        onOrphan:
          orphanTopic === undefined ? undefined : (orphan) => this.#keep(lease, orphan, orphanTopic, metrics),
        capacity: options.maxInFlight,
        from: idempotency && idempotency.ttlMs > 0 ? { sinceMs: Date.now() - idempotency.ttlMs } : 'end',
        readsBackFirst: idempotency !== undefined,
        rules: [waitsBy ?? HEADER_RULE],
        sharedWithRequests: route.replyTopic === topic,
        waitsComeLate: false,
      });
      const stopKeeping = route.kept && lease.keepTopic(route.kept);
      const stored = idempotency && this.#stores.join(channel, idempotency.keep);
      return new Link(this, this.#clock, lease, channel, configuration, () => {
        stored?.leave();
        stopKeeping?.();
        release();
      });
    });
    const store = idempotency && link.channel && this.#stores.of(link.channel);
    return new Sender(this, link, options, store?.repeated, () => this.#links.release(key));
  }

  /** Only for the consumer of a process of its own. */
  openReceiver(options: ReceiverOptions): Receiver {
    const { route } = options;
    const link = this.#links.acquire(options.key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      const { configuration, release } = this.#configuration(options, undefined, route);
      const { metrics } = configuration;
      const channel = this.#replyTopics.open(sourceOf(options, lease, route), {
        metrics,
        capacity: APART_CAPACITY,
        from: { sinceMs: Date.now() - LOOK_BACK_MS },
        rules: [options.rule],
        // Whether requests share the topic is the producer's knowledge; a reply never names a reply topic.
        sharedWithRequests: false,
        waitsComeLate: true,
      });
      const stopKeeping = route.kept && lease.keepTopic(route.kept);
      return new Link(this, this.#clock, lease, channel, configuration, () => {
        stopKeeping?.();
        release();
      });
    });
    return new Receiver(link, () => this.#links.release(options.key));
  }

  /** Of a configuration that answers with replies to earlier requests. */
  openResults(options: ResultOptions): ResultReader {
    const key = `${options.plugin} results ${options.key}`;
    const link = this.#openKept(key, options, this.#stores, options.keep, false);
    const store = link.channel && this.#stores.of(link.channel);
    if (store === undefined) throw new GatewayError('internal', 'results without a store');
    const tellOthers = (deleted: DeletedResult): Promise<void> | undefined => this.tellOthers?.(deleted);
    return new ResultReader(link, store, tellOthers, () => this.#links.release(key));
  }

  /** What another worker of this node has said by `tellOthers`. */
  told(news: unknown): void {
    for (const store of this.#stores.all) store.deletedElsewhere(news as DeletedResult);
  }

  /** Of a configuration that goes on with streams that other processes have begun. */
  openReturns(options: StreamReturnOptions): StreamReturns {
    const key = `${options.plugin} returns ${options.key}`;
    const keep = { ...options.keep, ttlMs: keptForMs(options) };
    const link = this.#openKept(key, options, this.#streamStores, keep, true);
    const store = link.channel && this.#streamStores.of(link.channel);
    if (store === undefined) throw new GatewayError('internal', 'returns without a store');
    return new StreamReturns(this, link, store, options, () => this.#links.release(key));
  }

  /** @param readsBackFirst see ReplyChannel */
  #openKept(
    key: string,
    options: ReceiverOptions & { readonly maxInFlight?: number | undefined },
    stores: TopicStores<TopicStore>,
    keep: KeepBounds,
    readsBackFirst: boolean,
  ): Link {
    const { route, rule, maxInFlight } = options;
    return this.#links.acquire(key, () => {
      const lease = this.#clients.acquire(options.connectionKey, options.connection);
      const { configuration, release } = this.#configuration(options, undefined, route);
      const channel = this.#replyTopics.open(sourceOf(options, lease, route), {
        metrics: configuration.metrics,
        capacity: maxInFlight ?? APART_CAPACITY,
        from: { sinceMs: Date.now() - keep.ttlMs },
        readsBackFirst,
        rules: [rule],
        // Those who give ids away refuse such a topic.
        sharedWithRequests: false,
        waitsComeLate: false,
      });
      const { leave } = stores.join(channel, keep);
      return new Link(this, this.#clock, lease, channel, configuration, () => {
        leave();
        release();
      });
    });
  }

  /** Of requests that belong to no topics, as their route has half of what it needs: one for each plugin, for good. */
  metricsOf(plugin: string): RequestMetrics {
    return this.#requestMetrics.acquire({ plugin, cluster: '', topic: '', replyTopic: '' }).metrics;
  }

  offer(requestId: string, exchange: Exchange): void {
    exchange.channel.expectClaim(exchange.wait);
    this.#handOver.offer(requestId, exchange, HAND_OVER_MS);
  }

  claim(requestId: string): Exchange | undefined {
    const exchange = this.#handOver.claim(requestId);
    exchange?.channel.stopExpecting();
    return exchange;
  }

  /**
   * One request, one record: where the producer of a pair has sent one already, its wait ends.
   * @throws GatewayError `misconfigured` there
   */
  refuseSent(requestId: string): void {
    const exchange = this.claim(requestId);
    if (exchange === undefined) return;
    const error = sentByProducer();
    exchange.channel.fail(exchange.wait, error);
    throw error;
  }

  /** @throws GatewayError `draining` */
  refuseWhenDraining(): void {
    if (this.#draining) throw new GatewayError('draining', 'the plugin server is shutting down');
  }

  /** On the clock by which waits are timed. */
  nowMs(): number {
    return this.#clock.now();
  }

  /** Calls back once after that time; the returned function cancels. */
  within(limitMs: number, onDeadline: () => void): () => void {
    return this.until(this.#clock.now() + limitMs, onDeadline);
  }

  /** Calls back once at that time of the clock by which waits are timed; the returned function cancels. */
  until(deadlineAtMs: number, onDeadline: () => void): () => void {
    const entry = { deadlineAtMs, onDeadline };
    this.#wheel.add(entry);
    return () => this.#wheel.remove(entry);
  }

  /** New requests are refused; those that were accepted go on. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.streams.drain();
  }

  /** Resolves when no accepted request waits any more. */
  async idle(): Promise<void> {
    while (this.inFlight > 0 || this.streams.size > 0)
      await new Promise<void>((resolve) => this.#clock.after(20, resolve));
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
      this.streams.endAll();
      this.#links.endAll();
      closeSchemas();
      await this.#clients.close();
      // The last delivery reports have come, and ended their spans.
      await this.tracing.close();
    })();
    return this.#closing;
  }

  status(): { ready: boolean; [fact: string]: unknown } {
    const links = this.#links.things();
    const registries = schemaRegistryStatus();
    return {
      ready: !this.#draining && links.every((link) => link.ready) && registries.every(({ ready }) => ready),
      together: this.#together,
      draining: this.#draining,
      in_flight: this.inFlight,
      not_handed_over: this.notHandedOver,
      ...this.counters,
      reply_topics: this.#replyTopics.status(),
      kept_replies: this.#stores.status(),
      awaited_states: this.states.status(),
      reply_channels: links.flatMap(({ channel }) =>
        channel
          ? [
              {
                reply_topic: channel.replyTopic,
                reply_partition: channel.partition,
                ready: channel.ready,
                reason: channel.reason,
                in_flight: channel.inFlight,
                ...channel.counters,
              },
            ]
          : [],
      ),
      ...(registries.length > 0 && { schema_registries: registries }),
      configurations: links.map((link) => link.status()),
      clusters: this.#clients.status(),
      thread_pool: threadPool.status(),
      tracing: this.tracing.status(),
      streams: { ...this.streams.status(), kept_replies: this.#streamStores.status() },
    };
  }

  #configuration(
    { plugin, connection }: Pick<SenderOptions, 'plugin' | 'connection'>,
    topic: string | undefined,
    route: ReplyRoute | undefined,
  ): { readonly configuration: Configuration; readonly release: () => void } {
    const cluster = clusterLabel(connection);
    const replyTopic = route?.replyTopic;
    const { metrics, release } = this.#requestMetrics.acquire({
      plugin,
      cluster,
      topic: topic ?? '',
      replyTopic: replyTopic ?? '',
    });
    const activity = new Activity(this.#clock);
    return { configuration: { topic, replyTopic, cluster, activity, metrics }, release };
  }

  /** Nobody waits for it, so a failure is only counted. */
  #keep(lease: Lease, orphan: Orphan, orphanTopic: string, metrics: RequestMetrics): void {
    const count = (error?: unknown): void => {
      if (error === undefined) this.counters.orphans_kept++;
      else this.counters.orphans_lost++;
      metrics.orphaned(error === undefined ? 'kept' : 'lost');
    };
    try {
      lease.producer.produce(orphanRecord(orphan, orphanTopic), count);
    } catch (error) {
      count(error);
    }
  }

  #unclaimed(exchange: Exchange): void {
    exchange.channel.metrics.ended('unclaimed');
    exchange.channel.giveUp(
      exchange.wait,
      new GatewayError('misconfigured', 'no custom_kafka_consumer claimed the wait'),
    );
    if (this.counters.unclaimed++ === 0) {
      log.warn(
        'a request was sent and nothing waits for its reply: custom_kafka_consumer is not enabled on the route, or the client left just then',
        {
          reply_topic: exchange.channel.replyTopic,
        },
      );
    }
  }
}

export function sentByProducer(): GatewayError {
  return new GatewayError(
    'misconfigured',
    'custom_kafka_producer with a reply_topic and custom_kafka_request_reply are both on the route: one of them must go',
  );
}

function sourceOf(
  { connectionKey, connection }: Pick<SenderOptions, 'connectionKey' | 'connection'>,
  { reader }: Lease,
  { replyTopic, partition, create }: ReplyRoute,
): ReplySource {
  const { bootstrapServers } = connection;
  const cluster = clusterLabel(connection);
  return { reader, connectionKey, bootstrapServers, cluster, replyTopic, partition, create };
}
