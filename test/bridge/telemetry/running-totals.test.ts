import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsPage, TEXT_TYPE, type Family } from '../../../bridge/telemetry/metrics';
import { KEPT_AFTER_END_MS, RunningTotals } from '../../../bridge/telemetry/running-totals';

const FAMILY: Family = { name: 'things_total', type: 'counter', help: 'Things.', labels: ['cluster'] };
const MAIN = 'cluster="main"';

function samples(totals: RunningTotals, nowMs = 0): string[] {
  const page = new MetricsPage();
  totals.collect(page, nowMs);
  return page
    .text(TEXT_TYPE)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

test('what two sources have counted is one total', () => {
  const totals = new RunningTotals(FAMILY);
  totals.read({}, MAIN, 5, 0);
  totals.read({}, MAIN, 7, 0);
  assert.deepEqual(samples(totals), ['things_total{cluster="main"} 12']);
});

/** A sum over those that are there fell when a configuration was changed, and Prometheus added all of it once more. */
test('it does not fall when a source ends and another one begins at nothing', () => {
  const totals = new RunningTotals(FAMILY);
  totals.read({}, MAIN, 100, 0);
  const second = {};
  totals.read(second, MAIN, 0, 0);
  assert.deepEqual(samples(totals), ['things_total{cluster="main"} 100']);
  totals.read(second, MAIN, 3, 0);
  assert.deepEqual(samples(totals), ['things_total{cluster="main"} 103']);
});

/** A reply that came before its wait was counted as foreign first, and is taken back then. */
test('it does not fall when a source takes something back', () => {
  const totals = new RunningTotals(FAMILY);
  const source = {};
  totals.read(source, MAIN, 100, 0);
  totals.read(source, MAIN, 99, 0);
  assert.deepEqual(samples(totals), ['things_total{cluster="main"} 100']);
  totals.read(source, MAIN, 101, 0);
  assert.deepEqual(samples(totals), ['things_total{cluster="main"} 102']);
});

test('a total that nothing adds to any more goes after a while', () => {
  const totals = new RunningTotals(FAMILY);
  totals.read({}, MAIN, 1, 1000);
  assert.equal(samples(totals, 1000 + KEPT_AFTER_END_MS).length, 1);
  assert.equal(samples(totals, 1001 + KEPT_AFTER_END_MS).length, 0);
});
