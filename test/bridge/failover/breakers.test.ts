import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Breakers } from '../../../bridge/failover/breakers';
import type { ProbeTarget } from '../../../bridge/failover/probe';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeClock } from '../../support/fake-clock';

const TARGET: ProbeTarget = { backendUrl: 'http://orders:80', upstreamAddresses: '10.0.0.1:80' };

function lab(t: TestContext) {
  const logged = captureLog(t);
  const clock = new FakeClock();
  const asked: unknown[] = [];
  let answer: (isThere: boolean) => void = () => undefined;
  const breakers = new Breakers({
    failures: 2,
    windowMs: 1000,
    openForMs: 5000,
    probePath: '/health',
    clock,
    isReachable: (target, { path }) => {
      asked.push({ ...target, path });
      return new Promise((resolve) => (answer = resolve));
    },
  });
  const fail = (service: string) =>
    breakers.onFailure(service, TARGET, { requestId: 'f', tookMs: 1, status: 504 });
  const events = () => logged.map(({ event, service }) => [event, service]);
  return { breakers, clock, asked, fail, events, answer: (isThere: boolean) => answer(isThere) };
}

test('each service has a breaker of its own', (t) => {
  const { breakers, fail, events } = lab(t);
  fail('orders');
  assert.equal(breakers.open, 0);
  fail('orders');
  fail('prices');
  assert.deepEqual([breakers.open, breakers.openServices, breakers.statusOf('orders')], [1, ['orders'], 504]);
  assert.deepEqual(['orders', 'prices', 'others'].map((service) => breakers.decide(service, 'r')), ['keep', 'through', 'through']);
  assert.deepEqual(events(), [['breaker_opened', 'orders']]);
}); // prettier-ignore

test('the probe is asked for nobody before a request comes, and one that answers lets a request through', async (t) => {
  const { breakers, clock, asked, fail, answer, events } = lab(t);
  fail('orders');
  fail('orders');
  clock.advance(100_000);
  assert.deepEqual([asked, clock.pendingTimers], [[], 0]);
  assert.equal(breakers.decide('orders', 'a'), 'keep');
  assert.equal(breakers.decide('orders', 'b'), 'keep');
  assert.deepEqual(asked, [{ ...TARGET, path: '/health' }]);
  answer(false);
  await Promise.resolve();
  assert.equal(breakers.decide('orders', 'c'), 'keep');
  clock.advance(5000);
  assert.equal(breakers.decide('orders', 'd'), 'keep');
  answer(true);
  await new Promise(setImmediate);
  assert.equal(breakers.decide('orders', 'e'), 'through');
  assert.equal(breakers.decide('orders', 'f'), 'keep');
  clock.advance(1000);
  assert.equal(breakers.decide('orders', 'g'), 'through');
  assert.equal(breakers.open, 0);
  assert.deepEqual(events().at(-1), ['breaker_closed', 'orders']);
});

test('services are bounded in number, and those that are open are forgotten last', (t) => {
  const { breakers, fail } = lab(t);
  fail('open');
  fail('open');
  for (let number = 0; number < 500; number++) fail(`s${number}`);
  assert.deepEqual(breakers.openServices, ['open']);
  for (let number = 0; number < 500; number++) {
    fail(`t${number}`);
    fail(`t${number}`);
  }
  assert.equal(breakers.open, breakers.openServices.length);
  assert.equal(breakers.open, 200);
});
