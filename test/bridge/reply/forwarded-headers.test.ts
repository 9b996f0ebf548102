import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerForwarder, type ForwardRules } from '../../../bridge/reply/forwarded-headers';

const DEFAULT: ForwardRules = {
  include: ['content-type', 'x-*'],
  exclude: [],
  readByGateway: ['x-status-code'],
};

function forward(headers: (readonly [string, string | Buffer])[], rules: Partial<ForwardRules> = {}) {
  const forwarder = headerForwarder({ ...DEFAULT, ...rules });
  const bytes = headers.map(([name, value]) => [name, Buffer.from(value as string)] as const);
  const first = forwarder(bytes);
  assert.deepEqual(forwarder(bytes), first, 'a second time it is the same');
  const { contentEncoding } = first;
  return {
    headers: { ...first.headers },
    droppedHeaders: first.droppedHeaders,
    ...(contentEncoding !== undefined && { contentEncoding }),
  };
}

const NEVER = [
  'connection',
  'Keep-Alive',
  'proxy-authenticate',
  'Proxy_Connection',
  'te',
  'trailer',
  'Transfer-Encoding',
  'transfer_encoding',
  'upgrade',
  'Content-Length',
  'content_length',
  'date',
  'server',
  'via',
  'x-kong-request-id',
  'X_Kong_Proxy-Latency',
];

test('no rule makes a header of the connection, the frame or the gateway itself pass', () => {
  const headers = NEVER.map((name) => [name, 'x'] as const);
  for (const include of [['*'], NEVER]) {
    assert.deepEqual(forward(headers, { include }), { headers: {}, droppedHeaders: 0 });
  }
});

const ONLY_BY_NAME = [
  'Set-Cookie',
  'x-accel-redirect',
  'X-Sendfile',
  'x_status_code',
  'kafka_correlationId',
  'kafka_nest-is-disposed',
  'REPLY_TOPIC',
  'correlation-id',
  'spring_json_header_types',
  '__TypeId__',
];

test('what is easily wider than meant does not pass by a pattern, but by its name', () => {
  const headers = ONLY_BY_NAME.map((name) => [name, 'v'] as const);
  assert.deepEqual(forward(headers, { include: ['*', 'x-*', 'set-*', 'kafka-*'] }).headers, {});
  for (const name of ONLY_BY_NAME) {
    const normal = name.toLowerCase().replaceAll('_', '-');
    assert.deepEqual(forward([[name, 'v']], { include: [name] }).headers, { [normal]: 'v' });
    assert.deepEqual(forward([[name, 'v']], { include: [normal.toUpperCase()] }).headers, { [normal]: 'v' });
  }
});

test('each cookie is a header of its own', () => {
  assert.deepEqual(
    forward(
      [
        ['set-cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['SET_COOKIE', 'c=3'],
      ],
      { include: ['set-cookie'] },
    ).headers,
    {
      'set-cookie': ['a=1', 'b=2', 'c=3'],
    },
  );
});

test('exclude wins over include, by name and by pattern', () => {
  const headers = [
    ['X-Internal-Host', '1'],
    ['x_internal_port', '1'],
    ['x-trace', '1'],
    ['x-ok', '1'],
  ] as const;
  assert.deepEqual(forward([...headers], { exclude: ['X-INTERNAL-*', 'x_trace'] }).headers, { 'x-ok': '1' });
  assert.deepEqual(forward([...headers], { include: ['x-ok', 'x-trace'], exclude: ['*'] }).headers, {});
});

test('what Connection lists is dropped with it, wherever it stands', () => {
  const headers = [
    ['x-a', '1'],
    ['Connection', 'close, X_A,x-b , '],
    ['x-b', '1'],
    ['x-c', '1'],
  ] as const;
  assert.deepEqual(forward([...headers]).headers, { 'x-c': '1' });
});

const UNSAFE = ['a\r\nset-cookie: b=c', 'a\nb', 'a\rb', 'a\0b', 'a\r\n b', '\x01', 'a\x7f', '\x1b[31m'];

for (const value of UNSAFE) {
  test(`the value ${JSON.stringify(value)} drops its header and is counted`, () => {
    assert.deepEqual(
      forward([
        ['x-a', value],
        ['x-b', 'v'],
      ]),
      { headers: { 'x-b': 'v' }, droppedHeaders: 1 },
    );
  });
}

test('a name that is none drops its header and is counted', () => {
  const { headers, droppedHeaders } = forward(
    ['x a', 'x-é', 'x:y', 'x-\r\n', 'x-\0', '', 'x-\u212a'].map((name) => [name, 'v'] as const),
    { include: ['*'] },
  );
  // The Kelvin sign becomes a plain k in lower case.
  assert.deepEqual(headers, { 'x-k': 'v' });
  assert.equal(droppedHeaders, 6);
});

test('tabs and bytes above ASCII pass as they are', () => {
  assert.deepEqual(forward([['x-a', Buffer.from([0x09, 0xe9, 0xff, 0x80, 0x20])]]).headers, {
    'x-a': '\t\xe9\xff\x80 ',
  });
});

test('the first content-type counts, other headers may come several times', () => {
  assert.deepEqual(
    forward([
      ['content-type', 'a/b'],
      ['Content_Type', 'c/d'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['X-A', '3'],
    ]).headers,
    { 'content-type': 'a/b', 'x-a': ['1', '2', '3'] },
  );
});

test('64 headers, 8 KB each and 16 KB in all are the most', () => {
  const many = Array.from({ length: 70 }, (_, index) => [`x-${index}`, 'v'] as const);
  const first = forward(many);
  assert.equal(Object.keys(first.headers).length, 64);
  assert.equal(first.droppedHeaders, 6);

  assert.equal(forward([['x-a', 'v'.repeat(8192)]]).droppedHeaders, 0);
  assert.equal(forward([['x-a', 'v'.repeat(8193)]]).droppedHeaders, 1);

  const big = ['x-a', 'x-b', 'x-c'].map((name) => [name, 'v'.repeat(8000)] as const);
  assert.deepEqual(Object.keys(forward([...big, ['x-d', 'v']]).headers), ['x-a', 'x-b', 'x-d']);
});

test('names that are never the same cost a bounded memory and are still judged', () => {
  const forwarder = headerForwarder(DEFAULT);
  for (let index = 0; index < 2000; index++) {
    const { headers } = forwarder([
      [`x-${index}`, Buffer.from('v')],
      [`y-${index}`, Buffer.from('v')],
      ['x_kong_a', Buffer.from('v')],
    ]);
    assert.deepEqual(Object.keys(headers), [`x-${index}`]);
  }
});

test('content-encoding is told apart, whatever is forwarded, unless its very name is excluded', () => {
  const given = [
    ['Content_Encoding', 'gzip'],
    ['content-encoding', 'br'],
    ['connection', 'content-encoding'],
  ] as const;
  for (const rules of [{}, { include: ['*'] }, { include: ['content-encoding'] }, { exclude: ['*'] }]) {
    assert.deepEqual(forward([...given], rules), {
      headers: {},
      droppedHeaders: 0,
      contentEncoding: 'gzip,br',
    });
  }
  assert.deepEqual(forward([...given], { exclude: ['CONTENT_encoding'] }), {
    headers: {},
    droppedHeaders: 0,
  });
});
