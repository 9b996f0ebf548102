import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baselineOf, heldBy, unknownTo, verdictsOf, type Held } from '../../../bench/throughput/baseline';
import { measurement } from './measurement';

const rate = (...values: number[]): Held => ({ name: 'rate', contender: 'server', better: 'more', values });
const cpu = (...values: number[]): Held => ({ name: 'CPU', contender: 'server', better: 'less', values });

function judged(before: Held, now: Held): string {
  const [verdict] = verdictsOf([now], baselineOf([before], []));
  return `${verdict?.holds ? 'holds' : 'fails'}, ${verdict?.found.replace(/^.*: /, '')}`;
}

test('worse is what is beyond the spread of both runs, and nothing else', () => {
  const before = [0.2, 0.24, 0.3];
  for (const [now, verdict] of [
    [[0.19, 0.195, 0.23], 'fails, worse'],
    // One round has come up to the median of the baseline.
    [[0.19, 0.195, 0.24], 'holds, no difference'],
    // The median is one that the baseline has seen.
    [[0.19, 0.2, 0.23], 'holds, no difference'],
    [[0.2, 0.24, 0.3], 'holds, no difference'],
    [[0.25, 0.31, 0.4], 'holds, better'],
  ] as const) {
    assert.equal(judged(rate(...before), rate(...now)), verdict, now.join());
  }
});

test('of what costs, more is worse', () => {
  for (const [now, verdict] of [
    [[5.1, 6.1, 7], 'fails, worse'],
    [[5, 6.1, 7], 'holds, no difference'],
    [[5.1, 6, 7], 'holds, no difference'],
    [[3, 3.5, 4.9], 'holds, better'],
  ] as const) {
    assert.equal(judged(cpu(4, 5, 6), cpu(...now)), verdict, now.join());
  }
});

test('what is the same in every round may not become one more', () => {
  assert.equal(judged(cpu(6, 6, 6), cpu(6, 6, 6)), 'holds, no difference');
  assert.equal(judged(cpu(6, 6, 6), cpu(7, 7, 7)), 'fails, worse');
  assert.equal(judged(cpu(6, 6, 6), cpu(5, 5, 5)), 'holds, better');
});

test('a verdict tells what it compared, and what the baseline does not know is new', () => {
  const baseline = baselineOf([rate(0.2, 0.24, 0.3)], ['2 cores']);
  assert.deepEqual(baseline, {
    measuredOn: ['2 cores'],
    ratios: { rate: { median: 0.24, least: 0.2, most: 0.3 } },
  });
  assert.deepEqual(verdictsOf([rate(0.21, 0.22, 0.23), cpu(1.23456)], baseline), [
    {
      rule: 'rate',
      found: '0.22 [0.21–0.23], baseline 0.24 [0.20–0.30]: no difference',
      holds: true,
    },
    { rule: 'CPU', found: '1.23 [1.23–1.23], not in the baseline', holds: true },
  ]);
});

test('a contender of which the baseline holds nothing is named, and one of which it holds something is not', () => {
  const oneEvent: Held = { ...rate(0.4), name: 'rate of one-event', contender: 'one-event' };
  const baseline = baselineOf([rate(0.2)], []);
  assert.deepEqual(unknownTo(baseline, [rate(0.2), cpu(1), oneEvent]), ['one-event']);
  assert.deepEqual(unknownTo(baselineOf([rate(0.2), oneEvent], []), [rate(0.2), oneEvent]), []);
});

test('no time is held, but what ours are to the others at each level, and their calls', () => {
  const events = { events: 2000, rounds: 2000, mostRounds: 1, bytesSent: 1, bytesReceived: 1 };
  const traffic = { producer: { ...events, calls: 8000 }, consumer: { ...events, calls: 4000 } };
  const of = (server: number) => ({ server, driver: 1, broker: 1, responder: 1 });
  const held = heldBy([
    measurement('floor', 1, 1, { perSecond: 2000, cpu: of(50) }),
    measurement('server', 1, 1, { traffic }),
    measurement('one-event', 256, 1, { perSecond: 1500, traffic: { both: { ...events, calls: 8000 } } }),
    measurement('server', 256, 1, { traffic, cpu: of(90) }),
    measurement('floor', 256, 1, { perSecond: 4000, cpu: of(40) }),
    measurement('stock', 256, 1, { perSecond: 500 }),
  ]);
  assert.deepEqual(
    held.map(({ name, better, values }) => `${name}: ${better} than ${values.join(' ')}`),
    [
      '1 in flight: rate of server × floor: more than 0.5',
      '1 in flight: server CPU of server × floor: less than 2',
      '256 in flight: rate of server × floor: more than 0.25',
      '256 in flight: rate of server × stock: more than 2',
      '256 in flight: server CPU of server × floor: less than 2.25',
      '256 in flight: rate of one-event × floor: more than 0.375',
      '256 in flight: rate of one-event × stock: more than 3',
      '256 in flight: server CPU of one-event × floor: less than 2.5',
      '256 in flight: rate of one-event × server: more than 1.5',
      'calls to Kong per request of server: less than 6 6',
      'calls to Kong per request of one-event: less than 4',
    ],
  );
});
