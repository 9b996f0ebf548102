/** Threads of libuv's pool: dead clusters took all of them, and everybody else waited behind their timeouts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PoolShare, ReadingSeats, ThreadPool } from '../../../bridge/kafka/thread-pool';
import { threadPoolSize } from '../../../bridge/thread-pool-size';
import { FakeClock } from '../../support/fake-clock';

const LIMIT_MS = 3000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Calls that end when the test says so; `started` has their names in the order they began. */
function share(slots: number, perCluster: number) {
  const clock = new FakeClock();
  const pool = new PoolShare(slots, perCluster, clock);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const clusters = new Map<string, object>();
  const ask = (name: string) => {
    const [cluster = ''] = name;
    clusters.set(cluster, clusters.get(cluster) ?? {});
    return pool.run(clusters.get(cluster) as object, LIMIT_MS, () => {
      started.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    });
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await settled();
  };
  return { clock, pool, started, ask, end };
}

test('a call with a slot starts at once and gives what it gives', async () => {
  const { pool, started, ask, end, clock } = share(1, 1);
  const asked = ask('a1');
  assert.deepEqual(started, ['a1']);
  await end('a1');
  assert.equal(await asked, 'a1');
  assert.deepEqual(pool.status(), { slots: 1, in_use: 0, queued: 0, waited: 0, longest_wait_ms: 0, lost: 0 });
  assert.equal(clock.pendingTimers, 0);
});

test('no more calls run than there are slots, and no more of one cluster than its part', async () => {
  const { pool, started, ask, end } = share(3, 2);
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void ask(name);
  assert.deepEqual(started, ['a1', 'a2', 'b1']);
  assert.deepEqual([pool.status()['in_use'], pool.status()['queued']], [3, 3]);
  for (const name of ['a1', 'a2', 'b1', 'a3', 'b2', 'c1']) await end(name);
  assert.equal(started.length, 6);
  assert.equal(pool.status()['in_use'], 0);
});

test('clusters take turns: one that asks much does not keep another waiting', async () => {
  const { started, ask, end } = share(1, 1);
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) void ask(name);
  for (let next = 0; next < 7; next++) await end(started[next] as string);
  assert.deepEqual(started, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
});

test('a cluster that has used up its part is passed over while others have slots', async () => {
  const { started, ask, end } = share(2, 1);
  for (const name of ['a1', 'b1', 'a2', 'c1']) void ask(name);
  await end('b1');
  assert.deepEqual(started, ['a1', 'b1', 'c1']);
  await end('a1');
  assert.deepEqual(started, ['a1', 'b1', 'c1', 'a2']);
});

test('how long calls have waited is told', async () => {
  const { clock, pool, ask, end } = share(1, 1);
  void ask('a1');
  void ask('b1');
  clock.advance(700);
  await end('a1');
  assert.deepEqual([pool.status()['waited'], pool.status()['longest_wait_ms']], [1, 700]);
  await end('b1');
});

test('a call that fails or throws gives its slot back', async () => {
  const { pool } = share(1, 1);
  await assert.rejects(
    pool.run({}, LIMIT_MS, () => Promise.reject(new Error('away'))),
    { message: 'away' },
  );
  const thrown = pool.run({}, LIMIT_MS, () => {
    throw new Error('not connected');
  });
  await assert.rejects(thrown, { message: 'not connected' });
  assert.equal(pool.status()['in_use'], 0);
});

test('a call that never comes back is counted as lost, and its slot goes to others, once', async () => {
  const { clock, pool, started, ask, end } = share(1, 1);
  void ask('a1');
  void ask('b1');
  clock.advance(LIMIT_MS + 9999);
  assert.deepEqual(started, ['a1']);
  clock.advance(1);
  assert.deepEqual(started, ['a1', 'b1']);
  assert.equal(pool.status()['lost'], 1);
  // It did come back, an hour late.
  await end('a1');
  assert.equal(pool.status()['in_use'], 1);
  await end('b1');
  assert.equal(pool.status()['in_use'], 0);
});

test('the shares leave threads for files and names, whatever the size of the pool', () => {
  for (const threads of [16, 64, 192, 1024]) {
    const status = new ThreadPool(threads).status() as Record<string, { slots?: number; seats?: number }>;
    const shared = ['reading', 'asking', 'trying', 'retrying'].map(
      (name) => status[name]?.slots ?? status[name]?.seats ?? 0,
    );
    assert.ok(shared.every((slots) => slots >= 1));
    assert.ok(
      shared.reduce((sum, slots) => sum + slots) <= (threads * 7) / 8,
      `${threads}: ${shared.join()}`,
    );
  }
});

test('readers beyond the number of seats take turns', () => {
  const seats = new ReadingSeats(2);
  const seated: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) seats.take(() => seated.push(name));
  assert.deepEqual(seated, ['a', 'b']);
  assert.ok(seats.crowded);
  seats.leave();
  seats.take(() => seated.push('a again'));
  seats.leave();
  seats.leave();
  assert.deepEqual(seated, ['a', 'b', 'c', 'd', 'a again']);
  assert.ok(!seats.crowded);
  for (let i = 0; i < 2; i++) seats.leave();
  assert.deepEqual(seats.status(), { seats: 2, in_use: 0, queued: 0 });
});

test('the size of the pool is what libuv makes of the variable', () => {
  const sizes = [['16', 16], ['0', 1], ['', 1], ['many', 1], ['5000', 1024], ['12 threads', 12]] as const; // prettier-ignore
  for (const [text, threads] of sizes) assert.equal(threadPoolSize(text), threads, text);
});
