import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { soakVerdicts } from '../../../bench/soak/goals';
import { KIND_NAMES, kindOf, requestKind } from '../../../bench/soak/mix';
import type { RestingState, SoakReport } from '../../../bench/soak/run';
import { StallWatch } from '../../../bench/soak/stall-watch';

const CALM = { maxMs: 20, p99Ms: 2, ownMaxMs: 20 };
const STATE: RestingState = {
  heapBytes: 12_000_000,
  codeBytes: 2_000_000,
  externalBytes: 1,
  residentBytes: 1,
  fileDescriptors: 37,
  threads: 30,
  resources: { Timeout: 2 },
  instances: 24,
  connections: 0,
  clusters: 1,
  replyChannels: 5,
  pending: 0,
};

function report(
  changes: { after?: Partial<RestingState>; counts?: object; server?: object } = {},
): SoakReport {
  return {
    warmUpRequests: 100,
    before: STATE,
    after: { ...STATE, ...changes.after },
    counts: {
      requests: 100,
      answers: { '200': 100 },
      unexpected: {},
      crossed: 0,
      lost: 0,
      reruns: 3,
      updates: 1,
      ...changes.counts,
    },
    elapsedMs: 1000,
    serverStalls: { ...CALM, ...changes.server },
    bareStalls: CALM,
  };
}

const missed = (changes?: Parameters<typeof report>[0]) =>
  soakVerdicts(report(changes)).flatMap(({ rule, holds }) => (holds ? [] : [rule]));

describe('soakVerdicts', () => {
  it('accepts code that was compiled, and five percent of everything else', () => {
    assert.deepEqual(missed({ after: { heapBytes: 22_000_000, codeBytes: 12_000_000 } }), []);
    assert.deepEqual(missed({ after: { heapBytes: 12_500_000 } }), []);
    assert.match(String(missed({ after: { heapBytes: 12_500_001 } })), /^heap/);
  });

  it('misses a goal for each thing that is left', () => {
    assert.match(String(missed({ after: { fileDescriptors: 38 } })), /^file descriptors/);
    assert.match(String(missed({ after: { threads: 31 } })), /^file descriptors/);
    assert.match(String(missed({ after: { clusters: 2 } })), /^instances/);
    assert.match(String(missed({ after: { instances: 25 } })), /^instances/);
    assert.match(String(missed({ after: { pending: 1 } })), /^nothing waits/);
    assert.match(String(missed({ after: { resources: { Timeout: 3 } } })), /^timers/);
  });

  it('misses one for an answer too few, a wrong one and a crossed one', () => {
    for (const counts of [{ lost: 1 }, { crossed: 1 }, { unexpected: { '500 instead of 200': 1 } }])
      assert.match(String(missed({ counts })), /^every client/);
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
