/**
 * One marked request through Kafka, as the plugins of a route would send it, and what comes back. Neither Kong nor the
 * plugin server is asked: what is tried is the service, and the topics between.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { collectRule } from '../../../bridge/config/collect-options';
import { connectionOf } from '../../../bridge/config/connection-options';
import { producerSettings } from '../../../bridge/config/produce-options';
import { recordOptions } from '../../../bridge/config/record-options';
import { replyOptions } from '../../../bridge/config/reply-options';
import { replySchemaOptions, requestSchemaOptions } from '../../../bridge/config/schema-registry-options';
import { toGatewayError } from '../../../bridge/errors';
import { deleteTopic } from '../../../bridge/kafka/admin';
import type { ConnectionOptions } from '../../../bridge/kafka/connection';
import { RecordProducer } from '../../../bridge/kafka/producer';
import { TopicReader, type FollowedTopic } from '../../../bridge/kafka/reader';
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import { redactor } from '../../../bridge/kafka/redaction';
import { decodedRule } from '../../../bridge/reply/decoded-rule';
import { responseMapper } from '../../../bridge/reply/http-response';
import { everyIdOf, matchRule } from '../../../bridge/reply/match-rule';
import { replyRoute } from '../../../bridge/reply/reply-routing';
import { recordBuilder } from '../../../bridge/request/record-builder';
import type { HttpRequest } from '../../../bridge/request/http-request';
import { closeSchemas, replySchemas, requestSchemas } from '../../../bridge/schemas';
import { connectBroker } from '../../kafka-protocol/broker';
import { describeTopics } from '../../kafka-protocol/requests';
import type { OurPlugin } from '../../kong-config/our-plugins';
import { finding, type Finding } from '../finding';
import type { RouteFlow } from '../route-flows';
import { judge, PROBE_HEADER, type ArrivedRecord } from './judge';

export interface ProbeOptions {
  readonly body: Buffer;
  readonly contentType: string;
  /** Beyond the timeout of the route: how long a late reply is listened for. */
  readonly graceMs: number;
  /** After the reply: how long a second one is listened for. */
  readonly secondReplyMs: number;
  /** Topics of this cluster where a reply may have gone instead. */
  readonly otherTopics: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** How long brokers have to let us produce and read. */
const READY_LIMIT_MS = 15_000;
const PROGRESS_MS = 5000;

