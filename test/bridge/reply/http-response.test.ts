import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { responseMapper, type ReplyOptions } from '../../../bridge/reply/http-response';
import { receivedRecord } from '../../support/records';
import { SeededRandom } from '../../support/seeded-random';

const OPTIONS: ReplyOptions = {
  format: 'raw',
  statusHeaders: [':status', 'status', 'x-status-code', 'http-status'],
  errorHeaders: ['kafka_nest-err', 'REPLY_ERROR'],
  errorStatus: 502,
  include: ['content-type', 'x-*'],
  exclude: [],
  maxReplyBytes: 100,
};

function respond(given: Parameters<typeof receivedRecord>[0], options: Partial<ReplyOptions> = {}) {
  return responseMapper({ ...OPTIONS, ...options })(receivedRecord(given));
}

test('a plain reply is 200 with its bytes', () => {
  const body = Buffer.from([0, 255, 34, 39, 10]);
  const answer = respond({ value: body });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, body);
  assert.equal(answer.headers['content-type'], 'application/octet-stream');
});

test('the media type is the one the reply names; without one, JSON is called JSON', () => {
  assert.equal(
    respond({ value: 'x', headers: { 'content-type': 'text/csv' } }).headers['content-type'],
    'text/csv',
  );
  assert.equal(respond({ value: '{"a":1}' }).headers['content-type'], 'application/json');
  assert.equal(respond({ value: '[1]' }).headers['content-type'], 'application/json');
});

/** Without a media type browsers look into the body for one, which may be HTML. */
test('an empty media type is none', () => {
  for (const nothing of ['', ' \t']) {
    const headers = { 'content-type': nothing };
    assert.equal(respond({ value: '{"a":1}', headers }).headers['content-type'], 'application/json');
    assert.equal(respond({ value: '<b>', headers }).headers['content-type'], 'application/octet-stream');
    assert.equal(
      respond({ value: 'x', headers: { Content_Type: nothing, 'content-type': 'text/csv' } }).headers[
        'content-type'
      ],
      'text/csv',
    );
  }
});

test('the first usable status header wins', () => {
  assert.equal(respond({ headers: { 'http-status': '404', ':status': '201' } }).status, 201);
  assert.equal(respond({ headers: { status: 'shipped', 'x-status-code': '202' } }).status, 202);
});

for (const status of ['100', '0', '600', '200 OK', '1e3', '', ' 200', '-200', '2000', '²00']) {
  test(`status ${JSON.stringify(status)} is an invalid reply`, () => {
    assert.throws(() => respond({ headers: { ':status': status } }), { code: 'reply_invalid', status: 502 });
  });
}

test('a null value is 204 without a body', () => {
  const answer = respond({ value: null });
  assert.equal(answer.status, 204);
  assert.equal(answer.body.length, 0);
});

test('204 and 304 carry no body', () => {
  assert.equal(respond({ value: 'x', headers: { ':status': '204' } }).body.length, 0);
  assert.equal(respond({ value: 'x', headers: { ':status': '304' } }).body.length, 0);
});

for (const [given, shown] of [
  ['gzip', 'gzip'],
  ['X-GZip', 'gzip'],
  ['deflate', 'deflate'],
  [' BR ', 'br'],
  ['zstd', 'zstd'],
  ['identity', undefined],
  ['', undefined],
] as const) {
  /** The client got bytes that claimed to be JSON, unless somebody had thought of forwarding the header. */
  test(`the client is told how to read a body whose content-encoding is "${given}"`, () => {
    for (const name of ['content-encoding', 'Content_Encoding']) {
      for (const rules of [{}, { include: [] }, { exclude: ['content-*', '*'] }]) {
        assert.equal(
          respond({ value: 'x', headers: { [name]: given } }, rules).headers['content-encoding'],
          shown,
        );
      }
    }
  });
}

test('a body that says it is compressed is not taken for JSON by its first byte', () => {
  const headers = { 'content-encoding': 'br' };
  assert.equal(respond({ value: '[brotli' }, {}).headers['content-type'], 'application/json');
  assert.equal(respond({ value: '[brotli', headers }).headers['content-type'], 'application/octet-stream');
  const typed = respond({ value: '[brotli', headers: { ...headers, 'content-type': 'text/csv' } });
  assert.equal(typed.headers['content-type'], 'text/csv');
});

for (const encoding of ['gzip, br', 'compress', 'hunter2', 'gzip;q=1', 'gz ip', '\r\nx: y', 'aws-chunked']) {
  test(`a body that no client could read is an invalid reply: content-encoding ${JSON.stringify(encoding)}`, () => {
    assert.throws(() => respond({ value: 'x', headers: { 'content-encoding': encoding } }), {
      code: 'reply_invalid',
      status: 502,
      detail: "the reply's content-encoding is not one of gzip, deflate, br, zstd and identity",
    });
  });
}

