import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cloudEventHeaders,
  dataContentType,
  structuredCloudEvent,
  type CloudEvent,
} from '../../../bridge/request/cloudevents';
import { bodyOf, httpRequest } from '../../support/requests';

const EVENT: CloudEvent = { id: 'e1', type: 'shop.order', timeMs: 0, key: undefined };

function structured(contentType: string | undefined, body: string | Buffer, event = EVENT) {
  return JSON.parse(structuredCloudEvent(bodyOf(contentType, body), event).toString()) as unknown;
}

test('attributes are headers', () => {
  assert.deepEqual(cloudEventHeaders(httpRequest({ route: 'or ders' }), { ...EVENT, key: 'k' }), [
    ['ce_specversion', '1.0'],
    ['ce_id', 'e1'],
    ['ce_source', '/kong/routes/or%20ders'],
    ['ce_type', 'shop.order'],
    ['ce_time', '1970-01-01T00:00:00.000Z'],
    ['ce_partitionkey', 'k'],
  ]);
});

test('a key that no header can carry is left to the record', () => {
  const names = cloudEventHeaders(httpRequest(), { ...EVENT, key: 'a\nb' }).map(([name]) => name);
  assert.ok(!names.includes('ce_partitionkey'));
});

test('a source without a route, or with a strange name, is still a URI reference', () => {
  const source = (route?: string) =>
    new Map(cloudEventHeaders(httpRequest({ route }), EVENT)).get('ce_source');
  assert.equal(source(), '/kong');
  assert.equal(source('a/b?\ud800'), '/kong/routes/a%2Fb%3F%EF%BF%BD');
});

test('data of no known type are bytes, and without data there is no type', () => {
  assert.equal(dataContentType(bodyOf(undefined, 'x')), 'application/octet-stream');
  assert.equal(dataContentType(bodyOf(undefined, '')), undefined);
  assert.equal(dataContentType(bodyOf('text/csv', 'x')), 'text/csv');
});

test('structured: JSON data is data', () => {
  assert.deepEqual(structured('application/vnd.api+json', '{"a":1}', { ...EVENT, key: 'k' }), {
    specversion: '1.0',
    id: 'e1',
    source: '/kong',
    type: 'shop.order',
    time: '1970-01-01T00:00:00.000Z',
    partitionkey: 'k',
    datacontenttype: 'application/vnd.api+json',
    data: { a: 1 },
  });
});

test('structured: text is a string, other bytes are base64, nothing is nothing', () => {
  const data = (type: string | undefined, body: string | Buffer) => {
    const { data, data_base64 } = structured(type, body) as Record<string, unknown>;
    return data ?? { data_base64 };
  };
  assert.equal(data('text/csv; charset=UTF-8', 'a,é'), 'a,é');
  assert.deepEqual(data('text/csv; charset=nobodys', Buffer.from([0xe9])), { data_base64: '6Q==' });
  assert.deepEqual(data('text/csv', Buffer.from([0xe9])), { data_base64: '6Q==' });
  assert.deepEqual(data('image/png', 'abc'), { data_base64: 'YWJj' });
  assert.deepEqual(data(undefined, '{}'), { data_base64: 'e30=' });
  assert.deepEqual(data('application/json', ''), { data_base64: undefined });
});

test('structured: text in another charset becomes text, and its content type says so', () => {
  const latin1 = structured('text/csv; charset="latin1"; header=absent', Buffer.from([0xe9, 0x80])) as object;
  assert.equal('data' in latin1 && latin1.data, 'é€');
  assert.equal(
    'datacontenttype' in latin1 && latin1.datacontenttype,
    'text/csv; charset=utf-8; header=absent',
  );
  const utf16 = structured('application/json; charset=utf-16le', Buffer.from('{"é":1}', 'utf16le')) as object;
  assert.deepEqual('data' in utf16 && utf16.data, { é: 1 });
  assert.equal('datacontenttype' in utf16 && utf16.datacontenttype, 'application/json; charset=utf-8');
  const bytes = structured('text/csv; charset=nobodys', Buffer.from([0xe9])) as object;
  assert.equal('datacontenttype' in bytes && bytes.datacontenttype, 'text/csv; charset=nobodys');
});

test('structured: a byte order mark is no data', () => {
  for (const type of ['application/json', 'text/plain']) {
    assert.deepEqual(
      (structured(type, '\ufeff"a"') as { data: unknown }).data,
      type === 'text/plain' ? '"a"' : 'a',
    );
  }
});

test('structured: what claims to be JSON must be', () => {
  assert.throws(() => structured('application/json', '{'), { code: 'request_invalid' });
});
