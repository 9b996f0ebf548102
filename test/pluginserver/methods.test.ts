/** Every method of Kong's protocol over a socket: its name, the bytes of its arguments, the bytes of its answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PROTOBUF_METHODS } from '../../dev/gateway/protobuf-methods';
import { camelCase, PDK_METHODS } from '../../pluginserver/pdk';
import { KONG_METHODS, type KongMethod } from './support/kong-methods';
import { decode, encode, plainStruct, structMessage, valueMessage } from './support/kong-schema';
import { serve, type Kong } from './support/serving';

/** Of no encoding: UTF-8 decoders would replace or refuse it. */
const BYTES = 'caf\xe9 \xff\x00\xc3';

/** By Kong's name of a message: its name in the witness, what a handler passes, and what Kong must read. */
const ARGUMENTS: Record<string, { given: unknown[]; sent: [type: string, message: object] }> = {
  Empty: { given: [], sent: ['Empty', {}] },
  String: { given: [BYTES], sent: ['Text', { v: BYTES }] },
  ByteString: { given: [Buffer.from(BYTES, 'latin1')], sent: ['Text', { v: BYTES }] },
  Bool: { given: [true], sent: ['Flag', { v: true }] },
  Int: { given: [404], sent: ['Int', { v: 404 }] },
  KV: { given: [BYTES, BYTES], sent: ['KeyValue', { k: BYTES, v: { string_value: BYTES } }] },
  ListValue: {
    given: [BYTES, 'b'],
    sent: ['List', { values: [{ string_value: BYTES }, { string_value: 'b' }] }],
  },
  Struct: {
    given: [{ [BYTES]: BYTES, list: [BYTES, 'b'] }],
    sent: [
      'Struct',
      {
        fields: [
          { key: BYTES, value: { string_value: BYTES } },
          {
            key: 'list',
            value: { list_value: { values: [{ string_value: BYTES }, { string_value: 'b' }] } },
          },
        ],
      },
    ],
  },
  Target: { given: [BYTES, 8080], sent: ['Target', { host: BYTES, port: 8080 }] },
  ConsumerSpec: { given: [BYTES, true], sent: ['ConsumerSpec', { id: BYTES, by_username: true }] },
  AuthenticateArgs: {
    given: [
      { id: BYTES, tags: [BYTES] },
      { id: BYTES, consumer_id: 'c' },
    ],
    sent: [
      'AuthenticateArgs',
      { consumer: { id: BYTES, tags: [BYTES] }, credential: { id: BYTES, consumer_id: 'c' } },
    ],
  },
};

const CONSUMER = { id: 'i', created_at: 2 ** 40, username: BYTES, custom_id: 'c', tags: [BYTES, 'b'] };
const ROUTE = { id: 'r', regex_priority: -3, strip_path: true, paths: [BYTES], service: { id: 's' } };
const STRUCT = { a: BYTES, list: [BYTES, ''], '': 'e' };

/** What Kong answers, in the witness's words, what the handler gets for it, and what for an answer of no bytes. */
const ANSWERS: Record<string, { sent: [type: string, message: object]; got: unknown; absent: unknown }> = {
  Empty: { sent: ['Empty', {}], got: undefined, absent: undefined },
  String: { sent: ['Text', { v: BYTES }], got: BYTES, absent: '' },
  ByteString: { sent: ['Text', { v: BYTES }], got: Buffer.from(BYTES, 'latin1'), absent: Buffer.alloc(0) },
  Bool: { sent: ['Flag', { v: true }], got: true, absent: false },
  Int: { sent: ['Int', { v: -(2 ** 31) }], got: -(2 ** 31), absent: 0 },
  Number: { sent: ['Double', { v: 1_795_244_143.25 }], got: 1_795_244_143.25, absent: 0 },
  Value: {
    sent: ['Value', valueMessage({ deep: [BYTES, 1.5, true] })],
    got: { deep: [BYTES, 1.5, true] },
    absent: undefined,
  },
  Struct: { sent: ['Struct', structMessage(STRUCT)], got: STRUCT, absent: {} },
  RawBodyResult: {
    sent: ['RawBody', { content: BYTES }],
    got: Buffer.from(BYTES, 'latin1'),
    absent: Buffer.alloc(0),
  },
  UriCapturesResult: {
    sent: ['Captures', { unnamed: [BYTES], named: [{ key: 'n', value: BYTES }] }],
    got: { unnamed: [BYTES], named: { n: BYTES } },
    absent: undefined,
  },
  Consumer: { sent: ['Consumer', CONSUMER], got: CONSUMER, absent: undefined },
  AuthenticatedCredential: {
    sent: ['Credential', { id: BYTES, consumer_id: 'c' }],
    got: { id: BYTES, consumer_id: 'c' },
    absent: undefined,
  },
  Route: { sent: ['Route', ROUTE], got: ROUTE, absent: undefined },
  Service: {
    sent: ['Service', { name: BYTES, port: 80 }],
    got: { name: BYTES, port: 80 },
    absent: undefined,
  },
  MemoryStats: {
    sent: ['MemoryStats', { workers_lua_vms: [{ http_allocated_gc: 2 ** 40, pid: 2 }] }],
    got: { workers_lua_vms: [{ http_allocated_gc: 2 ** 40, pid: 2 }] },
    absent: undefined,
  },
};