test('two content-encodings are two codings', () => {
  const reply = { ...receivedRecord({ value: 'x' }), headers: gzipTwice };
  assert.throws(() => responseMapper(OPTIONS)(reply), { code: 'reply_invalid' });
});
const gzipTwice = ['content-encoding', 'CONTENT-ENCODING'].map(
  (name) => [name, Buffer.from('gzip')] as const,
);

test('without a body there is nothing to read, whatever content-encoding says', () => {
  for (const reply of [
    { value: null, headers: { 'content-encoding': 'gzip' } },
    { value: '', headers: { 'content-encoding': 'nobodys' } },
    { value: 'x', headers: { 'content-encoding': 'nobodys', ':status': '304' } },
  ]) {
    assert.ok(!('content-encoding' in respond(reply).headers));
  }
  // The body is the gateway's own.
  const refused = { value: null, headers: { REPLY_ERROR: 'no', 'content-encoding': 'nobodys' } };
  assert.throws(() => respond(refused), { code: 'responder_error' });
});

/** A service that copies the headers of the request says of a plain body that it is compressed. */
test('its full name in exclude takes content-encoding away, unread', () => {
  for (const encoding of ['gzip', 'nobodys']) {
    const { headers } = respond(
      { value: '{}', headers: { 'content-encoding': encoding } },
      { exclude: ['Content-Encoding'] },
    );
    assert.deepEqual({ ...headers }, { 'content-type': 'application/json' });
  }
});

test('an error reply with a value is read like any other', () => {
  const { status, headers } = respond({
    value: 'x',
    headers: { REPLY_ERROR: 'no', 'content-encoding': 'gzip' },
  });
  assert.deepEqual([status, headers['content-encoding']], [502, 'gzip']);
});

test('in an envelope only bytes can be compressed, and the record header is about the envelope', () => {
  const envelope = (members: object) => ({
    value: JSON.stringify({ headers: { 'Content-Encoding': 'gzip' }, ...members }),
    headers: { 'content-encoding': 'nobodys' },
  });
  const { headers } = respond(envelope({ body_base64: 'eA==' }), { format: 'envelope' });
  assert.equal(headers['content-encoding'], 'gzip');
  for (const body of ['text', { a: 1 }]) {
    assert.throws(() => respond(envelope({ body }), { format: 'envelope' }), {
      code: 'reply_invalid',
      detail: 'the reply has a content-encoding, and a "body" that is plain text or JSON',
    });
  }
});

test('a reply over the limit is refused, one at the limit passes', () => {
  assert.equal(respond({ value: 'x'.repeat(100) }).status, 200);
  assert.throws(() => respond({ value: 'x'.repeat(101) }), { code: 'reply_too_large', status: 502 });
});

test('an error mark without a body becomes our error, with the status the reply names', () => {
  const nest = { value: null, headers: { 'kafka_nest-err': 'no such order' } };
  assert.throws(() => respond(nest), { code: 'responder_error', status: 502, detail: 'no such order' });
  assert.throws(() => respond({ ...nest, headers: { ...nest.headers, ':status': '404' } }), {
    code: 'responder_error',
    status: 404,
  });
});

const ERROR_STATUS: [what: string, headers: Record<string, string>, status: number][] = [
  ['a status header', { REPLY_ERROR: 'x', ':status': '409' }, 409],
  ['the status header before the mark', { REPLY_ERROR: '{"status":404}', ':status': '409' }, 409],
  ['the status of the mark', { 'kafka_nest-err': '{"status":404,"message":"no"}' }, 404],
  ['error_status when nothing names one', { REPLY_ERROR: 'x' }, 500],
  ['error_status for NestJS as it comes', { 'kafka_nest-err': '{"status":"error","message":"no"}' }, 500],
  ['error_status when the reply calls itself a success', { REPLY_ERROR: 'x', ':status': '200' }, 500],
];

for (const [what, headers, status] of ERROR_STATUS) {
  test(`the status of an error reply is ${what}`, () => {
    const options = { errorStatus: 500 };
    assert.equal(respond({ value: 'why', headers }, options).status, status);
    assert.throws(() => respond({ value: null, headers }, options), {
      code: 'responder_error',
      status,
    });
  });
}

test('an error mark with a body passes the body on', () => {
  const answer = respond({ value: '{"why":"sold out"}', headers: { REPLY_ERROR: 'x', ':status': '422' } });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.toString(), '{"why":"sold out"}');
});

