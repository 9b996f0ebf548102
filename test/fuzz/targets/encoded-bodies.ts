/** Bodies with content codings and charsets, as far as they are undone: the header in the first line. */
import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { GatewayError } from '../../../bridge/errors';
import { readText, strictReader } from '../../../bridge/request/charset';
import { decodedRequest } from '../../../bridge/request/decoded-body';
import { envelope } from '../../../bridge/request/envelope';
import type { HttpRequest } from '../../../bridge/request/http-request';
import { zstdFrameEnd } from '../../../bridge/request/zstd-frame';
import { ENCODERS } from '../../support/encoded';
import { unlessRefused, type FuzzTarget } from '../target';

const MAX_BYTES = 100_000;
const REASON_OF_A_CODING =
  /^(?:content-encoding names |the body is not (?:gzip|deflate|br|zstd) |the decoded body is too large)/;
const TYPE = 'application/x-www-form-urlencoded; charset=';

const isRefusal = (error: unknown): boolean =>
  error instanceof GatewayError && [400, 413, 415].includes(error.status) && error.reason !== undefined;

function requestIn(input: Buffer): HttpRequest {
  const lineEnd = Math.max(0, input.indexOf('\n'));
  const contentEncoding = input.toString('latin1', 0, lineEnd);
  return {
    id: 'r',
    method: 'POST',
    headers: { 'content-encoding': contentEncoding, 'content-type': TYPE + contentEncoding },
    body: input.subarray(lineEnd + 1),
  };
}

async function decoded(request: HttpRequest): Promise<HttpRequest | undefined> {
  try {
    return await decodedRequest(request, MAX_BYTES);
  } catch (error) {
    assert.ok(isRefusal(error), String(error));
    assert.match((error as GatewayError).reason!, REASON_OF_A_CODING);
    // Node lets go of a decoder that has failed in the next turn of the loop; a server has one after every request.
    await turnOfTheLoop();
    return undefined;
  }
}

const line = (header: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(`${header}\n`), body]);
const TEXT = Buffer.from('{"a":"é","b":[1,2,3]}');
const BOMB = gzipSync(Buffer.alloc(MAX_BYTES + 1));

export const ENCODED_BODIES: FuzzTarget = {
  name: 'encoded-bodies',
  samples: [
    ...ENCODERS.map(([coding, , encode]) => line(coding, encode(TEXT))),
    ...ENCODERS.map(([coding, , encode]) => line(`gzip, ${coding}`, encode(gzipSync(TEXT)))),
    line('gzip', BOMB),
    line('gzip', Buffer.concat([gzipSync(TEXT), gzipSync(TEXT)])),
    line('utf-16', Buffer.from('\ufeffa=é', 'utf16le')),
    line('shift_jis', Buffer.from('a=%83%65')),
    line('latin1', Buffer.from('a=\xe9', 'latin1')),
    line('identity', TEXT),
  ],
  tokens: [
    'gzip',
    'deflate',
    'br',
    'zstd',
    ', ',
    'identity',
    'utf-16be',
    'euc-jp',
    'iso-2022-jp',
    '\n',
    '\x1f\x8b\x08',
    '\x78\x9c',
    '\x28\xb5\x2f\xfd',
    '\xff\xfe',
    '\xef\xbb\xbf',
  ],
  run: async (input) => {
    const request = requestIn(input);
    const plain = await decoded(request);
    const bytes = plain?.decodedBody;
    if (bytes !== undefined) {
      assert.ok(bytes.length <= MAX_BYTES, 'no more than may be');
      assert.equal(plain!.body, request.body, 'the body that was sent is kept');
    }
    zstdFrameEnd(request.body);

    const content = bytes ?? request.body;
    const contentType = String(request.headers['content-type']);
    const text = readText(content, contentType);
    if (text !== undefined) assert.doesNotMatch(text, /\p{Surrogate}/u, 'text that can become UTF-8');
    unlessRefused(() => strictReader(String(request.headers['content-encoding']))(content), isRefusal);
    const options = { method: false, uri: false, headers: true, body: true, showsHeader: () => true };
    const value = unlessRefused(() => envelope(plain ?? request, options), isRefusal);
    if (value === undefined) return;
    const shown = JSON.parse(value.toString()) as { headers: object };
    assert.equal('content-encoding' in shown.headers, bytes === undefined, 'what the body in it is not');
  },
};
