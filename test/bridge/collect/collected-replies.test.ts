/** When all replies are there, and how many are missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectedReplies } from '../../../bridge/collect/collected-replies';
import type { CollectRule } from '../../../bridge/collect/collect-rule';
import { receivedRecord } from '../../support/records';

const RULE: CollectRule = {
  count: undefined,
  endHeader: undefined,
  quietMs: undefined,
  sequenceHeader: undefined,
  sequenceStart: 1,
  isPartialAnswered: false,
  form: 'array',
  maxCount: 1000,
  maxBytes: 1_000_000,
};

function collect(rule: Partial<CollectRule>) {
  let offset = 0;
  const collected = new CollectedReplies(
    { ...RULE, ...rule },
    { isError: () => false, within: () => () => undefined, onQuiet: () => undefined },
  );
  const add = (value: string | null, headers: Record<string, string> = {}) =>
    collected.add({ ...receivedRecord({ value, headers }), offset: offset++ });
  const values = () => collected.replies.map(({ value }) => value?.toString() ?? null);
  return { collected, add, values };
}

/** Partitions have no order among each other, so the end may come before what it ends. */
test('an end that has a place waits for those before it', () => {
  for (const first of [0, 1]) {
    const { collected, add, values } = collect({
      endHeader: 'end',
      sequenceHeader: 'seq',
      sequenceStart: first,
    });
    const at = (place: number) => ({ seq: String(first + place) });
    assert.equal(add('b', at(1)), 'more');
    assert.equal(add('d', { ...at(3), end: '' }), 'more');
    assert.equal(collected.missing, 2);
    assert.equal(add('a', at(0)), 'more');
    assert.equal(add('c', at(2)), 'last');
    assert.deepEqual(values(), ['a', 'b', 'c', 'd']);
    assert.equal(collected.missing, 0);
  }
});

test('an end without a place is the end, and what is known to be missing is told', () => {
  const { collected, add, values } = collect({ endHeader: 'end', sequenceHeader: 'seq' });
  assert.equal(add('a', { seq: '1' }), 'more');
  assert.equal(add('d', { seq: '4' }), 'more');
  assert.equal(add(null, { end: '' }), 'last');
  assert.deepEqual(values(), ['a', 'd']);
  assert.equal(collected.missing, 2);
});

test('an end before anything is an end of nothing', () => {
  const { collected, add } = collect({ endHeader: 'end' });
  assert.equal(add(null, { end: '' }), 'last');
  assert.equal(collected.count, 0);
  assert.equal(collected.missing, 0);
});

test('a place that is no number is none: such replies are behind the others, as they came', () => {
  const { add, values } = collect({ count: 4, sequenceHeader: 'seq' });
  for (const [value, seq] of [
    ['x', '-1'],
    ['y', '99999999999999'],
    ['b', '2'],
  ] as const)
    assert.equal(add(value, { seq }), 'more');
  assert.equal(add('a', { seq: '1' }), 'last');
  assert.deepEqual(values(), ['a', 'b', 'x', 'y']);
});

test('a place far away costs nothing', () => {
  const { collected, add } = collect({ quietMs: 100, sequenceHeader: 'seq' });
  assert.equal(add('a', { seq: '999999999' }), 'more');
  assert.equal(collected.missing, 999_999_998);
});

test('without numbers and without a count nobody knows what is missing', () => {
  const { collected, add } = collect({ quietMs: 100 });
  add('a');
  assert.equal(collected.missing, undefined);
});