test('error_headers decides what is an error reply', () => {
  const options = { errorHeaders: ['x-failed'] };
  assert.equal(respond({ value: 'x', headers: { REPLY_ERROR: 'x' } }, options).status, 200);
  const answer = respond({ value: 'x', headers: { 'x-failed': 'yes' } }, options);
  assert.equal(answer.status, 502);
  assert.equal('x-failed' in answer.headers, false, 'what the gateway reads is not for the client');
  const shown = respond(
    { value: 'x', headers: { 'x-failed': 'yes' } },
    {
      ...options,
      include: ['x-failed'],
    },
  );
  assert.equal(shown.headers['x-failed'], 'yes', 'unless it is included by name');
  assert.equal(respond({ value: 'x', headers: { REPLY_ERROR: 'x' } }, { errorHeaders: [] }).status, 200);
});

/** Its client sends it after a stream of values; where it comes alone there were none. */
test('an end marker of NestJS without a value is 204', () => {
  assert.equal(respond({ value: null, headers: { 'kafka_nest-is-disposed': '\0' } }).status, 204);
});

test('an envelope says everything, and record headers are not forwarded', () => {
  const value = JSON.stringify({
    status: 201,
    headers: { 'X-Order': '7', 'content-length': '9' },
    body: [1],
  });
  const headers = { 'x-record': '1', 'content-type': 'application/x-envelope', ':status': '500' };
  const answer = respond({ value, headers }, { format: 'envelope' });
  assert.equal(answer.status, 201);
  assert.equal(answer.body.toString(), '[1]');
  assert.deepEqual({ ...answer.headers }, { 'x-order': '7', 'content-type': 'application/json' });
});

test('an envelope without a status leaves it to the status headers, the error mark and 200, in this order', () => {
  const status = (headers: Record<string, string>, value = '{"body":"x"}') =>
    respond({ value, headers }, { format: 'envelope' }).status;
  assert.equal(status({ ':status': '202' }), 202);
  assert.equal(status({ REPLY_ERROR: '{"status":409}' }), 409);
  assert.equal(status({}), 200);
  assert.equal(status({ REPLY_ERROR: 'x', ':status': '410' }, '{"status":422}'), 422);
});

test('a null value is 204 in the envelope format too, and an error mark without a value an error', () => {
  assert.equal(respond({ value: null }, { format: 'envelope' }).status, 204);
  assert.throws(() => respond({ value: null, headers: { REPLY_ERROR: 'no' } }, { format: 'envelope' }), {
    code: 'responder_error',
  });
  assert.throws(() => respond({ value: '' }, { format: 'envelope' }), { code: 'reply_invalid' });
});

// A service whose reply said 408, 444 or 499 had its client cut off without an answer: nginx takes these for its own.
const CUT = [408, 444, 499];

test('a status that nginx keeps for itself is an invalid reply, wherever it comes from', () => {
  const refused = { code: 'reply_invalid', status: 502 };
  for (const status of CUT) {
    const named = { ':status': String(status) };
    const mark = { REPLY_ERROR: JSON.stringify({ status }) };
    for (const value of ['x', '', null]) {
      assert.throws(() => respond({ value, headers: named }), refused, `a status header, ${value}`);
      assert.throws(() => respond({ value, headers: mark }), refused, `an error mark, ${value}`);
      assert.throws(() => respond({ value, headers: { ...named, REPLY_ERROR: 'x' } }), refused);
      const option = { errorStatus: status };
      assert.throws(() => respond({ value, headers: { REPLY_ERROR: 'x' } }, option), refused, 'error_status');
    }
    const envelope = JSON.stringify({ status, body: 'x' });
    assert.throws(() => respond({ value: envelope }, { format: 'envelope' }), refused, 'an envelope');
  }
});

test('every other status from 200 to 599 is passed on', () => {
  for (let status = 200; status <= 599; status++) {
    if (CUT.includes(status)) continue;
    assert.equal(respond({ value: 'x', headers: { ':status': String(status) } }).status, status);
    const envelope = JSON.stringify({ status });
    assert.equal(respond({ value: envelope }, { format: 'envelope' }).status, status);
  }
});

test('a status without a body has no guessed media type either', () => {
  for (const status of ['204', '205', '304']) {
    const answer = respond({ value: 'x', headers: { ':status': status } });
    assert.equal(answer.body.length, 0);
    assert.deepEqual({ ...answer.headers }, {});
  }
  assert.equal(respond({ value: '{}' }).headers['content-type'], 'application/json');
});

test('only the media type and x- headers reach the client', () => {
  const { headers } = respond({
    value: 'x',
    headers: {
      'X-Order': '7',
      x_under_score: 'yes',
      'content-length': '3',
      'transfer-encoding': 'chunked',
      connection: 'close',
      'set-cookie': 'a=b',
      'x-kong-request-id': 'forged',
      x_kong_proxy_latency: 'forged',
      server: 'me',
      kafka_correlationId: 'secret',
      location: '/elsewhere',
    },
  });
  assert.deepEqual(
    { ...headers },
    {
      'x-order': '7',
      'x-under-score': 'yes',
      'content-type': 'application/octet-stream',
    },
  );
});

