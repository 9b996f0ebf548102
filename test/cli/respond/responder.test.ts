import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import { echo } from '../../../cli/respond/reply';
import { Responder, type Handled, type ResponderOptions } from '../../../cli/respond/responder';

let offset = 0;
const request = (id: string | undefined, replyTopic = 'replies'): ReceivedRecord => ({
  topic: 'requests',
  partition: 0,
  offset: offset++,
  timestamp: 0,
  key: Buffer.from('k'),
  value: Buffer.from(`value of ${id}`),
  headers: [
    ...(id === undefined ? [] : [['correlation-id', Buffer.from(id)] as [string, Buffer]]),
    ['reply-to', Buffer.from(replyTopic)],
  ],
});

function responder(more: Partial<ResponderOptions> = {}, error?: GatewayError) {
  const produced: OutgoingRecord[] = [];
  const handled: Handled[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const it = new Responder({
    rules: { dialect: 'auto', replyTopics: ['replies'], topics: ['requests'] },
    reply: { status: undefined, error: undefined, headers: [] },
    delayMs: 0,
    concurrency: 2,
    producer: {
      produce: (record, onDelivery) => {
        produced.push(record);
        onDelivery(error);
      },
    },
    work: async (asked) => echo(asked),
    onHandled: (one) => {
      handled.push(one);
      for (const { count, done } of waiting) if (handled.length >= count) done();
    },
    ...more,
  });
  const until = (count: number) => new Promise<void>((done) => (handled.length >= count ? done() : waiting.push({ count, done }))); // prettier-ignore
  return { it, produced, handled, until };
}

test('a request is answered with its id and key', async () => {
  const { it, produced, handled, until } = responder();
  it.take(request('a'));
  await until(1);
  const [reply] = produced;
  assert.deepEqual([reply!.topic, reply!.key?.toString(), reply!.value?.toString(), reply!.headers], ['replies', 'k', 'value of a', [['correlation-id', 'a']]]); // prettier-ignore
  assert.deepEqual([handled[0]!.outcome, handled[0]!.bytes], ['answered', 10]);
  await it.stop();
});

test('what cannot be answered is told and counted; a broker that refuses is a failure', async () => {
  const { it, handled, until } = responder({}, new GatewayError('produce_failed', 'not allowed'));
  it.take(request('a', 'elsewhere'));
  it.take(request('b'));
  await until(2);
  assert.deepEqual(handled.map(({ outcome }) => outcome), ['not_answered', 'failed']); // prettier-ignore
  assert.deepEqual(it.counters, { answered: 0, not_answered: 1, failed: 1 });
  await it.stop();
});

test('no more than so many at once, and in their order', async () => {
  const open: (() => void)[] = [];
  const begun: string[] = [];
  let most = 0;
  const { it, until, handled } = responder({
    work: async (asked, id) => {
      begun.push(id);
      most = Math.max(most, open.length + 1);
      await new Promise<void>((resolve) => open.push(resolve));
      return echo(asked);
    },
  });
  for (const id of ['a', 'b', 'c', 'd', 'e']) it.take(request(id));
  for (let done = 1; done <= 5; done++) {
    while (open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    open.shift()!();
    await until(done);
  }
  assert.deepEqual([begun, most, handled.length], [['a', 'b', 'c', 'd', 'e'], 2, 5]);
  await it.stop();
});

test('a stop leaves nothing behind: neither what waits for its time, nor for its turn, nor what works', async () => {
  const { it, produced, handled } = responder({
    concurrency: 1,
    work: (_asked, _id, stopped) => new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('stopped')))), // prettier-ignore
  });
  for (const id of ['a', 'b', 'c']) it.take(request(id));
  const delayed = responder({ delayMs: 60_000 });
  delayed.it.take(request('d'));
  await Promise.all([it.stop(), delayed.it.stop()]);
  it.take(request('e'));
  assert.deepEqual([produced, handled, delayed.handled], [[], [], []]);
});
