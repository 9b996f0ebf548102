import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, errorAnswer, GatewayError, toGatewayError, type ErrorCode } from '../../bridge/errors';

/** What the README promises. */
const STATUS: Record<ErrorCode, number> = {
  request_invalid: 400,
  correlation_conflict: 409,
  request_too_large: 413,
  unsupported_media_type: 415,
  headers_too_large: 431,
  internal: 500,
  misconfigured: 500,
  produce_failed: 502,
  reply_invalid: 502,
  reply_too_large: 502,
  responder_error: 502,
  draining: 503,
  not_ready: 503,
  overloaded: 503,
  reply_reader_lost: 503,
  produce_timeout: 504,
  reply_timeout: 504,
};

test('every code has the status that is promised, and only 503 says when to come again', () => {
  assert.deepEqual([...ERROR_CODES].sort(), Object.keys(STATUS).sort());
  for (const code of ERROR_CODES) {
    const answer = errorAnswer(new GatewayError(code, 'detail'));
    assert.equal(answer.status, STATUS[code], code);
    assert.equal('retry-after' in answer.headers, answer.status === 503, code);
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
});

test('the body has the code and the ids, and the cause only on request', () => {
  const error = new GatewayError('reply_timeout', 'delivered to orders');
  const context = { requestId: 'r1', correlationId: 'c1' };
  assert.deepEqual(JSON.parse(errorAnswer(error, context).body.toString()), {
    message: 'No reply arrived in time.',
    code: 'reply_timeout',
    request_id: 'r1',
    correlation_id: 'c1',
  });
  const told = JSON.parse(
    errorAnswer(error, { ...context, returnErrorMessage: true }).body.toString(),
  ) as object;
  assert.equal('error' in told && told.error, 'delivered to orders');
});

test('a client that accepts problem details gets them', () => {
  const error = new GatewayError('overloaded', 'full');
  const answer = errorAnswer(error, {
    accept: 'application/json;q=0.5, application/problem+json',
    requestId: 'r1',
  });
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    type: 'urn:kong-kafka-request-reply:overloaded',
    title: 'Too many requests are in flight.',
    status: 503,
    code: 'overloaded',
    request_id: 'r1',
  });
  for (const accept of [undefined, '*/*', 'application/json', 'application/problem+json;q=0']) {
    assert.match(String(errorAnswer(error, { accept }).headers['content-type']), /^application\/json/);
  }
});

test('anything that is not a GatewayError is a bug of ours, whatever was thrown', () => {
  for (const thrown of [new TypeError('x'), 'text', undefined, null, 5, { code: 'overloaded' }]) {
    assert.equal(toGatewayError(thrown).code, 'internal');
    assert.equal(errorAnswer(thrown).status, 500);
  }
});
