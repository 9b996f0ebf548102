import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker, MOST_OPEN_MS } from '../../../bridge/failover/breaker';

const OPTIONS = { failures: 3, windowMs: 10_000, openForMs: 5000 };

function lab() {
  const changes: boolean[] = [];
  const breaker = new Breaker(OPTIONS, (isOpen) => changes.push(isOpen));
  let count = 0;
  const fail = (
    nowMs: number,
    { marked = count, tookMs = 10, requestId = `f${count}`, status = 502 } = {},
  ) => {
    count++;
    breaker.onFailure({ requestId, tookMs, status }, marked, nowMs);
  };
  const opened = () => {
    for (let number = 0; number < 3; number++) fail(1000);
  };
  return { breaker, changes, fail, opened };
}

test('so many failures within the window open it, and fewer or slower ones do not', () => {
  const { breaker, changes, fail } = lab();
  fail(0);
  fail(1);
  assert.equal(breaker.decide('r', 2), 'through');
  // The first of the three is out of the window.
  fail(10_001);
  assert.equal(breaker.decide('r', 10_001), 'through');
  fail(10_002, { status: 504 });
  assert.deepEqual([breaker.isOpen, breaker.status, breaker.decide('r', 10_002)], [false, 504, 'through']);
  fail(10_003);
  assert.deepEqual([breaker.isOpen, breaker.decide('r', 10_003)], [true, 'keep']);
  assert.deepEqual(changes, [true]);
});

/** A service with a thousand requests a second may lose five of them in ten seconds and be well. */
test('failures among many requests that did not fail leave it closed', () => {
  const { breaker, fail } = lab();
  for (let number = 0; number < 20; number++) fail(number, { marked: number * 100 });
  assert.equal(breaker.isOpen, false);
  // Now all fail.
  for (let number = 0; number < 3; number++) fail(100, { marked: 2000 + number });
  assert.equal(breaker.isOpen, true);
});

test('after a while somebody looks whether it is back: once for each interval, while requests are kept', () => {
  const { breaker, opened } = lab();
  opened();
  assert.equal(breaker.decide('a', 5999), 'keep');
  assert.equal(breaker.decide('b', 6000), 'probe');
  assert.equal(breaker.decide('c', 6001), 'keep');
  assert.equal(breaker.decide('d', 11_000), 'probe');
});

test('when it takes connections one request tries it, and the others wait for the outcome', () => {
  const { breaker, changes, opened } = lab();
  opened();
  breaker.onReachable();
  assert.equal(breaker.decide('trial', 7000), 'through');
  assert.equal(breaker.decide('other', 7001), 'keep');
  assert.equal(breaker.decide('other', 7999), 'keep');
  assert.equal(breaker.decide('other', 8000), 'through');
  assert.deepEqual([breaker.isOpen, changes], [false, [true, false]]);
  assert.equal(breaker.decide('other', 8001), 'through');
});

test('when that one fails it stays open; failures of earlier requests say nothing', () => {
  const { breaker, changes, fail, opened } = lab();
  opened();
  breaker.onReachable();
  assert.equal(breaker.decide('trial', 7000), 'through');
  fail(7100, { requestId: 'long under way' });
  assert.equal(breaker.decide('other', 7101), 'keep');
  fail(7200, { requestId: 'trial' });
  assert.equal(breaker.decide('other', 12_199), 'keep');
  assert.equal(breaker.decide('other', 12_200), 'probe');
  assert.deepEqual(changes, [true]);
});

/** One that takes connections and does not answer: silence of a second would look like success. */
test('a request that tries it has succeeded when it has not failed for longer than the failures took', () => {
  const { breaker, fail } = lab();
  for (let number = 0; number < 3; number++) fail(60_000, { tookMs: 60_000, status: 504 });
  breaker.onReachable();
  assert.equal(breaker.decide('trial', 70_000), 'through');
  assert.equal(breaker.decide('other', 159_999), 'keep');
  assert.equal(breaker.decide('other', 160_000), 'through');
});

/** The plugin server may not reach what Kong reaches. */
test('it closes after ten minutes, whatever the probe says', () => {
  const { breaker, opened } = lab();
  opened();
  assert.notEqual(breaker.decide('r', 1000 + MOST_OPEN_MS - 1), 'through');
  assert.equal(breaker.decide('r', 1000 + MOST_OPEN_MS), 'through');
  assert.equal(breaker.isOpen, false);
});

test('a probe that answers when it is closed again changes nothing', () => {
  const { breaker } = lab();
  breaker.onReachable();
  assert.equal(breaker.isOpen, false);
});
