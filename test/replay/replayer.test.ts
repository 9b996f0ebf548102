/** The order in which things become safe, with ports that write down what they were asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { toNativeHeaders } from '../../bridge/kafka/record-conversion';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import { BackOff } from '../../replay/back-off';
import { Replayer, type AuditLine, type ReplayerOptions } from '../../replay/replayer';
import type { Attempt } from '../../replay/send';
import { FakeClock } from '../support/fake-clock';
import { receivedRecord } from '../support/records';

const OPTIONS: ReplayerOptions = {
  topic: 'failed',
  doneTopic: 'failed.done',
  deadTopic: 'failed.dead',
  maxAttempts: 3,
  maybe: false,
  dryRun: false,
  operator: 'jo',
  isWanted: () => true,
  follow: false,
};
const ANSWERED: Attempt = { kind: 'answered', status: 200, body: 'fine' };

interface Lab {
  readonly options?: Partial<ReplayerOptions>;
  readonly done?: string[];
  readonly send?: (id: string, attempt: number) => Attempt | Promise<Attempt>;
  readonly produce?: (record: OutgoingRecord) => Promise<void>;
  readonly next?: (record: ReceivedRecord | undefined) => ReceivedRecord | undefined;
}

function lab(requests: readonly (object | string)[], { options, done = [], send, produce, next }: Lab = {}) {
  const events: string[] = [];
  const audit: AuditLine[] = [];
  const dead: OutgoingRecord[] = [];
  const records = requests.map((request, offset): ReceivedRecord => {
    const least = { id: `r${offset}`, method: 'POST', uri: '/x', headers: {}, body: 'x', service: 'orders', delivered: 'no' };
    const value = typeof request === 'string' ? request : JSON.stringify({ ...least, ...request });
    return { ...receivedRecord({ value, topic: 'failed' }), offset };
  }); // prettier-ignore
  let attempts = 0;
  const replayer = new Replayer(
    { ...OPTIONS, ...options },
    {
      next: async () => {
        if (records.length === 0) await new Promise((resolve) => setImmediate(resolve));
        const record = records.shift();
        return next ? next(record) : record;
      },
      isAtEnd: async () => true,
      produce: async (record) => {
        await produce?.(record);
        if (record.topic === 'failed.dead') dead.push(record);
        events.push(`${record.topic} ${String(record.key)}`);
      },
      commit: ({ offset }) => events.push(`commit ${offset}`),
      send: async ({ id }) => {
        events.push(`send ${id}`);
        return (await send?.(id, ++attempts)) ?? ANSWERED;
      },
      targetOf: (service) =>
        service === 'unknown'
          ? undefined
          : { baseUrl: new URL('http://orders'), headers: [], keepsHost: false, timeoutMs: 1000 },
      audit: (line) => audit.push(line),
      turn: async () => undefined,
    },
    // A clock that stands still, and pauses of less than nothing to wait for.
    new BackOff(new FakeClock(), { firstMs: 0, longestMs: 0 }),
    new Set(done),
  );
  return { replayer, events, audit, dead };
}

test('what is carried out stands in the done topic before the offset is committed', async () => {
  const { replayer, events, audit } = lab([{}, {}]);
  await replayer.run();
  assert.deepEqual(events, [
    'send r0', 'failed.done r0', 'commit 0',
    'send r1', 'failed.done r1', 'commit 1',
  ]); // prettier-ignore
  assert.equal(replayer.counts.carried_out, 2);
  const { at, ...line } = audit[0]!;
  assert.ok(Date.parse(at) > 0);
  assert.deepEqual(line, {
    by: 'jo', outcome: 'carried_out', id: 'r0', service: 'orders', method: 'POST', uri: '/x', attempts: 1, status: 200,
    partition: 0, offset: 0,
  }); // prettier-ignore
});

/** It was cut in the middle of a character, and no client takes such a header: the replay ended there, each time anew. */
/** The request has it, as its service needs it; whoever reads the audit does not. */
test('a key in the query of a request is not in the audit', async () => {
  const { replayer, audit } = lab([{ uri: '/x?apikey=planted&page=2&next=%2Fy%3Ftoken%3Dplanted' }]);
  await replayer.run();
  assert.equal(audit[0]!.uri, '/x?apikey=***&page=2&next=%2Fy%3Ftoken%3D***');
});

