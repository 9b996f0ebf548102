/** The two text forms, to the letter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Buckets, Histogram } from '../../../bridge/telemetry/histogram';
import {
  labelText,
  Metrics,
  MetricsPage,
  OPEN_METRICS_TYPE,
  TEXT_TYPE,
  type Family,
} from '../../../bridge/telemetry/metrics';

const REQUESTS: Family = { name: 'requests_total', type: 'counter', help: 'Requests.', labels: ['topic'] };
const OPEN: Family = { name: 'open', type: 'gauge', help: 'Open ones.', labels: [] };
const WAIT: Family = { name: 'wait_seconds', type: 'histogram', help: 'The wait.', labels: ['topic'] };

function page(): MetricsPage {
  const made = new MetricsPage();
  made.add(REQUESTS, labelText({ topic: 'orders' }), 3);
  made.add(OPEN, '', 0.5);
  const histogram = new Histogram(new Buckets([0.25, 1]));
  histogram.observe(250);
  histogram.observeRequest(2500, '6a8f', 0);
  made.addHistogram(WAIT, labelText({ topic: 'orders' }), histogram);
  return made;
}

test('the text of Prometheus', () => {
  assert.equal(
    page().text(TEXT_TYPE),
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{topic="orders"} 3
# HELP open Open ones.
# TYPE open gauge
open 0.5
# HELP wait_seconds The wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{topic="orders",le="0.25"} 1
wait_seconds_bucket{topic="orders",le="1"} 1
wait_seconds_bucket{topic="orders",le="+Inf"} 2
wait_seconds_sum{topic="orders"} 2.75
wait_seconds_count{topic="orders"} 2
`,
  );
});

test('OpenMetrics: another name for counters, numbers with a point, exemplars, and an end', () => {
  const atSeconds = (performance.timeOrigin / 1000).toFixed(3);
  assert.equal(
    page().text(OPEN_METRICS_TYPE),
    `# HELP requests Requests.
# TYPE requests counter
requests_total{topic="orders"} 3
# HELP open Open ones.
# TYPE open gauge
open 0.5
# HELP wait_seconds The wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{topic="orders",le="0.25"} 1
wait_seconds_bucket{topic="orders",le="1.0"} 1
wait_seconds_bucket{topic="orders",le="+Inf"} 2 # {request_id="6a8f"} 2.5 ${atSeconds}
wait_seconds_sum{topic="orders"} 2.75
wait_seconds_count{topic="orders"} 2
# EOF
`,
  );
});

test('a label value cannot end its quotes or its line', () => {
  assert.equal(labelText({ cluster: 'a"b\\c\nd' }), 'cluster="a\\"b\\\\c\\nd"');
});

test('an id that is none of Kong is not quoted', () => {
  const made = new MetricsPage();
  const histogram = new Histogram(new Buckets([1]));
  for (const id of ['a"} 1\nforged 1', '', 'x'.repeat(65)]) {
    histogram.observeRequest(1, id, 0);
    made.addHistogram(WAIT, '', histogram);
    assert.doesNotMatch(made.text(OPEN_METRICS_TYPE), /request_id/);
  }
});

test('values with the same labels are one series', () => {
  const made = new MetricsPage();
  made.add(OPEN, '', 1);
  made.add(OPEN, '', 2);
  assert.match(made.text(TEXT_TYPE), /^open 3$/m);
});

test('two groups with a metric of the same name are refused', () => {
  const group = (family: Family) => ({ families: [family], collect: () => undefined });
  assert.throws(() => new Metrics([group(OPEN), group({ ...OPEN })]), /two metrics are named open/);
});

test('two groups may tell of one metric, and are added up', () => {
  const group = {
    families: [OPEN],
    collect: (made: MetricsPage) => made.add(OPEN, '', 2),
  };
  const { value } = new Metrics([group, group]).scrape(TEXT_TYPE).next() as { value: string };
  assert.match(value, /^open 4$/m);
});
