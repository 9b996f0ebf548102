/** Reply topics that somebody else's service reads as requests. */
import { isNodeTopic } from '../../../bridge/reply/reply-routing';
import { finding } from '../finding';
import { isOurs, type OurPlugin } from '../../kong-config/our-plugins';
import { connectionOfPlugin } from '../topic-uses';
import type { Check } from './check';

interface Topics {
  readonly plugin: OurPlugin;
  readonly cluster: string;
  readonly requests: readonly string[];
  readonly replies: string | undefined;
}

export const crossedTopics: Check = ({ plugins }) => {
  const all = plugins.flatMap(topicsOf);
  return all.flatMap(({ plugin, cluster, replies, requests }) => {
    if (replies === undefined) return [];
    // Of one and the same route both may be one topic: records that name a reply topic are requests there.
    const others = all.filter(
      (other) =>
        other.cluster === cluster &&
        other.requests.some((topic) => isSame(replies, topic) && !requests.includes(topic)),
    );
    return others.map((other) =>
      finding('reply_topic_is_request_topic', {
        where: plugin.where,
        what: `Its reply topic ${replies} is where ${other.plugin.where} sends requests.`,
        fix: `Give ${plugin.where} a reply_topic of its own, and let its service answer there.`,
      }),
    );
  });
};

const isSame = (replies: string, topic: string) => replies === topic || isNodeTopic(replies, topic);

function topicsOf(plugin: OurPlugin): readonly Topics[] {
  const isSender = isOurs(plugin, 'custom_kafka_producer') || isOurs(plugin, 'custom_kafka_request_reply');
  if (!isSender || plugin.config === undefined) return [];
  const { topic, allowed_topics = [], reply_topic } = plugin.config;
  // By its brokers: two logins may lead to one cluster.
  const cluster = connectionOfPlugin(plugin)?.bootstrapServers.join(',') ?? '';
  return [{ plugin, cluster, requests: [topic, ...allowed_topics], replies: reply_topic }];
}
