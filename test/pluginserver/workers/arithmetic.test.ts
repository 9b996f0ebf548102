/** What is only counted and divided: limits, names, places, the number of workers, and when one is started again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeId, nodeNumber } from '../../../bridge/node-id';
import { ONLY_WORKER, shareOf, workerIn } from '../../../common/worker';
import { dividedLimits } from '../../../pluginserver/workers/limits';
import { servedBy, servedTogether } from '../../../pluginserver/workers/placement';
import { Restarts } from '../../../pluginserver/workers/restarts';
import { automaticWorkers } from '../../../pluginserver/workers/worker-count';

const worker = (number: number, count: number) => ({ number, count });

describe('which worker a process is', () => {
  it('is said by the primary, and a process that nobody tells is the only one', () => {
    assert.deepEqual(workerIn({ KONG_KAFKA_WORKER: '2/4' }), worker(2, 4));
    assert.equal(workerIn({}), ONLY_WORKER);
    assert.equal(workerIn({ KONG_KAFKA_WORKER: 'two' }), ONLY_WORKER);
  });
});

describe('limits of a node', () => {
  it('are divided, and nobody has nothing', () => {
    const limits = { maxOpenEvents: 50_000, maxBytesInFlight: 7, maxEventLoopLagMs: 1000 };
    assert.deepEqual(dividedLimits(limits, worker(1, 4)), {
      maxOpenEvents: 12_500,
      maxBytesInFlight: 2,
      maxEventLoopLagMs: 1000,
    });
    assert.deepEqual(dividedLimits(limits, ONLY_WORKER), limits);
    assert.equal(shareOf(1, worker(3, 8)), 1);
  });
});

describe('names of workers', () => {
  it('end in their number, and those of an only worker are as ever', () => {
    assert.equal(nodeId({}, 'kong-3', worker(2, 4)), 'kong-3-w2');
    assert.equal(nodeId({}, 'kong-3', ONLY_WORKER), 'kong-3');
    const long = nodeId({}, `${'x'.repeat(300)}-7`, worker(12, 16));
    assert.equal(long.length, 100);
    assert.match(long, /x-7-w12$/);
  });

  it('have numbers of which no two of the nodes are the same, so that each has a partition of its own', () => {
    const numbers = ['kong-0', 'kong-1', 'kong-2'].flatMap((host) =>
      [1, 2, 3, 4].map((number) => {
        const own = worker(number, 4);
        return nodeNumber(nodeId({}, host, own), own);
      }),
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 12 }, (_, index) => index),
    );
  });

  it('of a host without a number follow each other as well', () => {
    const [one = 0, two = 0] = [1, 2].map((number) => {
      const own = worker(number, 2);
      return nodeNumber(nodeId({}, 'gateway', own), own);
    });
    assert.equal(two - one, 1);
  });
});

describe('placement', () => {
  const producer = { name: 'producer', continues: undefined };
  const consumer = { name: 'consumer', continues: 'producer' };
  const others = ['request-reply', 'log'].map((name) => ({ name, continues: undefined }));
  const plugins = [producer, consumer, ...others];

  it('keeps plugins together that pass requests to each other', () => {
    assert.deepEqual(servedTogether(plugins), [producer, consumer]);
    assert.deepEqual(servedBy(1, plugins), plugins);
    assert.deepEqual(servedBy(2, plugins), others);
  });

  it('has a plugin in one process that goes on with its own requests', () => {
    const failover = { name: 'failover', continues: undefined, oneProcess: true };
    assert.deepEqual(servedTogether([failover, ...others]), [failover]);
    assert.deepEqual(servedBy(2, [failover, ...others]), others);
  });

  it('lets a producer that nobody goes on with be everywhere', () => {
    assert.deepEqual(servedBy(2, [producer, ...others]), [producer, ...others]);
  });
});

describe('--workers auto', () => {
  it('is half of the cores that the process may use, and at least one', () => {
    assert.equal(automaticWorkers(16, undefined), 8);
    assert.equal(automaticWorkers(1, undefined), 1);
    assert.equal(automaticWorkers(3, 'max 100000\n'), 1);
    assert.equal(automaticWorkers(1000, undefined), 64);
  });

  it('sees the quota of a container, not only the cores of its host', () => {
    assert.equal(automaticWorkers(64, '400000 100000\n'), 2);
    assert.equal(automaticWorkers(64, '50000 100000\n'), 1);
    assert.equal(automaticWorkers(2, '800000 100000\n'), 1);
  });
});

describe('a worker that has ended', () => {
  it('is started again at once if it had served for a while, however often', () => {
    const restarts = new Restarts();
    for (let time = 0; time < 20; time++) assert.equal(restarts.ended(60_000), 100);
    assert.equal(restarts.isLooping, false);
    assert.equal(restarts.count, 20);
  });

  it('is started ever later when it ends right away, and counts as a crash loop from the fifth time on', () => {
    const restarts = new Restarts();
    const delays = Array.from({ length: 12 }, (_, time) => {
      assert.equal(restarts.isLooping, time >= 5);
      return restarts.ended(time % 2 === 0 ? 0 : 4999);
    });
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  });

  it('is out of the loop when one has served for five seconds', () => {
    const restarts = new Restarts();
    for (let time = 0; time < 6; time++) restarts.ended(0);
    assert.equal(restarts.becameStable(4999), false);
    assert.equal(restarts.becameStable(5000), true);
    assert.equal(restarts.becameStable(6000), false, 'said once');
    assert.equal(restarts.isLooping, false);
    assert.equal(restarts.ended(0), 100);
  });
});
