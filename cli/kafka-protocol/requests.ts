/** What is asked of brokers: how topics are laid out, what one may do with them, what they are set to. */
import { array, int8, text } from './bytes';
import type { BrokerConnection } from './broker';

/** In forms that Kafka 2.3 to 4 speak, before the flexible ones. */
const METADATA = { api: 3, version: 8 } as const;
const DESCRIBE_CONFIGS = { api: 32, version: 1 } as const;
const TOPIC_RESOURCE = 2;

export const KAFKA_ERROR = {
  none: 0,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  invalidTopic: 17,
  topicAuthorization: 29,
} as const;

export interface ClusterLayout {
  readonly brokers: number;
  readonly topics: readonly TopicLayoutAnswer[];
}

export interface TopicLayoutAnswer {
  readonly name: string;
  readonly errorCode: number;
  readonly partitions: readonly {
    readonly id: number;
    /** Negative: none. */
    readonly leader: number;
    readonly replicas: number;
    readonly inSync: number;
  }[];
  /** Undefined where the broker does not say. */
  readonly rights: TopicRights | undefined;
}

export interface TopicRights {
  readonly read: boolean;
  readonly write: boolean;
}

/** Numbers of org.apache.kafka.common.acl.AclOperation, which are bits in the answer. */
const READ = 3;
const WRITE = 4;
const NOT_TOLD = -2147483648;

/** Creates nothing, wherever it is asked. */
export async function describeTopics(
  broker: BrokerConnection,
  names: readonly string[],
): Promise<ClusterLayout> {
  const [createsTopics, clusterRights, topicRights] = [int8(0), int8(0), int8(1)];
  const body = Buffer.concat([array(names.map(text)), createsTopics, clusterRights, topicRights]);
  const answer = await broker.ask(METADATA.api, METADATA.version, body);
  answer.int32(); // throttled for
  const brokers = answer.array(() => [answer.int32(), answer.text(), answer.int32(), answer.text()]).length;
  answer.text(); // cluster
  answer.int32(); // controller
  const topics = answer.array((): TopicLayoutAnswer => {
    const [errorCode, name] = [answer.int16(), answer.text() ?? ''];
    answer.boolean(); // of Kafka's own
    const partitions = answer.array(() => {
      answer.int16();
      const [id, leader] = [answer.int32(), answer.int32()];
      answer.int32(); // leader's epoch
      const [replicas, inSync] = [answer.array(() => answer.int32()), answer.array(() => answer.int32())];
      answer.array(() => answer.int32()); // offline
      return { id, leader, replicas: replicas.length, inSync: inSync.length };
    });
    return { name, errorCode, partitions, rights: rightsOf(answer.int32()) };
  });
  return { brokers, topics };
}

function rightsOf(bits: number): TopicRights | undefined {
  if (bits === NOT_TOLD) return undefined;
  const has = (operation: number) => (bits & (1 << operation)) !== 0;
  return { read: has(READ), write: has(WRITE) };
}

export interface TopicSettings {
  readonly name: string;
  readonly errorCode: number;
  /** As text, those of the broker included where the topic has none of its own. */
  readonly settings: ReadonlyMap<string, string>;
}

export async function describeTopicSettings(
  broker: BrokerConnection,
  names: readonly string[],
  settings: readonly string[],
): Promise<readonly TopicSettings[]> {
  const resources = names.map((name) =>
    Buffer.concat([int8(TOPIC_RESOURCE), text(name), array(settings.map(text))]),
  );
  const body = Buffer.concat([array(resources), int8(0)]);
  const answer = await broker.ask(DESCRIBE_CONFIGS.api, DESCRIBE_CONFIGS.version, body);
  answer.int32(); // throttled for
  return answer.array(() => {
    const errorCode = answer.int16();
    answer.text(); // reason
    answer.int8(); // topic
    const name = answer.text() ?? '';
    const found = answer.array((): [string, string] => {
      const [setting, value] = [answer.text() ?? '', answer.text() ?? ''];
      answer.boolean(); // read only
      answer.int8(); // source
      answer.boolean(); // sensitive
      answer.array(() => [answer.text(), answer.text(), answer.int8()]);
      return [setting, value];
    });
    return { name, errorCode, settings: new Map(found) };
  });
}
