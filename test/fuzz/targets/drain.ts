/** Records with hostile headers on their way from the client library through the bounds of a read to a reply channel. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import type { NativeMessage } from '../../../bridge/kafka/binding';
import { ReadBounds } from '../../../bridge/kafka/read-bounds';
import { HEADER_RULE } from '../../../bridge/reply/match-rule';
import { setLogSink } from '../../../bridge/telemetry/log';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { httpText, sample } from '../http-text';
import type { FuzzTarget } from '../target';
import { outcomeOf } from '../../support/outcome-of';

const OURS = '7a3c1c9e-52b1-4f0e-9d59-0f3a5b1c2d3e';
/** A header of this name stands for as many as its value says, so that few bytes can be many headers. */
const TIMES = 'times';
const MOST_HEADERS = 5000;
const MOST_RECORDS = 8;

/** As the binding makes them: an assignment, which for `__proto__` replaces the prototype. */
function nativeHeader(name: string, value: string): Record<string, Buffer> {
  const header: Record<string, Buffer> = {};
  header[name] = Buffer.from(value, 'latin1');
  return header;
}

function nativeHeaders(headers: readonly [string, string][]): Record<string, Buffer>[] {
  const native: Record<string, Buffer>[] = [];
  for (const [name, value] of headers) {
    const times = name === TIMES ? Math.min(Number.parseInt(value, 10) || 0, MOST_HEADERS) : 1;
    for (let count = 0; count < times && native.length < MOST_HEADERS; count++)
      native.push(nativeHeader(name === TIMES ? '' : name, name === TIMES ? '' : value));
  }
  return native;
}

/** Records stand one behind the other, divided by a NUL. */
function messagesIn(input: Buffer): NativeMessage[] {
  const parts = input.toString('latin1').split('\0').slice(0, MOST_RECORDS);
  return parts.map((part, offset) => {
    const { headers, body } = httpText(Buffer.from(part, 'latin1'));
    const given = { topic: 'replies', partition: 0, offset, key: null, value: body.length > 0 ? body : null };
    // A record without any has none, not an empty list.
    return part.startsWith('\n') ? given : { ...given, headers: nativeHeaders(headers) };
  });
}

async function settled(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, Promise.resolve('waits')]);
}

let restoreLog = (): void => undefined;

export const DRAIN: FuzzTarget = {
  name: 'drain',
  start: () => {
    restoreLog = setLogSink(() => undefined);
    return Promise.resolve();
  },
  end: () => {
    restoreLog();
    return Promise.resolve();
  },
  samples: [
    sample({ kafka_correlationId: OURS, 'content-type': 'application/json' }, '{"a":1}'),
    sample({ [TIMES]: '1001', 'correlation-id': OURS }, 'too many'),
    sample({ [TIMES]: '999', 'correlation-id': OURS }, 'just enough'),
    sample({ __proto__x: '1', 'correlation-id': 'x'.repeat(129) }, ''),
    Buffer.concat([sample({ 'correlation-id': 'other' }, 'a'), Buffer.from('\0'), sample({ 'correlation-id': OURS }, 'b')]), // prettier-ignore
    Buffer.from('\n\nno headers at all'),
  ],
  tokens: [
    `kafka_correlationId: ${OURS}\n`,
    `correlation-id: ${OURS}\n`,
    `${TIMES}: 1000\n`,
    `${TIMES}: 4000\n`,
    '__proto__: x\n',
    'constructor: \n',
    'kafka_replyTopic: replies\n',
    '\0',
    '\n\n',
  ],
  run: async (input) => {
    const clock = new FakeClock();
    const reader = new FakeReader();
    const channel = openReplyChannel(replyTopics(clock), reader, {
      capacity: 10,
      sharedWithRequests: true,
      waitsComeLate: true,
    });
    const wait = channel.register(OURS, 1000, () => new GatewayError('reply_timeout', 'none came'));
    const bounds = new ReadBounds();
    const messages = messagesIn(input);
    let ours = 0;
    for (const message of messages) {
      const record = bounds.admit(message);
      assert.ok(record.headers.length <= 1000 && record.headers.length <= (message.headers?.length ?? 0));
      assert.deepEqual([record.topic, record.offset], [message.topic, message.offset]);
      for (const [name, value] of record.headers)
        assert.ok(typeof name === 'string' && Buffer.isBuffer(value));
      const id = HEADER_RULE.correlationIdOf(record) ?? HEADER_RULE.almostCorrelationIdOf?.(record);
      if (id?.toLowerCase() === OURS) ours++;
      reader.deliver(record);
    }
    bounds.readEnded();
    assert.ok(bounds.records >= 1);
    if (channel.inFlight === 0) assert.ok(ours > 0, 'a record without its id ended the wait');
    else assert.equal(await settled(outcomeOf(wait)), 'waits');
    assert.ok(channel.topic.heldRecords <= messages.length);
    channel.close(new GatewayError('draining', 'the case is over'));
    assert.equal(channel.inFlight, 0);
    assert.equal(channel.topic.heldRecords, 0);
    assert.equal(clock.pendingTimers, 0);
  },
};
