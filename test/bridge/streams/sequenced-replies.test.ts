/** Replies with places, from when they come until they are told: in which order, when all is over, and what is held. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import type { GatewayError } from '../../../bridge/errors';
import { NUMBERED } from '../../../bridge/streams/event-id';
import {
  SequencedReplies,
  type SequencedRepliesOptions,
  type Teller,
} from '../../../bridge/streams/sequenced-replies';
import { isLast } from '../../../bridge/streams/stream-rule';
import { FakeClock } from '../../support/fake-clock';
import { receivedRecord } from '../../support/records';

interface Given {
  readonly start?: number;
  readonly rule?: Partial<SequencedRepliesOptions['rule']>;
  readonly begun?: SequencedRepliesOptions['begun'];
}

function sequenced({ start = 1, rule, begun }: Given = {}) {
  const clock = new FakeClock();
  const held = bytesInFlight.held;
  const told: string[] = [];
  const failures: GatewayError[] = [];
  const bounds = {
    endHeader: 'end',
    count: undefined,
    bufferEvents: 100,
    bufferBytes: 1_000_000,
    ...rule,
  };
  const sequence = new SequencedReplies({
    sequence: { header: 'seq', start, gapMs: 5000 },
    rule: bounds,
    begun,
    nowMs: () => clock.now(),
    within: (limitMs, callback) => clock.after(limitMs, callback),
    fail: (error) => {
      failures.push(error);
      sequence.stop();
    },
  });
  let replies = begun?.replies ?? 0;
  const teller: Teller = {
    add: (reply) => {
      const isEnd = isLast(bounds, reply);
      const text = reply.value?.toString() ?? '';
      if (!isEnd || text !== '') {
        replies++;
        told.push(reply.partition === NUMBERED ? `${text}@${reply.offset}` : text);
      }
      return isEnd || replies >= (bounds.count ?? Infinity) ? 'last' : 'more';
    },
    skip: (missing, haveBeenHere) => told.push(`${haveBeenHere ? 'lost' : 'missing'} ${missing}`),
  };
  sequence.tellTo(teller);
  let offset = 0;
  const add = (value: string | null, place?: number | string, isEnd = false) => {
    const headers = { ...(place !== undefined && { seq: String(place) }), ...(isEnd && { end: '' }) };
    const verdict = sequence.add({ ...receivedRecord({ value, headers }), partition: 3, offset: offset++ });
    if (verdict === 'last') sequence.stop();
    return verdict;
  };
  const nothingLeft = () => {
    assert.equal(bytesInFlight.held, held, 'no memory is left behind');
    assert.equal(clock.pendingTimers, 0);
    assert.equal(sequence.isWaiting, false);
  };
  return { clock, sequence, told, failures, add, nothingLeft, held };
}

test('replies are told in the order of their places, whatever the order in which they come', () => {
  for (const start of [0, 1]) {
    const { add, told, nothingLeft, sequence, held } = sequenced({ start });
    for (const [value, number] of [
      ['c', 3],
      ['b', 2],
    ] as const)
      assert.equal(add(value, number - 1 + start), 'more');
    assert.deepEqual([told, sequence.isWaiting], [[], true]);
    assert.ok(bytesInFlight.held > held, 'what waits is counted');
    add('a', start);
    assert.deepEqual(told, ['a@1', 'b@2', 'c@3']);
    nothingLeft();
    add('d', 3 + start);
    assert.deepEqual(told.at(-1), 'd@4', 'what comes in its turn is told at once');
    nothingLeft();
  }
});

test('a place that comes twice is told once, whether the first waits or was told', () => {
  const { add, told, nothingLeft } = sequenced();
  add('b', 2);
  assert.equal(add('B', 2), 'duplicate');
  add('a', 1);
  for (const place of [1, 2]) assert.equal(add('again', place), 'duplicate');
  assert.deepEqual(told, ['a@1', 'b@2']);
  nothingLeft();
});

/** Partitions have no order among each other: what was read after the end was lost. */
test('an end that has a place waits for those before it, with a value or without', () => {
  for (const value of ['d', null]) {
    const { add, told, nothingLeft } = sequenced();
    assert.equal(add(value, 4, true), 'more');
    assert.equal(add('c', 3), 'more');
    assert.equal(add('a', 1), 'more');
    assert.equal(add('b', 2), 'last');
    assert.deepEqual(told, ['a@1', 'b@2', 'c@3', ...(value === null ? [] : ['d@4'])]);
    nothingLeft();
  }
});

test('what is behind an end that has a place is not told', () => {
  const { add, told, nothingLeft } = sequenced();
  add('c', 3);
  add('b', 2, true);
  assert.equal(add('a', 1), 'last');
  assert.deepEqual(told, ['a@1', 'b@2']);
  nothingLeft();
});

