/** A reply and the deadline of its request come at the same moment: one of them wins, and only one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../../bridge/clock';
import { GatewayError } from '../../../bridge/errors';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { PendingReplies, type WaitOwner } from '../../../bridge/reply/pending-replies';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';

const RACES = 100_000;
const BATCH = 999;
const WAVES = 10;
const OFFSETS_MS = [-1, 0, 1];

type Registry = PendingReplies<string, WaitOwner>;

const OWNER: WaitOwner = { capacity: BATCH, inFlight: 0, onTimedOut: () => undefined };

interface Race {
  readonly id: string;
  readonly registry: Registry;
  /** What each side was told: true when it ended the wait. */
  won: { reply?: boolean };
  outcome?: 'reply' | 'timeout';
}

function start(registry: Registry, id: string, deadlineAtMs: number): Race {
  const race: Race = { id, registry, won: {} };
  const wait = registry.register(
    OWNER,
    id,
    deadlineAtMs,
    () => new GatewayError('reply_timeout', 'too late'),
  );
  wait.whenEnded((outcome) => {
    assert.equal(race.outcome, undefined, 'a wait ends once');
    race.outcome = 'reply' in outcome ? 'reply' : 'timeout';
  });
  return race;
}

function reply(race: Race): void {
  const wait = race.registry.find(race.id);
  race.won.reply = wait !== undefined && race.registry.settle(wait, 'a reply');
}

function check(races: readonly Race[]): void {
  for (const { id, won, outcome } of races) {
    assert.equal(outcome, won.reply ? 'reply' : 'timeout', `${id}: both sides agree on who won`);
  }
}

test(`${RACES} races on a clock that stands still in between`, async () => {
  const clock = new FakeClock();
  const registry = new PendingReplies<string, WaitOwner>({ clock, wheel: new DeadlineWheel(clock) });
  const counts = { reply: 0, timeout: 0 };
  for (let first = 0; first < RACES; first += BATCH) {
    const deadlineAtMs = clock.now() + 10;
    const races = Array.from({ length: Math.min(BATCH, RACES - first) }, (_, index) =>
      start(registry, `${first + index}`, deadlineAtMs),
    );
    clock.advance(10 + OFFSETS_MS[0]!);
    for (const [turn, offsetMs] of OFFSETS_MS.entries()) {
      if (offsetMs > OFFSETS_MS[0]!) clock.advance(1);
      for (let index = turn; index < races.length; index += OFFSETS_MS.length) reply(races[index]!);
    }
    clock.advance(20);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    check(races);
    for (const { outcome } of races) counts[outcome!]++;
    assert.equal(registry.size, 0);
  }
  assert.equal(counts.reply + counts.timeout, RACES);
  assert.ok(counts.reply > 0, JSON.stringify(counts));
});

test(`${RACES} races against real time, through a reply channel`, async () => {
  const clock = systemClock;
  const reader = new FakeReader();
  const channel = openReplyChannel(replyTopics(clock), reader, { capacity: RACES / WAVES });
  const statuses: number[][] = [];
  for (let wave = 0; wave < WAVES; wave++) {
    const replies = Array.from({ length: RACES / WAVES }, (_, index) => {
      const id = `race ${wave}-${index}`;
      // In the order of their deadlines, some 30 in each millisecond.
      const timeoutMs = 100 + (index * 300 * WAVES) / RACES;
      const got: number[] = [];
      statuses.push(got);
      const wait = channel.register(id, timeoutMs, () => new GatewayError('reply_timeout', 'too late'));
      wait.whenEnded((outcome) => got.push('error' in outcome ? outcome.error.status : 200));
      return { id, atMs: wait.createdAtMs + timeoutMs + OFFSETS_MS[index % OFFSETS_MS.length]! };
    });
    for (const [index, { atMs, id }] of replies.entries()) {
      // Timers are a millisecond late or more; turns of the loop are not. On a busy machine the deadlines need them too.
      if (index % 100 === 0) await turn();
      while (clock.now() < atMs) await turn();
      reader.deliver(receivedRecord({ headers: { 'correlation-id': id } }));
    }
    while (channel.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await turn();

  const count = (status: number) => statuses.filter((got) => got.length === 1 && got[0] === status).length;
  const [answered, timedOut] = [count(200), count(504)];
  assert.equal(answered + timedOut, RACES, 'each ends once');
  const { replies: used, late, duplicate, foreign } = channel.topic.counters;
  // On a busy machine some come when their wait is forgotten.
  const tooLate = late + foreign;
  assert.deepEqual({ used, tooLate, duplicate }, { used: answered, tooLate: timedOut, duplicate: 0 });
});
