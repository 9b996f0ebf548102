import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordKey, type KeySource } from '../../../bridge/request/record-key';
import { parseUrlArgs } from '../../../bridge/request/url-args';
import { httpRequest } from '../../support/requests';

function key(source: KeySource, name: string, given: Parameters<typeof httpRequest>[0] = {}) {
  return recordKey({ source, name })(httpRequest(given), parseUrlArgs(given.rawQuery ?? ''), 'c1');
}

test('each source gives its key', () => {
  assert.equal(key('none', ''), undefined);
  assert.equal(key('query', 'id', { rawQuery: 'id=a%20b&id=c' }), 'a b');
  assert.equal(key('header', 'X-Tenant', { headers: { 'x-tenant': ['caf\xc3\xa9', 'b'] } }), 'café');
  assert.equal(key('path', 'id', { captures: { id: '7' } }), '7');
  assert.equal(key('consumer', '', { consumer: { id: 'c-1', username: 'u' } }), 'c-1');
  assert.equal(key('correlation_id', ''), 'c1');
});

test('a field of the body is named, or pointed to', () => {
  const body = '{"id":"a","/id":"slash","order":{"n":7,"ok":true,"items":[{"sku":"s"}]},"none":null}';
  assert.equal(key('body_field', 'id', { body }), 'a');
  assert.equal(key('body_field', '/id', { body }), 'a');
  assert.equal(key('body_field', '/order/n', { body }), '7');
  assert.equal(key('body_field', '/order/ok', { body }), 'true');
  assert.equal(key('body_field', '/order/items/0/sku', { body }), 's');
  assert.equal(key('body_field', '/none', { body }), undefined);
  assert.equal(key('body_field', 'nothing', { body }), undefined);
});

test('without a value there is no key', () => {
  for (const [source, name] of [
    ['query', 'id'],
    ['header', 'x-tenant'],
    ['path', 'toString'],
    ['body_field', 'id'],
    ['consumer', ''],
  ] as const) {
    assert.equal(key(source, name), undefined);
  }
  assert.equal(key('query', 'id', { rawQuery: 'id' }), undefined);
  assert.equal(key('header', 'x', { headers: { x: '' } }), undefined);
  assert.equal(key('consumer', '', { consumer: {} }), undefined);
  assert.equal(
    key('body_field', 'id', { body: 'id=1', headers: { 'content-type': 'text/plain' } }),
    undefined,
  );
});

test('a key that is too long, not text, or a document is refused', () => {
  const refused = (run: () => unknown) => assert.throws(run, { code: 'request_invalid', status: 400 });
  assert.equal(key('header', 'x', { headers: { x: 'a'.repeat(4096) } })?.length, 4096);
  refused(() => key('header', 'x', { headers: { x: 'a'.repeat(4097) } }));
  refused(() => key('query', 'x', { rawQuery: 'x=%ff' }));
  refused(() => key('body_field', 'a', { body: '{"a":{}}' }));
  refused(() => key('body_field', 'a', { body: '{"a":12345678901234567890}' }));
  refused(() => key('body_field', 'a', { body: '{"a"' }));
});
