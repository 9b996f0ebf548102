import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineWheel, type Deadline } from '../../../bridge/reply/deadline-wheel';
import { FakeClock } from '../../support/fake-clock';

function entryAt(deadlineAtMs: number, fired: number[], clock: FakeClock): Deadline {
  return { deadlineAtMs, onDeadline: () => fired.push(clock.now()) };
}

test('an entry fires at its deadline or up to one tick late, never early', () => {
  for (let offset = 0; offset < 40; offset++) {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock);
    const fired: number[] = [];
    const deadlineAtMs = clock.now() + 5000 + offset * 0.7;
    wheel.add(entryAt(deadlineAtMs, fired, clock));
    clock.advance(6000);
    assert.equal(fired.length, 1);
    assert.ok(fired[0]! >= deadlineAtMs, `early: ${fired[0]} < ${deadlineAtMs}`);
    assert.ok(fired[0]! <= deadlineAtMs + 20, `late: ${fired[0]} > ${deadlineAtMs}`);
  }
});

test('a deadline many turns away waits for all of them', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: number[] = [];
  wheel.add(entryAt(clock.now() + 300_000, fired, clock));
  clock.advance(299_990);
  assert.deepEqual(fired, []);
  clock.advance(30);
  assert.equal(fired.length, 1);
});

test('a deadline already past fires at the next tick', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: number[] = [];
  wheel.add(entryAt(clock.now() - 50, fired, clock));
  clock.advance(20);
  assert.equal(fired.length, 1);
});

test('an entry added while another waits keeps its own deadline', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const late: number[] = [];
  const soon: number[] = [];
  wheel.add(entryAt(clock.now() + 5000, late, clock));
  clock.advance(3333);
  wheel.add(entryAt(clock.now() + 7, soon, clock));
  clock.advance(20);
  assert.equal(soon.length, 1);
  assert.equal(late.length, 0);
  clock.advance(2000);
  assert.equal(late.length, 1);
});

test('a removed entry does not fire, not even when the callback before it removes it', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: string[] = [];
  const second: Deadline = { deadlineAtMs: clock.now() + 100, onDeadline: () => fired.push('second') };
  const first: Deadline = {
    deadlineAtMs: clock.now() + 100,
    onDeadline: () => {
      fired.push('first');
      wheel.remove(second);
    },
  };
  wheel.add(first);
  wheel.add(second);
  clock.advance(200);
  assert.deepEqual(fired, ['first']);
  assert.equal(wheel.size, 0);
});

test('a stalled process fires everything overdue in one go', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: number[] = [];
  for (let i = 0; i < 1000; i++) wheel.add(entryAt(clock.now() + i * 17, fired, clock));
  clock.advance(60_000);
  assert.equal(fired.length, 1000);
});

test('an idle wheel has no timer', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const entry = entryAt(clock.now() + 100, [], clock);
  assert.equal(clock.pendingTimers, 0);
  wheel.add(entry);
  assert.equal(clock.pendingTimers, 1);
  wheel.remove(entry);
  assert.equal(clock.pendingTimers, 0);
});

/** Work takes time here, during which no timer runs. */
class BusyClock extends FakeClock {
  workedMs = 0;

  override now(): number {
    return super.now() + this.workedMs;
  }

  /** As a timer of node, at least a millisecond. */
  override after(delayMs: number, callback: () => void): () => void {
    return super.after(Math.max(delayMs, 1), callback);
  }
}

/** Ten thousand waits with one deadline held the event loop, and with it every other request, for 100 ms and more. */
test('thousands with the same deadline let the event loop have its turn in between', () => {
  const clock = new BusyClock();
  const wheel = new DeadlineWheel(clock);
  const deadlineAtMs = clock.now() + 100;
  const fired: number[] = [];
  for (let number = 0; number < 35; number++) {
    wheel.add({
      deadlineAtMs,
      onDeadline: () => {
        clock.workedMs++;
        fired.push(number);
      },
    });
  }
  const seen = new Set<number>();
  const others = (): void => {
    seen.add(fired.length);
    clock.after(1, others);
  };
  others();
  clock.advance(200);
  const inOrder = Array.from({ length: 35 }, (_, number) => number);
  assert.deepEqual(fired, inOrder);
  assert.deepEqual([...seen], [0, 10, 20, 30, 35]);
  assert.equal(wheel.size, 0);
});

test('what is moved or removed while it waits for its turn does not fire then', () => {
  const clock = new BusyClock();
  const wheel = new DeadlineWheel(clock);
  const fired: string[] = [];
  class Entry implements Deadline {
    deadlineAtMs = clock.now() + 100;
    constructor(private readonly name: string) {}
    onDeadline(): void {
      clock.workedMs += 10;
      fired.push(this.name);
      if (this.name !== 'first') return;
      clock.after(0, () => {
        wheel.remove(moved);
        moved.deadlineAtMs += 500;
        wheel.add(moved);
        wheel.remove(removed);
      });
    }
  }
  const moved = new Entry('moved');
  const removed = new Entry('removed');
  for (const each of [new Entry('first'), moved, removed, new Entry('last')]) wheel.add(each);
  clock.advance(300);
  assert.deepEqual(fired, ['first', 'last']);
  clock.advance(400);
  assert.deepEqual(fired, ['first', 'last', 'moved']);
  assert.equal(wheel.size, 0);
});

/** The process lives on after an exception that nobody caught, and all who waited did so until the next request came. */
test('one that throws holds up no other', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: number[] = [];
  const throwing = { deadlineAtMs: clock.now() + 50, onDeadline: () => assert.fail('a bug') };
  for (const entry of [
    throwing,
    entryAt(clock.now() + 50, fired, clock),
    entryAt(clock.now() + 500, fired, clock),
  ])
    wheel.add(entry);
  assert.throws(() => clock.advance(100));
  clock.advance(1000);
  assert.equal(fired.length, 2);
});
