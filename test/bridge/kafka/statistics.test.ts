import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countBrokers, StuckDetector } from '../../../bridge/kafka/statistics';

const statistics = (brokers: Record<string, { source: string; state: string }>) => {
  const named = Object.entries(brokers).map(([name, broker]) => [name, { name, ...broker }]);
  return JSON.stringify({ age: 2500, brokers: Object.fromEntries(named) as object });
};

test('brokers are counted without the client’s own bookkeeping entries', () => {
  const text = statistics({
    'a:9092/1': { source: 'learned', state: 'UP' },
    'b:9092/2': { source: 'learned', state: 'CONNECT' },
    'a:9092/bootstrap': { source: 'configured', state: 'DOWN' },
    GroupCoordinator: { source: 'logical', state: 'UP' },
    ':0/internal': { source: 'internal', state: 'UP' },
  });
  assert.deepEqual(countBrokers(text), {
    ageMs: 2.5,
    known: 3,
    up: 1,
    brokers: [
      { name: 'a:9092/1', state: 'UP' },
      { name: 'b:9092/2', state: 'CONNECT' },
    ],
  });
});

test('until a broker has described its cluster, the brokers are those that were configured', () => {
  const text = statistics({ 'a:9092/bootstrap': { source: 'configured', state: 'DOWN' } });
  assert.deepEqual(countBrokers(text)?.brokers, [{ name: 'a:9092', state: 'DOWN' }]);
});

test('a consumer that lists only its coordinator knows no broker', () => {
  assert.deepEqual(countBrokers(statistics({ GroupCoordinator: { source: 'logical', state: 'INIT' } })), {
    ageMs: 2.5,
    known: 0,
    up: 0,
    brokers: [],
  });
});

test('what is not a statistics object gives no count', () => {
  for (const text of ['', 'null', '[]', '{}', '{"brokers":null}', '{"brokers":{}}', '{"brokers":']) {
    assert.equal(countBrokers(text), undefined, text);
  }
});

test('an empty broker list twice running means stuck', () => {
  const stuck = new StuckDetector();
  assert.equal(stuck.observe({ known: 0 }), false);
  assert.equal(stuck.observe({ known: 0 }), true);
});

test('a broker between two empty lists starts the count anew', () => {
  const stuck = new StuckDetector();
  assert.equal(stuck.observe({ known: 0 }), false);
  assert.equal(stuck.observe({ known: 1 }), false);
  assert.equal(stuck.observe({ known: 0 }), false);
});

test('a plain outage, however long, is not stuck', () => {
  const stuck = new StuckDetector();
  for (let i = 0; i < 1000; i++) assert.equal(stuck.observe({ known: 2 }), false);
});