test('a header that named the status is not repeated to the client', () => {
  const answer = respond({ value: '', headers: { 'x-status-code': '202', 'x-other': '1' } });
  assert.equal(answer.status, 202);
  assert.deepEqual(Object.keys(answer.headers), ['x-other']);
});

test('a header that could split the response is dropped', () => {
  const headers = {
    'x-a': 'a\r\nset-cookie: b=c',
    'x-b': 'a\nb',
    'x-c': 'a\0b',
    'x d': 'v',
    'x-é': 'v',
    'x-ok': 'v',
  };
  assert.deepEqual(Object.keys(respond({ headers }).headers), ['x-ok']);
});

test('a header named __proto__ is a name like any other', () => {
  assert.deepEqual(
    Object.keys(
      respond({ headers: JSON.parse('{"__proto__":"x","x-a":"1"}') as Record<string, string> }).headers,
    ),
    ['x-a'],
  );
});

test('too many or too large headers are cut off', () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'v']));
  assert.equal(Object.keys(respond({ headers: many }).headers).length, 64);
  assert.deepEqual(
    { ...respond({ headers: { 'x-big': 'v'.repeat(8193), 'x-ok': 'v' } }).headers },
    { 'x-ok': 'v' },
  );
});

const FORBIDDEN =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|date|server|via|x-kong-.*)$/;
const NAMES = [
  'content-type',
  'Content-Length',
  'transfer_encoding',
  'X-Kong-Request-Id',
  'x_kong_a',
  'Connection',
  'set-cookie',
  'PROXY_authenticate',
  'x-a',
  'X_A',
  ':status',
  'status',
  'kafka_nest-err',
  'REPLY_ERROR',
  'server',
  '__proto__',
  'constructor',
];

/** A regression here would let a topic's writer split responses: bytes of every kind, in every place. */
for (const format of ['raw', 'envelope'] as const) {
  test(`whatever a reply holds, the answer is safe or a GatewayError (${format})`, () => {
    const random = new SeededRandom(20_240_607);
    const map = responseMapper({ ...OPTIONS, format, include: ['*'], maxReplyBytes: 100_000 });
    let answers = 0;
    for (let round = 0; round < 5000; round++) {
      const reply = {
        ...receivedRecord({}),
        value: randomValue(random, format),
        headers: random.list(8, () => [randomName(random), randomHeaderValue(random)] as const),
      };
      let answer;
      try {
        answer = map(reply);
      } catch (error) {
        assert.ok(error instanceof GatewayError, String(error));
        assert.ok(['reply_invalid', 'responder_error', 'reply_too_large'].includes(error.code));
        assert.ok(error.status >= 400 && error.status <= 599);
        continue;
      }
      answers++;
      assert.ok(Number.isInteger(answer.status) && answer.status >= 200 && answer.status <= 599);
      for (const [name, value] of Object.entries(answer.headers)) {
        assert.match(name, /^[!#$%&'*+.^`|~0-9a-z-]+$/);
        assert.doesNotMatch(name, FORBIDDEN);
        assert.notEqual(name, 'set-cookie');
        for (const text of [value].flat()) assert.match(text, /^[\t\x20-\x7e\x80-\xff]*$/);
      }
    }
    assert.ok(answers > 500, `only ${answers} replies came through: the generator is of no use`);
  });
}

function randomName(random: SeededRandom): string {
  return random.chance(0.7) ? random.pick(NAMES) : random.bytes(12).toString('utf8');
}

function randomHeaderValue(random: SeededRandom): Buffer {
  return random.chance(0.3)
    ? Buffer.from(random.pick(['200', '404', '100', 'x-a, content-type', '{"status":404}', '{', 'a\r\nb: c']))
    : random.bytes(random.chance(0.02) ? 9000 : 20);
}

function randomValue(random: SeededRandom, format: 'raw' | 'envelope'): Buffer | null {
  if (random.chance(0.1)) return null;
  if (format === 'raw' || random.chance(0.2)) return random.bytes(50);
  const json = JSON.stringify({
    status: random.pick([undefined, null, 200, 204, 600, 1e3, '200', 404.5, 302]),
    headers: random.pick([
      undefined,
      null,
      [],
      Object.fromEntries(
        random.list(5, () => [randomName(random), random.pick(['a', 'a\r\nb', ['x', 'é\0'], 5, 'ü€'])]),
      ),
    ]),
    body: random.pick([undefined, null, 'text', { a: [1] }, 5, false, '\ud800']),
    body_base64: random.pick([undefined, undefined, 'AA==', 'A', 5]),
  });
  const bytes = Buffer.from(json);
  if (random.chance(0.2)) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
