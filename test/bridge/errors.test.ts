import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, errorAnswer, GatewayError, toGatewayError, type ErrorCode } from '../../bridge/errors';

/** What docs/errors.md promises. */
const STATUS: Record<ErrorCode, number> = {
  request_invalid: 400,
  schema_mismatch: 400,
  result_unknown: 404,
  method_not_allowed: 405,
  correlation_conflict: 409,
  result_gone: 410,
  stream_gone: 410,
  request_too_large: 413,
  unsupported_media_type: 415,
  idempotency_conflict: 422,
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

test('the body has the code and the ids, and a cause behind the gateway only on request', () => {
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

/** A client with `{"a":` was told 400 and nothing else, unless the route told everybody about topics and brokers too. */
test('the reason of what is wrong with the request itself is always told', () => {
  const isClients = (status: number) => status < 500;
  for (const code of ERROR_CODES) {
    const { error } = JSON.parse(errorAnswer(new GatewayError(code, 'why')).body.toString()) as {
      error?: string;
    };
    assert.equal(error, isClients(STATUS[code]) ? 'why' : undefined, code);
  }
  // The status is the responder's; the cause is still behind the gateway.
  const answer = errorAnswer(new GatewayError('responder_error', 'inside', { status: 404 }));
  assert.ok(!answer.body.includes('inside'));
});

test('a reason for clients stands in for one that names what they should not know', () => {
  const error = new GatewayError('request_too_large', 'orders: too large', { reason: 'too large' });
  const shown = (context: object) =>
    (JSON.parse(errorAnswer(error, context).body.toString()) as { error: string }).error;
  assert.equal(shown({}), 'too large');
  assert.equal(shown({ returnErrorMessage: true }), 'orders: too large');
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