test('an end without a place is the end: what waits is told in its order, and how much is missing', () => {
  const { add, told, nothingLeft } = sequenced();
  add('a', 1);
  add('f', 6);
  add('c', 3);
  add('d', 4);
  assert.equal(add('z', undefined, true), 'last');
  assert.deepEqual(told, ['a@1', 'missing 1', 'c@3', 'd@4', 'missing 1', 'f@6', 'z']);
  nothingLeft();
});

test('when so many have come they are all, whichever places they have', () => {
  const { add, told, nothingLeft } = sequenced({ rule: { count: 4 } });
  add('e', 5);
  add('none');
  add('c', 3);
  assert.deepEqual(told, ['none']);
  assert.equal(add('a', 1), 'last');
  assert.deepEqual(told, ['none', 'a@1', 'c@3', 'e@5']);
  nothingLeft();
});

test('what has no place that is one is told at once', () => {
  const { add, told, nothingLeft } = sequenced();
  for (const place of [undefined, '-1', '0', 'x', '9999999999'])
    assert.equal(add(String(place), place), 'more');
  assert.deepEqual(told, ['undefined', '-1', '0', 'x', '9999999999']);
  nothingLeft();
});

test('a gap is an error when one behind it has waited for too long, and not before', () => {
  const { add, clock, failures, told, nothingLeft } = sequenced();
  add('b', 2);
  clock.advance(3000);
  add('d', 4);
  clock.advance(1990);
  add('a', 1);
  clock.advance(3000);
  assert.deepEqual(failures, [], 'the one that waits now came later');
  clock.advance(20);
  assert.deepEqual(told, ['a@1', 'b@2']);
  assert.deepEqual(
    failures.map(({ code, detail }) => [code, detail]),
    [
      [
        'reply_timeout',
        'the reply with number 3 did not come, and one behind it has waited for 5000 ms (stream.sequence_header)',
      ],
    ],
  );
  assert.equal(add('c', 3), 'duplicate', 'all is over');
  nothingLeft();
});

test('while nothing waits no time runs', () => {
  const { add, clock, failures, nothingLeft } = sequenced();
  add('b', 2);
  add('a', 1);
  clock.advance(60_000);
  assert.deepEqual(failures, []);
  nothingLeft();
});

test('what waits is bounded in number and in bytes', () => {
  for (const [rule, bound] of [
    [{ bufferEvents: 2 }, '2 replies (stream.buffer)'],
    [{ bufferBytes: 2600 }, '2600 bytes (stream.buffer_bytes)'],
  ] as const) {
    const { add, failures, told, nothingLeft } = sequenced({ rule });
    for (const place of [2, 4]) assert.equal(add('x', place), 'more');
    assert.deepEqual(failures, []);
    add('x', 3);
    assert.deepEqual(
      failures.map(({ code, detail }) => [code, detail]),
      [
        [
          'reply_too_large',
          `the reply with number 1 did not come, and those behind it are more than ${bound}`,
        ],
      ],
    );
    assert.deepEqual(told, []);
    nothingLeft();
  }
});

test('a place far away costs nothing', () => {
  const { add, told, sequence, nothingLeft } = sequenced();
  add('far', 999_999_999);
  add('a', 1);
  assert.equal(add(null, undefined, true), 'last');
  assert.deepEqual(told, ['a@1', 'missing 999999997', 'far@999999999']);
  sequence.stop();
  nothingLeft();
});

test('what another process has told is not told again, and goes on from there', () => {
  const { add, told, nothingLeft } = sequenced({ begun: { number: 2, replies: 2 }, rule: { count: 4 } });
  add('d', 4);
  assert.equal(add('b', 2), 'duplicate');
  assert.equal(add('c', 3), 'last');
  assert.deepEqual(told, ['c@3', 'd@4']);
  nothingLeft();
});

/** Its client was cut off between the last reply and the word that it was the last. */
test('an end that another process has told is one here, too', () => {
  const { add } = sequenced({ begun: { number: 2, replies: 2 } });
  assert.equal(add('b', 2, true), 'last');
});

test('what is not kept any more is missing in its turn', () => {
  const { add, sequence, told, nothingLeft } = sequenced({ begun: { number: 1, replies: 1 } });
  for (const place of [1, 2, 3, 5]) assert.ok(sequence.lose(new Map([['seq', place]])));
  for (const places of [undefined, new Map([['other', 4]])]) assert.equal(sequence.lose(places), false);
  sequence.tellWhatIsDue();
  assert.deepEqual(told, ['lost 2']);
  add('f', 6);
  assert.deepEqual(told, ['lost 2']);
  add('d', 4);
  assert.deepEqual(told, ['lost 2', 'd@4', 'lost 1', 'f@6']);
  nothingLeft();
});
