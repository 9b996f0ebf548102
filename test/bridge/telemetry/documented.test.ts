/** Docs, dashboard and alerts speak of metrics that there are, and every metric is documented. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { FAMILIES, unitOf } from '../../../dev/monitoring/reference';

const ROOT = join(__dirname, '..', '..', '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const MONITORING = read('docs/monitoring.md');
const REFERENCE = read('docs/reference/metrics.md');
const ALERTS = read('examples/prometheus/alerts.yml');
const SPEAKING = {
  'docs/monitoring.md': MONITORING,
  'docs/reference/metrics.md': REFERENCE,
  'examples/prometheus/alerts.yml': ALERTS,
  'test/examples/alerts.test.yml': read('test/examples/alerts.test.yml'),
  'examples/grafana/kong-kafka-request-reply.json': read('examples/grafana/kong-kafka-request-reply.json'),
};

/** Of histograms the series, too. */
const names = new Set(
  FAMILIES.flatMap(({ name, type }) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

for (const [path, text] of Object.entries(SPEAKING)) {
  test(`${path} names only metrics that there are`, () => {
    const found = text.match(/\b(?:kong_kafka|process|nodejs)_[a-z_]+[a-z]\b/g) ?? [];
    for (const name of found) assert.ok(names.has(name), name);
    assert.ok(found.length > 0);
  });
}

test('every metric stands in the reference with its type, labels, unit and meaning', () => {
  for (const family of FAMILIES) {
    const { name, type, labels, help } = family;
    const named = labels.map((label) => `\`${label}\``).join(', ');
    const row = `| \`${name}\` | ${type} | ${named} | ${unitOf(family)} | ${help} |`;
    assert.ok(REFERENCE.includes(row), row);
  }
});

test('names follow the rules: a counter ends in _total, and nothing else does', () => {
  for (const { name, type } of FAMILIES) {
    assert.match(name, /^[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    if (type === 'histogram') assert.match(name, /_seconds$/);
  }
});

interface AlertRule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

const rules = (parse(ALERTS) as { groups: { rules: AlertRule[] }[] }).groups.flatMap((group) => group.rules);

test('each alert has a runbook under its name, and each runbook an alert', () => {
  const headings = [...MONITORING.matchAll(/^### (KongKafka\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    headings,
    rules.map(({ alert }) => alert),
  );
  for (const { alert, annotations } of rules)
    assert.equal(annotations.runbook_url, `docs/monitoring.md#${alert.toLowerCase()}`);
});

test('each alert is tested, when it must fire and when it must not', () => {
  const { tests } = parse(SPEAKING['test/examples/alerts.test.yml']) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
  };
  const cases = tests.flatMap((one) => one.alert_rule_test);
  for (const { alert } of rules) {
    const ofAlert = cases.filter(({ alertname }) => alertname === alert);
    assert.ok(
      ofAlert.some(({ exp_alerts = [] }) => exp_alerts.length > 0),
      `${alert} never fires`,
    );
    assert.ok(
      ofAlert.some(({ exp_alerts = [] }) => exp_alerts.length === 0),
      `${alert} is never silent`,
    );
  }
});
