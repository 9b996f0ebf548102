/** Every recorded frame through the gateway's codecs. */
import { decode as unpackReference, encode as packReference } from '@msgpack/msgpack';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frame, FrameReader } from '../../../dev/gateway/frames';
import type { LuaTable } from '../../../dev/gateway/lua-value';
import { Binary, EMPTY_MAP, pack, Unpacker } from '../../../dev/gateway/msgpack';
import { decode, encode, fromStruct, toStruct } from '../../../dev/gateway/protobuf';
import { PROTOBUF_METHODS } from '../../../dev/gateway/protobuf-methods';
import { payloadOf, recording, recordingNames, RECORDINGS_MISSING } from '../../support/gateway-recordings';

describe('the ProtoBuf:1 codec', () => {
  it(
    'reads every recorded frame to what it meant, and writes it so that it reads the same',
    { skip: RECORDINGS_MISSING },
    () => {
      let frames = 0;
      for (const name of recordingNames('pb-')) {
        let method = '';
        for (const item of recording(name)) {
          const payload = payloadOf(item);
          if (item.kind === 'PdkMethod') {
            method = payload.toString();
            assert.equal(method, item.dec);
            continue;
          }
          const type = typeOf(item.kind, method, item.dec);
          if (type === undefined || payload.length === 0) continue;
          const message = decode(type, payload);
          assert.deepEqual(decode(type, encode(type, message)), message);
          if (item.kind === 'RpcCall' || item.kind === 'RpcReturn')
            assert.equal(message.sequence, (item.dec as { sequence: number }).sequence);
          if (item.kind === 'PdkArgs') assert.equal(type, (item.dec as { type: string }).type);
          frames += 1;
        }
      }
      assert.ok(frames > 250, `${frames} frames`);
    },
  );

  it('carries every byte in strings, keys and bodies', () => {
    const bytes = Buffer.from([...Array(256).keys()]).toString('latin1');
    assert.equal(decode('String', encode('String', { v: bytes })).v, bytes);
    assert.deepEqual(
      { ...fromStruct(decode('Struct', encode('Struct', toStruct({ [bytes]: bytes })))) },
      { [bytes]: bytes },
    );
  });

  it('keeps a header called __proto__', () => {
    const table = Object.create(null) as LuaTable;
    table['__proto__'] = 'x';
    assert.deepEqual(Object.entries(fromStruct(decode('Struct', encode('Struct', toStruct(table))))), [
      ['__proto__', 'x'],
    ]);
  });

  it('throws on bytes that are no such message', () => {
    assert.throws(() => decode('String', Buffer.of(0x0a, 0x7f, 0x00)));
  });
});

function typeOf(kind: string | undefined, method: string, dec: unknown): string | undefined {
  if (kind === 'RpcCall' || kind === 'RpcReturn') return kind;
  if (kind === 'PdkArgs') return PROTOBUF_METHODS[method]?.input;
  if (kind === 'PdkReply') return PROTOBUF_METHODS[(dec as { method: string }).method]?.output;
  return undefined;
}

describe('frames', () => {
  it('come out whole however the chunks fall', () => {
    const payloads = ['', 'a', 'x'.repeat(300)].map((text) => Buffer.from(text));
    const bytes = Buffer.concat(payloads.map(frame));
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new FrameReader();
      const found: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        reader.push(bytes.subarray(at, at + size));
        for (let payload = reader.next(); payload; payload = reader.next()) found.push(payload);
      }
      assert.deepEqual(found.map(String), payloads.map(String), `in chunks of ${size}`);
      assert.ok(reader.isEmpty);
    }
  });
});

describe('the MsgPack:1 codec', () => {
  it('reads every recorded message as the reference package does', { skip: RECORDINGS_MISSING }, () => {
    let messages = 0;
    for (const name of recordingNames('mp-')) {
      for (const item of recording(name)) {
        if (item.kind === undefined) continue;
        const unpacker = new Unpacker();
        unpacker.push(payloadOf(item));
        const found = unpacker.next();
        assert.deepEqual(textOfBytes(found?.value), textOfBytes(unpackReference(payloadOf(item))));
        messages += 1;
      }
    }
    assert.ok(messages > 300, `${messages} messages`);
  });

  it('writes what the reference package reads back, at every size', () => {
    const values = [
      ...[0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 2 ** 53 - 1],
      ...[-1, -32, -33, -128, -40_000, -(2 ** 40), 1.5, -0.25],
      ...[0, 31, 32, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
      ...[0, 15, 16, 70_000].map((length) => Array<number>(length).fill(7)),
      Object.fromEntries([...Array(20).keys()].map((key) => [`k${key}`, key])),
      [true, false, 'a', [1, ['b']]],
    ];
    for (const value of values) {
      assert.deepEqual(unpackReference(pack(value as number)), value);
      const unpacker = new Unpacker();
      unpacker.push(Buffer.from(packReference(value)));
      assert.deepEqual(textOfBytes(unpacker.next()?.value), value);
    }
    assert.deepEqual(
      Buffer.from(unpackReference(pack(new Binary(Buffer.from('abc')))) as Uint8Array),
      Buffer.from('abc'),
    );
    assert.deepEqual([unpackReference(pack(EMPTY_MAP)), unpackReference(pack({}))], [{}, []]);
    assert.deepEqual([...pack('\xe9')], [0xa1, 0xe9], 'bytes stay bytes');
  });

  it('waits at every split point of a message', () => {
    const bytes = pack([1, 300, { text: 'x'.repeat(40), number: 1.5 }, [undefined, true]]);
    for (let at = 1; at < bytes.length; at += 1) {
      const unpacker = new Unpacker();
      unpacker.push(bytes.subarray(0, at));
      assert.equal(unpacker.next(), undefined);
      unpacker.push(bytes.subarray(at));
      assert.ok(unpacker.next());
      assert.equal(unpacker.next(), undefined);
    }
  });
});

/** Lua has no null members and one kind of string. */
function textOfBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(textOfBytes);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textOfBytes(item)]));
  return value ?? undefined;
}
