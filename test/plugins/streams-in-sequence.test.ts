/** Streams whose replies have places, of events and over WebSockets: on a cluster in memory, with the clock of the test. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { bytesInFlight } from '../../bridge/bytes-in-flight';
import { STREAM_TICKET_HEADER } from '../../bridge/streams/tickets';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { EventSource } from '../support/event-source';
import { FakeKong } from '../support/fake-kong';
import { listeningStreams } from '../support/listening-streams';
import { replyTo, SERVERS } from '../support/route';
import { sockets } from '../support/sockets';

setLogSink(() => undefined);

const FORMS = ['pair', 'one'] as const;
const LEAST = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };

/** One stream of events; `early` replies come before its client, with a pair between the two halves. */
async function events(
  t: TestContext,
  stream: object,
  { form = 'one', early = [] }: { form?: (typeof FORMS)[number]; early?: readonly [string, number][] } = {},
) {
  const { clock, kafka, requestReply, listener } = await listeningStreams();
  requestReply.setTogether(form === 'pair');
  const reply = { mode: 'stream', timeout: 2000, stream: { sequence_header: 'seq', ...stream } };
  const halves =
    form === 'one'
      ? [new RequestReplyHandler(parseRequestReplyConfig({ ...LEAST, reply }), requestReply)]
      : [
          new ProducerHandler(parseProducerConfig(LEAST), requestReply),
          new ConsumerHandler(parseConsumerConfig(reply), requestReply),
        ];
  const held = bytesInFlight.held;
  let offset = 0;
  const say = (value: string | null, place?: number, headers: Record<string, string> = {}) =>
    kafka.arrive({
      ...replyTo(kafka, 0, value, { ...(place !== undefined && { seq: String(place) }), ...headers }),
      offset: offset++,
    });
  const kong = new FakeKong({ method: 'GET' });
  await halves[0]!.access(kong);
  for (const [value, place] of early) say(value, place);
  await halves[1]?.access(kong);
  const source = await EventSource.open(
    `http://${kong.upstream.get('target')}${kong.upstream.get('path')}`,
    undefined,
    { headers: { [STREAM_TICKET_HEADER]: kong.upstreamHeaders.get(STREAM_TICKET_HEADER)! } },
  );
  t.after(async () => {
    source.close();
    await requestReply.close();
    await listener.serve(false);
  });
  const shown = () => source.events.map(({ name, data }) => (name === 'message' ? data : `${name} ${data}`));
  const ended = () => source.until(() => source.events.at(-1)?.name === 'end');
  const nothingLeft = () => {
    clock.advance(31_000);
    assert.equal(requestReply.inFlight, 0);
    assert.equal(bytesInFlight.held, held, 'no memory is left behind');
    assert.equal(clock.pendingTimers, 0);
  };
  const duplicates = () =>
    (requestReply.status().reply_topics as { duplicate: number }[]).map(({ duplicate }) => duplicate);
  return { clock, requestReply, source, say, shown, ended, nothingLeft, duplicates };
}

for (const form of FORMS)
  test(`${form}: an end that is read first comes last, and what comes twice is told once`, async (t) => {
    const { source, say, shown, ended, nothingLeft, duplicates } = await events(
      t,
      { end_header: 'last' },
      { form, early: [['3', 3]] },
    );
    say(null, 5, { last: '' });
    say('1', 1);
    say('4', 4);
    say('one more', 1);
    say('four more', 4);
    await source.count(1);
    assert.deepEqual(shown(), ['1']);
    say('2', 2);
    await ended();
    assert.deepEqual(shown(), ['1', '2', '3', '4', 'end {"reason":"complete"}']);
    assert.deepEqual(duplicates(), [2]);
    nothingLeft();
  });

test('a number that does not come is an error at the end of timeout, and not silence before it', async (t) => {
  // A pair has its early replies before its stream begins.
  for (const form of FORMS)
    await t.test(form, async (t) => {
      const { clock, source, say, shown, ended, nothingLeft } = await events(
        t,
        { end_header: 'last', idle_ms: 500 },
        { form, early: [['3', 3]] },
      );
      say('1', 1);
      await source.count(1);
      clock.advance(1900);
      assert.deepEqual(shown(), ['1']);
      clock.advance(120);
      await ended();
      assert.deepEqual(
        shown().map((text) => text.replace(/^failure .*"code":"(\w+)".*/, 'failure $1')),
        ['1', 'failure reply_timeout', 'end {"reason":"failed"}'],
      );
      nothingLeft();
    });
});

