import type { Curve, Point } from '../../../bench/growth/curve';

const POINT: Omit<Point, 'x' | 'name'> = {
  perSecond: 1000,
  p50Ms: 1,
  p99Ms: 2,
  cpuMicros: 100,
  residentMegabytes: 100,
  lost: 0,
  crossed: 0,
};

/** Each is named like its place, unless it has a name. */
export function curveOf(name: string, points: readonly (Partial<Point> & { readonly x: number })[]): Curve {
  return { name, points: points.map((point) => ({ ...POINT, name: String(point.x), ...point })) };
}
