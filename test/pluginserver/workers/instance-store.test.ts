import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InstanceStore } from '../../../pluginserver/workers/instance-store';

const CONFIG = Buffer.from('{}');
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

describe('what the primary knows of instances', () => {
  it('is what a worker that comes later is told, as it was started', () => {
    let nowMs = 1000;
    const store = new InstanceStore(() => nowMs);
    const { id } = store.add('a', 'a', CONFIG, [1, 2]);
    nowMs = 5000;
    store.workerEnded(2);
    const [known] = store.takenBy(2, 'a');
    assert.equal(known?.id, id);
    assert.equal(known?.startedAtMs, 1000);
    assert.equal(known?.config, CONFIG);
    assert.deepEqual(store.takenBy(2, 'b'), []);
  });

  it('goes when the last worker has closed it, and not before', () => {
    const store = new InstanceStore();
    const { id } = store.add('a', 'a', CONFIG, [1, 2]);
    store.closed('a', id, 1);
    store.closed('a', id, 1);
    assert.equal(store.size, 1);
    store.closed('a', id, 2);
    assert.equal(store.size, 0);
    store.closed('a', id, 2);
  });

  it('stays when the only worker that had it dies: Kong still uses it', () => {
    const store = new InstanceStore();
    const { id } = store.add('a', 'a', CONFIG, [1]);
    store.workerEnded(1);
    assert.equal(store.size, 1);
    assert.deepEqual(
      store.takenBy(1, 'a').map((instance) => instance.id),
      [id],
    );
    store.closed('a', id, 1);
    assert.equal(store.size, 0);
  });

  it('remembers what Kong has closed, so that a worker that comes later does not keep it', () => {
    const store = new InstanceStore();
    const { id } = store.add('a', 'a', CONFIG, [1]);
    store.retire('a', id);
    assert.equal(store.takenBy(2, 'a')[0]?.isRetired, true);
    store.retire('a', 4711);
  });

  it('is no older than a week: secrets of a vault come with a start only', () => {
    let nowMs = 0;
    const store = new InstanceStore(() => nowMs);
    store.add('a', 'a', CONFIG, [1]);
    nowMs = WEEK_MS + 1;
    assert.deepEqual(store.takenBy(2, 'a'), []);
    assert.equal(store.size, 0);
  });

  it('has one id for one instance', () => {
    const store = new InstanceStore();
    const ids = Array.from({ length: 1000 }, () => store.add('a', 'a', CONFIG, [1]).id);
    assert.equal(new Set(ids).size, 1000);
    assert.ok(ids.every((id) => id > 0 && id < 2 ** 31));
  });
});
