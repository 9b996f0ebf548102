import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chaosVerdicts, checkHistory, FAILOVER_MS } from '../../../bench/chaos/check';
import { HistoryWriter, readHistory, type HistoryEvent } from '../../../bench/chaos/history';
import type { Outcome } from '../../../bench/load/open-loop';

const request = (outcome: Outcome): HistoryEvent => ({ event: 'request', target: 'g', ...outcome });
const ok = (sentMs: number): HistoryEvent => request({ sentMs, endedMs: sentMs + 5, status: 200 });
const failed = (sentMs: number, endedMs: number, status = 504): HistoryEvent =>
  request({ sentMs, endedMs, status, code: 'produce_timeout' });
const KILLS: HistoryEvent[] = [
  { event: 'broker killed', atMs: 10_000, broker: 1 },
  { event: 'gateway killed', atMs: 50_000, gateway: 'g' },
];

const unexplained = (...events: HistoryEvent[]) => checkHistory([...KILLS, ...events]).unexplained;

test('503 and 504 are explained by a failover they touch, and by nothing else', () => {
  const end = 10_000 + FAILOVER_MS;
  const explained = [failed(5000, 10_000), failed(end - 1, end + 5000), failed(11_000, 11_001, 503)];
  assert.deepEqual(unexplained(...explained), []);
  for (const event of [failed(5000, 9999), failed(end, end + 1), failed(11_000, 11_001, 502)])
    assert.equal(unexplained(event).length, 1);
});

test('no answer at all is explained by the death of the gateway, and not by a failover', () => {
  assert.deepEqual(unexplained(request({ sentMs: 49_000, endedMs: 50_001 })), []);
  assert.equal(unexplained(request({ sentMs: 49_000, endedMs: 49_500 })).length, 1);
  assert.equal(unexplained(request({ target: 'other', sentMs: 49_000, endedMs: 50_001 })).length, 1);
  assert.equal(unexplained(request({ sentMs: 11_000, endedMs: 12_000 })).length, 1);
});

test('one crossed reply, one record twice or one open request fails the run', () => {
  const record: HistoryEvent = { event: 'record', nonce: 'n', idempotencyKey: 'k' };
  const open = (count: number): HistoryEvent => ({
    event: 'gateway at the end',
    gateway: 'g',
    open: count,
    replies: { foreign: 2 },
  });
  const failures = (...events: HistoryEvent[]) =>
    chaosVerdicts(checkHistory([...KILLS, ok(1), record, open(0), ...events]))
      .filter(({ holds }) => !holds)
      .map(({ rule }) => rule);
  assert.deepEqual(failures(), []);
  assert.deepEqual(failures({ ...ok(2), crossed: true } as HistoryEvent), ['no crossed replies']);
  assert.deepEqual(failures(record), ['no request produced twice']);
  assert.deepEqual(failures(open(1)), ['nothing left open']);
  assert.deepEqual(
    chaosVerdicts(checkHistory([ok(1)]))
      .filter(({ holds }) => !holds)
      .map(({ rule }) => rule),
    ['gateways and brokers were killed'],
  );
  assert.deepEqual(checkHistory([open(0), open(1)]).replies, { foreign: 4 });
});

test('a history is read as it was written, with times since the beginning', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  try {
    const file = join(folder, 'history.ndjson');
    const writer = new HistoryWriter(file);
    const nowMs = performance.now();
    writer.request({ nonce: 'n', target: 'g', sentMs: nowMs, endedMs: nowMs + 7, status: 200 });
    writer.write(KILLS[0]!);
    await writer.close();
    const [first, second] = await readHistory(file);
    assert.ok(first?.event === 'request' && first.sentMs >= 0 && first.sentMs < 1000);
    assert.ok(Math.abs((first.endedMs ?? 0) - first.sentMs - 7) < 0.2);
    assert.deepEqual(second, KILLS[0]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
