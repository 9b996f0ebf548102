/** What was measured over a cause that grows, and whether the cost has grown faster. */
import { markdown } from '../load/markdown';
import type { Verdict } from '../load/verdict';

/** One measurement. */
export interface Point {
  /** How much there was of the cause. */
  readonly x: number;
  /** The same in words. */
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of the plugin server's CPU for each request, of all of them together where there are several. */
  readonly cpuMicros: number;
  readonly residentMegabytes: number;
  readonly lost: number;
  readonly crossed: number;
}

/** In the order of x. */
export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

/** Above it is not the machine. */
const MOST_TIMES = 1.5;

/**
 * The cost per request should not depend on the cause: the largest point against the cheapest. Where little is under
 * way at a time batches are small, so the smallest point is not the cheapest.
 */
export function staysFlat({ name, points }: Curve): Verdict {
  const cheapest = points.reduce((a, b) => (b.cpuMicros < a.cpuMicros ? b : a));
  const largest = points.at(-1) as Point;
  const times = largest.cpuMicros / cheapest.cpuMicros;
  return {
    rule: `${name}: CPU per request at the largest point at most ${MOST_TIMES} × that at the cheapest`,
    found:
      `${times.toFixed(2)} × (${micros(largest.cpuMicros)} at ${largest.name}, ` +
      `${micros(cheapest.cpuMicros)} at ${cheapest.name})`,
    holds: times <= MOST_TIMES,
  };
}

/**
 * The cost per request grows with the cause: what one more of it costs over the last step, against what it costs up to
 * there.
 * @param unit what one more of the cause is, and by how many it is told
 */
export function growsEvenly({ name, points }: Curve, unit: { one: string; count: number }): Verdict {
  const [first, before, last] = [points[0], points.at(-2), points.at(-1)] as [Point, Point, Point];
  const early = marginalMicros(first, before);
  const late = marginalMicros(before, last);
  return {
    rule: `${name}: ${unit.one} costs over the last step at most ${MOST_TIMES} × what it costs before`,
    found:
      `${micros(late * unit.count)} from ${before.name} to ${last.name}, ` +
      `${micros(early * unit.count)} from ${first.name} on`,
    holds: late <= Math.max(early, 0) * MOST_TIMES,
  };
}

/** Of one more of the cause, for each request. */
export function marginalMicros(from: Point, to: Point): number {
  return (to.cpuMicros - from.cpuMicros) / (to.x - from.x);
}

/** Nothing is lost however much there is. */
export function answered(curves: readonly Curve[]): Verdict {
  const all = curves.flatMap(({ points }) => points);
  const total = (of: 'lost' | 'crossed') => all.reduce((count, point) => count + point[of], 0);
  return {
    rule: 'no request lost or crossed',
    found: `${total('lost')} lost, ${total('crossed')} crossed`,
    holds: total('lost') === 0 && total('crossed') === 0,
  };
}

/** @param cause the head of the first column */
export function curveTable(cause: string, curves: readonly Curve[]): string {
  const several = curves.length > 1;
  const head = [cause, 'req/s', 'p50 ms', 'p99 ms', 'server µs/req', 'RSS MB'];
  const rows = curves.flatMap(({ name, points }) =>
    points.map((point) => [
      ...(several ? [name] : []),
      point.name,
      point.perSecond.toFixed(0),
      point.p50Ms.toFixed(1),
      point.p99Ms.toFixed(1),
      point.cpuMicros.toFixed(0),
      point.residentMegabytes.toFixed(0),
    ]),
  );
  return markdown([[...(several ? ['what'] : []), ...head], ...rows]);
}

function micros(value: number): string {
  return `${value.toFixed(Math.abs(value) < 10 ? 1 : 0)} µs`;
}
