import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { NativeMessage } from '../../../bridge/kafka/binding';
import { ReadBounds } from '../../../bridge/kafka/read-bounds';
import { setLogSink } from '../../../bridge/telemetry/log';

const message = (given: Partial<NativeMessage> = {}): NativeMessage => ({
  topic: 'replies',
  partition: 3,
  offset: 7,
  timestamp: 1000,
  key: Buffer.from('key'),
  value: Buffer.from('value'),
  headers: [{ name: Buffer.from('text') }],
  ...given,
});
const headers = (count: number) => new Array(count).fill({ '': Buffer.alloc(0) }) as Record<string, Buffer>[];
const EMPTIED = { topic: 'replies', partition: 3, offset: 7, timestamp: 1000, key: null, value: null, headers: [] }; // prettier-ignore

function logged(t: TestContext): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  t.after(setLogSink((line) => lines.push(JSON.parse(line) as Record<string, unknown>)));
  return lines;
}

/** One read of as many as the bounds allow. */
function read(bounds: ReadBounds, messages: readonly NativeMessage[]): void {
  for (const one of messages) bounds.admit(one);
  bounds.readEnded();
}

test('a usual record is taken as it is', () => {
  const bounds = new ReadBounds();
  const { key, value, headers: own } = bounds.admit(message());
  assert.deepEqual([String(key), String(value), own], ['key', 'value', [['name', Buffer.from('text')]]]);
  assert.deepEqual(bounds.skipped, { too_large: 0, too_many_headers: 0 });
});

/** 22 MB of such records became ten million objects, and the process ended at its memory limit. */
test('a record with too many headers goes on empty, counted and told once', (t) => {
  const lines = logged(t);
  const bounds = new ReadBounds();
  assert.equal(bounds.admit(message({ headers: headers(1000) })).headers.length, 1000);
  for (let count = 0; count < 3; count++)
    assert.deepEqual(bounds.admit(message({ headers: headers(1001) })), EMPTIED);
  assert.deepEqual(bounds.skipped, { too_large: 0, too_many_headers: 3 });
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.['reason'], 'too_many_headers');
  bounds.admit(message({ topic: 'others', headers: headers(1001) }));
  assert.equal(lines.length, 2, 'another topic is another story');
});

test('a record that is too large goes on empty, wherever its bytes are', (t) => {
  logged(t);
  const bounds = new ReadBounds();
  const large = Buffer.allocUnsafe(32 * 1024 * 1024);
  for (const given of [{ value: large }, { key: large }, { headers: [{ name: large }] }])
    assert.deepEqual(bounds.admit(message(given)), EMPTIED);
  assert.equal(bounds.skipped.too_large, 3);
  assert.equal(bounds.admit(message({ value: large.subarray(0, 22_000_000) })).value?.length, 22_000_000);
});

test('after an expensive record reads are small, until the next ones are cheap', (t) => {
  logged(t);
  const bounds = new ReadBounds();
  const most = bounds.records;
  read(bounds, [message()]);
  assert.equal(bounds.records, most);
  read(bounds, [message({ value: Buffer.allocUnsafe(1_000_000) })]);
  assert.equal(bounds.records, 8, 'eight of a megabyte');
  read(bounds, [message({ headers: headers(50_000) }), message()]);
  assert.equal(bounds.records, 1);
  let reads = 0;
  for (; bounds.records < most; reads++) read(bounds, [message()]);
  assert.ok(reads > 2 && reads < 12, `${reads} reads`);
});
