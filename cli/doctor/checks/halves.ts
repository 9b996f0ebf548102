/** Whether what belongs together on a route is there, and what excludes each other is not. */
import { finding, type Finding } from '../finding';
import { routeFlows, type RouteFlow } from '../route-flows';
import type { Check } from './check';

const ADD_CONSUMER = (route: string) =>
  `Add to the plugins of route ${route}:\n  - name: custom_kafka_consumer`;

export const halves: Check = (facts) => routeFlows(facts).flatMap(halvesOf);

function halvesOf(flow: RouteFlow): readonly Finding[] {
  const { where, route } = flow;
  const producer = flow.find('custom_kafka_producer');
  const consumer = flow.find('custom_kafka_consumer');
  const oneEvent = flow.find('custom_kafka_request_reply');
  if (oneEvent && (producer || consumer)) {
    const other = (producer ?? consumer)!;
    return [
      finding('pair_and_one_event', {
        where,
        what: `custom_kafka_request_reply and ${other.name} both run here.`,
        fix: `Take one of them away; ${other.name} is set on ${other.where.split(', ')[0]}.`,
      }),
    ];
  }
  // A route that gives replies later sends nothing. Read as it was written, since its secret may be in a vault.
  if (consumer && !producer && consumer.entity.config.mode !== 'result')
    return [
      finding('consumer_without_producer', {
        where,
        what: 'Only the half that waits is here.',
        fix: `Add custom_kafka_producer with topic and reply_topic to route ${route.name}, or take custom_kafka_consumer away.`,
      }),
    ];
  // What is not known of a configuration is not held against it.
  if (producer?.config === undefined) return [];
  const { reply_topic } = producer.config;
  if (reply_topic !== undefined && !consumer)
    return [
      finding('producer_without_consumer', {
        where,
        what: `Replies on ${reply_topic} are asked for, and nothing waits for them.`,
        fix: ADD_CONSUMER(route.name),
      }),
    ];
  if (reply_topic === undefined && consumer)
    return [
      finding('consumer_never_runs', {
        where,
        what: 'The producer has no reply_topic, so it is one-way.',
        fix: 'Set reply_topic on custom_kafka_producer, or take custom_kafka_consumer away.',
      }),
    ];
  return [];
}
