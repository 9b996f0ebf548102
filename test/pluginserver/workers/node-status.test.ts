import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isReady,
  merged,
  nodeStatus,
  type NodeFacts,
  type WorkerFacts,
} from '../../../pluginserver/workers/node-status';
import type { WorkerStatus } from '../../../pluginserver/workers/questions';
import { pageFacts } from '../../../status/facts';
import { healthOf } from '../../../status/health';
import { statusPage } from '../../../status/page';

const PLUGINS = ['producer', 'request-reply'];

function status(facts: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    ready: true,
    state: 'serving',
    draining: false,
    memory_rss_bytes: 100 * 2 ** 20,
    unhandled: { rejections: 1, exceptions: 0 },
    load: { open_events: 3, event_loop_lag_ms: 7, event_loop_late: false, refused: { open_events: 1 } },
    broken_configurations: [],
    plugins: {},
    processes: {},
    recent_events: [],
    ...facts,
  };
}

/** The first worker serves both plugins, the others one. */
function worker(number: number, facts: Partial<WorkerFacts> = {}): WorkerFacts {
  return {
    number,
    pid: 1000 + number,
    state: 'serving',
    restarts: 0,
    plugins: number === 1 ? PLUGINS : PLUGINS.slice(1),
    status: status(),
    ...facts,
  };
}

function node(workers: readonly WorkerFacts[], facts: Partial<NodeFacts> = {}): NodeFacts {
  return {
    version: '1.2.3',
    state: 'serving',
    unhandled: { rejections: 0, exceptions: 2 },
    recentEvents: [],
    sockets: PLUGINS.map((pluginName) => ({
      pluginName,
      socketPath: `/s/${pluginName}`,
      isOwned: true,
      plugin: { version: '1.0.0' },
    })),
    workers,
    together: ['producer', 'consumer'],
    ...facts,
  };
}

describe('a node is ready', () => {
  const gone = { state: 'waiting to be started', status: undefined } as const;

  it('while half of its workers are, and one for each plugin', () => {
    assert.equal(isReady(node([worker(1), worker(2)])), true);
    assert.equal(isReady(node([worker(1), worker(2, gone)])), true);
    assert.equal(isReady(node([worker(1), worker(2), worker(3, gone)])), true);
    assert.equal(isReady(node([worker(1), worker(2, gone), worker(3, gone)])), false);
    // Nobody else serves the producer.
    assert.equal(isReady(node([worker(1, gone), worker(2)])), false);
  });

  it('not with workers that are not ready themselves, or do not answer', () => {
    const unready = { status: status({ ready: false }) };
    assert.equal(isReady(node([worker(1, unready), worker(2, unready)])), false);
    assert.equal(isReady(node([worker(1, { status: undefined }), worker(2)])), false);
    assert.equal(isReady(node([worker(1, { state: 'stuck' }), worker(2)])), false);
  });

  it('not when it drains, or a socket is not its own', () => {
    assert.equal(isReady(node([worker(1), worker(2)], { state: 'draining' })), false);
    const [socket] = node([]).sockets;
    assert.equal(isReady(node([worker(1)], { sockets: [{ ...socket!, isOwned: false }] })), false);
    const broken = { ...socket!, plugin: { version: '1', failure: 'does not load' } };
    assert.equal(isReady(node([worker(1)], { sockets: [broken] })), false);
  });
});

describe('facts of several workers', () => {
  it('are added, unless the largest or the worst says more', () => {
    assert.deepEqual(
      merged([
        { in_flight: 2, p99_ms: 5, ready: true, together: true, state: 'up', reason: undefined },
        { in_flight: 3, p99_ms: 9, ready: false, together: false, state: 'down', reason: 'refused' },
      ]),
      { in_flight: 5, p99_ms: 9, ready: false, together: true, state: 'down', reason: 'refused' },
    );
  });

  it('are one for each configuration, also where one worker alone has it', () => {
    const one = { topic: 'a', reply_topic: 'b', cluster: 'c', in_flight: 1 };
    assert.deepEqual(
      merged([[{ ...one, ready: true }], [{ ...one, ready: false, reason: 'away' }, { topic: 'x' }]]),
      [{ ...one, in_flight: 2, ready: false, reason: 'away' }, { topic: 'x' }],
    );
  });

  it('keep what happened last as a whole', () => {
    const early = { code: 'reply_timeout', at: '2026-11-28T10:00:00Z', count: 5 };
    const late = { code: 'produce_failed', at: '2026-11-28T11:00:00Z', count: 1 };
    assert.deepEqual(merged([early, late]), late);
    assert.deepEqual(merged([late, undefined, early]), late);
  });
});

