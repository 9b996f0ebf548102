import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Buckets, Histogram } from '../../../bridge/telemetry/histogram';
import { MetricsPage, TEXT_TYPE, type Family } from '../../../bridge/telemetry/metrics';
import { mergedPage, seriesOf } from '../../../pluginserver/workers/worker-metrics';

const family = (name: string, type: Family['type'], ofWorkers?: Family['ofWorkers']): Family => ({
  name,
  type,
  help: 'Help.',
  labels: [],
  ...(ofWorkers && { ofWorkers }),
});
const SUM = family('done_total', 'counter');
const MAX = family('limit', 'gauge', 'max');
const MIN = family('owned', 'gauge', 'min');
const EACH = family('memory', 'gauge', 'each');
const TIMES = family('took_seconds', 'histogram');
const BUCKETS = new Buckets([0.1, 1]);

/** As another process sends it. */
function worker(value: number, observedMs: readonly number[], topic = 'a') {
  const page = new MetricsPage();
  page.add(SUM, `topic="${topic}"`, value);
  for (const one of [MAX, MIN]) page.add(one, '', value);
  page.add(EACH, 'kind="heap"', value);
  const histogram = new Histogram(BUCKETS);
  for (const ms of observedMs) histogram.observe(ms);
  page.addHistogram(TIMES, '', histogram);
  return structuredClone(seriesOf(page));
}

test('the metrics of workers are those of one node: added, or as their family says', () => {
  const page = mergedPage(
    [
      { number: 1, families: worker(2, [50, 500]) },
      { number: 2, families: worker(5, [60, 5000]) },
      { number: 3, families: worker(1, [], 'b') },
    ],
    (own) => own.add(family('workers', 'gauge'), '', 3),
  );
  const lines = page
    .text(TEXT_TYPE)
    .split('\n')
    .filter((line) => !line.startsWith('#') && line !== '');
  assert.deepEqual(lines, [
    'done_total{topic="a"} 7',
    'done_total{topic="b"} 1',
    'limit 5',
    'owned 1',
    'memory{worker="1",kind="heap"} 2',
    'memory{worker="2",kind="heap"} 5',
    'memory{worker="3",kind="heap"} 1',
    'took_seconds_bucket{le="0.1"} 2',
    'took_seconds_bucket{le="1"} 3',
    'took_seconds_bucket{le="+Inf"} 4',
    'took_seconds_sum 5.61',
    'took_seconds_count 4',
    'workers 3',
  ]);
});
