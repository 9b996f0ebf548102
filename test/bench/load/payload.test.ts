import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BODY_LENGTH, bodyOf, NONCE_AT, nextNonce, nonceOf } from '../../../bench/load/payload';

test('a nonce begins with the process and counts up', () => {
  const [first, second] = [nextNonce(), nextNonce()];
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    [first, second].map((nonce) => parseInt(nonce.slice(0, 8), 16)),
    [process.pid, process.pid],
  );
  assert.equal(parseInt(second.slice(8), 16), parseInt(first.slice(8), 16) + 1);
});

test('a body is JSON of 191 bytes, and only what is a whole one has a nonce', () => {
  const nonce = nextNonce();
  const body = bodyOf(nonce);
  assert.deepEqual(JSON.parse(body), { nonce, item: 'x'.repeat(137) });
  assert.deepEqual([body.length, BODY_LENGTH, body.indexOf(nonce)], [191, 191, NONCE_AT]);
  const found = [body, `${body}\n`, body.slice(1), ''].map((text) => nonceOf(Buffer.from(text)));
  assert.deepEqual(found, [nonce, undefined, undefined, undefined]);
});

test('a body of any length is whole with its own nonce only', () => {
  for (const length of [54, 100, 1024 * 1024]) {
    const nonce = nextNonce();
    const body = bodyOf(nonce, length);
    assert.equal(body.length, length);
    assert.equal((JSON.parse(body) as { nonce: string }).nonce, nonce);
    assert.equal(nonceOf(Buffer.from(body)), nonce);
    assert.equal(nonceOf(Buffer.from(body.slice(0, -1))), undefined);
    assert.equal(nonceOf(Buffer.from(body.replace('}', 'x'))), undefined);
  }
});