test('silence is an end again when nothing waits any more', async (t) => {
  const { clock, source, say, shown, ended, nothingLeft } = await events(t, { idle_ms: 500 });
  say('2', 2);
  clock.advance(1000);
  say('1', 1);
  await source.count(2);
  clock.advance(520);
  await ended();
  assert.deepEqual(shown(), ['1', '2', 'end {"reason":"idle"}']);
  nothingLeft();
});

test('a service cannot fill the memory with what comes before its turn', async (t) => {
  const { say, shown, ended, nothingLeft } = await events(t, { buffer: 3 });
  for (const place of [2, 3, 4, 5]) say('x', place);
  await ended();
  assert.deepEqual(
    shown().map((text) => text.replace(/^failure .*"code":"(\w+)".*/, 'failure $1')),
    ['failure reply_too_large', 'end {"reason":"failed"}'],
  );
  nothingLeft();
});

test('an end without a place is the end, and what is missing is a gap', async (t) => {
  const { say, shown, ended, nothingLeft } = await events(t, {
    end_header: 'last',
    sequence_start: 0,
  });
  say('0', 0);
  say('3', 3);
  say(null, undefined, { last: '' });
  await ended();
  assert.deepEqual(shown(), ['0', 'gap {"missing":2}', '3', 'end {"reason":"complete"}']);
  nothingLeft();
});

test('a client that leaves for good lets go of what waits', async (t) => {
  const { clock, source, say, requestReply, nothingLeft } = await events(t, { resume_ms: 1000 });
  say('2', 2);
  source.close();
  await source.until(() => (requestReply.status().streams as { attached: number }).attached === 0);
  clock.advance(1020);
  nothingLeft();
});

test('the replies to a message are said in their order, and the end last', async (t) => {
  const { open, kafka, until, reply, clock, requestReply } = await sockets(t, {
    end_header: 'last',
    sequence_header: 'seq',
  });
  const held = bytesInFlight.held;
  const { client, said } = await open();
  client.send('{"ref":"a","body":1}');
  client.send('{"ref":"b","body":2}');
  await until(() => kafka.produced.length === 2);
  reply(0, 'a3', { seq: '3', last: '' });
  reply(1, 'b1', { seq: '1' });
  reply(0, 'a2', { seq: '2' });
  reply(0, 'again', { seq: '3', last: '' });
  await until(() => said.length === 1);
  reply(0, 'a1', { seq: '1' });
  await until(() => said.length === 5);
  assert.deepEqual(
    said.map(({ ref, body, end }) => [ref, end ?? body]),
    [
      ['b', 'b1'],
      ['a', 'a1'],
      ['a', 'a2'],
      ['a', 'a3'],
      ['a', true],
    ],
  );
  // The other one has a gap when its time is over.
  kafka.produced[1]!.onDelivery(undefined);
  reply(1, 'b3', { seq: '3' });
  clock.advance(1020);
  await until(() => said.length === 6);
  const { ref, status, body, end } = said[5]!;
  assert.deepEqual(
    [ref, status, (body as { code: string }).code, end],
    ['b', 504, 'reply_timeout', undefined],
  );
  assert.equal(requestReply.inFlight, 0);
  assert.equal(bytesInFlight.held, held);
});

test('what is missing before an end without a place is told with the end of a message', async (t) => {
  const { open, kafka, until, reply } = await sockets(t, { end_header: 'last', sequence_header: 'seq' });
  const { client, said } = await open();
  client.send('{"ref":"a","body":1}');
  await until(() => kafka.produced.length === 1);
  reply(0, 'a4', { seq: '4' });
  reply(0, 'a2', { seq: '2' });
  reply(0, '', { last: '' });
  await until(() => said.length === 3);
  assert.deepEqual(
    said.map(({ body }) => body),
    ['a2', 'a4', undefined],
  );
  assert.deepEqual(said[2], { ref: 'a', end: true, missing: 2 });
});

test('a client of a WebSocket that leaves lets go of what waits', async (t) => {
  const { open, kafka, until, reply, clock, requestReply } = await sockets(t, {
    end_header: 'last',
    sequence_header: 'seq',
  });
  const held = bytesInFlight.held;
  const { client } = await open();
  client.send('1');
  await until(() => kafka.produced.length === 1);
  reply(0, 'two', { seq: '2' });
  assert.ok(bytesInFlight.held > held);
  client.terminate();
  await until(() => requestReply.inFlight === 0 && requestReply.streams.size === 0);
  assert.equal(bytesInFlight.held, held);
  assert.equal(clock.pendingTimers, 0);
});
