import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyWithCorrelationId } from '../../../bridge/request/body-with-correlation-id';
import { bodyOf } from '../../support/requests';

const ID = '123e4567-e89b-12d3-a456-426614174000';

function shape(
  body: string | Buffer,
  contentType: string | undefined = 'application/json',
  field = 'correlation_id',
) {
  return bodyWithCorrelationId(bodyOf(contentType, body), field, ID).toString();
}

test('the id becomes a field of the JSON object', () => {
  assert.equal(shape('{"a":1}'), `{"correlation_id":"${ID}","a":1}`);
  assert.equal(shape('{}'), `{"correlation_id":"${ID}"}`);
  assert.equal(shape(' { "a" : 1 } '), ` {"correlation_id":"${ID}", "a" : 1 } `);
});

test('numbers that JavaScript cannot hold arrive as the client wrote them', () => {
  assert.match(shape('{"n":12345678901234567890,"p":1.10}'), /"n":12345678901234567890,"p":1\.10}$/);
});

/** PowerShell and .NET send the mark; in front of the spliced text it would be a mistake of ours. */
test('a byte order mark is left out, and another charset becomes UTF-8', () => {
  assert.equal(shape('\ufeff{"a":1}'), `{"correlation_id":"${ID}","a":1}`);
  const utf16 = Buffer.from('{"é":12345678901234567890}', 'utf16le');
  assert.equal(
    shape(utf16, 'application/json; charset=utf-16le'),
    `{"correlation_id":"${ID}","é":12345678901234567890}`,
  );
});

test('an existing field of that name is replaced, however it is spelled', () => {
  for (const body of ['{"correlation_id":"forged","a":1}', '{"a":1,"correlation\\u005fid":"forged"}']) {
    const text = shape(body);
    assert.deepEqual(JSON.parse(text), { correlation_id: ID, a: 1 });
    assert.ok(!text.includes('forged'));
  }
});

test('a request without a body gets an object with the id alone', () => {
  assert.equal(shape('', undefined), `{"correlation_id":"${ID}"}`);
});

test('media types of JSON are taken, others refused', () => {
  for (const type of [
    'application/json; charset=utf-8',
    'application/vnd.api+json',
    'text/json',
    undefined,
  ]) {
    assert.ok(shape('{"a":1}', type));
  }
  assert.throws(() => shape('{"a":1}', 'text/plain'), { code: 'unsupported_media_type' });
  assert.throws(() => shape('a=1', 'application/x-www-form-urlencoded'), { code: 'unsupported_media_type' });
});

test('JSON that is no object cannot carry a field, and what is not JSON is invalid', () => {
  for (const body of ['[1]', '"x"', '5', 'null'])
    assert.throws(() => shape(body), { code: 'unsupported_media_type' });
  for (const body of ['{', '{"a":}', Buffer.from([0x7b, 0xff, 0x7d])]) {
    assert.throws(() => shape(body), { code: 'request_invalid' });
  }
});

test('JSON nested deeper than 64 levels is refused', () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.ok(shape(nested(63)));
  assert.throws(() => shape(nested(64)), { code: 'request_invalid' });
  assert.throws(() => shape(`{"correlation_id":1,"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`), {
    code: 'request_invalid',
  });
});

test('a field called __proto__ is a field like others', () => {
  assert.equal(shape('{"__proto__":1}', 'application/json', '__proto__'), `{"__proto__":"${ID}"}`);
});
