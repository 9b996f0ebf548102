/**
 * A run that shows in every panel: plugin server, gateway and Kafka, services that answer, answer late, twice, with an
 * error or not at all, and a Prometheus that scrapes once a second.
 */
import { join } from 'node:path';
import { createTopic } from '../../bridge/kafka/admin';
import { repositoryRoot } from '../kafka/paths';
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
}

const LATE_MS = 700;
const SERVICES: readonly Service[] = [
  { path: '/orders', behaviour: { delayMs: 15 } },
  { path: '/stock', behaviour: { delayMs: 40, duplicates: 1 } },
  { path: '/prices', behaviour: { delayMs: LATE_MS }, reply: { timeout: LATE_MS - 200 } },
  { path: '/reviews', behaviour: { error: true, dialect: 'smallrye' } },
];

export interface MonitoringLab {
  /** Of the gateway. */
  readonly url: string;
  readonly metricsUrl: string;
  readonly prometheus: Prometheus;
  /** One request to each service, and to one that is too large. Resolves with their statuses. */
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
    await createTopic(connection, 'orphans', {});
    const responder = await startResponder({ connection, topics: behaviours });
    cleanUps.push(() => responder.close());
    const server = await PluginServerProcess.start();
    cleanUps.push(() => server.stop());
    const { child, url } = await startGatewayProcess(server, kongYml(connection.bootstrapServers), 0);
    cleanUps.push(() => child.stop());
    const prometheus = await Prometheus.start({
      target: new URL(server.statusUrl).host,
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
          statusOf(`${url}/orders`, 'x'.repeat(20_000)),
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

function kongYml(bootstrapServers: readonly string[]): string {
  const bootstrap_servers = bootstrapServers.map((server) => {
    const [host = '', port] = server.split(':');
    return { host, port: Number(port) };
  });
  // JSON is YAML.
  return JSON.stringify({
    _format_version: '3.0',
    routes: SERVICES.map(({ path, producer, reply = {} }) => {
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
      return {
        name: path.slice(1),
        paths: [path],
        // One of them as a pair of plugins, so that both ways show.
        plugins:
          path === '/orders'
            ? [
                { name: 'custom_kafka_producer', config },
                { name: 'custom_kafka_consumer', config: reply },
              ]
            : [{ name: 'custom_kafka_request_reply', config: { ...config, reply } }],
      };
    }),
  });
}

async function statusOf(url: string, body: string): Promise<number> {
  const answer = await fetch(url, { method: 'POST', body });
  await answer.arrayBuffer();
  return answer.status;
}
