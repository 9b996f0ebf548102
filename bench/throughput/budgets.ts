/**
 * What the plugin server must hold. Differences and ratios are taken within a round, where both sides met the same
 * machine, and then the median over the rounds counts.
 */
import type { Verdict } from '../load/verdict';
import type { ContenderName } from './contenders';
import type { Measurement } from './measure';
import { median } from '../load/statistics';

const MOST_ADDED_MS = 0.2;
const LEAST_SHARE_OF_FLOOR = 0.3;
const LEAST_TIMES_STOCK = 1.3;
const BUSY = 256;

/** Nothing lost, nothing crossed: the one rule for all contenders. */
export function correctness(measurements: readonly Measurement[]): Verdict {
  const total = (of: 'lost' | 'crossed') => measurements.reduce((count, each) => count + each[of], 0);
  return {
    rule: 'no request lost or crossed',
    found: `${total('lost')} lost, ${total('crossed')} crossed`,
    holds: total('lost') === 0 && total('crossed') === 0,
  };
}

/** Rules about contenders that were not measured are left out. */
export function budgets(measurements: readonly Measurement[]): Verdict[] {
  return [
    addedLatency(measurements),
    rate(measurements, 'floor', LEAST_SHARE_OF_FLOOR),
    rate(measurements, 'stock', LEAST_TIMES_STOCK),
    roundTrips(measurements),
  ].filter((verdict) => verdict !== undefined);
}

/**
 * How much of a missed budget is the machine's: nothing can be faster than the floor and Kong's protocol together.
 * Empty where one of the two was not measured.
 */
export function withinReach(measurements: readonly Measurement[]): string[] {
  const above = against(measurements, 1, (server, floor, empty) => server.p50Ms - floor.p50Ms - empty.p50Ms);
  const share = against(
    measurements,
    BUSY,
    (server, floor, empty) => server.perSecond * (1 / floor.perSecond + 1 / empty.perSecond),
  );
  return [
    ...(above === undefined
      ? []
      : [`1 in flight: p50 ${above.toFixed(3)} ms above floor and empty one after the other`]),
    ...(share === undefined
      ? []
      : [
          `${BUSY} in flight: ${share.toFixed(2)} × the rate that floor and empty leave when they share the machine`,
        ]),
  ];
}

function against(
  measurements: readonly Measurement[],
  inFlight: number,
  relation: (server: Measurement, floor: Measurement, empty: Measurement) => number,
): number | undefined {
  const of = (contender: ContenderName, round: number) =>
    measurements.find(
      (each) => each.contender === contender && each.round === round && each.inFlight === inFlight,
    );
  const relations = [...new Set(measurements.map(({ round }) => round))].flatMap((round) => {
    const [server, floor, empty] = [of('server', round), of('floor', round), of('empty', round)];
    return server && floor && empty ? [relation(server, floor, empty)] : [];
  });
  return relations.length === 0 ? undefined : median(relations);
}

function addedLatency(measurements: readonly Measurement[]): Verdict | undefined {
  const added = compare(measurements, 1, 'floor', (server, floor) => server.p50Ms - floor.p50Ms);
  if (added === undefined) return undefined;
  return {
    rule: `1 in flight: p50 at most ${MOST_ADDED_MS} ms above the floor`,
    found: `${added.toFixed(3)} ms above`,
    holds: added <= MOST_ADDED_MS,
  };
}

function rate(
  measurements: readonly Measurement[],
  against: ContenderName,
  least: number,
): Verdict | undefined {
  const ratio = compare(measurements, BUSY, against, (server, other) => server.perSecond / other.perSecond);
  if (ratio === undefined) return undefined;
  return {
    rule: `${BUSY} in flight: at least ${least} × the rate of ${against}`,
    found: `${ratio.toFixed(2)} ×`,
    holds: ratio >= least,
  };
}

/** An event of a plugin that has no part in a request any more waits for nothing. */
function roundTrips(measurements: readonly Measurement[]): Verdict | undefined {
  const most = new Map<string, number>();
  for (const { contender, traffic = {} } of measurements) {
    if (contender !== 'server') continue;
    for (const [plugin, { mostRounds }] of Object.entries(traffic))
      most.set(plugin, Math.max(mostRounds, most.get(plugin) ?? 0));
  }
  if (most.size === 0) return undefined;
  return {
    rule: 'one pipelined round trip per event',
    found: [...most].map(([plugin, rounds]) => `at most ${rounds} per event of ${plugin}`).join(', '),
    holds: Math.max(...most.values()) === 1,
  };
}

function compare(
  measurements: readonly Measurement[],
  inFlight: number,
  against: ContenderName,
  relation: (server: Measurement, other: Measurement) => number,
): number | undefined {
  const at = measurements.filter((each) => each.inFlight === inFlight);
  const relations = at
    .filter((each) => each.contender === 'server')
    .flatMap((server) => {
      const other = at.find((each) => each.contender === against && each.round === server.round);
      return other === undefined ? [] : [relation(server, other)];
    });
  return relations.length === 0 ? undefined : median(relations);
}
