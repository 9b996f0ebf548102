import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costTable, rateTable, trafficPerRequest } from '../../../bench/throughput/report';
import type { Measurement } from '../../../bench/throughput/measure';
import { measurement, paced } from './measurement';

/** The rows of a table below its head, without the padding. */
function cells(
  table: (of: readonly Measurement[]) => string,
  head: RegExp,
  of: readonly Measurement[],
): string[] {
  const [first = '', , ...rows] = table(of).split('\n');
  assert.match(first, head);
  return rows.map((row) => row.replace(/^\| *| *\|$/g, '').replace(/ *\| */g, ' '));
}

const RATES = /load.* what.* req\/s.* p50 ms.* p99 ms.* × floor .* × stock .* × server .* lost .* crossed/;
const COSTS =
  /load.* what.* calls.* B from Kong.* B to Kong.* server µs.* driver µs.* broker µs.* responder µs.* all µs.* RSS MB/;

test('figures are medians over the rounds, failures are totals, ratios are taken within a round', () => {
  const first = { p50Ms: 0.1234, p99Ms: 2.345 };
  assert.deepEqual(
    cells(rateTable, RATES, [
      measurement('server', 32, 1, { ...first, perSecond: 500.4, lost: 1 }),
      measurement('server', 32, 2, { ...first, perSecond: 3000, lost: 4, crossed: 2 }),
      measurement('server', 32, 3, { perSecond: 900 }),
      measurement('floor', 32, 1, { perSecond: 1000.8 }),
      measurement('floor', 32, 2, { perSecond: 30_000 }),
      measurement('floor', 32, 3),
    ]),
    // The server's ratios are 0.5, 0.1 and 0.9; that of the medians would be 0.9.
    [
      '32 in flight floor 1001 0.300 2.00 1.00 – 2.00 0 0',
      '32 in flight server 900 0.123 2.35 0.50 – 1.00 5 2',
    ],
  );
});

test('loads come as measured, contenders in their own order, and only equal rounds and loads compare', () => {
  assert.deepEqual(
    cells(rateTable, RATES, [
      measurement('against', 256, 1),
      measurement('stock', 256, 1, { perSecond: 400 }),
      measurement('server', 256, 1),
      measurement('server', 1, 1),
      measurement('floor', 1, 2),
      paced('floor', 0.3, 1, { perSecond: 3000 }),
      paced('server', 0.3, 1, { perSecond: 300 }),
    ]),
    [
      '256 in flight server 1000 0.300 2.00 – 2.50 1.00 0 0',
      '256 in flight stock 400 0.300 2.00 – 1.00 0.40 0 0',
      '256 in flight against 1000 0.300 2.00 – 2.50 1.00 0 0',
      '1 in flight floor 1000 0.300 2.00 1.00 – – 0 0',
      '1 in flight server 1000 0.300 2.00 – – 1.00 0 0',
      // Each has a share of its own rate: a ratio of the two would be one of the closed loops.
      '30 % of rate floor 3000 0.300 2.00 – – – 0 0',
      '30 % of rate server 300 0.300 2.00 – – – 0 0',
    ],
  );
});

test('a request costs what all events and all processes did for it', () => {
  const producer = {
    events: 2000,
    rounds: 2000,
    mostRounds: 1,
    calls: 8000,
    bytesSent: 1e6,
    bytesReceived: 4e5,
  };
  const consumer = {
    events: 2000,
    rounds: 2000,
    mostRounds: 1,
    calls: 4000,
    bytesSent: 1e5,
    bytesReceived: 8e5,
  };
  const server = measurement('server', 256, 1, { traffic: { producer, consumer } });
  assert.equal(
    trafficPerRequest(server, ({ calls }) => calls),
    6,
  );
  const floor = { cpu: { server: 32.4, driver: undefined, broker: 20, responder: 39 } };
  assert.deepEqual(cells(costTable, COSTS, [measurement('floor', 256, 1, floor), server]), [
    '256 in flight floor – – – 32 – 20 39 91 50',
    '256 in flight server 6.0 550 600 100 20 40 30 190 50',
  ]);
});