test('an answer of whatever text can stand beside the dead request', async () => {
  const { replayer, dead } = lab([{}], {
    send: () => ({ kind: 'answered', status: 400, body: `${'x'.repeat(999)}\u{1f600}` }),
    produce: async (record) => void toNativeHeaders(record),
  });
  await replayer.run();
  assert.equal(dead.length, 1);
});

test('one that somebody has carried out before is not sent again', async () => {
  const { replayer, events } = lab([{}, { id: 'r0' }], { done: ['r0'] });
  await replayer.run();
  assert.deepEqual(events, ['commit 0', 'commit 1']);
  assert.equal(replayer.counts.carried_out_before, 2);
});

test('the service is asked again while it says that another time may help, then the request is dead', async () => {
  const { replayer, events, dead } = lab([{}, {}], {
    send: (id, attempt) => (id === 'r0' ? { kind: 'answered', status: 503, body: `no ${attempt}\0` } : ANSWERED),
  });
  await replayer.run();
  assert.deepEqual(events.slice(0, 5), ['send r0', 'send r0', 'send r0', 'failed.dead null', 'commit 0']);
  assert.deepEqual(dead[0]?.headers, [
    ['replay-outcome', 'failed_too_often'],
    ['replay-attempts', '3'],
    ['replay-status', '503'],
    ['replay-answer', 'no 3 '],
  ]);
  assert.deepEqual([replayer.counts.failed_too_often, replayer.counts.carried_out], [1, 1]);
}); // prettier-ignore

test('a refusal is no failure: it is asked once', async () => {
  const { replayer, events } = lab([{}], { send: () => ({ kind: 'answered', status: 422, body: 'no' }) });
  await replayer.run();
  assert.deepEqual(events, ['send r0', 'failed.dead null', 'commit 0']);
  assert.equal(replayer.counts.refused, 1);
});

/** A Kong that sends http to https answers all with it: nothing would have been carried out, and all be done. */
test('a redirect is no success, but for 303, which comes after one', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { replayer } = lab([{}], { send: () => ({ kind: 'answered', status, body: '' }) });
    await replayer.run();
    const { carried_out, refused } = replayer.counts;
    assert.deepEqual([carried_out, refused], status === 303 ? [1, 0] : [0, 1], String(status));
  }
});

test('what must not be sent is dead, with the reason', async () => {
  const { replayer, events, dead } = lab(['no JSON', { delivered: 'maybe' }, { service: 'unknown' }]);
  await replayer.run();
  assert.deepEqual(events.filter((event) => event.startsWith('send')), []);
  assert.deepEqual(
    dead.map(({ headers }) => headers.find(([name]) => name === 'replay-answer')?.[1]),
    [
      'the value is not JSON',
      'the upstream may have carried it out; --maybe sends such requests again',
      'no --to for the service unknown',
    ],
  );
  assert.deepEqual(dead.map(({ value }) => value?.toString())[0], 'no JSON');
}); // prettier-ignore

test('a method that may be repeated is sent although it may have been delivered, others only by order', async () => {
  const put = lab([{ delivered: 'maybe', method: 'PUT' }]);
  await put.replayer.run();
  assert.equal(put.replayer.counts.carried_out, 1);
  const ordered = lab([{ delivered: 'maybe' }], { options: { maybe: true } });
  await ordered.replayer.run();
  assert.equal(ordered.replayer.counts.carried_out, 1);
});

test('what the filters pass over stays where it is, and the group goes on', async () => {
  const { replayer, events } = lab([{}], { options: { isWanted: () => false } });
  await replayer.run();
  assert.deepEqual(events, ['commit 0']);
});

test('a dry run does nothing', async () => {
  const { replayer, events, audit } = lab([{}, 'no JSON'], { options: { dryRun: true } });
  await replayer.run();
  assert.deepEqual(events, []);
  assert.deepEqual(audit.map(({ outcome }) => outcome), ['carried_out', 'not_a_request']);
}); // prettier-ignore

test('when Kafka does not take what must be safe it ends, and commits nothing from there on', async () => {
  for (const topic of ['failed.done', 'failed.dead']) {
    const { replayer, events } = lab([{}, {}], {
      send: () => ({ kind: 'answered', status: topic === 'failed.done' ? 200 : 400, body: '' }),
      produce: async () => {
        throw new Error('no broker');
      },
    });
    await assert.rejects(replayer.run(), /no broker/);
    assert.deepEqual(events.filter((event) => event.startsWith('commit')), []);
  }
}); // prettier-ignore

