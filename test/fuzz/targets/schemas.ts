/** What a reply may say that names a schema: the frame, and the three ways to decode what is in it. */
import assert from 'node:assert/strict';
import { avroCodec } from '../../../bridge/schema-registry/codecs/avro';
import {
  MAX_DECODED_CHARACTERS,
  Undecodable,
  type Codec,
} from '../../../bridge/schema-registry/codecs/codec';
import { jsonSchemaCodec } from '../../../bridge/schema-registry/codecs/json-schema';
import { protobufCodec } from '../../../bridge/schema-registry/codecs/protobuf';
import {
  FrameError,
  framePrefix,
  readFrame,
  readMessagePath,
  readSchemaHeader,
  writeMessagePath,
} from '../../../bridge/schema-registry/wire-format';
import { unlessRefused, type FuzzTarget } from '../target';

const isFrameError = (error: unknown): boolean => error instanceof FrameError;
const isUndecodable = (error: unknown): boolean => error instanceof Undecodable;

/** A reply of a few bytes may cost nobody else the process, or their time. */
const BOUNDS = { cpuMs: 50, memoryBytes: 256 * 1024 * 1024 };

export const SCHEMA_FRAME: FuzzTarget = {
  name: 'schema-frame',
  bounds: BOUNDS,
  samples: ['0000000007026162', '00000000010002', '0189791762233641869674299b90a802e200', '060400c801'].map(
    (hex) => Buffer.from(hex, 'hex'),
  ),
  run: (input) => {
    const frame = unlessRefused(() => readFrame(input), isFrameError);
    if (frame) assert.ok(Buffer.concat([framePrefix(frame.schemaId), frame.payload]).equals(input));
    const message = unlessRefused(() => readMessagePath(input), isFrameError);
    if (message) {
      const { path, payload } = message;
      assert.ok(path.length > 0 && path.length <= 32 && path.every((index) => index >= 0));
      const again = readMessagePath(Buffer.concat([writeMessagePath(path), payload]));
      assert.deepStrictEqual({ path: again.path, payload: again.payload }, { path: [...path], payload });
    }
    const header = unlessRefused(() => readSchemaHeader(input), isFrameError);
    if (header) assert.match(header.guid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  },
};

/** What was decoded is JSON, and has the same JSON when it is encoded and decoded once more. */
function check(codec: Codec, input: Buffer): void {
  const text = unlessRefused(() => codec.decode(input), isUndecodable);
  if (text === undefined) return;
  assert.ok(text.length <= MAX_DECODED_CHARACTERS);
  const maxCharacters = text.length - 1;
  if (codec !== jsonSchema) assert.throws(() => codec.decode(input, { maxCharacters }), isUndecodable);
  const value = JSON.parse(text) as unknown;
  // A map may come with the same key twice, and JSON keeps the last.
  assert.deepStrictEqual(JSON.parse(codec.decode(codec.encode({ text, value }))), value);
}

const AVRO_SCHEMA = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [
    { name: 'i', type: 'int' },
    { name: 'l', type: 'long' },
    { name: 'd', type: ['null', 'double', 'string', { type: 'array', items: ['null', 'R'] }] },
    { name: 's', type: { type: 'map', values: 'string' } },
    { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
    { name: 'f', type: { type: 'fixed', name: 'F', size: 2 } },
    { name: 'b', type: 'bytes' },
    { name: 'n', type: { type: 'array', items: 'null' } },
    { name: 'ok', type: 'boolean' },
  ],
});
const AVRO = avroCodec({ text: AVRO_SCHEMA, references: [] }, 'avro_json');
const AVRO_ARRAYS = avroCodec({ text: '{"type":"array","items":{"type":"array","items":"int"}}', references: [] }, 'simple_json'); // prettier-ignore

export const AVRO_REPLY: FuzzTarget = {
  name: 'avro',
  bounds: BOUNDS,
  samples: [
    ...[
      '{"i":1,"l":9007199254740993,"d":{"double":0.5},"s":{"a":"b"},"e":"A","f":"ab","b":"\\u00ff","n":[null],"ok":true}',
      '{"i":-1,"l":0,"d":{"array":[null,{"R":{"i":1,"l":1,"d":null,"s":{},"e":"B","f":"cd","b":"","n":[],"ok":false}}]},"s":{},"e":"B","f":"\\u0000\\u0001","b":"","n":[],"ok":true}',
    ].map((text) => AVRO.encode({ text, value: JSON.parse(text) as unknown })),
    Buffer.from('feffffff0f0002', 'hex'),
    Buffer.from('04040204000606080a0000', 'hex'),
  ],
  run: (input) => {
    check(AVRO, input);
    unlessRefused(() => AVRO_ARRAYS.decode(input), isUndecodable);
  },
};

const PROTOBUF = protobufCodec(
  {
    text: `syntax = "proto3"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
      import "google/protobuf/any.proto"; message M { int32 i = 1; sint64 l = 2; string s = 3; repeated M m = 4;
      map<string, double> d = 5; oneof o { bytes b = 6; E e = 7; } google.protobuf.Struct x = 8;
      google.protobuf.Timestamp t = 9; repeated fixed32 p = 10; google.protobuf.Any a = 11; enum E { A = 0; B = 1; } }`,
    references: [],
  },
  undefined,
);

export const PROTOBUF_REPLY: FuzzTarget = {
  name: 'protobuf',
  bounds: BOUNDS,
  samples: [
    '{"i":1,"l":"-5","s":"text","m":[{"i":2},{"m":[{}]}],"d":{"a":0.5},"b":"/w==","p":[1,2]}',
    '{"e":"B","x":{"a":[1,null,{"b":"c"}]},"t":"2026-02-28T12:34:56.789Z"}',
  ].map((text) => PROTOBUF.encode({ text, value: JSON.parse(text) as unknown })),
  run: (input) => {
    const text = unlessRefused(() => PROTOBUF.decode(input), isUndecodable);
    // An integer that a double may not hold exactly is refused, also in the JSON of a double.
    if (text !== undefined && !/\d{16}/.test(text)) check(PROTOBUF, input);
  },
};

let jsonSchema: Codec | undefined;

export const JSON_SCHEMA_REPLY: FuzzTarget = {
  name: 'json-schema',
  bounds: BOUNDS,
  samples: [
    '{"id":1,"lines":[{"id":2,"lines":[]}],"code":"AAA"}',
    '{"id":12345678901234567890,"code":"aaaa!"}',
  ].map((text) => Buffer.from(text)),
  tokens: ['"id":', '"lines":[', '{', '}', '[', ']', ',', '"code":"', 'null', '1e400', '\\u0000'],
  start: async () => {
    const text =
      '{"type":"object","required":["id"],"properties":{"id":{"type":"integer"},"lines":{"type":"array","uniqueItems":true,"items":{"$ref":"#"}},"code":{"pattern":"^(A+)+$"}}}';
    jsonSchema = await jsonSchemaCodec({ text, references: [] });
  },
  run: (input) => {
    if (jsonSchema) check(jsonSchema, input);
  },
};
