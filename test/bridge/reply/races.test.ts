/** A reply and the deadline of its request come at the same moment: one of them wins, and only one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type Clock } from '../../../bridge/clock';
import { GatewayError } from '../../../bridge/errors';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { PendingReplies } from '../../../bridge/reply/pending-replies';
import { FakeClock } from '../../support/fake-clock';

const RACES = 100_000;
const CAPACITY = 10_000;
const OFFSETS_MS = [-1, 0, 1];

interface Race {
  readonly id: string;
  readonly registry: PendingReplies<string>;
  /** What each side was told: true when it ended the wait. */
  won: { reply?: boolean };
  outcome?: 'reply' | 'timeout';
}

function registryOn(clock: Clock): PendingReplies<string> {
  return new PendingReplies({ capacity: CAPACITY, clock, wheel: new DeadlineWheel(clock) });
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
  const registry = registryOn(clock);
  const counts = { reply: 0, timeout: 0 };
  const batch = 999;
  for (let first = 0; first < RACES; first += batch) {
    const deadlineAtMs = clock.now() + 10;
    const races = Array.from({ length: Math.min(batch, RACES - first) }, (_, index) =>
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

test('ten thousand races against real time', async () => {
  const registry = registryOn(systemClock);
  const beganMs = systemClock.now();
  const races = Array.from({ length: CAPACITY }, (_, index) => {
    const deadlineAtMs = beganMs + 100 + (index % 100);
    const race = start(registry, `${index}`, deadlineAtMs);
    const offsetMs = OFFSETS_MS[index % OFFSETS_MS.length]!;
    setTimeout(() => reply(race), deadlineAtMs + offsetMs - systemClock.now());
    return race;
  });
  while (races.some(({ outcome, won }) => outcome === undefined || won.reply === undefined)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  check(races);
  assert.equal(registry.size, 0);
});