test('stopped, it finishes what is in flight and begins nothing', async () => {
  let answer: (attempt: Attempt) => void = () => undefined;
  const { replayer, events } = lab([{}, {}], { send: () => new Promise((resolve) => (answer = resolve)) });
  const run = replayer.run();
  while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  replayer.stop();
  answer(ANSWERED);
  assert.equal(await run, false, 'something is left');
  assert.deepEqual(events, ['send r0', 'failed.done r0', 'commit 0']);
});

test('when Kafka does not answer, what is in flight is finished before it ends', async () => {
  let answer: (attempt: Attempt) => void = () => undefined;
  const { replayer, events } = lab([{}], {
    send: () => new Promise((resolve) => (answer = resolve)),
    next: (record) => {
      if (record === undefined) throw new Error('no broker');
      return record;
    },
  });
  let hasEnded = false;
  const run = assert.rejects(replayer.run(), /no broker/).finally(() => (hasEnded = true));
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([events, hasEnded], [['send r0'], false]);
  answer(ANSWERED);
  await run;
  assert.deepEqual(events, ['send r0', 'failed.done r0', 'commit 0']);
});

/**
 * A group whose brokers were away for longer than its session gives its partitions out anew: what waits here is read once
 * more, from the last commit on. What was refused was sent a second time, and stood in the dead topic twice.
 */
test('what is read once more after the group was made anew is done once, and nothing is committed backwards', async () => {
  const ids = ['r0', 'r1', 'r2', 'r1', 'r2', 'r3'];
  const { replayer, events } = lab(
    ids.map((id) => ({ id })),
    {
      send: (id) => (id === 'r1' ? { kind: 'answered', status: 400, body: '' } : ANSWERED),
      next: (record) => record && { ...record, offset: Number(record.value!.toString().match(/r(\d)/)![1]) },
    },
  );
  assert.equal(await replayer.run(), true);
  assert.deepEqual(events, [
    'send r0', 'failed.done r0', 'commit 0',
    'send r1', 'failed.dead null', 'commit 1',
    'send r2', 'failed.done r2', 'commit 2',
    'send r3', 'failed.done r3', 'commit 3',
  ]); // prettier-ignore
  const { carried_out, carried_out_before, refused } = replayer.counts;
  assert.deepEqual([carried_out, carried_out_before, refused], [3, 0, 1]);
});

/** One request as large as the topic takes, and refused, kept all behind it from being carried out, in each run anew. */
test('a dead request that is too large with its reason stands in the dead topic with less of it', async () => {
  for (const most of [3, 0]) {
    const { replayer, dead, events } = lab([{}, {}], {
      send: () => ({ kind: 'answered', status: 400, body: 'a long answer' }),
      produce: async ({ headers }) => {
        if (headers.length > most) throw new GatewayError('request_too_large', 'of the broker');
      },
    });
    await replayer.run();
    assert.deepEqual(
      dead.map(({ headers }) => headers.map(([name]) => name)),
      Array.from({ length: 2 }, () =>
        most === 0 ? [] : ['replay-outcome', 'replay-attempts', 'replay-status'],
      ),
    );
    assert.deepEqual(events.filter((event) => event.startsWith('commit')), ['commit 0', 'commit 1']);
  }
}); // prettier-ignore

/** A hundred of the largest requests waited behind one whose service was away: a gigabyte, in each run anew. */
test('what waits for the one before it is bounded in bytes, too', async (t) => {
  let taken = 0;
  let answer: (attempt: Attempt) => void = () => undefined;
  let isHeld = true;
  const { replayer } = lab(
    Array.from({ length: 60 }, () => ({ body: 'x'.repeat(2_000_000) })),
    {
      send: () => (isHeld ? new Promise((resolve) => (answer = resolve)) : ANSWERED),
      next: (record) => {
        if (record !== undefined) taken++;
        return record;
      },
    },
  );
  t.after(() => {
    replayer.stop();
    answer(ANSWERED);
  });
  const run = replayer.run();
  for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(taken >= 2 && taken <= 34, `${taken} wait`);
  isHeld = false;
  answer(ANSWERED);
  assert.equal(await run, true);
  assert.equal(replayer.counts.carried_out, 60);
});
