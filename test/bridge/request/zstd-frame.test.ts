import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdFrameEnd } from '../../../bridge/request/zstd-frame';

/** Written by zstd 1.5; the first four bytes are the magic number. */
const FRAMES = [
  ['a size of one byte', 'KLUv/SAHOQAAeyJhIjoxfQ=='],
  ['a checksum', 'KLUv/SQHOQAAeyJhIjoxfUiL/DI='],
  ['two blocks, no size', 'KLUv/QBYKAAAeyJhIjoRAAAxfQ=='],
  ['a size of two bytes', 'KLUv/WDYBqUAAGh7ImEiOiJ0ZXh0ICJ9AQDI4y9e'],
  ['a block of one repeated byte', 'KLUv/aDgkwQAVAAAEAAAAQD7/znAAgIAEAADnwQA'],
  ['nothing in it', 'KLUv/SAAAQAA'],
] as const;

for (const [what, base64] of FRAMES) {
  const frame = Buffer.from(base64, 'base64');

  test(`a frame ends where its last block and its checksum do: ${what}`, () => {
    assert.equal(zstdFrameEnd(frame), frame.length);
    assert.equal(zstdFrameEnd(Buffer.concat([frame, frame])), frame.length);
  });

  test(`a frame that was cut has no end: ${what}`, () => {
    for (let length = 0; length < frame.length; length++) {
      assert.equal(zstdFrameEnd(frame.subarray(0, length)), undefined, `${length} bytes`);
    }
  });
}

test('what is no frame has no end', () => {
  for (const bytes of ['', '{"a":1}', '\0'.repeat(100)])
    assert.equal(zstdFrameEnd(Buffer.from(bytes)), undefined);
});
