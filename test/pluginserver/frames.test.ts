import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameDecoder, frameOf } from '../../pluginserver/frames';

function decoder(maxFrameBytes?: number) {
  const frames: Buffer[] = [];
  const oversize: number[] = [];
  const decode = new FrameDecoder(
    {
      onFrame: (payload) => frames.push(Buffer.from(payload)),
      onOversize: (lengthBytes) => oversize.push(lengthBytes),
    },
    maxFrameBytes,
  );
  return { decode, frames, oversize };
}

const PAYLOADS = [Buffer.from('hello'), Buffer.alloc(0), Buffer.from([0, 255, 128]), Buffer.alloc(300, 'x')];
const STREAM = Buffer.concat(PAYLOADS.map(frameOf));

describe('the frame decoder', () => {
  it('takes several frames from one chunk', () => {
    const { decode, frames } = decoder();
    decode.push(STREAM);
    assert.deepEqual(frames, PAYLOADS);
  });

  it('puts frames together from every split point', () => {
    for (let split = 0; split <= STREAM.length; split++) {
      const { decode, frames } = decoder();
      decode.push(STREAM.subarray(0, split));
      decode.push(STREAM.subarray(split));
      assert.deepEqual(frames, PAYLOADS, `split at ${split}`);
    }
  });

  it('puts frames together from single bytes', () => {
    const { decode, frames } = decoder();
    for (const byte of STREAM) decode.push(Buffer.from([byte]));
    assert.deepEqual(frames, PAYLOADS);
  });

  it('holds back a truncated frame', () => {
    const { decode, frames } = decoder();
    decode.push(frameOf(Buffer.from('hello')).subarray(0, 8));
    assert.deepEqual(frames, []);
  });

  it('takes a frame of exactly the limit and skips one above it, at every split point', () => {
    const stream = Buffer.concat([Buffer.alloc(6, 'a'), Buffer.alloc(5, 'b'), Buffer.from('c')].map(frameOf));
    for (let split = 0; split <= stream.length; split++) {
      const { decode, frames, oversize } = decoder(5);
      decode.push(stream.subarray(0, split));
      decode.push(stream.subarray(split));
      assert.deepEqual(frames.map(String), ['bbbbb', 'c']);
      assert.deepEqual(oversize, [6]);
    }
  });

  it('keeps nothing of a frame of 4 GB', () => {
    const { decode, oversize } = decoder();
    decode.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    assert.deepEqual(oversize, [0xffffffff]);
  });

  // Memory was reserved by the announced length: a thousand silent peers could ask for 32 GB.
  it('reserves little for what is only announced', () => {
    const beforeBytes = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 200 }, () => {
      const { decode } = decoder();
      decode.push(Buffer.from([0, 0, 0, 2, 1]));
      return decode;
    });
    assert.equal(decoders.length, 200);
    assert.ok(process.memoryUsage().arrayBuffers - beforeBytes < 32 * 1024 * 1024);
  });

  it('takes a frame of any size around the space it reserves at first', () => {
    for (const size of [65_535, 65_536, 65_537, 131_072, 131_073, 300_000]) {
      const { decode, frames } = decoder();
      const payload = Buffer.alloc(size, 'abcdefg');
      const stream = Buffer.concat([frameOf(payload), frameOf(Buffer.from('next'))]);
      for (let position = 0; position < stream.length; position += 9999)
        decode.push(stream.subarray(position, position + 9999));
      assert.ok(frames[0]?.equals(payload), `${size}`);
      assert.equal(String(frames[1]), 'next');
    }
  });

  it('drops the rest of the chunk when it is stopped by a frame', () => {
    const frames: string[] = [];
    const decode: FrameDecoder = new FrameDecoder({
      onFrame: (payload) => {
        frames.push(String(payload));
        decode.stop();
      },
      onOversize: () => assert.fail('no frame is too large'),
    });
    decode.push(Buffer.concat([frameOf(Buffer.from('a')), frameOf(Buffer.from('b'))]));
    decode.push(frameOf(Buffer.from('c')));
    assert.deepEqual(frames, ['a']);
  });

  it('looks at each byte once: a frame in 64 KB chunks costs no more than a few copies of it', () => {
    const { decode, frames } = decoder();
    const frame = frameOf(Buffer.alloc(16 * 1024 * 1024, 'z'));
    const started = performance.now();
    for (let position = 0; position < frame.length; position += 65_536) {
      decode.push(frame.subarray(position, position + 65_536));
    }
    assert.equal(frames[0]?.length, 16 * 1024 * 1024);
    // Decoding from the start on every chunk would copy 2 GB.
    assert.ok(performance.now() - started < 1000);
  });
});
