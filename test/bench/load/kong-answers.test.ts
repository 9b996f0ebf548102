import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { KongAnswers } from '../../../bench/load/kong-answers';
import { bodyOf, nextNonce } from '../../../bench/load/payload';
import { decodeRawBody, decodeStruct } from '../../../pluginserver/messages';
import { bodyBytes } from '../../../pluginserver/request-body';

const GET_RAW_BODY = 'kong.request.get_raw_body';
const LENGTH_BYTES = 4;

/** An answer without the length in front of it. */
function payload(answers: KongAnswers, method: string, nonce: string): Buffer {
  const frame = answers.to(method, nonce) ?? assert.fail(`no answer to ${method}`);
  assert.equal(frame.readUInt32LE(0), frame.length - LENGTH_BYTES);
  return frame.subarray(LENGTH_BYTES);
}

test('every request gets the body of its size with its own nonce, and a header that says so', async () => {
  for (const size of [100, 1024, 8192]) {
    const answers = new KongAnswers(size);
    for (const nonce of [nextNonce(), nextNonce()]) {
      const body = await bodyBytes(decodeRawBody(payload(answers, GET_RAW_BODY, nonce)), size);
      assert.equal(body.toString(), bodyOf(nonce, size));
      const headers = decodeStruct(payload(answers, 'kong.request.get_headers', nonce));
      assert.deepEqual([headers['content-length'], headers['kong-request-id']], [String(size), nonce]);
    }
  }
});

test('a larger body is a file that the plugin server takes for one of nginx, until the request is over', async () => {
  const answers = new KongAnswers(10_000);
  const nonce = nextNonce();
  const body = decodeRawBody(payload(answers, GET_RAW_BODY, nonce));
  assert.ok(body.kind === 'file');
  assert.equal((await bodyBytes(body, 10_000)).toString(), bodyOf(nonce, 10_000));
  assert.equal(readFileSync(body.path, 'utf8').length, 10_000);
  answers.forget(nonce);
  assert.deepEqual([existsSync(body.path), existsSync(dirname(body.path))], [false, false]);
  answers.forget(nonce);
});

test('a call that no plugin of ours makes has no answer', () => {
  assert.equal(new KongAnswers().to('kong.request.get_path', nextNonce()), undefined);
});
