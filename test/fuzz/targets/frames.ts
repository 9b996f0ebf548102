/** Frames from Kong: the first bytes say how the rest is cut into chunks. */
import assert from 'node:assert/strict';
import { FrameDecoder, frameOf } from '../../../pluginserver/frames';
import type { FuzzTarget } from '../target';

const LIMIT_BYTES = 1000;
const SIZES = 8;

const sizes = Buffer.of(0, 1, 2, 3, 4, 30, 200, 255);
const stream = (...payloads: Buffer[]): Buffer => Buffer.concat([sizes, ...payloads.map(frameOf)]);

function model(bytes: Buffer): { frames: string[]; oversize: number[] } {
  const frames: string[] = [];
  const oversize: number[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const end = at + 4 + length;
    if (length > LIMIT_BYTES) oversize.push(length);
    else if (end > bytes.length) break;
    else frames.push(bytes.toString('latin1', at + 4, end));
    at = end;
  }
  return { frames, oversize };
}

export const FRAMES: FuzzTarget = {
  name: 'frames',
  samples: [
    stream(Buffer.from('hello'), Buffer.alloc(0), Buffer.from('x')),
    stream(Buffer.alloc(LIMIT_BYTES, 'a'), Buffer.alloc(LIMIT_BYTES + 1, 'b'), Buffer.from('c')),
    stream(...Array.from({ length: 30 }, (_, index) => Buffer.alloc(index, 'd'))),
  ],
  run: (input) => {
    const bytes = input.subarray(SIZES);
    const frames: string[] = [];
    const oversize: number[] = [];
    const decoder = new FrameDecoder(
      {
        onFrame: (payload) => frames.push(payload.toString('latin1')),
        onOversize: (lengthBytes) => oversize.push(lengthBytes),
      },
      LIMIT_BYTES,
    );
    for (let at = 0, chunk = 0; at < bytes.length; chunk++) {
      const size = (input[chunk % SIZES] ?? 0) + 1;
      decoder.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual({ frames, oversize }, model(bytes), 'frames do not depend on chunks');
  },
};
