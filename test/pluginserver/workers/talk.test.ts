import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GoneError, inTime, Talk, type Channel } from '../../../pluginserver/workers/talk';

interface Theirs {
  double(asked: number): number;
  fail(asked: undefined): void;
  never(asked: undefined): void;
}

type Listener = (message: unknown, handle: unknown) => void;

/** Two ends; what is sent arrives a moment later, as between processes. */
function channels(): [Channel, Channel] {
  const listeners: Listener[] = [];
  const end = (own: number): Channel => ({
    send: (message, handle, onSent) => {
      setImmediate(() => {
        onSent(null);
        listeners[1 - own]?.(structuredClone(message), handle);
      });
    },
    onMessage: (listener) => void (listeners[own] = listener),
  });
  return [end(0), end(1)];
}

function pair(): { here: Talk<Theirs, object>; handles: unknown[] } {
  const [left, right] = channels();
  const handles: unknown[] = [];
  new Talk<object, Theirs>(right, {
    double: async (asked, handle) => {
      handles.push(handle);
      return asked * 2;
    },
    fail: () => {
      throw new Error('it cannot be done');
    },
    never: () => new Promise(() => undefined),
  });
  return { here: new Talk<Theirs, object>(left, {}), handles };
}

describe('questions between processes', () => {
  it('have their own answers, in any order, and a handle may come along', async () => {
    const { here, handles } = pair();
    const handle = {};
    assert.deepEqual(await Promise.all([here.ask('double', 1), here.ask('double', 2, handle)]), [2, 4]);
    assert.deepEqual(handles, [undefined, handle]);
  });

  it('fail with the reason of the other side', async () => {
    await assert.rejects(pair().here.ask('fail', undefined), /^Error: it cannot be done$/);
  });

  it('fail when the other side is gone, also those that come later', async () => {
    const { here } = pair();
    const asked = here.ask('never', undefined);
    here.end();
    await assert.rejects(asked, GoneError);
    await assert.rejects(here.ask('double', 1), GoneError);
    here.tell('double', 1);
  });

  it('end when the channel breaks', async () => {
    const broken: Channel = {
      send: (_message, _handle, onSent) => setImmediate(() => onSent(new Error('EPIPE'))),
      onMessage: () => undefined,
    };
    await assert.rejects(new Talk<Theirs, object>(broken, {}).ask('double', 1), GoneError);
    const closed: Channel = {
      send: () => {
        throw new Error('channel closed');
      },
      onMessage: () => undefined,
    };
    await assert.rejects(new Talk<Theirs, object>(closed, {}).ask('double', 1), GoneError);
  });

  it('are not waited for longer than said', async () => {
    const { here } = pair();
    assert.equal(await inTime(10_000, here.ask('double', 3)), 6);
    assert.equal(await inTime(1, here.ask('never', undefined)), undefined);
    assert.equal(await inTime(10_000, here.ask('fail', undefined)), undefined);
  });

  /** With the longest --drain-timeout-ms, and what the primary adds to it, every worker was killed at once. */
  it('are waited for as long as a timer can when more is said', async () => {
    const answer = new Promise((resolve) => setTimeout(resolve, 20, 6));
    assert.equal(await inTime(2 ** 31 - 1 + 100_000, answer), 6);
  });
});
