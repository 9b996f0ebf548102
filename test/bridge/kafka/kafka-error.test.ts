import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedDelivery, refusedRecord, unknownOutcome } from '../../../bridge/kafka/kafka-error';

const native = (message: string, code: number) => Object.assign(new Error(message), { code });

for (const [nativeCode, code] of [
  [-184, 'overloaded'],
  [10, 'request_too_large'],
  [-172, 'not_ready'],
  [-150, 'not_ready'],
  [-190, 'produce_failed'],
  [29, 'produce_failed'],
  [-1, 'produce_failed'],
] as const) {
  test(`produce throwing ${nativeCode} is ${code}`, () => {
    const error = refusedRecord('orders', native('some text', nativeCode));
    assert.equal(error.code, code);
    assert.match(error.detail, /orders|being replaced/);
  });
}

test('a thrown value that is no error is produce_failed', () => {
  assert.equal(refusedRecord('orders', 'oops').code, 'produce_failed');
});

// Reports carry -1 whatever happened; only the text tells.
for (const [text, code] of [
  ['Local: Message timed out', 'produce_timeout'],
  ['message timed out', 'produce_timeout'],
  ['broker: message size too large', 'request_too_large'],
  ['broker: topic authorization failed', 'produce_failed'],
  ['something new', 'produce_failed'],
] as const) {
  test(`a report saying "${text}" is ${code}`, () => {
    assert.equal(failedDelivery('orders', native(text, -1)).code, code);
  });
}

test('an unknown outcome is a timeout that names its cause', () => {
  const error = unknownOutcome('orders', 'the client has lost its list of brokers');
  assert.equal(error.code, 'produce_timeout');
  assert.match(error.detail, /orders was written is not known: the client has lost/);
});

/** The client is told that its record is too large; the name of the topic is the operator's. */
test('what a client is told of a record that is too large names no topic', () => {
  for (const error of [
    refusedRecord('orders', native('Broker: Message size too large', 10)),
    failedDelivery('orders', native('broker: message size too large', -1)),
  ]) {
    assert.equal(error.code, 'request_too_large');
    assert.match(error.detail, /orders/);
    assert.match(error.reason!, /^the record is larger than /);
    assert.doesNotMatch(error.reason!, /orders/);
  }
});
