import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LingerPool, type Lingering } from '../../bridge/linger-pool';
import { FakeClock } from '../support/fake-clock';

class Thing implements Lingering {
  ended = 0;
  busy = false;

  mayEnd(): boolean {
    return !this.busy;
  }

  end(): void {
    this.ended++;
  }
}

test('equal keys share one thing, which ends a while after the last release', () => {
  const clock = new FakeClock();
  const pool = new LingerPool<Thing>(clock, 1000);
  const thing = pool.acquire('k', () => new Thing());
  assert.equal(
    pool.acquire('k', () => new Thing()),
    thing,
  );
  pool.release('k');
  clock.advance(5000);
  assert.equal(thing.ended, 0, 'one user is left');
  pool.release('k');
  clock.advance(999);
  assert.equal(thing.ended, 0);
  clock.advance(1);
  assert.equal(thing.ended, 1);
  assert.deepEqual(pool.things(), []);
});

test('a thing that is wanted again while it lingers lives on', () => {
  const clock = new FakeClock();
  const pool = new LingerPool<Thing>(clock, 1000);
  const thing = pool.acquire('k', () => new Thing());
  pool.release('k');
  clock.advance(500);
  assert.equal(
    pool.acquire('k', () => new Thing()),
    thing,
  );
  clock.advance(5000);
  assert.equal(thing.ended, 0);
});

test('a thing that something depends on is not ended yet', () => {
  const clock = new FakeClock();
  const pool = new LingerPool<Thing>(clock, 1000);
  const thing = pool.acquire('k', () => new Thing());
  thing.busy = true;
  pool.release('k');
  clock.advance(1500);
  assert.equal(thing.ended, 0);
  thing.busy = false;
  clock.advance(1000);
  assert.equal(thing.ended, 1);
});

test('endAll ends everything once, and a release too many does nothing', () => {
  const clock = new FakeClock();
  const pool = new LingerPool<Thing>(clock, 1000);
  const thing = pool.acquire('k', () => new Thing());
  pool.release('k');
  pool.release('k');
  pool.endAll();
  clock.advance(5000);
  assert.equal(thing.ended, 1);
  assert.equal(clock.pendingTimers, 0);
});
