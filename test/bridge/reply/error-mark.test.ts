import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readErrorMark } from '../../../bridge/reply/error-mark';

const MARKS: [mark: string | Buffer, status: number | undefined, message: string][] = [
  ['no such order', undefined, 'no such order'],
  ['', undefined, ''],
  ['404', undefined, '404'],
  ['{"status":404,"message":"no such order"}', 404, 'no such order'],
  ['{"statusCode":409,"message":"twice"}', 409, 'twice'],
  ['{"status":"error","statusCode":422,"message":"x"}', 422, 'x'],
  ['{"status":"404","message":"x"}', 404, 'x'],
  ['{"status":"error","message":"Internal server error"}', undefined, 'Internal server error'],
  ['{"status":200,"message":"x"}', undefined, 'x'],
  ['{"status":600,"message":"x"}', undefined, 'x'],
  ['{"status":404.5,"message":"x"}', undefined, 'x'],
  ['{"status":"0404","message":"x"}', undefined, 'x'],
  ['{"status":404,"message":["a","b"]}', 404, '{"status":404,"message":["a","b"]}'],
  ['{"status":404', undefined, '{"status":404'],
  ['["status",404]', undefined, '["status",404]'],
  ['null', undefined, 'null'],
  ['{"__proto__":{"status":404},"message":"x"}', undefined, 'x'],
  [Buffer.from([0xff, 0x41]), undefined, '\ufffdA'],
  ['x'.repeat(20_000), undefined, 'x'.repeat(500)],
];

for (const [mark, status, message] of MARKS) {
  test(`the error header ${mark.toString().slice(0, 60)}`, () => {
    assert.deepEqual(readErrorMark(Buffer.from(mark as string)), { status, message });
  });
}