export async function probe(flow: RouteFlow, options: ProbeOptions): Promise<readonly Finding[]> {
  const { where, sender } = flow;
  if (!sender?.config)
    return [
      notSent(where, 'No plugin that sends requests is on the route, or its configuration cannot be read'),
    ];
  const config = sender.config;
  const connection = {
    ...connectionOf(config, config.bootstrap_servers, config.timeout),
    clientId: 'kong-kafka-doctor',
    produce: producerSettings(config),
  };
  const producer = new RecordProducer(connection);
  const reader = new TopicReader(connection, producer);
  let ownTopic: string | undefined;
  try {
    const route =
      config.reply_topic === undefined
        ? undefined
        : replyRoute(
            {
              mode: config.reply_routing,
              replyTopic: config.reply_topic,
              // Any will do; the first one is always there.
              partition: config.reply_partition ?? 0,
              dialects: config.dialects,
            },
            `doctor-${randomUUID().slice(0, 8)}`,
          );
    const wanted = [config.topic, ...(route && !route.create ? [route.replyTopic] : [])];
    const there = await existing(connection, [...wanted, ...options.otherTopics], options.signal);
    const missing = wanted.find((topic) => !there.has(topic));
    if (missing !== undefined)
      return [notSent(where, `Topic ${missing} does not exist, or may not be described`)];
    const listening = new Listening();
    const followed = route && listening.follow(reader, route.replyTopic, route.create);
    if (route?.create) ownTopic = route.replyTopic;
    await ready([producer.whenUp(), followed?.whenReady()], followed, options.signal);
    const others = options.otherTopics.filter(
      (topic) => route && topic !== route.replyTopic && there.has(topic),
    );
    await listening.followOthers(reader, others);

    const id = randomUUID();
    const record = await recordOf(config, route?.replyTopic, id, options);
    const partition = route?.partition?.number;
    const headers = [
      ...record.headers,
      [PROBE_HEADER, '1'] as const,
      ...(route?.partitionHeaders ?? []).map((name) => [name, String(partition)] as const),
    ];
    // A gateway at work knows the leaders of the topic; to learn them shall not count as time of the service.
    await producer.partitionsOf(config.topic);
    options.progress(`Sending a probe to ${config.topic} ...`);
    listening.begin();
    const sentAtMs = performance.now();
    await delivered(producer, { ...record, headers });
    if (!route) return [oneWay(where, config.topic, performance.now() - sentAtMs)];

    const wait =
      flow.find('custom_kafka_request_reply')?.config?.reply ?? flow.find('custom_kafka_consumer')?.config;
    if (!wait)
      return [notSent(where, 'Nothing waits for replies on this route: custom_kafka_consumer is missing')];
    const schemas = replySchemas(replySchemaOptions(config, wait));
    const plainRule = matchRule(wait.match, wait.match_name);
    const rule = schemas ? decodedRule(plainRule, wait.match, schemas) : plainRule;
    const isReply = async (arrived: ReceivedRecord) => {
      await rule.whenReadable?.(arrived);
      return arrived.topic === route.replyTopic && everyIdOf(rule, arrived).includes(id);
    };
    await listening.until(isReply, wait.timeout + options.graceMs, options);
    if (listening.hasReply) await delay(options.secondReplyMs, undefined, { signal: options.signal });
    const records = await Promise.all(
      listening.records.map(async (arrived): Promise<ArrivedRecord> => ({
        ...arrived,
        readable:
          schemas && (await isReply(arrived.record)) ? await schemas.decoded(arrived.record) : arrived.record,
      })),
    );
    const response = replyOptions(wait);
    return judge({
      where,
      id,
      topic: config.topic,
      replyTopic: route.replyTopic,
      partition,
      timeoutMs: wait.timeout,
      listenedMs: performance.now() - sentAtMs,
      rule,
      takesSeveral: wait.mode === 'stream' || collectRule(wait) !== undefined,
      errorHeaders: wait.error_headers,
      respond: responseMapper(schemas ? { ...response, maxReplyBytes: schemas.maxCharacters } : response),
      records,
    });
  } catch (error) {
    options.signal.throwIfAborted();
    return [notSent(where, redactor(connection)(toGatewayError(error).detail).replace(/\.$/, ''))];
  } finally {
    await reader.close();
    await producer.close();
    closeSchemas();
    if (ownTopic !== undefined) await deleteTopic(connection, ownTopic).catch(() => undefined);
  }
}

/** Asked beforehand: where brokers make topics by themselves, a client library that asks for one makes it. */
async function existing(
  connection: ConnectionOptions,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const broker = await connectBroker(connection, signal);
  try {
    const { topics } = await describeTopics(broker, [...new Set(names)]);
    return new Set(topics.filter(({ partitions }) => partitions.length > 0).map(({ name }) => name));
  } finally {
    broker.close();
  }
}

type SenderConfig = NonNullable<OurPlugin<'custom_kafka_producer' | 'custom_kafka_request_reply'>['config']>;

/** As for a client's request, by the same code. */
async function recordOf(
  config: SenderConfig,
  replyTopic: string | undefined,
  id: string,
  { body, contentType }: ProbeOptions,
): Promise<OutgoingRecord> {
  const schemas = requestSchemas(requestSchemaOptions(config));
  const records = recordBuilder({ ...recordOptions(config, replyTopic), schemas });
  const request: HttpRequest = {
    id: randomUUID().replaceAll('-', ''),
    headers: { 'content-type': contentType, 'content-length': String(body.length) },
    body,
    method: 'POST',
    rawQuery: '',
    uri: '/',
    scheme: 'http',
    captures: {},
    route: 'doctor',
  };
  try {
    const decoded = (await records.decoded(request, config.max_request_bytes)) ?? request;
    return records.build(decoded, id);
  } finally {
    schemas?.close();
  }
}

