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

/** With what Kong's schema says to it; undefined where that cannot express the rule. */
const REFUSED: [options: object, detail: string, kong: RegExp | undefined][] = [
  [
    { timeout_ceiling: 500 },
    'timeout_ceiling: must be 0 or at least 1000, because a client asks in whole seconds',
    /timeout_ceiling must be 0 or at least 1000/,
  ],
  [
    { timeout: 5000, timeout_ceiling: 4000 },
    'timeout_ceiling: must be 0 or at least timeout, because the wait without a wish of the client is no longer than the longest',
    undefined,
  ],
  [{ timeout_ceiling: 300_001 }, 'timeout_ceiling: must be between 0 and 300000', /timeout_ceiling/],
  [{ timeout_ceiling: -1 }, 'timeout_ceiling: must be between 0 and 300000', /timeout_ceiling/],
  [{ reply_format: 'xml' }, 'reply_format: must be one of raw, envelope', /reply_format.*raw, envelope/],
  [{ error_status: 399 }, 'error_status: must be between 400 and 599', /error_status.*400 and 599/],
  [{ error_status: 600 }, 'error_status: must be between 400 and 599', /error_status/],
  [
    { error_headers: ['x-status-code'] },
    'error_headers: x-status-code is also in status_headers, so that every reply with a status would be an error',
    undefined,
  ],
  [{ error_headers: [''] }, 'error_headers.0: must not be empty', /error_headers/],
  ...['x-a b', 'x*y', 'x:y', 'x-**', 'é'].map((pattern): [object, string, RegExp] => [
    { forward_headers: { include: [pattern] } },
    'forward_headers.include.0: must be a header name, or the beginning of one followed by *',
    /must be a header name, or the beginning of one followed by \*/,
  ]),
  ...['Content-Length', 'transfer_encoding', 'X-Kong-*', 'x_kong_proxy', 'proxy-*', 'Via'].map(
    (name): [object, string, undefined] => [
      { forward_headers: { include: ['x-*', name] } },
      `forward_headers.include: ${name} is never forwarded, because it belongs to the gateway's own answer`,
      undefined,
    ],
  ),
  [
    { forward_headers: { include: ['X_A'], exclude: ['x-a'] } },
    'forward_headers.exclude: X_A is also in forward_headers.include, where it would have no effect',
    undefined,
  ],
  [{ problem_details: 'yes' }, 'problem_details: must be boolean', /problem_details/],
];

for (const [options, detail, kong] of REFUSED) {
  test(`refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => parseConsumerConfig(options), { code: 'misconfigured', detail });
    const complaints = kongComplaints('custom_kafka_consumer', options).join('; ');
    if (kong) assert.match(complaints, kong);
    else assert.equal(complaints, '');
  });
}
