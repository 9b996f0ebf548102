/** Rate and cost against the number of configurations that wait on one reply topic. */
import type { Answer } from './answer';
import { costCharts } from './chart';
import { answered, curveTable, staysFlat, type Point } from './curve';
import type { Stage } from './stage';

const CONFIGURATIONS = [1, 10, 100, 1000];
const IN_FLIGHT = 64;

export async function configurations(stage: Stage): Promise<Answer> {
  const topics = await stage.topics('configurations');
  const server = await stage.server();
  const points: Point[] = [];
  for (const count of CONFIGURATIONS) {
    // Equal ones would be one.
    const routes = Array.from({ length: count }, (_, index) =>
      stage.route(server, topics, { producer: { max_in_flight: 100_000 + index } }),
    );
    await stage.connect('configurations', routes);
    const load = { inFlight: IN_FLIGHT, durationMs: stage.durationMs };
    const name = count.toLocaleString('en');
    points.push(await stage.measure('configurations', [server], load, { x: count, name }));
  }
  const curve = { name: 'configurations', points };
  return {
    says: `Configurations on one reply topic: ${IN_FLIGHT} in flight, to one configuration after the other.`,
    table: curveTable('configurations', [curve]),
    chart: costCharts('Configurations on one reply topic', { label: 'configurations', scale: 'log' }, [
      curve,
    ]),
    verdicts: [staysFlat(curve), answered([curve])],
  };
}
