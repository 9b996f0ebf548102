import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparison, ratioText } from '../../../bench/throughput/comparison';
import { measurement, paced } from './measurement';

test('a ratio is told with its spread, and marked where all of at least five rounds agree', () => {
  for (const [ratios, text] of [
    [[], '–'],
    [[1.5], '1.50 [1.50–1.50]  '],
    [[1.1, 1.3, 1.2, 1.4], '1.25 [1.10–1.40]  '],
    [[1.1, 1.3, 1.2, 1.4, 1.29], '1.29 [1.10–1.40] *'],
    [[0.9, 0.8, 0.7, 0.6, 0.5], '0.70 [0.50–0.90] *'],
    [[0.9, 1.3, 1.2, 1.4, 1.29], '1.29 [0.90–1.40]  '],
  ] as const) {
    assert.equal(ratioText(ratios), text);
  }
});

test('each of ours is divided by theirs under every load, round by round', () => {
  const cpu = (server: number) => ({ server, driver: 20, broker: 40, responder: 30 });
  const rows = comparison(
    [
      measurement('server', 256, 1, { perSecond: 1500, cpu: cpu(50), p50Ms: 0.15, p99Ms: 4 }),
      measurement('against', 256, 1),
      measurement('against', 256, 2, { perSecond: 500 }),
      measurement('server', 256, 2, { perSecond: 1000, cpu: cpu(80) }),
      // The other build did not get this far.
      measurement('server', 256, 3),
      paced('server', 0.6, 1, { p99Ms: 1 }),
      paced('against', 0.6, 1),
    ],
    ['server'],
    'against',
  )
    .split('\n')
    .map((row) => row.replace(/^\| *| *\|$/g, '').replace(/ *\| */g, '|'));
  assert.deepEqual(
    rows.filter((_, index) => index !== 1),
    [
      'load|what|× rate|× server CPU|× p50|× p99',
      '256 in flight|server|1.75 [1.50–2.00]|0.65 [0.50–0.80]|0.75 [0.50–1.00]|1.50 [1.00–2.00]',
      '60 % of rate|server|–|1.00 [1.00–1.00]|1.00 [1.00–1.00]|0.50 [0.50–0.50]',
    ],
  );
});
