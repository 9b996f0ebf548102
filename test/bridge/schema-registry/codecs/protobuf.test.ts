import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'protobufjs';
import { Mismatch, Undecodable, UnusableSchema } from '../../../../bridge/schema-registry/codecs/codec';
import { protobufCodec } from '../../../../bridge/schema-registry/codecs/protobuf';
import type { SchemaReference } from '../../../../bridge/schema-registry/registered-schema';

const codec = (text: string, message?: string, references: SchemaReference[] = []) =>
  protobufCodec({ text, references }, message);
const parsed = (text: string) => ({ text, value: JSON.parse(text) as unknown });
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const ORDER = `
  // syntax = "proto2"; is what this comment says
  syntax = "proto3";
  package shop;
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/struct.proto";
  import "google/protobuf/wrappers.proto";
  message Order {
    message Line {
      string item = 1;
      uint32 count = 2;
    }
    enum State { OPEN = 0; SENT = 1; }
    int64 id = 1;
    string customer_name = 2;
    repeated Line lines = 3;
    map<string, double> prices = 4;
    State state = 5;
    oneof payment { string card = 6; bool cash = 7; }
    optional int32 floor = 8;
    bytes digest = 9;
    google.protobuf.Timestamp placed_at = 10;
    google.protobuf.Struct extra = 11;
    google.protobuf.Int64Value limit = 12;
    repeated sint32 deltas = 13;
    float weight = 14;
    string odd = 15 [json_name = "oddName"];
  }
  message Reply { bool ok = 1; message Inner { int32 a = 1; } }
`;
const A_ORDER = {
  id: '9007199254740993',
  customerName: 'Büchner',
  lines: [{ item: 'book', count: 2 }, { item: 'pen' }],
  prices: { book: 9.95 },
  state: 'SENT',
  cash: true,
  floor: 0,
  digest: '/wA=',
  placedAt: '2026-02-28T12:34:56.789Z',
  extra: { a: [1, null, 'x'] },
  limit: '-5',
  deltas: [-1, 1],
  weight: 1.5,
  oddName: 'o',
};

function mismatch(text: string, json: string): string {
  try {
    codec(text).encode(parsed(json));
  } catch (error) {
    assert.ok(error instanceof Mismatch, String(error));
    assert.ok(!error.message.includes('secret'));
    return `${error.pointer}: expected ${error.expected}, found ${error.found}`;
  }
  assert.fail('it fits');
}

