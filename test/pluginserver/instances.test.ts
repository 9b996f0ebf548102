import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Instances } from '../../pluginserver/instances';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { captureLog } from './support/serving';

const DAY_MS = 24 * 60 * 60 * 1000;

function instances(close: () => void) {
  let nowMs = 0;
  class Plugin {
    close = close;
  }
  const plugin = toPlugin({ Plugin, Name: 'demo' }, '/demo');
  return { instances: new Instances(plugin, () => nowMs), pass: (ms: number) => (nowMs += ms) };
}

it('an instance expires after a day without events, but not while one is in flight', () => {
  let closed = 0;
  const { instances: all, pass } = instances(() => closed++);
  const idle = all.start('demo', Buffer.from('{}'));
  const busy = all.start('demo', Buffer.from('{}'));
  busy.eventsInFlight = 1;
  pass(DAY_MS);
  all.expire();
  assert.equal(all.size, 2);
  pass(1);
  all.expire();
  assert.equal(all.get(idle.id), undefined);
  assert.equal(all.get(busy.id), busy);
  assert.equal(closed, 1);
});

/** Kong tells a secret from a vault once, with StartInstance; a busy instance would have kept it for ever. */
it('an instance in use expires after a week, and its events go on', () => {
  let closed = 0;
  const { instances: all, pass } = instances(() => closed++);
  const busy = all.start('demo', Buffer.from('{}'));
  busy.eventsInFlight = 1;
  for (let day = 0; day < 7; day++) {
    pass(DAY_MS);
    busy.usedAtMs += DAY_MS;
    all.expire();
  }
  assert.equal(all.get(busy.id), busy);
  pass(1);
  all.expire();
  assert.deepEqual([all.size, closed, busy.eventsInFlight], [0, 1, 1]);
});

it('an instance whose close throws is gone all the same', (t) => {
  const logged = captureLog(t);
  const { instances: all } = instances(() => {
    throw new Error('cannot');
  });
  all.close(all.start('demo', Buffer.from('{}')).id);
  assert.equal(all.size, 0);
  assert.equal(logged.at(-1)?.level, 'error');
});
