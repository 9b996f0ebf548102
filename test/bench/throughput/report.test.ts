import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../../../bench/throughput/report';
import { measurement } from './measurement';

/** The rows of the table below its head, without the padding. */
function cells(...measurements: Parameters<typeof table>[0]): string[] {
  const [head = '', , ...rows] = table(measurements).split('\n');
  assert.match(head, /what.* req\/s.* p50 ms.* p99 ms.* CPU .* RSS .* × floor .* × stock .* lost .* crossed/);
  return rows.map((row) => row.replace(/^\| *| *\|$/g, '').replace(/ *\| */g, ' '));
}

test('figures are medians over the rounds, failures are totals, ratios are taken within a round', () => {
  const first = { p50Ms: 0.1234, p99Ms: 2.345, cpuMicrosecondsPerRequest: 7.6, residentMegabytes: 80.4 };
  assert.deepEqual(
    cells(
      measurement('server', 32, 1, { ...first, perSecond: 500.4, lost: 1 }),
      measurement('server', 32, 2, { ...first, perSecond: 3000, lost: 4, crossed: 2 }),
      measurement('server', 32, 3, { perSecond: 900 }),
      measurement('floor', 32, 1, { perSecond: 1000.8 }),
      measurement('floor', 32, 2, { perSecond: 30_000 }),
      measurement('floor', 32, 3),
    ),
    // The server's ratios are 0.5, 0.1 and 0.9; that of the medians would be 0.9.
    ['32 floor 1001 0.300 2.00 100 50 1.00 – 0 0', '32 server 900 0.123 2.35 8 80 0.50 – 5 2'],
  );
});

test('levels come as measured, contenders in their own order, and only equal rounds and levels compare', () => {
  assert.deepEqual(
    cells(
      measurement('stock', 256, 1, { perSecond: 400 }),
      measurement('server', 256, 1),
      measurement('server', 1, 1),
      measurement('floor', 1, 2),
    ),
    [
      '256 server 1000 0.300 2.00 100 50 – 2.50 0 0',
      '256 stock 400 0.300 2.00 100 50 – 1.00 0 0',
      '1 floor 1000 0.300 2.00 100 50 1.00 – 0 0',
      '1 server 1000 0.300 2.00 100 50 – – 0 0',
    ],
  );
});
