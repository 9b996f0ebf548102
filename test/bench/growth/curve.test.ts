import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, curveTable, growsEvenly, staysFlat, type Curve } from '../../../bench/growth/curve';
import { curveOf } from './points';

const cost = (name: string, ...points: (readonly [x: number, cpuMicros: number])[]): Curve =>
  curveOf(
    name,
    points.map(([x, cpuMicros]) => ({ x, cpuMicros })),
  );

test('a cost that should not depend on the cause is held against the cheapest point', () => {
  for (const [curve, found, holds] of [
    [cost('in flight', [10, 300], [100, 150], [1000, 160]), '1.07 × (160 µs at 1000, 150 µs at 100)', true],
    [cost('in flight', [10, 300], [100, 100], [1000, 150]), '1.50 × (150 µs at 1000, 100 µs at 100)', true],
    [cost('in flight', [10, 99], [100, 100], [1000, 151]), '1.53 × (151 µs at 1000, 99 µs at 10)', false],
  ] as const) {
    const verdict = staysFlat(curve);
    assert.deepEqual([verdict.found, verdict.holds], [found, holds]);
    assert.match(verdict.rule, /^in flight: /);
  }
});

test('a cost that grows with the cause grows no faster at the end than before', () => {
  const unit = { one: 'a foreign reply', count: 200 };
  for (const [curve, found, holds] of [
    // A tenth of a microsecond for each of our requests, of which there are 200 a second.
    [cost('all', [0, 700], [100, 710], [200, 720]), '20 µs from 100 to 200, 20 µs from 0 on', true],
    [cost('all', [0, 700], [100, 701], [200, 702.4]), '2.8 µs from 100 to 200, 2.0 µs from 0 on', true],
    [cost('all', [0, 700], [100, 710], [200, 726]), '32 µs from 100 to 200, 20 µs from 0 on', false],
    // Noise at the small end is no excuse.
    [cost('all', [0, 700], [100, 690], [200, 710]), '40 µs from 100 to 200, -20 µs from 0 on', false],
    [cost('all', [0, 700], [100, 690], [200, 690]), '0.0 µs from 100 to 200, -20 µs from 0 on', true],
  ] as const) {
    const verdict = growsEvenly(curve, unit);
    assert.deepEqual([verdict.found, verdict.holds], [found, holds]);
    assert.match(verdict.rule, /^all: a foreign reply costs /);
  }
});

test('one request lost or crossed at any point is one too many', () => {
  const fine = curveOf('fine', [{ x: 1 }, { x: 2 }]);
  assert.deepEqual([answered([fine]).found, answered([fine]).holds], ['0 lost, 0 crossed', true]);
  for (const bad of [{ lost: 2 }, { crossed: 1 }]) {
    const { found, holds } = answered([fine, curveOf('bad', [{ x: 1 }, { x: 2, ...bad }])]);
    assert.deepEqual([found, holds], [`${bad.lost ?? 0} lost, ${bad.crossed ?? 0} crossed`, false]);
  }
});

test('a table has a row for each point, and says of which curve where there are several', () => {
  const point = { x: 1000, name: '1,000', perSecond: 1234.5, p50Ms: 1.25, p99Ms: 9.96, cpuMicros: 150.4 };
  const one = curveOf('broadcast', [{ ...point, residentMegabytes: 99.6 }]);
  assert.deepEqual(curveTable('gateways', [one]).split('\n'), [
    '| gateways | req/s | p50 ms | p99 ms | server µs/req | RSS MB |',
    '|---------:|------:|-------:|-------:|--------------:|-------:|',
    '|    1,000 |  1235 |    1.3 |   10.0 |           150 |    100 |',
  ]);
  const [head = '', , first, second] = curveTable('gateways', [one, { ...one, name: 'topic' }]).split('\n');
  assert.match(head, /^\| +what \| gateways \|/);
  assert.match(first ?? '', /^\| broadcast \| +1,000 \|/);
  assert.match(second ?? '', /^\| +topic \| +1,000 \|/);
});