describe('Protobuf', () => {
  it('writes the bytes that another implementation writes, behind the message index', () => {
    const text = 'syntax="proto3"; message M { string a = 1; int64 b = 2; repeated int32 c = 3; M d = 4; }';
    const judge = parse(text).root.lookupType('M');
    const value = { a: 'ü', b: 300, c: [1, 2, 3], d: { a: 'x' } };
    const expected = Buffer.concat([bytes('00'), judge.encode(judge.fromObject(value)).finish()]);
    assert.deepEqual(codec(text).encode(parsed(JSON.stringify(value))), expected);
  });

  it('has the JSON of its specification, with well-known types, maps, oneofs and 64 bits as text', () => {
    const ours = codec(ORDER);
    assert.deepEqual(JSON.parse(ours.decode(ours.encode(parsed(JSON.stringify(A_ORDER))))), A_ORDER);
  });

  it('knows fields by the names of the file, too, and 64 bits as numbers', () => {
    const ours = codec(ORDER);
    const json = '{"id":9007199254740993,"customer_name":"a"}';
    assert.equal(ours.decode(ours.encode(parsed(json))), '{"id":"9007199254740993","customerName":"a"}');
  });

  it('writes the message that is named, and reads any of the file', () => {
    const inner = codec(ORDER, 'shop.Reply.Inner');
    assert.deepEqual(inner.encode(parsed('{"a":1}')), bytes('04 02 00 08 01'));
    assert.equal(codec(ORDER).decode(bytes('04 02 00 08 01')), '{"a":1}');
    assert.equal(codec(ORDER).decode(bytes('02 02 08 01')), '{"ok":true}');
  });

  it('reads message indexes from the header where the id came in one', () => {
    assert.equal(codec(ORDER).decode(bytes('08 01'), { besideGuid: bytes('02 02') }), '{"ok":true}');
  });

  it('finds messages in imports', () => {
    const money =
      'syntax = "proto3"; package money; message Money { int64 cents = 1; } enum Currency { EUR = 0; }';
    const text =
      'syntax = "proto3"; package shop; import "money.proto"; message M { money.Money price = 1; money.Currency c = 2; }';
    const ours = codec(text, undefined, [{ name: 'money.proto', schema: { text: money, references: [] } }]);
    assert.equal(ours.decode(ours.encode(parsed('{"price":{"cents":"5"}}'))), '{"price":{"cents":"5"}}');
    assert.deepEqual(ours.encode(parsed('{"price":{"cents":5}}')), bytes('00 0a020805'));
  });

  it('knows proto2 with its required fields and groups', () => {
    const text = 'syntax = "proto2"; message M { required int32 a = 1; optional string b = 2 [default = "x"]; repeated group G = 3 { optional int32 c = 4; } }'; // prettier-ignore
    const ours = codec(text);
    assert.equal(ours.decode(ours.encode(parsed('{"a":0,"g":[{"c":1}]}'))), '{"a":0,"g":[{"c":1}]}');
    assert.match(mismatch(text, '{"b":"secret"}'), /expected/);
  });

  describe('that does not fit', () => {
    const cases: [string, string, string][] = [
      ['text for a number', '{"floor":"secret"}', '/floor: expected int32, found a string that is none'],
      ['a fraction', '{"floor":1.5}', '/floor: expected int32, found a number that is none'],
      ['more than 32 bits', '{"lines":[{"count":1},{"count":4294967296}]}', '/lines/1/count: expected uint32, found an integer that is none'], // prettier-ignore
      [
        'more than 64 bits',
        '{"id":"9223372036854775808"}',
        '/id: expected int64, found a string that is none',
      ],
      ['more than a float', '{"weight":1e39}', '/weight: expected float, found an integer that is none'],
      ['an unknown field', '{"lines":[{"secret":1}]}', '/lines/0/secret: expected no such field in shop.Order.Line, found an integer'], // prettier-ignore
      [
        'an unknown name of an enum',
        '{"state":"secret"}',
        '/state: expected one of OPEN, SENT, found another string',
      ],
      ['two fields of a oneof', '{"card":"secret","cash":true}', ': expected each field, and one field of each oneof, once, found more of them'], // prettier-ignore
      ['an object for a list', '{"lines":{}}', '/lines: expected an array, found an object'],
      ['a wrong value in a map', '{"prices":{"a":"secret"}}', '/prices/a: expected double, found a string that is none'], // prettier-ignore
      ['a time that is none', '{"placedAt":"secret"}', '/placedAt: expected the JSON form of google.protobuf.Timestamp, found a string'], // prettier-ignore
      [
        'bytes that are no base64',
        '{"digest":"sec ret!"}',
        '/digest: expected bytes, found a string that is none',
      ],
      ['a list for a message', '[]', ': expected an object, shop.Order, found an array'],
    ];
    for (const [what, json, expected] of cases) {
      it(`says where and why: ${what}`, () => assert.equal(mismatch(ORDER, json).replace('secret:', 'secret:'), expected)); // prettier-ignore
    }
  });

  describe('from anybody', () => {
    it('is refused when it is no message', () => {
      const refuses = (hex: string, pattern: RegExp) =>
        assert.throws(
          () => codec(ORDER).decode(bytes(hex)),
          (error) => {
            assert.ok(error instanceof Undecodable, String(error));
            assert.match(error.message, pattern);
            return true;
          },
        );
      refuses('', /ends inside its message indexes/);
      refuses('00 0a', /it is no shop.Order/);
      refuses('00 12 05 61', /it is no shop.Order/);
      refuses('02 0a', /lead to no message/);
      refuses('7b 22', /missing/);
    });

    it('cannot be nested without end', () => {
      const ours = codec('syntax="proto3"; message M { M m = 1; }');
      let nested = Buffer.alloc(0);
      for (let depth = 0; depth < 100; depth++)
        nested = Buffer.concat([bytes('0a'), Buffer.from([nested.length & 0x7f | (nested.length > 127 ? 0x80 : 0), ...(nested.length > 127 ? [nested.length >> 7] : [])]), nested]); // prettier-ignore
      assert.throws(() => ours.decode(Buffer.concat([bytes('00'), nested])), Undecodable);
    });

    it('cannot become much more JSON than it has bytes', () => {
      const name = 'X'.repeat(250);
      const ours = codec(`syntax="proto3"; message M { repeated E e = 1; } enum E { ${name} = 0; }`);
      const many = Buffer.concat([bytes('00 0a c0843d'), Buffer.alloc(1_000_000)]);
      assert.throws(() => ours.decode(many), /more than 4194304 characters/);
    });
  });

  it('is refused at once when its schema cannot be used', () => {
    for (const text of [
      '',
      'nonsense',
      'syntax = "proto3"; enum E { A = 0; }',
      'syntax = "proto3"; message M { Nowhere n = 1; }',
      'syntax = "proto3"; import "nowhere.proto"; message M {}',
      'edition = "2023"; message M {}',
      `syntax = "proto3"; ${'message M {'.repeat(20_000)}`,
      `syntax = "proto3"; message ${'M'.repeat(300)} {}`,
    ]) {
      assert.throws(() => codec(text), UnusableSchema, text.slice(0, 50));
    }
    assert.throws(() => codec(ORDER, 'shop.Nowhere'), new UnusableSchema('it has no message shop.Nowhere'));
  });
});
