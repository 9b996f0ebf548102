/**
 * What an operator has: a real Prometheus that scrapes a real run. Prometheus and promtool are Debian's, fetched once;
 * where they cannot be had, one line says so and these tests are skipped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { startMonitoringLab, type MonitoringLab } from '../../dev/monitoring/lab';
import { filledIn, ROWS } from '../../dev/monitoring/panels';
import { preparePrometheus, type PrometheusDistribution } from '../../dev/prometheus/distribution';

const ROOT = join(__dirname, '..', '..', '..');
let lab: MonitoringLab | undefined;
// Before the hooks of the Kafka: what uses it ends first.
after(() => lab?.stop());
const kafka = useKafka();
let programs: PrometheusDistribution | undefined;
let missing = '';

/** Long enough for rates over the span of the queries below. */
const RUN_MS = 9000;
const SPAN = '8s';

before(async () => {
  try {
    programs = await preparePrometheus();
  } catch (error) {
    missing = `no Prometheus here: ${(error as Error).message.split('\n')[0] ?? ''}`;
    return;
  }
  // When it has made a topic, it runs.
  await kafka.topic();
  lab = await startMonitoringLab(kafka.connection);
  const endMs = performance.now() + RUN_MS;
  while (performance.now() < endMs) await lab.round();
});

/** Those that have what they need. */
function needed(t: TestContext): { readonly run: MonitoringLab; readonly promtool: string } | undefined {
  if (lab !== undefined && programs !== undefined) return { run: lab, promtool: programs.promtool };
  t.skip(missing);
  return undefined;
}

function promtool(path: string, args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync(path, args, { input, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stderr.trim(), '', 'promtool has nothing to find fault with');
}

test('each service answers as the lab says', async (t) => {
  const having = needed(t);
  if (having) assert.deepEqual(await having.run.round(), [200, 200, 504, 502, 202, 200, 404, 413, 202]);
});

test('promtool finds no fault with names, units and help of what is scraped', async (t) => {
  const having = needed(t);
  if (!having) return;
  const text = await (await fetch(having.run.metricsUrl)).text();
  promtool(having.promtool, ['check', 'metrics'], text);
});

test('Prometheus scrapes it, as OpenMetrics with exemplars', async (t) => {
  const having = needed(t);
  if (!having) return;
  const { prometheus } = having.run;
  const up = await prometheus.query('up{job="kong-kafka"}');
  assert.deepEqual(
    up.map(({ values }) => values[0]?.[1]),
    ['1', '1'],
  );
  const exemplars = await prometheus.exemplars('kong_kafka_request_duration_seconds_bucket');
  assert.ok(exemplars.length > 0);
  for (const { labels } of exemplars) assert.match(labels.request_id ?? '', /^[0-9a-f]{32}$/);
});

for (const { title: row, panels } of ROWS) {
  for (const { title, queries } of panels) {
    test(`the panel ${row}: ${title} shows something`, async (t) => {
      const having = needed(t);
      if (!having) return;
      for (const { expression } of queries) {
        const found = await having.run.prometheus.query(filledIn(expression, SPAN));
        assert.ok(found.length > 0, expression);
        assert.ok(
          found.some(({ values }) => values.some(([, value]) => value !== 'NaN')),
          `${expression} is never a number`,
        );
      }
    });
  }
}

interface Drawn {
  readonly targets?: readonly { readonly expr: string }[];
}

test('the queries of the dashboard are those of the panels, and no other', () => {
  const file = readFileSync(join(ROOT, 'examples', 'grafana', 'kong-kafka-request-reply.json'), 'utf8');
  const { panels } = JSON.parse(file) as { panels: (Drawn & { panels?: Drawn[] })[] };
  assert.deepEqual(
    panels
      .flatMap((one) => [one, ...(one.panels ?? [])])
      .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ROWS.flatMap((row) => row.panels.flatMap(({ queries }) => queries.map(({ expression }) => expression))),
  );
});

test('the alerts fire when they must, and only then', (t) => {
  const having = needed(t);
  if (having) promtool(having.promtool, ['test', 'rules', join(ROOT, 'test', 'examples', 'alerts.test.yml')]);
});

test('Prometheus understands every alert', async (t) => {
  const having = needed(t);
  if (!having) return;
  const rules = await having.run.prometheus.rules();
  assert.ok(rules.length > 10);
  for (const { name, health, lastError } of rules) assert.equal(health, 'ok', `${name}: ${lastError ?? ''}`);
});
