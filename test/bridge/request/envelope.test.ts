import assert from 'node:assert/strict';
import { test } from 'node:test';
import { envelope, type EnvelopeOptions } from '../../../bridge/request/envelope';
import { bodyOf, httpRequest } from '../../support/requests';

const ALL: EnvelopeOptions = { method: true, uri: true, headers: true, body: true, showsHeader: () => true };
const BODY = { ...ALL, method: false, uri: false, headers: false };

function bodyPart(contentType: string | undefined, body: string | Buffer): unknown {
  return JSON.parse(envelope(bodyOf(contentType, body), BODY).toString());
}

test('all members, in the order of Kafka Upstream', () => {
  const request = httpRequest({
    method: 'PUT',
    uri: '/orders%20x?a=1&b',
    rawQuery: 'a=1&b',
    headers: { 'content-type': 'text/plain', 'x-a': ['1', '2'], 'x-b': ['3'], 'x-c': 'caf\xe9' },
    body: 'hi',
  });
  assert.equal(
    envelope(request, ALL).toString(),
    '{"method":"PUT","uri":"/orders%20x?a=1&b","uri_args":{"a":"1","b":true},' +
      '"headers":{"content-type":"text/plain","x-a":["1","2"],"x-b":"3","x-c":"café"},"body":"hi","body_args":{}}',
  );
});

test('only what is asked for, and no header that may not be shown', () => {
  const request = httpRequest({ headers: { cookie: 'x', 'x-a': '1' }, body: 'x' });
  const options = { ...ALL, uri: false, body: false, showsHeader: (name: string) => name !== 'cookie' };
  assert.deepEqual(JSON.parse(envelope(request, options).toString()), {
    method: 'POST',
    headers: { 'x-a': '1' },
  });
});

test('a form is parsed', () => {
  assert.deepEqual(bodyPart('application/x-www-form-urlencoded; charset=utf-8', 'a=1&b=x+y&a=2'), {
    body: 'a=1&b=x+y&a=2',
    body_args: { a: ['1', '2'], b: 'x y' },
  });
});

test('JSON is parsed, and numbers arrive as they were sent', () => {
  assert.deepEqual(bodyPart('application/json', '{"a":[1]}'), {
    body: '{"a":[1]}',
    body_args: { a: [1] },
  });
  const text = envelope(bodyOf('application/json', '{"n":12345678901234567890}'), BODY).toString();
  assert.match(text, /"body_args":\{"n":12345678901234567890\}/);
});

test('a multipart form is parsed; bytes that are not text are in base64', () => {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'),
    Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'),
    Buffer.from([0xff]),
    Buffer.from('\r\n--b--'),
  ]);
  assert.deepEqual(bodyPart('multipart/form-data; boundary=b', body), {
    body: body.toString('base64'),
    body_args: { a: '1', f: { base64: '/w==' } },
    body_base64: true,
  });
});

test('what does not parse is refused', () => {
  for (const [type, body] of [
    ['application/json', '{'],
    ['application/json', '['.repeat(70) + ']'.repeat(70)],
    ['multipart/form-data', 'x'],
    ['multipart/form-data; boundary=b', 'x'],
  ] as const) {
    assert.throws(() => bodyPart(type, body), { code: 'request_invalid', status: 400 });
  }
});

test('text is text if its bytes are, and everything else is base64', () => {
  for (const type of ['text/plain', 'text/html', 'application/xml', 'text/xml', 'application/soap+xml']) {
    assert.deepEqual(bodyPart(type, '<é>'), { body: '<é>', body_args: {} });
  }
  for (const type of ['image/png', 'application/octet-stream', undefined]) {
    assert.deepEqual(bodyPart(type, 'abc'), { body: 'YWJj', body_args: {}, body_base64: true });
  }
  assert.deepEqual(bodyPart('text/plain; charset=latin1', Buffer.from([0xe9])), {
    body: '6Q==',
    body_args: {},
    body_base64: true,
  });
});

test('no body is an empty text, whatever its type', () => {
  for (const type of [undefined, 'application/json', 'multipart/form-data', 'image/png']) {
    assert.deepEqual(bodyPart(type, ''), { body: '', body_args: {} });
  }
});
