import assert from 'node:assert/strict';
import { test } from 'node:test';
import { envelope, type EnvelopeOptions } from '../../../bridge/request/envelope';
import type { HttpRequest } from '../../../bridge/request/http-request';
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
  assert.deepEqual(bodyPart('text/plain; charset=nobodys', Buffer.from([0xe9])), {
    body: '6Q==',
    body_args: {},
    body_base64: true,
  });
});

test('text in another charset is text all the same', () => {
  assert.deepEqual(bodyPart('text/plain; charset=latin1', Buffer.from([0xe9, 0x80])), {
    body: 'é€',
    body_args: {},
  });
  assert.deepEqual(bodyPart('application/json; charset=utf-16', Buffer.from('{"é":1}', 'utf16le')), {
    body: '{"é":1}',
    body_args: { é: 1 },
  });
});

/** Browsers escape the bytes of the page's charset. */
test('a form in another charset is read in it, escaped or not', () => {
  const form = (charset: string) => `application/x-www-form-urlencoded; charset=${charset}`;
  assert.deepEqual(bodyPart(form('iso-8859-1'), Buffer.from('a=%E9+\xe9&\xe9', 'latin1')), {
    body: 'a=%E9+é&é',
    body_args: { a: 'é é', é: true },
  });
  assert.deepEqual(bodyPart(form('shift_jis'), 'a=%83%65%26'), {
    body: 'a=%83%65%26',
    body_args: { a: 'テ&' },
  });
  assert.deepEqual(bodyPart(form('utf-16le'), Buffer.from('a=%C3%A9&b=Ã©', 'utf16le')), {
    body: 'a=%C3%A9&b=Ã©',
    body_args: { a: 'é', b: 'Ã©' },
  });
  assert.throws(() => bodyPart(form('shift_jis'), 'a=%83'), { code: 'request_invalid' });
  assert.throws(() => bodyPart(form('nobodys'), 'a=1'), { code: 'unsupported_media_type' });
});

/** A form of a million names that each start a decoder of their own would hold up everybody else. */
test('a form in another charset starts as many decoders as one with a single argument', (t) => {
  let started = 0;
  const Real = TextDecoder;
  class Counted extends Real {
    constructor(...args: ConstructorParameters<typeof Real>) {
      super(...args);
      started++;
    }
  }
  globalThis.TextDecoder = Counted;
  t.after(() => (globalThis.TextDecoder = Real));
  const startedFor = (body: string) => {
    started = 0;
    bodyPart('application/x-www-form-urlencoded; charset=iso-8859-15', Buffer.from(body, 'latin1'));
    return started;
  };
  assert.equal(startedFor('\xe9&'.repeat(1000)), startedFor('\xe9'));
});

test('parts of a multipart form are each in the charset they name', () => {
  const part = (name: string, type: string, bytes: Buffer) => [
    Buffer.from(`--b\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ];
  const body = Buffer.concat([
    ...part('latin1', 'text/plain; charset=ISO-8859-1', Buffer.from([0xe9])),
    ...part('unknown', 'text/plain; charset=nobodys', Buffer.from([0xe9])),
    ...part('utf8', 'text/plain', Buffer.from('é')),
    Buffer.from('--b--'),
  ]);
  const { body_args } = bodyPart('multipart/form-data; boundary=b; charset=latin1', body) as {
    body_args: unknown;
  };
  assert.deepEqual(body_args, { latin1: 'é', unknown: { base64: '6Q==' }, utf8: 'é' });
});

/** PowerShell and .NET send one; the service behind got 400, or text that began with an invisible character. */
test('a byte order mark is not passed on', () => {
  for (const [type, args] of [
    ['application/json', { a: 1 }],
    ['text/plain', {}],
  ] as const) {
    assert.deepEqual(bodyPart(type, '\ufeff{"a":1}'), { body: '{"a":1}', body_args: args });
  }
  assert.deepEqual(bodyPart('application/x-www-form-urlencoded', '\ufeffa=1'), {
    body: 'a=1',
    body_args: { a: '1' },
  });
});

test('no body is an empty text, whatever its type', () => {
  for (const type of [undefined, 'application/json', 'multipart/form-data', 'image/png']) {
    assert.deepEqual(bodyPart(type, ''), { body: '', body_args: {} });
  }
});

/** They would say that the body in the envelope is compressed, and how long it is not. */
test('headers of the encoded body are not shown beside the decoded one', () => {
  const request = httpRequest({
    headers: { 'content-encoding': 'gzip', 'content-length': '10', 'content-type': 'application/json' },
    body: 'compressed',
    decodedBody: Buffer.from('{"a":1}'),
  });
  const headersOf = (given: HttpRequest, body: boolean) =>
    Object.keys((JSON.parse(envelope(given, { ...ALL, body }).toString()) as { headers: object }).headers);
  assert.deepEqual(headersOf(request, true), ['content-type']);
  // Without the body they are what the client sent, and about nothing else.
  assert.deepEqual(headersOf(request, false), ['content-encoding', 'content-length', 'content-type']);
  const plain = httpRequest({
    headers: { 'content-encoding': 'identity', 'content-length': '2' },
    body: '{}',
  });
  assert.deepEqual(headersOf(plain, true), ['content-encoding', 'content-length']);
  assert.deepEqual(JSON.parse(envelope(request, BODY).toString()), { body: '{"a":1}', body_args: { a: 1 } });
});
