import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FrameError,
  framePrefix,
  isSchemaId,
  readFrame,
  readMessagePath,
  readSchemaHeader,
  writeMessagePath,
} from '../../../bridge/schema-registry/wire-format';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('the frame of a schema registry', () => {
  it('is a zero byte and the id, big-endian', () => {
    assert.deepEqual(framePrefix(1), bytes('00 00000001'));
    assert.deepEqual(framePrefix(0x01020304), bytes('00 01020304'));
  });

  it('is read back, with the payload behind it', () => {
    assert.deepEqual(readFrame(bytes('00 01020304 616263')), {
      schemaId: 0x01020304,
      payload: Buffer.from('abc'),
    });
    assert.deepEqual(readFrame(bytes('00 00000007')), { schemaId: 7, payload: Buffer.alloc(0) });
  });

  it('is not seen in what begins otherwise', () => {
    for (const other of ['', '7b7d', '01 00000001']) assert.equal(readFrame(bytes(other)), undefined, other);
  });

  it('is refused when it is shorter than itself, or its id is negative', () => {
    assert.throws(
      () => readFrame(bytes('00 000001')),
      new FrameError('it has 4 bytes, fewer than its frame'),
    );
    assert.throws(() => readFrame(bytes('00 ffffffff 00')), new FrameError('its schema id is negative'));
  });

  it('takes ids that fit into four bytes', () => {
    for (const id of [0, 1, 0x7fffffff]) assert.equal(isSchemaId(id), true, String(id));
    for (const id of [-1, 0x80000000, 1.5, '1', null, undefined])
      assert.equal(isSchemaId(id), false, String(id));
  });
});

describe('message indexes of Protobuf', () => {
  it('are one byte for the first message', () => {
    assert.deepEqual(writeMessagePath([0]), bytes('00'));
    assert.deepEqual(readMessagePath(bytes('00 0801')), { path: [0], payload: bytes('0801') });
  });

  it('are zigzag varints behind their count', () => {
    assert.deepEqual(writeMessagePath([1]), bytes('02 02'));
    assert.deepEqual(writeMessagePath([2, 0, 100]), bytes('06 04 00 c801'));
    for (const path of [[1], [0, 0], [2, 0, 100]]) {
      assert.deepEqual(readMessagePath(Buffer.concat([writeMessagePath(path), bytes('ff')])), {
        path,
        payload: bytes('ff'),
      });
    }
  });

  it('also in the long form of the first message, which some serializers write', () => {
    assert.deepEqual(readMessagePath(bytes('02 00 0801')).path, [0]);
  });

  it('are refused when they cannot be any', () => {
    // A serializer that writes none: its first byte is the tag of a field.
    assert.throws(() => readMessagePath(bytes('7b')), /missing or damaged/);
    assert.throws(() => readMessagePath(bytes('')), /ends inside/);
    assert.throws(() => readMessagePath(bytes('04 00')), /ends inside/);
    assert.throws(() => readMessagePath(bytes('02 01')), /negative/);
    assert.throws(() => readMessagePath(bytes('ffffffffffffff')), /too large/);
    assert.throws(() => readMessagePath(bytes('c801')), /missing or damaged/);
  });
});

describe('the header that names a schema', () => {
  it('is a byte 1 and a GUID, and for Protobuf message indexes', () => {
    const header = bytes('01 89791762 2336 4186 9674 299b90a802e2 00'.replaceAll(' ', ''));
    assert.deepEqual(readSchemaHeader(header), {
      guid: '89791762-2336-4186-9674-299b90a802e2',
      rest: bytes('00'),
    });
  });

  it('is refused when it is anything else', () => {
    for (const other of ['', '01', '00'.repeat(17), '01'.repeat(16)])
      assert.throws(() => readSchemaHeader(bytes(other)), FrameError, other);
  });
});
