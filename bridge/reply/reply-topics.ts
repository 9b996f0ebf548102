/** The reply topics that this process reads: each once per Kafka client, whatever the number of configurations. */
import type { Clock } from '../clock';
import type { TopicLayout } from '../kafka/admin';
import type { PartitionChoice, TopicReader } from '../kafka/reader';
import type { ReceivedRecord } from '../kafka/records';
import type { ReplyTopicReading } from '../telemetry/reply-metrics';
import type { DeadlineWheel } from './deadline-wheel';
import { PendingReplies } from './pending-replies';
import { ReplyChannel, type ReplyChannelOptions } from './reply-channel';
import { ReplyTopic, type Waits } from './reply-topic';

/** Where a reply topic is. */
export interface ReplySource {
  readonly replyTopic: string;
  /** Only this partition is read. Default: all. */
  readonly partition?: PartitionChoice | undefined;
  /** How to make the topic where it is missing. Default: it is waited for. */
  readonly create?: TopicLayout | undefined;
  readonly reader: Pick<TopicReader, 'follow'>;
  /** Equal keys stand for equal readers. */
  readonly connectionKey: string;
  /** "host:port" each. */
  readonly bootstrapServers: readonly string[];
  /** What metrics call the cluster. */
  readonly cluster: string;
}

/** The ids that are waited for on a topic, by whichever client it is read. */
interface IdSpace {
  readonly waits: Waits;
  /** Whoever starts from one of these has the same cluster, and so the same topic. */
  readonly servers: Set<string>;
  topics: number;
}

/** Each looks for an id on every topic. */
const MOST_LOOKS_PER_SECOND = 100;

export class ReplyTopics {
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  readonly #topics = new Map<string, ReplyTopic>();
  /** By topic name: one for each cluster that has it. */
  readonly #idSpaces = new Map<string, Set<IdSpace>>();
  #looks = { sinceMs: -Infinity, count: 0 };

  constructor(clock: Clock, wheel: DeadlineWheel) {
    this.#clock = clock;
    this.#wheel = wheel;
  }

  /** A channel of one configuration. Every one needs a close. */
  open(source: ReplySource, options: ReplyChannelOptions): ReplyChannel {
    const key = JSON.stringify([source.connectionKey, source.replyTopic, source.partition]);
    const topic = this.#topics.get(key) ?? this.#follow(key, source);
    return new ReplyChannel(topic, this.#clock, options);
  }

  /** For the status page. */
  status(): Record<string, unknown>[] {
    return [...this.#topics.values()].map((topic) => ({
      reply_topic: topic.name,
      reply_partition: topic.followed.partition,
      ready: topic.followed.ready,
      reason: topic.followed.reason,
      configurations: topic.channels,
      in_flight: topic.inFlight,
      held_records: topic.heldRecords,
      ...topic.counters,
      hints: topic.hints.given,
    }));
  }

  /** For the metrics. */
  figures(): ReplyTopicReading[] {
    return [...this.#topics.values()].map((topic) => topic.figures());
  }

  #follow(key: string, source: ReplySource): ReplyTopic {
    const { reader, cluster, replyTopic, partition, create, bootstrapServers } = source;
    const space = this.#idSpaceOf(replyTopic, bootstrapServers);
    const topic = new ReplyTopic(reader, this.#clock, {
      cluster,
      replyTopic,
      partition,
      create,
      waits: space.waits,
      awaitedOn: (id) => this.#awaitedOn(id),
      onUnused: () => {
        this.#topics.delete(key);
        this.#release(replyTopic, space);
      },
    });
    space.topics++;
    this.#topics.set(key, topic);
    return topic;
  }

  /** Only a hint depends on it: what is too much is left out. */
  #awaitedOn(id: string): ReplyTopic | undefined {
    if (this.#topics.size < 2) return undefined;
    const nowMs = this.#clock.now();
    if (nowMs - this.#looks.sinceMs >= 1000) this.#looks = { sinceMs: nowMs, count: 0 };
    if (this.#looks.count++ >= MOST_LOOKS_PER_SECOND) return undefined;
    for (const spaces of this.#idSpaces.values()) {
      for (const { waits } of spaces) {
        const wait = waits.find(id);
        if (wait) return wait.owner.topic;
      }
    }
    return undefined;
  }

  #idSpaceOf(replyTopic: string, bootstrapServers: readonly string[]): IdSpace {
    const servers = bootstrapServers.map((server) => server.toLowerCase());
    const spaces = this.#idSpaces.get(replyTopic) ?? new Set<IdSpace>();
    let space = [...spaces].find((known) => servers.some((server) => known.servers.has(server)));
    if (space === undefined) {
      const waits = new PendingReplies<ReceivedRecord, ReplyChannel>({
        clock: this.#clock,
        wheel: this.#wheel,
      });
      space = { waits, servers: new Set(), topics: 0 };
      this.#idSpaces.set(replyTopic, spaces.add(space));
    }
    for (const server of servers) space.servers.add(server);
    return space;
  }

  #release(replyTopic: string, space: IdSpace): void {
    if (--space.topics > 0) return;
    const spaces = this.#idSpaces.get(replyTopic);
    spaces?.delete(space);
    if (spaces?.size === 0) this.#idSpaces.delete(replyTopic);
  }
}