describe('the status of a node', () => {
  const configurations = [{ topic: 'a', reply_topic: 'b', cluster: 'c', ready: true, in_flight: 1 }];
  const event = (at: string) => ({ at, event: 'kafka_client_up' as const, message: at, facts: {} });
  const facts = node(
    [
      worker(1, {
        status: status({
          plugins: { producer: { events: 4, instances: 2 }, 'request-reply': { events: 1, instances: 2 } },
          processes: {
            producer: { ready: true, configurations },
            'request-reply': { ready: true, configurations },
          },
          recent_events: [event('2026-11-28T10:00:02Z')],
        }),
      }),
      worker(2, {
        status: status({
          plugins: { 'request-reply': { events: 7, instances: 2 } },
          // It has loaded the producer as well, and does not serve it.
          processes: {
            producer: { ready: true, configurations },
            'request-reply': { ready: true, configurations },
          },
          recent_events: [event('2026-11-28T10:00:01Z')],
        }),
      }),
      worker(3, { state: 'crash loop', restarts: 9, status: undefined, pid: undefined }),
    ],
    { recentEvents: [event('2026-11-28T10:00:03Z')] },
  );
  interface Made {
    readonly ready: boolean;
    readonly pid: number;
    readonly unhandled: object;
    readonly load: object;
    readonly plugins: Readonly<
      Record<
        string,
        {
          readonly events: number;
          readonly instances: number;
          readonly workers: number[];
          readonly process: { readonly configurations: { in_flight: number }[] };
        }
      >
    >;
    readonly workers: readonly Readonly<Record<string, unknown>>[];
    readonly recent_events: readonly { readonly message: string; readonly facts: object }[];
  }
  const made = nodeStatus(facts) as unknown as Made;

  it('has the sums, and who serves what', () => {
    assert.equal(made.ready, true);
    assert.equal(made.pid, process.pid);
    assert.deepEqual(made.unhandled, { rejections: 2, exceptions: 2 });
    assert.deepEqual(made.load, {
      open_events: 6,
      event_loop_lag_ms: 7,
      event_loop_late: false,
      refused: { open_events: 2 },
    });
    assert.equal(made.plugins['request-reply']?.events, 8);
    assert.equal(made.plugins['request-reply']?.instances, 2);
    assert.deepEqual(made.plugins['request-reply']?.workers, [1, 2, 3]);
    assert.deepEqual(made.plugins['producer']?.workers, [1]);
    assert.equal(made.plugins['producer']?.process.configurations[0]?.in_flight, 2);
    assert.deepEqual(
      made.workers.map((one) => [one.number, one.state, one.ready, one.restarts]),
      [
        [1, 'serving', true, 0],
        [2, 'serving', true, 0],
        [3, 'crash loop', false, 9],
      ],
    );
  });

  it('can be told when no worker answers', () => {
    const alone = nodeStatus(node([worker(1, { state: 'crash loop', status: undefined, pid: undefined })]));
    assert.equal(alone.ready, false);
    assert.deepEqual(alone['load'], {});
    assert.match(statusPage(pageFacts(alone)), /Not ready\. 1 of 1 workers do not serve\./);
  });

  it('has the latest events of all, with the worker that saw them', () => {
    assert.deepEqual(
      made.recent_events.map(({ message, facts: of }) => [message, of]),
      [
        ['2026-11-28T10:00:03Z', {}],
        ['2026-11-28T10:00:02Z', { worker: 1 }],
        ['2026-11-28T10:00:01Z', { worker: 2 }],
      ],
    );
  });

  it('is a page that says which workers do not serve, and what one serves alone', () => {
    const page = pageFacts(JSON.parse(JSON.stringify(made)));
    assert.match(healthOf(page).line, /^Ready\. 1 of 3 workers do not serve\.$/);
    const text = statusPage(page);
    assert.match(text, /Worker 3/);
    assert.match(text, /crash loop/);
    assert.match(text, /started again\s+9 times/);
    assert.match(text, /producer, consumer: served by worker 1 alone/);
  });
});