/** Strings that may be missing; Kong sends a missing one and an empty one alike. */
const MAY_BE_ABSENT = [
  'kong.client.get_protocol',
  'kong.nginx.get_var',
  'kong.nginx.get_tls1_version_str',
  'kong.request.get_query_arg',
  'kong.request.get_header',
  'kong.response.get_header',
  'kong.service.response.get_header',
];

/** Ends the event, so it is looked at by itself. */
const CALLED = KONG_METHODS.filter(({ name }) => name !== 'kong.response.exit');

function call(kong: Kong, { name, takes }: KongMethod): Promise<unknown> {
  const [, ...path] = name.split('.').map(camelCase);
  const method = path.reduce<unknown>((level, part) => (level as Record<string, unknown>)[part], kong);
  return (method as (...args: unknown[]) => Promise<unknown>)(...(ARGUMENTS[takes]?.given ?? []));
}

function plain(value: unknown): unknown {
  return Buffer.isBuffer(value) || value === undefined ? value : JSON.parse(JSON.stringify(value));
}

function expectedResult({ name, answers }: KongMethod, answered: boolean): unknown {
  const answer = ANSWERS[answers];
  assert.ok(answer, `${name} answers ${answers}`);
  // The protocol has a type for it, and there is nothing to tell.
  if (name === 'kong.nginx.set_ctx') return undefined;
  if (answered) return answer.got;
  return MAY_BE_ABSENT.includes(name) ? undefined : answer.absent;
}

describe('every method of the protocol', () => {
  it('is in the table, and nothing else', () => {
    assert.equal(KONG_METHODS.length, 74);
    assert.deepEqual([...PDK_METHODS.keys()].sort(), KONG_METHODS.map(({ name }) => name).sort());
  });

  for (const answered of [true, false]) {
    const what = answered ? 'its own answer' : 'an answer of no bytes';
    it(`sends its own arguments and gets ${what}, byte for byte`, async (t) => {
      let results: unknown[] = [];
      const { startEvent, server } = await serve(t, {
        access: async (kong) => {
          results = await Promise.all(CALLED.map((method) => call(kong, method)));
        },
      });
      const kong = await startEvent();
      for (const { name, takes, answers } of CALLED) {
        const args = await kong.expectCall(name);
        const [type, message] = ARGUMENTS[takes]!.sent;
        assert.deepEqual(decode(type, args), message, name);
        kong.sendFrame(answered ? encode(...ANSWERS[answers]!.sent) : Buffer.alloc(0));
      }
      await kong.readEventReturn();
      assert.equal(results.length, 73);
      CALLED.forEach((method, index) => {
        assert.deepEqual(plain(results[index]), expectedResult(method, answered), method.name);
      });
      assert.equal(server.status().handler_errors, 0);
    });
  }

  it('exit sends status, body and headers, byte for byte', async (t) => {
    const { startEvent } = await serve(t, {
      access: (kong) =>
        kong.response.exit(418, Buffer.from(BYTES, 'latin1'), { [BYTES]: BYTES, list: [BYTES, 'b'] }),
    });
    const kong = await startEvent();
    const args = decode('ExitArgs', await kong.expectCall('kong.response.exit'));
    assert.deepEqual([args.status, args.body], [418, BYTES]);
    assert.deepEqual(plainStruct(args.headers), { [BYTES]: BYTES, list: [BYTES, 'b'] });
  });

  // Two tables of one protocol, made apart: what they do not agree about, one of them has wrong.
  it('has the same types in the stand-in gateway', () => {
    for (const [name, { input, output }] of Object.entries(PROTOBUF_METHODS)) {
      const method = KONG_METHODS.find((candidate) => candidate.name === name);
      assert.deepEqual({ name, takes: input, answers: output }, method);
    }
  });
});

/** One value is a string and several are a list; a header without a value is "", an argument without one `true`. */
it('header and query maps have strings, lists and flags as Kong sends them', async (t) => {
  let seen: unknown[] = [];
  const { startEvent } = await serve(t, {
    access: async (kong) => {
      const { getHeaders, getQuery } = kong.request as unknown as Record<string, () => Promise<unknown>>;
      seen = await Promise.all([getHeaders!(), getQuery!()]);
    },
  });
  const kong = await startEvent();
  assert.equal(decode('Int', await kong.expectCall('kong.request.get_headers')).v, 1000);
  kong.answerStruct({ one: 'a', several: ['a', 'b'], empty: '' });
  assert.equal(decode('Int', await kong.expectCall('kong.request.get_query')).v, 1000);
  kong.answerStruct({ one: 'a', flag: true, mixed: [true, 'b'] });
  await kong.readEventReturn();
  assert.deepEqual(seen.map(plain), [
    { one: 'a', several: ['a', 'b'], empty: '' },
    { one: 'a', flag: true, mixed: [true, 'b'] },
  ]);
});
