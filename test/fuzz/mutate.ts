/** Inputs near the valid ones: there the branches of a decoder are. */
import type { SeededRandom } from '../support/seeded-random';
import type { FuzzTarget } from './target';

const MAX_INPUT_BYTES = 32 * 1024;
const MAX_CHANGES = 6;
const BYTES = [0, 1, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x2c, 0x3d, 0x5c, 0x7f, 0x80, 0xc3, 0xe9, 0xff];
const LENGTHS = [0, 1, 4, 127, 128, 255, 999, 1000, 1001, 65_535, 2 ** 25, 2 ** 25 + 1, 2 ** 31, 2 ** 32 - 1];

export function inputOf(target: FuzzTarget, random: SeededRandom): Buffer {
  if (target.generate) return target.generate(random);
  let bytes = random.chance(0.02) ? random.bytes(100) : random.pick(target.samples);
  for (let left = random.below(MAX_CHANGES); left > 0; left--) bytes = changed(bytes, target, random);
  // A copy: a decoder that writes into its input must not change the samples.
  return Buffer.from(bytes.subarray(0, MAX_INPUT_BYTES));
}

function changed(bytes: Buffer, { samples, tokens = [] }: FuzzTarget, random: SeededRandom): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(random.chance(0.5) ? 8 : bytes.length + 1));
  const replaced = (...middle: Uint8Array[]): Buffer =>
    Buffer.concat([bytes.subarray(0, at), ...middle, bytes.subarray(to)]);
  switch (random.below(9)) {
    case 0:
      return overwritten(bytes, at, Buffer.of(random.chance(0.5) ? random.pick(BYTES) : random.below(256)));
    case 1:
      return overwritten(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))));
    case 2:
      return overwritten(bytes, at, lengthField(random));
    case 3:
      return replaced();
    case 4:
      return replaced(bytes.subarray(at, to), bytes.subarray(at, to));
    case 5:
      return replaced(...Array<Buffer>(random.below(200)).fill(bytes.subarray(at, Math.min(to, at + 100))));
    case 6:
      return replaced(bytes.subarray(at, to), random.bytes(8));
    case 7:
      return Buffer.concat([bytes.subarray(0, at), piece(random.pick(samples), random)]);
    default:
      return tokens.length > 0 ? replaced(Buffer.from(random.pick(tokens), 'latin1')) : bytes.subarray(0, at);
  }
}

function overwritten(bytes: Buffer, at: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + by.length)]);
}

function lengthField(random: SeededRandom): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(random.pick(LENGTHS));
  return field;
}

function piece(sample: Buffer, random: SeededRandom): Buffer {
  return sample.subarray(random.below(sample.length + 1));
}
