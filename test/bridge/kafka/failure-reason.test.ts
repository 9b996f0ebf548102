import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hangUpFromLog,
  inOurWords,
  isLoginFailure,
  reasonFromLog,
} from '../../../bridge/kafka/failure-reason';

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

test('a certificate that is not accepted is told with the options to look at', () => {
  const message =
    'ssl://a:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package) (after 9ms in state SSL_HANDSHAKE)';
  assert.match(
    reasonFromLog({ severity: 3, fac: 'FAIL', message }) ?? '',
    /certificate verify failed: the broker's certificate is not trusted.*\(security\.ca_certificate, security\.ssl_verify\)$/,
  );
  assert.match(
    inOurWords(
      'Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42',
    ),
    /SSL alert number 42: the broker does not accept the client certificate, or misses one/,
  );
  assert.equal(
    inOurWords('ssl.key.pem failed: not in PEM format?'),
    'security.key failed: not in PEM format?',
  );
});

test('a broker that hangs up on a new client asks for TLS or a login', () => {
  const message =
    '[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 10ms in state APIVERSION_QUERY)';
  assert.match(
    hangUpFromLog({ severity: 6, fac: 'FAIL', message }) ?? '',
    /^a:1\/bootstrap: the broker closed/,
  );
  const reset = 'a:1: Receive failed: Connection reset by peer (after 1ms in state UP)';
  assert.match(hangUpFromLog({ severity: 6, fac: 'FAIL', message: reset }) ?? '', /^a:1: the broker closed/);
  assert.equal(hangUpFromLog({ severity: 6, fac: 'FAIL', message: 'a:1: Connection refused' }), undefined);
});

test('a refused login is told from other failures', () => {
  assert.equal(isLoginFailure('a:1: SASL authentication error: {"status":"invalid_token"}'), true);
  assert.equal(isLoginFailure('a:1: Connect to ipv4#10.0.0.1:1 failed: Connection refused'), false);
});
