import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonFromLog } from '../../../bridge/kafka/failure-reason';

test('a refused connection is told without thread, duration and repetition', () => {
  const first = '[thrd:a:1/bootstrap]: a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused';
  const reason = 'a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused';
  for (const text of [
    `${first} (after 0ms in state CONNECT)`,
    `${first} (after 12ms in state CONNECT, 30 identical error(s) suppressed)`,
  ]) {
    assert.equal(reasonFromLog({ severity: 3, fac: 'FAIL', message: text }), reason);
  }
});

test('a failed login is told with the broker’s words', () => {
  const message =
    '[thrd:sasl_plaintext://a:1/bootstrap]: sasl_plaintext://a:1/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials (after 310ms in state AUTH_REQ)';
  assert.equal(
    reasonFromLog({ severity: 3, fac: 'FAIL', message }),
    'sasl_plaintext://a:1/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials',
  );
});

test('other lines, and milder ones, give no reason', () => {
  assert.equal(reasonFromLog({ severity: 3, fac: 'REQTMOUT', message: 'x' }), undefined);
  assert.equal(reasonFromLog({ severity: 6, fac: 'FAIL', message: 'a:1: Disconnected' }), undefined);
});
