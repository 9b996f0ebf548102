/**
 * A run that shows in every panel: plugin server, gateway and Kafka, services that answer, answer late, twice, with an
 * error or not at all, one behind a stream, one whose upstream is away, a second plugin server with several workers, and
 * a Prometheus that scrapes once a second.
 */
import { join } from 'node:path';
import { createTopic } from '../../bridge/kafka/admin';
import { repositoryRoot } from '../kafka/paths';
import { freePorts } from '../kafka/ports';
import { Prometheus } from '../prometheus/server';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../responder/behaviour';
import { startResponder } from '../responder/responder';
import { PluginServerProcess, startGatewayProcess } from '../stack';

export const ALERTS = join(repositoryRoot(), 'examples', 'prometheus', 'alerts.yml');

interface Service {
  readonly path: string;
  readonly behaviour?: Partial<Behaviour>;
  readonly producer?: object;
  readonly reply?: object;
  /** URL of a service, where the plugin sends Kong on. */
  readonly service?: string;
}

const LATE_MS = 700;
const SECRET = 'of the lab, and of nothing else';
const RESULTS = '/results';
/** Of nobody. */
const RESULT_ID = '00000000-0000-4000-8000-000000000000';
const UPSTREAM_AWAY = '/warehouse';
const SERVICES: readonly Service[] = [
  { path: '/orders', behaviour: { delayMs: 15 } },
  { path: '/stock', behaviour: { delayMs: 40, duplicates: 1 } },
  { path: '/prices', behaviour: { delayMs: LATE_MS }, reply: { timeout: LATE_MS - 200 } },
  { path: '/reviews', behaviour: { error: true, dialect: 'smallrye' } },
  {
    path: '/reports',
    behaviour: { delayMs: LATE_MS },
    producer: { idempotency: 'replay', idempotency_secret: SECRET },
    reply: {
      timeout: 100,
      on_timeout: 'accepted',
      result_location: `${RESULTS}/{id}`,
      result_secret: SECRET,
    },
  },
  { path: '/steps', service: 'http://kafka-reply.invalid', reply: { mode: 'stream', stream: { count: 1 } } },
];

export interface MonitoringLab {
  /** Of the gateway. */
  readonly url: string;
  readonly metricsUrl: string;
  readonly prometheus: Prometheus;
  /** One request to each service, for a result, one that is too large, and one whose upstream is away; their statuses. */
  readonly round: () => Promise<number[]>;
  stop(): Promise<void>;
}

export async function startMonitoringLab(connection: {
  readonly bootstrapServers: readonly string[];
}): Promise<MonitoringLab> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of cleanUps.splice(0).reverse()) await end();
  };
  try {
    const behaviours: Behaviour[] = [];
    for (const { path, behaviour } of SERVICES) {
      const { topic, replyTopic } = topicsOf(path);
      for (const name of [topic, replyTopic]) await createTopic(connection, name, { partitions: 2 });
      behaviours.push({ ...DEFAULT_BEHAVIOUR, ...behaviour, topic, replyTopic });
    }
    for (const name of ['orphans', 'logs', 'failed']) await createTopic(connection, name, {});
    const responder = await startResponder({ connection, topics: behaviours });
    cleanUps.push(() => responder.close());
    const server = await PluginServerProcess.start();
    cleanUps.push(() => server.stop());
    const withWorkers = await PluginServerProcess.start({ flags: ['--workers', '2'] });
    cleanUps.push(() => withWorkers.stop());
    const [closedPort = 0] = await freePorts(1);
    const { child, url } = await startGatewayProcess(
      server,
      kongYml(connection.bootstrapServers, closedPort),
      0,
    );
    cleanUps.push(() => child.stop());
    const prometheus = await Prometheus.start({
      targets: [server, withWorkers].map(({ statusUrl }) => new URL(statusUrl).host),
      ruleFiles: [ALERTS],
    });
    cleanUps.push(() => prometheus.stop());
    return {
      url,
      metricsUrl: `${server.statusUrl}/metrics`,
      prometheus,
      stop,
      round: () =>
        Promise.all([
          ...SERVICES.map(({ path }) => statusOf(url + path, 'x'.repeat(200))),
          statusOf(`${url}${RESULTS}/${RESULT_ID}`),
          statusOf(`${url}/orders`, 'x'.repeat(20_000)),
          statusOf(url + UPSTREAM_AWAY, 'two books'),
        ]),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function topicsOf(path: string): { topic: string; replyTopic: string } {
  return { topic: `${path.slice(1)}.requests`, replyTopic: `${path.slice(1)}.replies` };
}

function kongYml(bootstrapServers: readonly string[], closedPort: number): string {
  const bootstrap_servers = bootstrapServers.map((server) => {
    const [host = '', port] = server.split(':');
    return { host, port: Number(port) };
  });
  const routes = SERVICES.map(({ path, producer, reply = {}, service }) => {
    const { topic, replyTopic } = topicsOf(path);
    const config = {
      bootstrap_servers,
      cluster_name: 'main',
      topic,
      reply_topic: replyTopic,
      orphan_topic: 'orphans',
      max_request_bytes: 10_000,
      ...producer,
    };
    const route = {
      name: path.slice(1),
      paths: [path],
      // One of them as a pair of plugins, so that both ways show.
      plugins:
        path === '/orders'
          ? [
              { name: 'custom_kafka_producer', config },
              { name: 'custom_kafka_consumer', config: reply },
              { name: 'custom_kafka_log', config: { bootstrap_servers, topic: 'logs' } },
            ]
          : [{ name: 'custom_kafka_request_reply', config: { ...config, reply } }],
    };
    return { service, route };
  });
  const results = {
    name: 'results',
    paths: [RESULTS],
    plugins: [
      {
        name: 'custom_kafka_consumer',
        config: {
          ...{ bootstrap_servers, cluster_name: 'main', topic: topicsOf('/reports').replyTopic },
          ...{ mode: 'result', result_location: `${RESULTS}/{id}`, result_secret: SECRET },
        },
      },
    ],
  };
  const failover = { bootstrap_servers, topic: 'failed', breaker: { failures: 2, open_for: 1 } };
  const upstreamAway = {
    name: 'warehouse',
    url: `http://127.0.0.1:${closedPort}`,
    routes: [{ name: 'warehouse', paths: [UPSTREAM_AWAY] }],
    plugins: [{ name: 'custom_kafka_failover', config: failover }],
  };
  // JSON is YAML.
  return JSON.stringify({
    _format_version: '3.0',
    routes: [...routes.flatMap(({ service, route }) => (service === undefined ? [route] : [])), results],
    services: [
      ...routes.flatMap(({ service: url, route }) =>
        url === undefined ? [] : [{ name: route.name, url, routes: [route] }],
      ),
      upstreamAway,
    ],
  });
}

async function statusOf(url: string, body?: string): Promise<number> {
  const answer = await fetch(url, body === undefined ? {} : { method: 'POST', body });
  await answer.arrayBuffer();
  return answer.status;
}
