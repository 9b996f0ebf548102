/** The hand-laid codec against protobufjs: both must read what the other has written. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as entities from '../../pluginserver/entities';
import * as messages from '../../pluginserver/messages';
import { toPdkValue } from '../../pluginserver/values';
import { MalformedMessage } from '../../pluginserver/wire';
import { decode, encode, plainStruct, plainValue, structMessage, typeOf } from './support/kong-schema';

const payload = (frame: Buffer): Buffer => {
  assert.equal(frame.readUInt32LE(0), frame.length - 4, 'the length of the frame');
  return frame.subarray(4);
};
const EVERY_BYTE = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('');
const INTEGERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, -1, -128, -(2 ** 31)];
const LONGS = [...INTEGERS, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1];

describe('calls from Kong', () => {
  it('are read with every kind of command', () => {
    const read = (command: object) => messages.decodeRpcCall(encode('RpcCall', { sequence: 7, ...command }));
    assert.deepEqual(read({ cmd_get_plugin_names: {} }), { kind: 'get_plugin_names', sequence: 7 });
    assert.deepEqual(read({ cmd_get_plugin_info: { v: 'a' } }), {
      kind: 'get_plugin_info',
      name: 'a',
      sequence: 7,
    });
    assert.deepEqual(read({ cmd_start_instance: { name: 'a', config: '{}' } }), {
      kind: 'start_instance',
      name: 'a',
      config: Buffer.from('{}'),
      sequence: 7,
    });
    assert.deepEqual(read({ cmd_get_instance_status: { v: 3 } }), {
      kind: 'get_instance_status',
      instanceId: 3,
      sequence: 7,
    });
    assert.deepEqual(read({ cmd_close_instance: { v: 3 } }), {
      kind: 'close_instance',
      instanceId: 3,
      sequence: 7,
    });
    assert.deepEqual(read({ cmd_handle_event: { instance_id: 2 ** 31 - 1, event_name: 'access' } }), {
      kind: 'handle_event',
      instanceId: 2 ** 31 - 1,
      phase: 'access',
      sequence: 7,
    });
    assert.deepEqual(read({}), { kind: 'unknown', sequence: 7 });
  });

  it('keep sequences of 64 bits as numbers', () => {
    for (const sequence of LONGS) {
      assert.equal(messages.decodeRpcCall(encode('RpcCall', { sequence })).sequence, sequence);
    }
  });

  it('may have fields of a newer Kong, which are skipped', () => {
    const known = encode('RpcCall', { sequence: 7, cmd_close_instance: { v: 3 } });
    const unknown = [
      Buffer.from([0x98, 0x06, 0x96, 0x01]), // field 99, varint
      Buffer.from([0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]), // 64 bits
      Buffer.from([0x9a, 0x06, 2, 0xff, 0xff]), // bytes
      Buffer.from([0x9d, 0x06, 1, 2, 3, 4]), // 32 bits
      Buffer.from([0x0a, 1, 0x41]), // the sequence's number with another wire type
    ];
    const call = messages.decodeRpcCall(Buffer.concat([...unknown, known, ...unknown]));
    assert.deepEqual(call, { kind: 'close_instance', instanceId: 3, sequence: 7 });
  });

  it('that are malformed raise one typed error, wherever they are cut', () => {
    const whole = encode('RpcCall', {
      sequence: 300,
      cmd_start_instance: { name: 'name', config: '{"a":1}' },
    });
    for (let cut = 1; cut < whole.length; cut++) {
      try {
        messages.decodeRpcCall(whole.subarray(0, cut));
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, `cut at ${cut}: ${String(error)}`);
      }
    }
    assert.throws(() => messages.decodeRpcCall(whole.subarray(0, whole.length - 1)), MalformedMessage);
    for (const bytes of [[0x00], [0x0b], [0x0f], [0x08], [0x8a, 0x02, 0x05], Array<number>(12).fill(0xff)]) {
      assert.throws(() => messages.decodeRpcCall(Buffer.from(bytes)), MalformedMessage, bytes.join());
    }
  });

  it('never raise anything else, whatever the bytes', () => {
    let state = 42;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) >> 8;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(Array.from({ length: random() % 40 }, () => random() % 256));
      for (const read of [messages.decodeRpcCall, messages.decodeStruct, messages.decodeRawBody]) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, `${bytes.toString('hex')}: ${String(error)}`);
        }
      }
    }
  });
});

describe('returns to Kong', () => {
  it('carry the sequence', () => {
    for (const sequence of LONGS) {
      const { sequence: read = 0 } = decode('RpcReturn', payload(messages.encodeReturn(sequence)));
      assert.equal(read, sequence);
    }
  });

  it('carry names, information and status', () => {
    assert.deepEqual(decode('RpcReturn', payload(messages.encodePluginNames(7, ['a', 'b']))), {
      sequence: 7,
      plugin_names: { names: ['a', 'b'] },
    });
    const info = { name: 'a', version: '1.0.0', priority: -5, phases: ['access', 'log'] };
    assert.deepEqual(decode('RpcReturn', payload(messages.encodePluginInfo(7, info))), {
      sequence: 7,
      plugin_info: info,
    });
    const status = { name: 'a', instanceId: 2 ** 31 - 1, startedAt: 1_795_244_146 };
    assert.deepEqual(decode('RpcReturn', payload(messages.encodeInstanceStatus(7, status))), {
      sequence: 7,
      instance_status: { name: 'a', instance_id: 2 ** 31 - 1, started_at: 1_795_244_146 },
    });
  });
});

describe('results of PDK methods', () => {
  it('of strings are bytes', () => {
    for (const text of ['', 'a', EVERY_BYTE, EVERY_BYTE.repeat(100)]) {
      assert.equal(messages.decodeString(encode('Text', { v: text })), text);
    }
    assert.equal(messages.decodeOptionalString(Buffer.alloc(0)), undefined);
  });

  it('of numbers and booleans', () => {
    for (const value of INTEGERS) assert.equal(messages.decodeInt(encode('Int', { v: value })), value);
    for (const value of [0, 1.1, -1e300, 2])
      assert.equal(messages.decodeNumber(encode('Double', { v: value })), value);
    assert.equal(messages.decodeNumber(Buffer.alloc(0)), 0);
    assert.equal(messages.decodeBool(encode('Flag', { v: true })), true);
    assert.equal(messages.decodeBool(Buffer.alloc(0)), false);
  });

  it('of values and structs, with names that are traps', () => {
    const struct = JSON.parse(
      '{"a":"1","list":["x",2,true,null,["n"]],"deep":{"b":{"c":-0.5}},"__proto__":"p","constructor":"c","":"e"}',
    ) as Record<string, unknown>;
    const read = messages.decodeStruct(encode('Struct', structMessage(struct)));
    assert.equal(Object.getPrototypeOf(read), null);
    assert.equal(JSON.stringify(read), JSON.stringify(struct));
    assert.equal(messages.decodeValue(Buffer.from([0x08, 0x01])), null, 'as Kong sends nil');
  });

  it('nested without end are refused', () => {
    // Inside out: a Value with a list of one Value, and so on. protobufjs itself gives up on writing this.
    let value = Buffer.alloc(0);
    for (let depth = 0; depth < 200; depth++) {
      value = Buffer.from(messages.encodeBytes(value).subarray(4));
      value[0] = 0x0a;
      value = Buffer.from(messages.encodeBytes(value).subarray(4));
      value[0] = 0x32;
    }
    assert.throws(() => messages.decodeValue(value), MalformedMessage);
  });

  it('of bodies are content, a path or an error', () => {
    const content = Buffer.from(EVERY_BYTE, 'latin1');
    assert.deepEqual(messages.decodeRawBody(encode('RawBody', { content })), { kind: 'content', content });
    assert.deepEqual(messages.decodeRawBody(encode('RawBody', { body_filepath: '/a' })), {
      kind: 'file',
      path: '/a',
    });
    assert.deepEqual(messages.decodeRawBody(encode('RawBody', { error: 'no' })), {
      kind: 'error',
      message: 'no',
    });
    assert.deepEqual(messages.decodeRawBody(Buffer.alloc(0)), { kind: 'content', content: Buffer.alloc(0) });
  });

  it('of small bodies do not keep the read buffer alive', () => {
    const slab = Buffer.allocUnsafeSlow(65_536);
    const size = encode('RawBody', { content: 'small' }).copy(slab, 100);
    const body = messages.decodeRawBody(slab.subarray(100, 100 + size));
    assert.ok(body.kind === 'content' && body.content.buffer !== slab.buffer);
    assert.equal(String(body.content), 'small');
  });

  const route = {
    id: 'id',
    created_at: 1_795_244_143,
    updated_at: 1,
    name: 'caf\xe9',
    protocols: ['http', 'https'],
    methods: ['GET'],
    hosts: ['h'],
    paths: ['/a', '/b'],
    headers: ['x'],
    https_redirect_status_code: 426,
    regex_priority: -3,
    strip_path: true,
    preserve_host: true,
    snis: ['s'],
    sources: ['1'],
    destinations: ['2'],
    tags: ['t'],
    service: { id: 'service' },
  };
  const service = {
    id: 'id',
    created_at: 1,
    updated_at: 2,
    name: 'n',
    retries: 5,
    protocol: 'http',
    host: 'h',
    port: 80,
    path: '/',
    connect_timeout: 60_000,
    write_timeout: 1,
    read_timeout: 2,
    tags: ['t'],
    client_certificate: { id: 'c' },
  };
  const consumer = { id: 'i', created_at: 1, username: 'u', custom_id: 'c', tags: ['a', 'b'] };
  const stats = {
    lua_shared_dicts: { kong: { allocated_slabs: 2 ** 40, capacity: 5 }, kong_db_cache: { capacity: 1 } },
    workers_lua_vms: [{ http_allocated_gc: 1, pid: 2 }, { pid: 3 }],
  };
  const ENTITIES = [
    ['Route', entities.ROUTE, route],
    ['Service', entities.SERVICE, service],
    ['Consumer', entities.CONSUMER, consumer],
    ['Credential', entities.CREDENTIAL, { id: 'i', consumer_id: 'c' }],
    ['MemoryStats', entities.MEMORY_STATS, stats],
    ['ConsumerSpec', entities.CONSUMER_SPEC, { id: 'i', by_username: true }],
    ['Target', entities.TARGET, { host: 'h', port: 8080 }],
    ['AuthenticateArgs', entities.AUTHENTICATE_ARGS, { consumer, credential: { id: 'i' } }],
  ] as const;
  for (const [name, fields, entity] of ENTITIES) {
    it(`of type ${name} have every field, in both directions`, () => {
      assert.deepEqual(messages.decodeEntity(encode(name, entity), fields), entity);
      assert.deepEqual(decode(name, payload(messages.encodeEntity(entity, fields))), entity);
    });
  }

  it('of an entity that does not exist are undefined', () => {
    assert.equal(messages.decodeEntity(Buffer.alloc(0), entities.CONSUMER), undefined);
  });

  it('of captures are a list and a map', () => {
    const captures = messages.decodeEntity(
      encode('Captures', {
        unnamed: ['a', '\xff'],
        named: [{ key: '__proto__', value: 'v' }, { key: 'empty' }],
      }),
      entities.URI_CAPTURES,
    ) as { unnamed: string[]; named: Record<string, string> };
    assert.deepEqual(captures.unnamed, ['a', '\xff']);
    assert.deepEqual(Object.entries(captures.named), [
      ['__proto__', 'v'],
      ['empty', ''],
    ]);
  });
});

describe('arguments of PDK methods', () => {
  it('of strings are the bytes Kong once sent, or UTF-8', () => {
    assert.equal(decode('Text', payload(messages.encodeString(EVERY_BYTE))).v, EVERY_BYTE);
    const utf8 = Buffer.from('é€').toString('latin1');
    assert.equal(decode('Text', payload(messages.encodeString('é€'))).v, utf8);
  });

  it('of numbers, flags and bytes', () => {
    for (const value of INTEGERS)
      assert.equal(decode('Int', payload(messages.encodeInt(value))).v ?? 0, value);
    assert.equal(decode('Flag', payload(messages.encodeBool(true))).v, true);
    assert.equal(payload(messages.encodeBool(false)).length, 0);
    assert.equal(decode('Text', payload(messages.encodeBytes(Buffer.from([0, 255])))).v, '\x00\xff');
  });

  it('of values are read by protobufjs as they were, short and long', () => {
    const long = 'x'.repeat(200);
    const values = [
      null,
      'a',
      EVERY_BYTE,
      1.5,
      true,
      false,
      ['a', ['b', 1]],
      { a: 'b', c: { d: [long] } },
      long,
    ];
    for (const value of values) {
      const { k, v } = decode('KeyValue', payload(messages.encodeKeyValue('key', toPdkValue(value))));
      assert.equal(k, 'key');
      assert.deepEqual(plainValue(v), value);
      assert.deepEqual(plainValue(decode('Value', payload(messages.encodeValue(toPdkValue(value))))), value);
    }
    const list = decode('List', payload(messages.encodeList(values.map((value) => toPdkValue(value)))));
    assert.deepEqual((list.values as unknown[]).map(plainValue), values);
  });

  // Kong hands a plugin the text "NULL_VALUE" for a null, and a client saw it in a header; nothing arrives as nil.
  it('of null are values without a kind', () => {
    for (const given of [null, [null], { a: null, b: { c: [null, 'x'] } }]) {
      const sent = decode('KeyValue', payload(messages.encodeKeyValue('k', toPdkValue(given))));
      assert.ok(!JSON.stringify(sent).includes('null_value'), JSON.stringify(sent));
      assert.deepEqual(plainValue(sent.v), given);
    }
  });

  // Assigned to an ordinary object, a member of this name became its prototype and was lost.
  it('of structs keep a member called __proto__', () => {
    const given: unknown = JSON.parse('{"__proto__":"p","deep":{"__proto__":{"constructor":"c"}}}');
    const sent = decode('Value', payload(messages.encodeValue(toPdkValue(given))));
    assert.equal(JSON.stringify(plainValue(sent)), JSON.stringify(given));
  });

  it('of structs, however many fields', () => {
    const struct = Object.fromEntries(
      Array.from({ length: 2000 }, (_, index) => [`name-${index}`, String(index).repeat(20)]),
    );
    assert.deepEqual(plainStruct(decode('Struct', payload(messages.encodeStruct(struct)))), struct);
  });

  it('of exit come in parts that are one frame', () => {
    for (const size of [0, 1, 127, 128, 100_000]) {
      const body = Buffer.alloc(size, 'b');
      const parts = messages.encodeExit(Buffer.alloc(0), 200, body, { a: 'b', list: ['1', '2'] });
      assert.ok(size < 16_384 || parts[1] === body, 'a large body is not copied');
      const exit = decode('ExitArgs', payload(Buffer.concat(parts)));
      assert.equal(exit.status, 200);
      assert.equal((exit.body as string | undefined)?.length ?? 0, size);
      assert.deepEqual(plainStruct(exit.headers), { a: 'b', list: ['1', '2'] });
    }
  });

  it('that cannot travel are refused', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const value of [() => 1, Symbol('s'), 10n, NaN, Infinity, cycle]) {
      assert.throws(() => toPdkValue(value), MalformedMessage);
    }
    assert.deepEqual({ ...(toPdkValue({ a: undefined, b: null }) as object) }, { b: null });
  });
});

it('the witness knows the messages it is asked for', () => {
  assert.throws(() => typeOf('Nonsense'));
});
