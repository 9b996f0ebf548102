/**
 * What the plugin server must hold, with two plugins (`server`) and with one (`one-event`). Differences and ratios are
 * taken within a round, where all sides met the same machine, and then the median over the rounds counts.
 */
import type { Verdict } from '../load/verdict';
import { median } from '../load/statistics';
import type { ContenderName } from './contenders';
import type { Measurement } from './measure';
import { trafficPerRequest } from './report';

type Ours = 'server' | 'one-event';

const BUSY = 256;
const LEAST_RATES: readonly { ours: Ours; theirs: ContenderName; least: number }[] = [
  { ours: 'server', theirs: 'floor', least: 0.33 },
  { ours: 'server', theirs: 'stock', least: 2.2 },
  { ours: 'one-event', theirs: 'floor', least: 0.42 },
];
/** To the floor and the empty plugins, one after the other: what Kafka and Kong's protocol need in any case. */
const MOST_ADDED_MS = 0.05;
/** Of Kong's PDK, the exits among them. */
const MOST_CALLS: readonly { ours: Ours; most: number }[] = [
  { ours: 'server', most: 5 },
  { ours: 'one-event', most: 4 },
];

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
    latencyOfOneEvent(measurements),
    ...LEAST_RATES.map((rule) => rate(measurements, rule)),
    ...MOST_CALLS.map((rule) => calls(measurements, rule)),
    roundTrips(measurements),
  ].filter((verdict) => verdict !== undefined);
}

/**
 * How much of a missed rate is the machine's: nothing can be faster than the floor and Kong's protocol together. Empty
 * where one of them was not measured. The empty plugins are two, so it says nothing about one event.
 */
export function withinReach(measurements: readonly Measurement[]): string[] {
  const share = compare(
    measurements,
    BUSY,
    ['server', 'floor', 'empty'],
    ([server, floor, empty]) => server.perSecond * (1 / floor.perSecond + 1 / empty.perSecond),
  );
  if (share === undefined) return [];
  return [
    `${BUSY} in flight: server has ${share.toFixed(2)} × the rate that floor and empty leave when they share the machine`,
  ];
}

function addedLatency(measurements: readonly Measurement[]): Verdict | undefined {
  const added = compare(
    measurements,
    1,
    ['server', 'floor', 'empty'],
    ([server, floor, empty]) => server.p50Ms - floor.p50Ms - empty.p50Ms,
  );
  return atMost(`1 in flight: p50 of server above those of floor and empty together`, added, MOST_ADDED_MS);
}

function latencyOfOneEvent(measurements: readonly Measurement[]): Verdict | undefined {
  const more = compare(
    measurements,
    1,
    ['one-event', 'server'],
    ([oneEvent, server]) => oneEvent.p50Ms - server.p50Ms,
  );
  return atMost('1 in flight: p50 of one-event above that of server', more, 0);
}

function atMost(rule: string, foundMs: number | undefined, mostMs: number): Verdict | undefined {
  if (foundMs === undefined) return undefined;
  return {
    rule: `${rule}: at most ${mostMs} ms`,
    found: `${foundMs.toFixed(3)} ms`,
    holds: foundMs <= mostMs,
  };
}

function rate(
  measurements: readonly Measurement[],
  { ours, theirs, least }: (typeof LEAST_RATES)[number],
): Verdict | undefined {
  const ratio = compare(
    measurements,
    BUSY,
    [ours, theirs],
    ([own, other]) => own.perSecond / other.perSecond,
  );
  if (ratio === undefined) return undefined;
  return {
    rule: `${BUSY} in flight: rate of ${ours} at least ${least} × that of ${theirs}`,
    found: `${ratio.toFixed(2)} ×`,
    holds: ratio >= least,
  };
}

/** In any measurement: what is counted is the same under every load. */
function calls(
  measurements: readonly Measurement[],
  { ours, most }: (typeof MOST_CALLS)[number],
): Verdict | undefined {
  const counts = measurements
    .filter(({ contender }) => contender === ours)
    .map((each) => trafficPerRequest(each, (traffic) => traffic.calls))
    .filter((count) => count !== undefined);
  if (counts.length === 0) return undefined;
  const found = Math.max(...counts).toFixed(1);
  return {
    rule: `calls to Kong per request of ${ours}: at most ${most}`,
    found,
    holds: Number(found) <= most,
  };
}

/** An event of a plugin that has no part in a request any more waits for nothing. */
function roundTrips(measurements: readonly Measurement[]): Verdict | undefined {
  const most = new Map<string, number>();
  for (const { contender, traffic = {} } of measurements) {
    if (contender !== 'server' && contender !== 'one-event') continue;
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

/** The median over the rounds in which all of them were measured; undefined without such a round. */
function compare<Names extends readonly ContenderName[]>(
  measurements: readonly Measurement[],
  inFlight: number,
  contenders: readonly [...Names],
  relation: (of: { [Index in keyof Names]: Measurement }) => number,
): number | undefined {
  const at = measurements.filter((each) => each.inFlight === inFlight);
  const relations = [...new Set(at.map(({ round }) => round))].flatMap((round) => {
    const of = contenders
      .map((name) => at.find((each) => each.contender === name && each.round === round))
      .filter((each) => each !== undefined);
    return of.length < contenders.length ? [] : [relation(of as { [Index in keyof Names]: Measurement })];
  });
  return relations.length === 0 ? undefined : median(relations);
}
