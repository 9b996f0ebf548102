/**
 * What a request waits more on a route that has custom_kafka_log: a service behind a gateway, with the plugin and
 * without, in turns of some seconds, so that the work of the one is never under way beside requests of the other.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startKafka } from '../../dev/kafka/server';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';
import { OpenLoop } from '../load/open-loop';
import { ascending, median, percentile, sum } from '../load/statistics';

export interface RequestLatencyOptions {
  readonly perSecond: number;
  readonly turnMs: number;
  /** Of each kind, with Kafka there; then as many without it. */
  readonly turns: number;
  readonly say?: (line: string) => void;
}

export interface RequestLatencyReport {
  readonly plain: Latency;
  readonly logged: Latency;
  /** While Kafka is away. */
  readonly plainWithout: Latency;
  readonly loggedWithout: Latency;
  /** Not answered 200. */
  readonly failed: number;
}

/** Medians of the turns: one in which the machine stood still says nothing about the plugin. */
export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the best turn, and of the worst. */
  readonly p99SpreadMs: readonly [least: number, most: number];
}

/** How long each request took, by turn. */
type Turns = number[][];

const TOPIC = 'log.drill.requests';
/** The first requests of a process are slow, and those of neither kind count. */
const WARM_UP_TURNS = 1;

export async function runRequestLatency(options: RequestLatencyOptions): Promise<RequestLatencyReport> {
  const { perSecond, turnMs, turns, say = () => undefined } = options;
  const kafka = await startKafka();
  const service = createServer((request, response) => request.pipe(response));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const server = await PluginServerProcess.start();
  let failed = 0;
  try {
    await kafka.createTopic(TOPIC, { partitions: 3 });
    const { port } = service.address() as AddressInfo;
    const gateway = await startGatewayProcess(server, kongYml(port, kafka.bootstrapServers), 0);
    const turn = async (path: string): Promise<number[]> => {
      const loop = new OpenLoop(() => ({ url: `${gateway.url}${path}`, name: path }), perSecond);
      loop.start();
      await new Promise((resolve) => setTimeout(resolve, turnMs));
      await loop.finish();
      const answered = loop.outcomes.filter(({ status, crossed }) => status === 200 && crossed !== true);
      failed += loop.outcomes.length - answered.length;
      return answered.map(({ sentMs, endedMs = Infinity }) => endedMs - sentMs);
    };
    const inTurns = async (count: number): Promise<{ plain: Turns; logged: Turns }> => {
      const took = { plain: [] as Turns, logged: [] as Turns };
      for (let number = 0; number < count; number++) {
        // Nobody is always the first.
        for (const kind of number % 2 === 0 ? (['plain', 'logged'] as const) : (['logged', 'plain'] as const))
          took[kind].push(await turn(`/${kind}`));
      }
      return took;
    };
    try {
      await inTurns(WARM_UP_TURNS);
      const there = await inTurns(turns);
      await kafka.nodes[0]?.stop('SIGKILL');
      say('Kafka is away');
      const away = await inTurns(turns);
      return {
        plain: latencyOf(there.plain),
        logged: latencyOf(there.logged),
        plainWithout: latencyOf(away.plain),
        loggedWithout: latencyOf(away.logged),
        failed,
      };
    } finally {
      await gateway.child.stop();
    }
  } finally {
    await server.stop();
    await kafka.stop();
    service.closeAllConnections();
    service.close();
  }
}

function latencyOf(turns: Turns): Latency {
  const ofTurns = (share: number) => turns.map((tookMs) => percentile(ascending(tookMs), share));
  const p99sMs = ofTurns(0.99);
  return {
    count: sum(turns.map(({ length }) => length)),
    p50Ms: median(ofTurns(0.5)),
    p99Ms: median(p99sMs),
    p99SpreadMs: [Math.min(...p99sMs), Math.max(...p99sMs)],
  };
}

function kongYml(port: number, bootstrapServers: string): string {
  const [host, kafkaPort] = bootstrapServers.split(':');
  const config = { bootstrap_servers: [{ host, port: Number(kafkaPort) }], topic: TOPIC };
  const route = (name: string, plugins: object[]) => ({ name, paths: [`/${name}`], plugins });
  return JSON.stringify({
    _format_version: '3.0',
    services: [
      {
        name: 'echo',
        url: `http://127.0.0.1:${port}`,
        routes: [route('plain', []), route('logged', [{ name: 'custom_kafka_log', config }])],
      },
    ],
  });
}
