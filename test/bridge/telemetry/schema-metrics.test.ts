import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsPage, TEXT_TYPE } from '../../../bridge/telemetry/metrics';
import { SchemaMetrics, type SubjectReading } from '../../../bridge/telemetry/schema-metrics';

const lines = (...subjects: SubjectReading[]): string[] => {
  const page = new MetricsPage();
  new SchemaMetrics(() => subjects).collect(page);
  return page
    .text(TEXT_TYPE)
    .split('\n')
    .filter((line) => line.startsWith('kong_'));
};

test('a subject is current, stale with the schema before, or missing', () => {
  const away = 'the schema registry cannot be asked';
  assert.deepEqual(
    lines(
      { ready: true, reason: undefined },
      { ready: true, reason: undefined },
      { ready: true, reason: away },
      { ready: false, reason: away },
      { ready: false, reason: undefined },
    ),
    [
      'kong_kafka_schema_subjects{state="current"} 2',
      'kong_kafka_schema_subjects{state="stale"} 1',
      'kong_kafka_schema_subjects{state="missing"} 2',
    ],
  );
});

test('without a registry there are none, and that can be seen', () => {
  assert.deepEqual(
    lines().map((line) => line.split(' ')[1]),
    ['0', '0', '0'],
  );
});
