/** Rate and cost against the size of the body, of the request and of its reply. */
import type { Answer } from './answer';
import { costCharts } from './chart';
import { answered, curveTable, growsEvenly, type Point } from './curve';
import type { Stage } from './stage';

const KIB = 1024;
const SIZES = [
  { x: 100, name: '100 B' },
  { x: KIB, name: '1 KiB' },
  { x: 10 * KIB, name: '10 KiB' },
  { x: 100 * KIB, name: '100 KiB' },
  { x: KIB * KIB, name: '1 MiB' },
];
/** Few enough that all of them together stay below --max-bytes-in-flight. */
const IN_FLIGHT = 16;
/** A broker's default is a little less than a body of 1 MiB with its headers. */
const TOPIC_CONFIG = { 'max.message.bytes': String(2 * KIB * KIB) };

export async function bodySize(stage: Stage): Promise<Answer> {
  const topics = await stage.topics('body-size', TOPIC_CONFIG);
  const server = await stage.server();
  const points: Point[] = [];
  for (const { x, name } of SIZES) {
    await stage.connect('body-size', [stage.route(server, topics, { bodyBytes: x })]);
    const load = { inFlight: IN_FLIGHT, durationMs: stage.durationMs };
    points.push(await stage.measure('body-size', [server], load, { x, name }));
  }
  const curve = { name: 'body size', points };
  return {
    says:
      `Size of the body, both ways: ${IN_FLIGHT} in flight, the service echoes. Above 8 KiB the request is a file, as ` +
      `nginx has it by default.`,
    table: curveTable('body', [curve]),
    chart: costCharts('Size of the body, both ways', { label: 'bytes', scale: 'log' }, [curve]),
    verdicts: [growsEvenly(curve, { one: 'a kilobyte', count: KIB }), answered([curve])],
  };
}
