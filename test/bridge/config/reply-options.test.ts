import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import { kongComplaints } from '../../support/kong-check';

const ACCEPTED: object[] = [
  // Longer than Kong's read timeout of 60 s, which the heartbeat of the plugin server sees to.
  { timeout: 90_000 },
  { timeout: 300_000, timeout_ceiling: 300_000 },
  { timeout: 300, timeout_ceiling: 1000 },
  { timeout: 5000, timeout_ceiling: 5000 },
  { reply_format: 'envelope' },
  { forward_headers: { include: [] } },
  { forward_headers: { include: ['*'], exclude: ['x-internal-*', 'X-Trace'] } },
  { forward_headers: { include: ['Location', 'set-cookie', 'x-status-code', 'x*'] } },
  { error_headers: [] },
  { error_headers: ['x-error', ':error'], error_status: 400 },
  { error_status: 599, problem_details: false },
];

for (const options of ACCEPTED) {
  test(`accepted, by Kong as well: ${JSON.stringify(options)}`, () => {
    const config: Record<string, unknown> = parseConsumerConfig(options);
    for (const [name, value] of Object.entries(options)) {
      if (typeof value !== 'object' || Array.isArray(value)) assert.deepEqual(config[name], value);
    }
    assert.deepEqual(kongComplaints('custom_kafka_consumer', options), []);
  });
}