/** What comes while we wait. */
class Listening {
  readonly #records: { readonly record: ReceivedRecord; readonly afterMs: number }[] = [];
  readonly #followed: FollowedTopic[] = [];
  #sinceMs = Infinity;
  #wake: () => void = () => undefined;
  hasReply = false;

  get records(): readonly { readonly record: ReceivedRecord; readonly afterMs: number }[] {
    return this.#records;
  }

  follow(
    reader: TopicReader,
    topic: string,
    create?: Parameters<TopicReader['follow']>[1]['create'],
  ): FollowedTopic {
    const followed = reader.follow(topic, {
      from: 'end',
      ...(create && { create }),
      onRecord: (record) => this.#arrived(record),
    });
    this.#followed.push(followed);
    return followed;
  }

  /** Where they cannot be read, the probe goes on without. */
  async followOthers(reader: TopicReader, topics: readonly string[]): Promise<void> {
    const followed = topics.map((topic) =>
      this.follow(reader, topic)
        .whenReady()
        .catch(() => undefined),
    );
    await Promise.race([Promise.all(followed), delay(OTHER_TOPICS_LIMIT_MS)]);
  }

  begin(): void {
    this.#sinceMs = performance.now();
  }

  async until(
    isReply: (record: ReceivedRecord) => Promise<boolean>,
    limitMs: number,
    { signal, progress }: ProbeOptions,
  ): Promise<void> {
    const endsAtMs = performance.now() + limitMs;
    let looked = 0;
    let saidAtMs = performance.now();
    for (;;) {
      for (; looked < this.#records.length; looked++)
        if (await isReply(this.#records[looked]!.record)) this.hasReply = true;
      const leftMs = endsAtMs - performance.now();
      if (this.hasReply || leftMs <= 0) return;
      if (performance.now() - saidAtMs > PROGRESS_MS) {
        progress(`Waiting for a reply, ${Math.ceil(leftMs / 1000)} s at most ...`);
        saidAtMs = performance.now();
      }
      const tick = new AbortController();
      this.#wake = () => tick.abort();
      await delay(Math.min(leftMs, PROGRESS_MS), undefined, {
        signal: AbortSignal.any([signal, tick.signal]),
      }).catch(() => signal.throwIfAborted());
    }
  }

  #arrived(record: ReceivedRecord): void {
    if (this.#sinceMs === Infinity || this.#records.length >= MOST_RECORDS) return;
    this.#records.push({ record, afterMs: performance.now() - this.#sinceMs });
    this.#wake();
  }
}

const OTHER_TOPICS_LIMIT_MS = 5000;
/** On a busy topic; the reply to the probe is early among them, or late for everybody. */
const MOST_RECORDS = 10_000;

async function ready(
  steps: readonly (Promise<void> | undefined)[],
  followed: FollowedTopic | undefined,
  signal: AbortSignal,
): Promise<void> {
  const limit = new AbortController();
  const all = Promise.all(steps.filter((step) => step !== undefined));
  all.catch(() => undefined);
  try {
    await Promise.race([
      all,
      delay(READY_LIMIT_MS, undefined, { signal: AbortSignal.any([limit.signal, signal]) }).then(() => {
        throw new Error(followed?.reason ?? `No connection to Kafka within ${READY_LIMIT_MS} ms.`);
      }),
    ]);
  } finally {
    limit.abort();
  }
}

function delivered(producer: RecordProducer, record: OutgoingRecord): Promise<void> {
  return new Promise((resolve, reject) =>
    producer.produce(record, (error) => (error ? reject(error) : resolve()), { awaited: true }),
  );
}

function notSent(where: string, reason: string): Finding {
  return finding('probe_not_sent', {
    where,
    what: reason,
    fix: 'What doctor finds without --probe says more of it.',
  });
}

function oneWay(where: string, topic: string, afterMs: number): Finding {
  return finding('probe_answered', {
    where,
    what: `The route is one-way: a record was acknowledged on ${topic} after ${Math.round(afterMs)} ms.`,
    fix: 'Nothing.',
  });
}
