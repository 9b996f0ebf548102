import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Reruns } from '../../pluginserver/reruns';

function reruns() {
  let nowMs = 0;
  return { reruns: new Reruns(() => nowMs), pass: (ms: number) => (nowMs += ms) };
}

it('an event is exhausted after two closed attempts, per request and phase', () => {
  const { reruns: attempts } = reruns();
  attempts.record('a', 'access');
  assert.equal(attempts.anyExhausted, false);
  attempts.record('a', 'access');
  assert.equal(attempts.anyExhausted, true);
  assert.equal(attempts.isExhausted('a', 'access'), true);
  assert.equal(attempts.isExhausted('a', 'response'), false);
  assert.equal(attempts.isExhausted('b', 'access'), false);
});

it('attempts are forgotten a minute after the last one', () => {
  const { reruns: attempts, pass } = reruns();
  attempts.record('a', 'access');
  pass(40_000);
  attempts.record('a', 'access');
  pass(40_000);
  attempts.sweep();
  assert.equal(attempts.isExhausted('a', 'access'), true);
  pass(30_000);
  attempts.sweep();
  assert.equal(attempts.size, 0);
  assert.equal(attempts.anyExhausted, false);
});

it('memory is bounded, and what is dropped no longer counts', () => {
  const { reruns: attempts } = reruns();
  attempts.record('first', 'access');
  attempts.record('first', 'access');
  for (let index = 0; index < 10_000; index++) attempts.record(`r${index}`, 'access');
  assert.equal(attempts.size, 10_000);
  assert.equal(attempts.anyExhausted, false);
});
