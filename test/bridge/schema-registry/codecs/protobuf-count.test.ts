/** A megabyte of empty messages once took half a second and 195 MB to read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import { Undecodable } from '../../../../bridge/schema-registry/codecs/codec';
import { protobufCodec } from '../../../../bridge/schema-registry/codecs/protobuf';
import {
  countMessages,
  hasTooManyMessages,
  mostMessages,
} from '../../../../bridge/schema-registry/codecs/protobuf-count';
import { MAIN_FILE, protobufFiles } from '../../../../bridge/schema-registry/codecs/protobuf-files';

const SCHEMA = {
  text: `
    syntax = "proto3";
    import "google/protobuf/struct.proto";
    message Tree {
      repeated Empty empties = 1;
      Tree left = 2;
      map<string, int32> numbers = 3;
      map<string, Tree> trees = 4;
      repeated int32 packed = 5;
      string text = 6;
      google.protobuf.ListValue list = 7;
    }
    message Empty {}`,
  references: [],
};
const MIB = 1_048_576;

function treeMessage(): DescMessage {
  const { main, imported } = protobufFiles(SCHEMA);
  return createFileRegistry(main, (name) => imported.get(name)).getFile(MAIN_FILE)!.messages[0]!;
}
const TREE = treeMessage();
const codec = protobufCodec(SCHEMA, undefined);
const bytesOf = (json: object) => codec.encode({ text: JSON.stringify(json), value: json }).subarray(1);
const count = (json: object, most = Infinity) => countMessages(TREE, bytesOf(json), most);
const empties = (sizeBytes: number) => Buffer.alloc(sizeBytes, Buffer.from([0x0a, 0]));

test('messages are counted wherever they are, and nothing else is', () => {
  assert.equal(count({}), 0);
  assert.equal(count({ text: 'x'.repeat(1000), packed: [1, 2, 3] }), 0);
  assert.equal(count({ empties: [{}, {}, {}] }), 3);
  assert.equal(count({ left: { left: { empties: [{}] } } }), 3);
  // An entry is a message of its own.
  assert.equal(count({ numbers: { a: 1, b: 2 } }), 2);
  assert.equal(count({ trees: { a: { empties: [{}] } } }), 3);
  // ListValue, and Value twice.
  assert.equal(count({ list: [1, 'x'] }), 3);
});

test('it is counted to one more than there may be, and no further', () => {
  assert.equal(countMessages(TREE, empties(MIB), 1000), 1001);
});

test('what is cut off or none at all is counted as far as it goes', () => {
  assert.equal(countMessages(TREE, Buffer.from('0a000a', 'hex'), 10), 2);
  assert.equal(countMessages(TREE, Buffer.from('ffffffffffffffffffffff', 'hex'), 10), 0);
  // A length that goes beyond the end.
  assert.equal(countMessages(TREE, Buffer.from('12ffffffff0f0a00', 'hex'), 10), 2);
  // A group that never ends, in place of a message, with another inside.
  assert.equal(countMessages(TREE, Buffer.from('130b0b', 'hex'), 10), 2);
});

test('a reply may have ten thousand, and one for each five bytes', () => {
  assert.equal(hasTooManyMessages(TREE, empties(20_000)), false);
  assert.equal(hasTooManyMessages(TREE, empties(40_000)), true);
  assert.equal(mostMessages(MIB), 219_715);
});

test('a megabyte of empty messages is refused before any is made, one of messages that say something is not', () => {
  const refused = (bytes: Buffer) => () => codec.decode(Buffer.concat([Buffer.of(0), bytes]));
  assert.throws(refused(empties(MIB)), (error: unknown) => {
    assert.ok(error instanceof Undecodable);
    assert.equal(error.message, 'it has too many messages for its size');
    return true;
  });
  const honest = { trees: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`name-${n}`, { text: 'some text' }])) };
  assert.ok(refused(bytesOf(honest))().length > MIB);
}); // prettier-ignore
