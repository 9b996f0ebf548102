import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { isContentCoding, type ContentCoding } from '../../../bridge/content-coding';
import { decodableCodings, decompress } from '../../../bridge/request/decompress';
import { ENCODERS, gigabyteBomb } from '../../support/encoded';

const MIB = 1024 * 1024;
const LIMIT = 16 * MIB;

const TEXT = Buffer.from('{"a":"é"}');

function known(coding: string): ContentCoding {
  assert.ok(isContentCoding(coding));
  return coding;
}

for (const [coding, what, encode] of ENCODERS) {
  describe(what, () => {
    const read = (bytes: Buffer, limit = LIMIT) => decompress(known(coding), bytes, limit);

    test('is undone, whatever its size', async () => {
      assert.ok(decodableCodings().includes(known(coding)));
      // Small; more than is done in place; and incompressible, so that it is large before, too.
      for (const bytes of [TEXT, Buffer.alloc(3 * MIB, 'text '), randomBytes(MIB)]) {
        assert.ok((await read(encode(bytes))).equals(bytes));
      }
    });

    test('may be as large as the limit, and not a byte larger', async () => {
      for (const size of [TEXT.length, 300_000, 3 * MIB]) {
        const encoded = encode(Buffer.alloc(size, 'x'));
        assert.equal((await read(encoded, size)).length, size);
        await assert.rejects(read(encoded, size - 1), { kind: 'too large' });
      }
    });

    test('that is cut anywhere ends too early', async () => {
      for (const whole of [encode(TEXT), encode(randomBytes(300_000))]) {
        const cuts = [1, 2, 3, 4, 5, 8, whole.length >> 1].map((fewer) => whole.length - fewer);
        for (const length of cuts.filter((cut) => cut > 0)) {
          await assert.rejects(read(whole.subarray(0, length)), {
            kind: 'damaged',
            message: 'it ends too early',
          });
        }
      }
    });

    test('with bytes behind its end is refused', async () => {
      for (const whole of [encode(TEXT), encode(randomBytes(300_000))]) {
        for (const rest of ['\0', '\0\0\0\0', 'x', '{"a":1}']) {
          await assert.rejects(read(Buffer.concat([whole, Buffer.from(rest)])), { kind: 'damaged' });
        }
      }
    });

    test('that is something else is damaged', async () => {
      for (const bytes of [TEXT, Buffer.alloc(300_000, 'no'), Buffer.of(0)]) {
        await assert.rejects(read(bytes), { kind: 'damaged' });
      }
    });
  });
}

test('gzip of several members is one body', async () => {
  const [, , gzip] = ENCODERS[0]!;
  assert.equal(
    (await decompress('gzip', Buffer.concat([gzip(TEXT), gzip(TEXT)]), LIMIT)).length,
    2 * TEXT.length,
  );
});

/** Peak of the process; it never falls. */
const peakBytes = () => process.resourceUsage().maxRSS * 1024;

/** A client sends a megabyte, and the plugin server, which holds everybody's requests, is out of memory. */
test('a bomb costs no more than the largest body', async () => {
  const bomb = gigabyteBomb();
  await assert.rejects(decompress('gzip', bomb, MIB), { kind: 'too large' });
  const beforeBytes = peakBytes();
  await assert.rejects(decompress('gzip', bomb, MIB), { kind: 'too large' });
  assert.ok(peakBytes() - beforeBytes < 32 * MIB, `${peakBytes() - beforeBytes} bytes more`);
});

test('of many bombs at once, only a few are held', async () => {
  const bomb = gigabyteBomb();
  const beforeBytes = peakBytes();
  const bombs = Array.from({ length: 60 }, () => decompress('gzip', bomb, LIMIT));
  await Promise.all(bombs.map((decoded) => assert.rejects(decoded, { kind: 'too large' })));
  // All of them together would be 960 MiB.
  assert.ok(peakBytes() - beforeBytes < 400 * MIB, `${peakBytes() - beforeBytes} bytes more`);
});
