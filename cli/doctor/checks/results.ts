/** Replies that are given later, by whichever gateway is asked. */
import { collects } from '../../../bridge/config/collect-options';
import type { ConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import type { ProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { isOurs, type OurPlugin } from '../../kong-config/our-plugins';
import type { Facts } from '../facts';
import { finding, type Finding } from '../finding';
import { routeFlows, type RouteFlow } from '../route-flows';
import type { Check } from './check';

interface Pair {
  readonly where: string;
  readonly send: ProducerConfig;
  readonly wait: ConsumerConfig;
}

/** Of the one plugin such things are refused beforehand; neither half of a pair knows the other. */
const overPairs =
  (check: (pair: Pair) => readonly Finding[]): Check =>
  (facts) =>
    routeFlows(facts).flatMap((flow) => {
      const send = flow.find('custom_kafka_producer')?.config;
      const wait = flow.find('custom_kafka_consumer')?.config;
      return send && wait ? check({ where: flow.where, send, wait }) : [];
    });

/** What it finds out with its first request. */
export const resultsOfPairs = overPairs(({ where, send, wait }) => {
  const option = needsBroadcast(wait);
  if (send.reply_routing === 'broadcast' || option === undefined) return [];
  return [
    finding('results_not_broadcast', {
      where,
      what: `custom_kafka_consumer has ${option}, and custom_kafka_producer reply_routing: ${send.reply_routing}.`,
      fix: 'On custom_kafka_producer, best with a reply_topic of its own:\n  reply_routing: broadcast',
    }),
  ];
});

function needsBroadcast(wait: ConsumerConfig): string | undefined {
  if (wait.on_timeout === 'accepted') return 'on_timeout: accepted';
  if (wait.respond_async) return 'respond_async';
  return wait.wait_for.field === undefined ? undefined : 'wait_for';
}

/** What it finds out when a request comes again. */
export const repeatedInPairs = overPairs(({ where, send, wait }) => {
  const option = cannotRepeat(wait);
  if (send.idempotency === 'off' || option === undefined) return [];
  return [
    finding('repeated_in_pair', {
      where,
      what: `custom_kafka_consumer has ${option}, and custom_kafka_producer idempotency: ${send.idempotency}.`,
      fix: 'On custom_kafka_producer:\n  idempotency: off',
    }),
  ];
});

function cannotRepeat(wait: ConsumerConfig): string | undefined {
  if (collects(wait.collect)) return 'collect';
  return wait.wait_for.field === undefined ? undefined : 'wait_for';
}

export const secretsMissing: Check = ({ plugins }) =>
  plugins.flatMap((plugin): readonly Finding[] => {
    const missing = missingSecrets(plugin);
    if (missing.length === 0) return [];
    return [
      finding('secret_missing', {
        where: plugin.where,
        what: `Not set: ${missing.join(', ')}.`,
        fix: `The same on every gateway and every route that belongs to it:\n${missing.map((name) => `  ${name}: '{vault://env/${name.replace('_', '-')}}'`).join('\n')}`,
      }),
    ];
  });

function missingSecrets(plugin: OurPlugin): readonly string[] {
  const missing: string[] = [];
  const wait = waitOf(plugin);
  if (wait && (wait.on_timeout === 'accepted' || wait.respond_async || wait.mode === 'result'))
    if (wait.result_secret === undefined) missing.push('result_secret');
  const sender =
    isOurs(plugin, 'custom_kafka_producer') || isOurs(plugin, 'custom_kafka_request_reply')
      ? plugin.config
      : undefined;
  if (sender && sender.idempotency !== 'off' && sender.idempotency_secret === undefined)
    missing.push('idempotency_secret');
  return missing;
}

/** Ids are given on one route and asked for on another. */
export const secretsDiffer: Check = (facts) => {
  const givers = routeFlows(facts).flatMap(giverOf);
  return resultPlugins(facts).flatMap((result): readonly Finding[] => {
    const other = givers.find(
      ({ replyTopic, brokers, secret }) =>
        replyTopic === result.replyTopic &&
        brokers.some((broker) => result.brokers.includes(broker)) &&
        secret !== result.secret,
    );
    if (!other) return [];
    // Two references may stand for one secret.
    const isCertain = ![other.secret, result.secret].some((secret) => secret.startsWith('{vault://'));
    return [
      finding('secret_differs', {
        where: result.where,
        what: `result_secret ${isCertain ? 'is' : 'may be'} another than on ${other.where}, which gives ids for ${result.replyTopic}.`,
        fix: `The same result_secret on both, such as '{vault://env/result-secret}'.`,
        ...(!isCertain && { level: 'warning' as const }),
      }),
    ];
  });
};

interface SecretUse {
  readonly where: string;
  readonly replyTopic: string;
  readonly brokers: readonly string[];
  /** Compared and never told; a reference to a vault that is not known here is its text. */
  readonly secret: string;
}

function giverOf(flow: RouteFlow): readonly SecretUse[] {
  const { sender } = flow;
  const waiting = flow.find('custom_kafka_request_reply') ?? flow.find('custom_kafka_consumer');
  const wait = waiting && waitOf(waiting);
  const replyTopic = sender?.config?.reply_topic;
  const secret = wait?.result_secret;
  if (replyTopic === undefined || secret === undefined) return [];
  if (wait?.on_timeout !== 'accepted' && wait?.respond_async !== true) return [];
  return [{ where: flow.where, replyTopic, brokers: brokersOf(sender?.config), secret }];
}

function resultPlugins({ plugins }: Facts): readonly SecretUse[] {
  return plugins.flatMap((plugin): readonly SecretUse[] => {
    const { mode, result_secret: secret } = waitOf(plugin) ?? {};
    const config = plugin.config as { topic?: string; reply_topic?: string } | undefined;
    const replyTopic = config?.reply_topic ?? config?.topic;
    if (mode !== 'result' || secret === undefined || replyTopic === undefined) return [];
    return [{ where: plugin.where, replyTopic, brokers: brokersOf(plugin.config), secret }];
  });
}

/** The options of the half that waits. */
function waitOf(plugin: OurPlugin) {
  if (isOurs(plugin, 'custom_kafka_consumer')) return plugin.config;
  return isOurs(plugin, 'custom_kafka_request_reply') ? plugin.config?.reply : undefined;
}

function brokersOf(config: object | undefined): readonly string[] {
  const { bootstrap_servers: servers = [] } = (config ?? {}) as {
    bootstrap_servers?: readonly { readonly host: string; readonly port: number }[];
  };
  return servers.map(({ host, port }) => `${host}:${port}`);
}
