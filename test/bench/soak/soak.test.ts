import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { soakVerdicts } from '../../../bench/soak/goals';
import { KIND_NAMES, kindOf, requestKind } from '../../../bench/soak/mix';
import type { ByProcess, RestingState, SoakReport } from '../../../bench/soak/run';
import type { SoakCounts } from '../../../bench/soak/driver';
import type { Inventory } from '../../../bench/load/probe';
import { StallWatch, type Stalls } from '../../../bench/load/stall-watch';

const CALM = { maxMs: 20, p99Ms: 2, ownMaxMs: 20 };
const PROCESS: Inventory = {
  heapBytes: 12_000_000,
  codeBytes: 2_000_000,
  externalBytes: 1,
  residentBytes: 1,
  fileDescriptors: 37,
  threads: 30,
  resources: { Timeout: 2 },
};
const STATE = { instances: 24, connections: 0, clusters: 1, replyChannels: 5, pending: 0 };
const ONE = ['plugin server'];
const SEVERAL = ['primary', 'worker 1', 'worker 2'];

interface Changes {
  readonly names?: readonly string[];
  readonly after?: Partial<RestingState>;
  /** Of the last process. */
  readonly process?: Partial<Inventory>;
  readonly server?: Partial<Stalls>;
  readonly counts?: Partial<SoakCounts>;
}

function report({ names = ONE, after, process, server, counts }: Changes = {}): SoakReport {
  const each = <Value>(value: Value, last?: Partial<Value>): ByProcess<Value> =>
    Object.fromEntries(names.map((name) => [name, name === names.at(-1) ? { ...value, ...last } : value]));
  return {
    warmUpRequests: 100,
    before: { ...STATE, processes: each(PROCESS) },
    after: { ...STATE, processes: each(PROCESS, process), ...after },
    counts: {
      requests: 100,
      answers: { '200': 100 },
      unexpected: {},
      crossed: 0,
      lost: 0,
      reruns: 3,
      updates: 1,
      ...counts,
    },
    elapsedMs: 1000,
    serverStalls: each(CALM, server),
    bareStalls: CALM,
  };
}

const missed = (changes?: Changes) =>
  soakVerdicts(report(changes)).flatMap(({ rule, holds }) => (holds ? [] : [rule]));

describe('soakVerdicts', () => {
  it('accepts code that was compiled, and five percent of everything else', () => {
    assert.deepEqual(missed({ process: { heapBytes: 22_000_000, codeBytes: 12_000_000 } }), []);
    assert.deepEqual(missed({ process: { heapBytes: 12_500_000 } }), []);
    assert.match(String(missed({ process: { heapBytes: 12_500_001 } })), /^heap/);
  });

  it('misses a goal for each thing that is left', () => {
    assert.match(String(missed({ process: { fileDescriptors: 38 } })), /^file descriptors/);
    assert.match(String(missed({ process: { threads: 31 } })), /^file descriptors/);
    assert.match(String(missed({ after: { clusters: 2 } })), /^instances/);
    assert.match(String(missed({ after: { instances: 25 } })), /^instances/);
    assert.match(String(missed({ after: { pending: 1 } })), /^nothing waits/);
    assert.match(String(missed({ process: { resources: { Timeout: 3 } } })), /^timers/);
  });

  it('misses one for an answer too few, a wrong one and a crossed one', () => {
    for (const counts of [{ lost: 1 }, { crossed: 1 }, { unexpected: { '500 instead of 200': 1 } }])
      assert.match(String(missed({ counts })), /^every client/);
  });

  it('judges each of several processes by itself', () => {
    assert.deepEqual(missed({ names: SEVERAL }), []);
    assert.match(String(missed({ names: SEVERAL, process: { heapBytes: 12_500_001 } })), /^heap/);
    assert.match(String(missed({ names: SEVERAL, process: { fileDescriptors: 38 } })), /^file descriptors/);
    assert.match(String(missed({ names: SEVERAL, process: { resources: { Timeout: 3 } } })), /^timers/);
    assert.match(String(missed({ names: SEVERAL, server: { ownMaxMs: 201 } })), /^the event loop/);
    const [heap] = soakVerdicts(report({ names: SEVERAL })).filter(({ rule }) => rule.startsWith('heap'));
    assert.match(heap!.found, /^primary: 9.5 MB -> 9.5 MB, .*; worker 1: .*; worker 2: /);
  });

  it('counts of a stall only what the server did itself', () => {
    assert.deepEqual(missed({ server: { maxMs: 900, ownMaxMs: 200 } }), []);
    assert.match(String(missed({ server: { maxMs: 900, ownMaxMs: 201 } })), /^the event loop/);
  });
});

describe('the mix of a soak', () => {
  it('has the same kinds in every hundred requests, most of them answered', () => {
    const kinds = Array.from({ length: 100 }, (_, number) => kindOf(200 + number));
    for (const name of KIND_NAMES) {
      const { share } = requestKind(name, { bootstrapServers: [] }, 0);
      assert.equal(kinds.filter((kind) => kind === name).length, share, name);
    }
    assert.equal(kinds.filter((kind) => kind === 'reply').length, 90);
  });

  it('changes the configuration now and then, and the connection less often', () => {
    const at = (updates: number) =>
      requestKind('reply', { bootstrapServers: [] }, updates).request as {
        max_in_flight: number;
        cluster_name: string;
      };
    assert.deepEqual(at(0), at(99));
    assert.notEqual(at(99).max_in_flight, at(100).max_in_flight);
    assert.equal(at(499).cluster_name, at(0).cluster_name);
    assert.notEqual(at(500).cluster_name, at(0).cluster_name);
  });
});

it('a stall is seen, and told from waiting for a core', async () => {
  const watch = new StallWatch();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const beganMs = process.cpuUsage().user / 1000;
  while (process.cpuUsage().user / 1000 < beganMs + 120);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const { maxMs, ownMaxMs } = watch.stop();
  assert.ok(ownMaxMs >= 80, `${ownMaxMs} ms`);
  assert.ok(maxMs >= ownMaxMs, `${maxMs} ms`);
});
