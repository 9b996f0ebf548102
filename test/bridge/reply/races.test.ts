/** A reply and the deadline of its request come at the same moment: one of them wins, and only one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../bridge/clock';
import { GatewayError } from '../../../bridge/errors';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { HEADER_RULE } from '../../../bridge/reply/match-rule';
import { PendingReplies } from '../../../bridge/reply/pending-replies';
import { ReplyChannel } from '../../../bridge/reply/reply-channel';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';

const RACES = 100_000;
const BATCH = 999;
const OFFSETS_MS = [-1, 0, 1];

interface Race {
  readonly id: string;
  readonly registry: PendingReplies<string>;
  /** What each side was told: true when it ended the wait. */
  won: { reply?: boolean };
  outcome?: 'reply' | 'timeout';
}

function start(registry: PendingReplies<string>, id: string, deadlineAtMs: number): Race {
  const race: Race = { id, registry, won: {} };
  const wait = registry.register(id, deadlineAtMs, () => new GatewayError('reply_timeout', 'too late'));
  void wait.outcome.then((outcome) => {
    assert.equal(race.outcome, undefined, 'a wait ends once');
    race.outcome = 'reply' in outcome ? 'reply' : 'timeout';
  });
  return race;
}

function reply(race: Race): void {
  race.won.reply = race.registry.settle(race.id, 'a reply');
}

function check(races: readonly Race[]): void {
  for (const { id, won, outcome } of races) {
    assert.equal(outcome, won.reply ? 'reply' : 'timeout', `${id}: both sides agree on who won`);
  }
}

test(`${RACES} races on a clock that stands still in between`, async () => {
  const clock = new FakeClock();
  const registry = new PendingReplies<string>({ capacity: BATCH, clock, wheel: new DeadlineWheel(clock) });
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
  const channel = new ReplyChannel(reader, clock, new DeadlineWheel(clock), {
    replyTopic: 'replies',
    capacity: RACES,
    from: 'end',
    rules: [HEADER_RULE],
    sharedWithRequests: false,
    mayComeLater: () => false,
  });
  const statuses: number[][] = [];
  const replies: { atMs: number; id: string }[] = [];
  for (let index = 0; index < RACES; index++) {
    const id = `race ${index}`;
    // In the order of their deadlines, some 40 in each millisecond.
    const timeoutMs = 1000 + (index * 2500) / RACES;
    const got: number[] = [];
    statuses.push(got);
    const wait = channel.register(id, timeoutMs, () => new GatewayError('reply_timeout', 'too late'));
    void wait.outcome.then((outcome) => got.push('reply' in outcome ? 200 : outcome.error.status));
    replies.push({ atMs: wait.createdAtMs + timeoutMs + OFFSETS_MS[index % OFFSETS_MS.length]!, id });
  }
  for (const { atMs, id } of replies) {
    // Timers are a millisecond late or more; turns of the loop are not.
    while (clock.now() < atMs) await new Promise((resolve) => setImmediate(resolve));
    reader.deliver(receivedRecord({ headers: { 'correlation-id': id } }));
  }
  while (channel.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setImmediate(resolve));

  const count = (status: number) => statuses.filter((got) => got.length === 1 && got[0] === status).length;
  const [answered, timedOut] = [count(200), count(504)];
  assert.equal(answered + timedOut, RACES, 'each ends once');
  assert.ok(answered > 0 && timedOut > 0, `${answered} answered, ${timedOut} timed out`);
  const { replies: used, late, duplicate, foreign } = channel.counters;
  assert.deepEqual({ used, late, duplicate, foreign }, { used: answered, late: timedOut, duplicate: 0, foreign: 0 }); // prettier-ignore
});
