import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { decodedRequest } from '../../../bridge/request/decoded-body';
import { decodableCodings } from '../../../bridge/request/decompress';
import { httpRequest } from '../../support/requests';

const TEXT = '{"a":1}';
const encoded = (contentEncoding: string | string[], body: Buffer | string) =>
  httpRequest({ headers: { 'content-encoding': contentEncoding, 'x-a': '1' }, body });

/** The path of almost every request: nothing may wait there, not even for nothing. */
test('a request whose body is as it was meant waits for nothing', () => {
  for (const request of [
    httpRequest({ body: TEXT }),
    encoded('identity', TEXT),
    encoded('', TEXT),
    encoded(['identity', 'identity'], TEXT),
    encoded('gzip', ''),
  ]) {
    assert.equal(decodedRequest(request, 100), undefined);
  }
});

test('codings are undone in reverse, and the body that was sent is kept', async () => {
  const body = brotliCompressSync(gzipSync(TEXT));
  for (const contentEncoding of ['gzip, br', ['x-gzip', 'BR'], 'gzip,identity,br']) {
    const request = await decodedRequest(encoded(contentEncoding, body), 100);
    assert.equal(request?.decodedBody?.toString(), TEXT);
    assert.deepEqual(request?.body, body);
    assert.equal(request?.headers['x-a'], '1');
  }
});

for (const [what, contentEncoding, body, error] of [
  [
    'a coding nobody knows',
    'hunter2',
    TEXT,
    {
      status: 415,
      reason: `content-encoding names a coding that is none of ${decodableCodings().join(', ')}`,
    },
  ],
  ['one of several unknown', 'aws-chunked, gzip', gzipSync(TEXT), { status: 415 }],
  [
    'too many codings',
    'gzip, gzip, gzip, gzip',
    TEXT,
    { status: 415, reason: 'content-encoding names more than 3 codings' },
  ],
  [
    'plain text that claims to be compressed',
    'gzip',
    TEXT,
    { status: 400, reason: 'the body is not gzip (content-encoding): it is damaged' },
  ],
  [
    'a body that was cut',
    'gzip',
    gzipSync(TEXT).subarray(0, 20),
    { status: 400, reason: 'the body is not gzip (content-encoding): it ends too early' },
  ],
  [
    'a body with something behind it',
    'br',
    Buffer.concat([brotliCompressSync(TEXT), Buffer.from('x')]),
    { status: 400, reason: 'the body is not br (content-encoding): bytes follow its end' },
  ],
  [
    'a decoded body over the limit',
    'gzip',
    gzipSync('x'.repeat(101)),
    { status: 413, reason: 'the decoded body is too large, the limit is 100 bytes (max_request_bytes)' },
  ],
  ['a body that is too large in between', 'gzip, gzip', gzipSync(gzipSync('x'.repeat(101))), { status: 413 }],
] as const) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(decodedRequest(encoded(contentEncoding, body), 100)!, error);
  });
}
