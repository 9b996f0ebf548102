/** Rate and cost against the number of gateways that share a reply topic, or do not. */
import type { PluginServerProcess } from '../../dev/stack';
import type { Answer } from './answer';
import { costCharts } from './chart';
import { answered, curveTable, growsEvenly, staysFlat, type Curve, type Point } from './curve';
import type { Stage } from './stage';

const GATEWAYS = [1, 2, 4, 8];
/** Of each. */
const IN_FLIGHT = 32;
const PER_SECOND = 100;
/** The names of gateways, and so of their topics, must not be those of other runs: nothing is left of them. */
const ROUTINGS = {
  broadcast: {},
  topic: { reply_topic: 'growth.gateways.{node}', reply_routing: 'topic' },
} as const;

export async function gateways(stage: Stage): Promise<Answer> {
  const topics = await stage.topics('gateways');
  const servers: PluginServerProcess[] = [];
  for (let number = 0; number < (GATEWAYS.at(-1) ?? 0); number++)
    servers.push(await stage.server({ env: { KONG_KAFKA_NODE_ID: `node-${number}` } }));
  const curves: Curve[] = [];
  for (const [name, producer] of Object.entries(ROUTINGS)) {
    const points: Point[] = [];
    for (const count of GATEWAYS) {
      const some = servers.slice(0, count);
      await stage.connect(
        name,
        some.map((server) => stage.route(server, topics, { producer })),
      );
      const loads = { inFlight: IN_FLIGHT * count, perSecond: PER_SECOND * count };
      points.push(await stage.measureBoth(name, some, loads, { x: count, name: String(count) }));
    }
    curves.push({ name, points });
  }
  const [broadcast, topic] = curves as [Curve, Curve];
  return {
    says:
      `Gateways for one service, which share the cores. Rate and latency with ${IN_FLIGHT} requests in flight for ` +
      `each of them, CPU at ${PER_SECOND} requests per second for each. By broadcast each reads the replies of all, by ` +
      `topic its own.`,
    table: curveTable('gateways', curves),
    chart: costCharts('Gateways for one service', { label: 'gateways', scale: 'linear' }, curves),
    verdicts: [
      growsEvenly(broadcast, { one: 'a further gateway', count: 1 }),
      staysFlat(topic),
      answered(curves),
    ],
  };
}
