import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costCharts, niceStep, svg } from '../../../bench/growth/chart';
import { curveOf } from './points';

/** The attributes of each element of this kind, in order. */
function elements(text: string, name: string): Record<string, string>[] {
  return [...text.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, attributes = '']) => {
    const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)];
    return Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value]));
  });
}

const texts = (text: string) =>
  [...text.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, content]) => content);

const CURVE = curveOf('broadcast', [
  { x: 10, perSecond: 1000, cpuMicros: 300 },
  { x: 100, perSecond: 2000, cpuMicros: 150 },
  { x: 1000, name: '1,000', perSecond: 3700, cpuMicros: 160 },
]);
const AXIS = { label: 'requests in flight', scale: 'log' } as const;

test('a picture has two panels with their units, a shared axis, and a name for those who cannot see it', () => {
  const drawn = svg(costCharts('Requests <in> flight', AXIS, [CURVE]));
  assert.match(
    drawn,
    /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 420 \d+" role="img" aria-label="Requests &lt;in/,
  );
  const said = texts(drawn);
  for (const text of [
    'Requests &lt;in> flight',
    'requests per second',
    'CPU of the plugin server, µs per request',
    'requests in flight',
    '1,000',
    '4k',
    '300',
  ])
    assert.ok(said.includes(text), text);
  assert.match(drawn, /@media \(prefers-color-scheme: dark\)/);
  assert.ok(!said.includes('broadcast'), 'one curve needs no legend');
});

test('points lie where their values are: evenly for powers of ten, and from zero up', () => {
  const drawn = svg(costCharts('Any', AXIS, [CURVE]));
  const [rate, cost] = elements(drawn, 'polyline').map(({ points = '' }) =>
    points.split(' ').map((pair) => pair.split(',').map(Number) as [number, number]),
  );
  assert.ok(rate && cost);
  const [[x1, y1], [x2, y2], [x3, y3]] = rate as [[number, number], [number, number], [number, number]];
  assert.ok(Math.abs(x2 - x1 - (x3 - x2)) < 0.2);
  assert.deepEqual(
    cost.map(([x]) => x),
    [x1, x2, x3],
  );
  // The lowest line of the grid is zero, the highest four steps of 1,000.
  const grid = elements(drawn, 'line').map(({ y1: y }) => Number(y));
  const height = (value: number) => (grid[0] ?? NaN) - ((grid[0] ?? NaN) - (grid[4] ?? NaN)) * (value / 4000);
  for (const [y, value] of [
    [y1, 1000],
    [y2, 2000],
    [y3, 3700],
  ] as const)
    assert.ok(Math.abs(y - height(value)) < 0.2, `${y} for ${value}`);
  assert.equal(elements(drawn, 'circle').length, 6);
});

test('several curves are told apart, and a point at zero has its place on an even axis', () => {
  const other = curveOf('topic', [
    { x: 0, perSecond: 10 },
    { x: 50_000, perSecond: 20 },
  ]);
  const drawn = svg(costCharts('Any', { label: 'replies', scale: 'linear' }, [CURVE, other]));
  // The axis names the points of all of them.
  for (const text of ['topic', 'broadcast', '50000']) assert.ok(texts(drawn).includes(text), text);
  assert.deepEqual(
    elements(drawn, 'polyline').map((line) => line.class),
    ['line c0', 'line c1', 'line c0', 'line c1'],
  );
  assert.ok(!drawn.includes('NaN'));
});

test('names that would lie over each other are left out, but not the last one', () => {
  const crowded = curveOf(
    'crowded',
    [0, 1000, 2000, 20_000, 49_000, 50_000].map((x) => ({ x })),
  );
  const said = texts(svg(costCharts('Any', { label: 'replies', scale: 'linear' }, [crowded])));
  const names = said.filter((text) => crowded.points.some(({ name }) => name === text));
  // A zero also stands beside each of the two panels.
  assert.deepEqual(
    names.filter((name) => name !== '0'),
    ['20000', '50000'],
  );
});

test('the lines of a grid are at round values that reach the largest one', () => {
  for (const [value, step] of [
    [0, 1],
    [1, 1],
    [1.01, 2],
    [240, 250],
    [925, 1000],
    [0.03, 0.05],
    [2.5, 2.5],
  ] as const)
    assert.equal(niceStep(value), step, String(value));
});
