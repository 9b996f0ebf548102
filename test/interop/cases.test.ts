import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judged } from './cases';
import type { Expected } from './framework';

function judge(expected: Expected, status: number, body: string) {
  const { right, answer } = judged({ name: '', path: '', body: '', because: '', expected }, status, body);
  return { right, answer };
}

test('an error of the gateway is told by status and code', () => {
  const expected = { status: 504, code: 'reply_timeout' };
  const body = '{"message":"No reply","code":"reply_timeout"}';
  assert.deepEqual(judge(expected, 504, body), { right: true, answer: '504 reply_timeout' });
  assert.deepEqual(judge(expected, 503, body), { right: false, answer: '503 reply_timeout' });
  assert.deepEqual(judge(expected, 504, 'no'), { right: false, answer: '504 no' });
});

test('an answer of the service is told by status and body', () => {
  assert.deepEqual(judge({ status: 422, body: '{}' }, 422, '{}'), { right: true, answer: '422 {}' });
  assert.deepEqual(judge({ status: 422, body: '{}' }, 422, '[]'), { right: false, answer: '422 []' });
  assert.deepEqual(judge({ status: 204 }, 204, ''), { right: true, answer: '204' });
  assert.deepEqual(judge({ status: 204 }, 204, 'x'), { right: false, answer: '204 x' });
});
