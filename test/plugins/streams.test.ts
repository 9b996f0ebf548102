/** Streams on a cluster in memory and a clock that only the tests move, through a listener that is real. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { bytesInFlight } from '../../bridge/bytes-in-flight';
import { GatewayError } from '../../bridge/errors';
import type { RequestReply } from '../../bridge/request-reply';
import { STREAM_TICKET_HEADER } from '../../bridge/streams/tickets';
import { accessLog } from '../../bridge/telemetry/access-log';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { captureLog } from '../pluginserver/support/serving';
import { EventSource } from '../support/event-source';
import { headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { listeningStreams } from '../support/listening-streams';
import { replyTo, route, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

async function streaming(t: TestContext, stream: object = {}, config: object = {}) {
  const { clock, kafka, requestReply, listener } = await listeningStreams();
  const sources: EventSource[] = [];
  t.after(async () => {
    for (const source of sources) source.close();
    await requestReply.close();
    await listener.serve(false);
  });
  /** The same configuration, as Kong starts it again. */
  const anew = () =>
    new RequestReplyHandler(
      parseRequestReplyConfig({
        bootstrap_servers: SERVERS,
        topic: 'orders',
        reply_topic: 'replies',
        reply: { mode: 'stream', stream },
        ...config,
      }),
      requestReply,
    );
  const handler = anew();
  const held = bytesInFlight.held;
  let offset = 0;
  const access = async (request: FakeRequest = { method: 'GET' }) => {
    const kong = new FakeKong(request);
    await handler.access(kong);
    return kong;
  };
  /** What Kong does after the access phase. */
  const proxied = async (kong: FakeKong) => {
    const source = await EventSource.open(
      `http://${kong.upstream.get('target')}${kong.upstream.get('path')}`,
      undefined,
      {
        headers: { [STREAM_TICKET_HEADER]: kong.upstreamHeaders.get(STREAM_TICKET_HEADER) ?? '' },
        method: kong.upstream.get('method')!,
      },
    );
    sources.push(source);
    return source;
  };
  const say = (value: string | Buffer | null, headers: Record<string, string> = {}, index = 0) =>
    kafka.arrive({ ...replyTo(kafka, index, value, headers), offset: offset++ });
  const counters = () => requestReply.status().streams as Record<string, unknown>;
  const until = async (isTrue: () => boolean) => {
    for (let turns = 0; !isTrue(); turns++) {
      assert.ok(turns < 2000, 'it never became true');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const nothingLeft = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.streams.size, 0);
    assert.equal(counters().kept, 0);
    assert.equal(bytesInFlight.held, held, 'no memory is left behind');
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, kafka, requestReply, handler, anew, access, proxied, say, counters, until, nothingLeft };
}

test('Kong is sent to the listener with a ticket, once the record is out', async (t) => {
  const { kafka, access, proxied, say, clock, nothingLeft } = await streaming(t, { count: 2 });
  const kong = await access({ method: 'POST', body: 'two books' });
  assert.equal(kafka.produced[0]!.record.value?.toString(), 'two books');
  assert.equal(kong.exits.length, 0);
  assert.deepEqual(
    [kong.upstream.get('path'), kong.upstream.get('method'), kong.upstream.get('body')],
    ['/stream/', 'GET', ''],
    'the body is not sent a second time',
  );
  assert.ok(kong.upstreamHeaders.get(STREAM_TICKET_HEADER)!.length >= 22, '128 bits');
  say('early');
  const source = await proxied(kong);
  say('two\r\nlines\nid: kks1.forged\n\nevent: end');
  const events = await source.untilEnd();
  assert.deepEqual(
    events.map(({ name, data }) => [name, data]),
    [
      ['message', 'early'],
      ['message', 'two\nlines\nid: kks1.forged\n\nevent: end'],
      ['end', '{"reason":"complete"}'],
    ],
    'a reply can say nothing but data',
  );
  assert.equal((await proxied(kong)).status, 404, 'a ticket is good once');
  clock.advance(31_000);
  nothingLeft();
});

/** Both halves want to know the headers and the consumer, and each question is a call to Kong. */
test('the opening of a stream asks Kong nothing twice', async (t) => {
  const { access, kafka } = await streaming(t, {}, { forward_consumer: true });
  const consumer = { id: 'alice' };
  const { reads, exits } = await access({ method: 'PUT', body: 'x', consumer });
  assert.equal(exits.length, 0);
  assert.deepEqual([...reads].sort(), [
    'getConsumer',
    'getHeaders',
    'getMethod',
    'getRawBody(1048576)',
    'kong_request_id',
  ]);
  const { record } = kafka.produced[0]!;
  assert.equal(headerOf(record, 'x-consumer-id'), 'alice', 'both get the answer');
});

test('a ticket that nobody uses in ten seconds ends the stream, and the log names the address once', async (t) => {
  const { requestReply, access, proxied, clock, counters, nothingLeft } = await streaming(t);
  const logged = captureLog(t);
  const kong = await access();
  await access();
  const { host, port } = requestReply.streams.listener()!;
  clock.advance(10_010);
  assert.equal((await proxied(kong)).status, 404);
  assert.equal(counters().expired, 2);
  assert.ok(Date.parse((counters().last_expired as { at: string }).at) > 0);
  assert.equal(counters().last_gone, undefined);
  const lines = logged.filter(({ event }) => event === 'stream_not_fetched');
  assert.deepEqual(
    lines.map(({ level, address }) => [level, address]),
    [['warn', `${host}:${port}`]],
  );
  nothingLeft();
});

test('what fails before anything was streamed is an answer with a status', async (t) => {
  const { access, proxied, kafka, nothingLeft, clock } = await streaming(t);
  const kong = await access();
  kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'no'));
  const source = await proxied(kong);
  assert.equal(source.status, 502);
  await source.untilEnd();
  assert.match(source.rest, /"produce_failed"/);
  clock.advance(31_000);
  nothingLeft();
});

test('what fails later is an event, and the end', async (t) => {
  const { access, proxied, kafka, say, nothingLeft, clock } = await streaming(t);
  const source = await proxied(await access());
  say('1');
  for (const { onLost } of kafka.followed.get('replies')!)
    onLost!(new GatewayError('reply_reader_lost', 'gone'));
  const events = await source.untilEnd();
  assert.deepEqual(
    events.map(({ name }) => name),
    ['message', 'failure', 'end'],
  );
  assert.match(events[1]!.data, /reply_reader_lost/);
  clock.advance(31_000);
  nothingLeft();
});

test('while nothing comes there is a comment every 20 seconds, less than the minute of Kong', async (t) => {
  const { access, proxied, clock, until, say } = await streaming(t, { count: 1 });
  const source = await proxied(await access());
  await until(() => source.comments.length > 0);
  for (let beats = 1; beats <= 3; beats++) {
    clock.advance(20_010);
    await until(() => source.comments.length > beats);
  }
  say('1');
  await source.untilEnd();
});

/** Of streams with a reply every few seconds, half of what was sent were comments. */
test('after a reply there is none for another 20 seconds', async (t) => {
  const { access, proxied, clock, until, say } = await streaming(t, { count: 2 });
  const source = await proxied(await access());
  await until(() => source.comments.length > 0);
  const before = source.comments.length;
  clock.advance(15_000);
  say('1');
  await until(() => source.events.length === 1);
  clock.advance(15_000);
  say('2');
  await source.untilEnd();
  assert.equal(source.comments.length, before);
});

test('a client that leaves and does not come back ends the wait', async (t) => {
  const { access, proxied, clock, until, requestReply, counters, nothingLeft } = await streaming(t, {
    resume_ms: 5000,
  });
  const source = await proxied(await access());
  const before = clock.pendingTimers;
  source.close();
  await until(() => clock.pendingTimers <= before);
  await settled();
  assert.equal(requestReply.inFlight, 1, 'it may come back');
  await until(() => {
    clock.advance(1000);
    return requestReply.inFlight === 0;
  });
  assert.equal((counters().ended as Record<string, number>).client_gone, 1);
  nothingLeft();
});

test('what a buffer cannot hold is told as a gap to who comes back', async (t) => {
  const { access, proxied, say, until, clock, requestReply } = await streaming(t, { buffer: 3 });
  const source = await proxied(await access());
  say('1');
  await source.count(1);
  source.close();
  const [{ id } = { id: '' }] = source.events;
  await until(() => !hasClient(requestReply));
  for (let n = 2; n <= 8; n++) say(String(n));
  const again = await proxied(await access({ method: 'GET', headers: { 'last-event-id': id! } }));
  const events = await again.count(4);
  assert.deepEqual(
    events.map(({ name, data }) => [name, data]),
    [
      ['gap', '{"missing":4}'],
      ['message', '6'],
      ['message', '7'],
      ['message', '8'],
    ],
  );
  again.close();
  await until(() => !hasClient(requestReply));
  clock.advance(31_000);
});

function hasClient({ streams }: RequestReply): boolean {
  return (streams.status().attached as number) > 0;
}

test('a client that does not read is disconnected, and the others are not', async (t) => {
  const { access, proxied, say, counters, until, kafka } = await streaming(t, {
    buffer: 10,
    buffer_bytes: 10_000_000,
  });
  const slow = await proxied(await access());
  slow.pause();
  const quick = await proxied(await access({ method: 'GET', requestId: 'r2' }));
  assert.equal(kafka.produced.length, 2);
  const large = 'x'.repeat(500_000);
  await until(() => {
    say(large);
    return counters().slow === 1;
  });
  say('quick', {}, 1);
  assert.equal((await quick.count(1))[0]!.data, 'quick');
  quick.close();
});

test('somebody else cannot come back to a stream', async (t) => {
  const { access, proxied, say } = await streaming(t);
  const consumer = { id: 'alice' };
  const source = await proxied(await access({ method: 'GET', consumer }));
  say('1');
  const [event] = await source.count(1);
  const headers = { 'last-event-id': event!.id! };
  for (const other of [{ id: 'mallory' }, undefined]) {
    const kong = await access({ method: 'GET', headers, ...(other && { consumer: other }) });
    assert.equal(kong.answer.status, 410);
    assert.equal(kong.answer.json.code, 'stream_gone');
  }
  const again = await access({ method: 'GET', headers, consumer });
  assert.equal(again.exits.length, 0);
  source.close();
});

test('a Last-Event-ID that is not ours is none', async (t) => {
  const { access, kafka } = await streaming(t);
  await access({ method: 'GET', headers: { 'last-event-id': '42' } });
  assert.equal(kafka.produced.length, 1);
});

/** Kong 3.9.3 answers 503 "no Service found with those values" where this field is empty. */
test('on a route without a service Kong is told of one, where the configuration says so', async (t) => {
  const { access, proxied, say } = await streaming(t, { without_service: true });
  const kong = await access();
  const service = kong.context.get('service') as Record<string, unknown>;
  assert.equal(`${String(service.host)}:${String(service.port)}`, kong.upstream.get('target'));
  assert.deepEqual([service.name, service.protocol, service.retries], ['kafka-stream', 'http', 0]);
  const source = await proxied(kong);
  say('1');
  const [event] = await source.count(1);
  const back = await access({ method: 'GET', headers: { 'last-event-id': event!.id! } });
  assert.ok(back.context.has('service'), 'who comes back is led the same way');
  const refused = await access({ method: 'HEAD' });
  assert.equal(refused.context.size, 0);
  source.close();
});

test('Kong is told of no service where the route has one, or nobody wants it', async (t) => {
  const wanted = await streaming(t, { without_service: true });
  const service = { id: 's1', name: 'nowhere', host: 'kafka-reply.invalid' };
  const kong = await wanted.access({ method: 'GET', service });
  assert.deepEqual([kong.exits.length, kong.contextCalls], [0, 0]);
  const off = await streaming(t);
  const other = await off.access();
  assert.deepEqual([other.exits.length, other.contextCalls], [0, 0]);
  assert.ok(!other.reads.includes('getService'), 'it is not even asked');
});

test('so many streams of one consumer, and no more', async (t) => {
  const { access, proxied, kafka, say, until } = await streaming(t, { max_per_consumer: 2, count: 1 });
  const alice = { method: 'GET', consumer: { id: 'alice' } };
  const sources = [await proxied(await access(alice)), await proxied(await access(alice))];
  assert.equal((await access(alice)).answer.json.code, 'overloaded');
  assert.equal(kafka.produced.length, 2, 'nothing was sent');
  await access({ method: 'GET', consumer: { id: 'bob' } });
  say('1');
  await sources[0]!.untilEnd();
  await until(() => true);
  assert.equal((await access(alice)).exits.length, 0, 'one has ended');
});

test('HEAD has no stream, and without a listener there is none either', async (t) => {
  const { access, requestReply, kafka } = await streaming(t);
  assert.equal((await access({ method: 'HEAD' })).answer.json.code, 'request_invalid');
  requestReply.streams.listener = () => undefined;
  assert.equal((await access()).answer.json.code, 'misconfigured');
  requestReply.streams.listener = () => null;
  assert.equal((await access()).answer.json.code, 'not_ready');
  assert.equal(kafka.produced.length, 0);
});

/** Its wait was left to the ten seconds after which it is said that no consumer is on the route. */
test('HEAD has no stream by a pair either, and its wait ends at once', async () => {
  const { producer, consumer, kafka, requestReply, nothingPending } = route({ consumer: { mode: 'stream' } });
  const kong = new FakeKong({ method: 'HEAD' });
  await producer.access(kong);
  await consumer.access(kong);
  assert.equal(kong.exits[0]?.status, 400);
  assert.equal(kafka.produced.length, 1, 'the producer does not know what its consumer wants');
  nothingPending();
  assert.equal(requestReply.counters.unclaimed, 0);
});

/** The producer does not know that its consumer streams, and 500 told the client that somebody else had made a mistake. */
for (const idempotency of ['join', 'replay']) {
  test(`a request for a stream that comes twice is 400 by a pair, and sent once (${idempotency})`, async () => {
    const keyed = { idempotency, idempotency_secret: 'the same on every gateway' };
    const { producer, consumer, kafka, requestReply } = route({
      producer: keyed,
      consumer: { mode: 'stream' },
    });
    requestReply.streams.listener = () => ({ host: '127.0.0.1', port: 8005 });
    let requests = 0;
    const ask = async () => {
      const kong = new FakeKong({
        requestId: `request ${requests++}`,
        headers: { 'idempotency-key': 'k' },
        body: 'two books',
      });
      await producer.access(kong);
      if (kong.exits.length === 0) await consumer.access(kong);
      return kong;
    };
    assert.equal((await ask()).exits.length, 0, 'the first is a stream');
    kafka.produced[0]!.onDelivery(undefined);
    const { answer } = await ask();
    assert.deepEqual([answer.status, answer.json.code], [400, 'request_invalid']);
    assert.match(String(answer.json.error), /idempotency key.*several replies.*sent by the first/);
    kafka.arrive(replyTo(kafka, 0, 'one of several'));
    // With `join` its first reply is the end of what is known of a key, and the id of its stream is in use.
    const later = await ask();
    assert.equal(later.answer.status, idempotency === 'join' ? 409 : 400);
    assert.equal(kafka.produced.length, 1);
    assert.equal(requestReply.inFlight, 1, 'the stream goes on');
    await requestReply.close();
    assert.equal(requestReply.inFlight, 0);
  });
}

/** A long stream is no request without a reply: nobody shall look for its reason. */
test('age and silence end a stream, and are no timeouts', async (t) => {
  for (const [stream, reason] of [
    [{ max_life_ms: 5000 }, 'max_life'],
    [{ max_life_ms: 60_000, idle_ms: 5000 }, 'idle'],
  ] as const) {
    const { access, proxied, say, clock, requestReply, nothingLeft } = await streaming(t, stream);
    const source = await proxied(await access());
    say('1');
    clock.advance(5010);
    assert.equal((await source.untilEnd()).at(-1)!.data, `{"reason":"${reason}"}`);
    const [topic] = requestReply.status().reply_topics as { timed_out: number }[];
    assert.equal(topic!.timed_out, 0);
    clock.advance(31_000);
    nothingLeft();
  }
});

/** The next comment was written to a response that had ended, which is an error that nobody caught. */
test('nothing is written to a client after the end, however long it takes to leave', async (t) => {
  const { access, proxied, clock, nothingLeft } = await streaming(t, { max_life_ms: 5000 });
  const source = await proxied(await access());
  clock.advance(5010);
  clock.advance(20_010);
  assert.equal((await source.untilEnd()).at(-1)!.name, 'end');
  clock.advance(31_000);
  nothingLeft();
});

test('the log of requests has a line for each stream, when it ends', async (t) => {
  const lines: string[] = [];
  setLogSink((line) => lines.push(line));
  accessLog.isOn = true;
  t.after(() => {
    accessLog.isOn = false;
    setLogSink(() => undefined);
  });
  const { access, proxied, say } = await streaming(t, { count: 1 });
  const source = await proxied(await access());
  const logged = () => lines.filter((line) => line.includes('"request"') && line.includes('orders'));
  assert.equal(logged().length, 0);
  say('1');
  await source.untilEnd();
  assert.equal(logged().length, 1);
  assert.match(logged()[0]!, /"status":200/);
});

/** Kong renews all instances whenever any plugin changes. */
test('a configuration that Kong has closed goes on for its streams, and ends with the last of them', async (t) => {
  const { access, proxied, say, handler, kafka, clock, nothingLeft } = await streaming(t, { count: 2 });
  const source = await proxied(await access());
  handler.close();
  clock.advance(60_000);
  say('1');
  await source.count(1);
  say('2');
  await source.untilEnd();
  assert.equal(kafka.released, 0);
  clock.advance(31_000);
  clock.advance(31_000);
  assert.equal(kafka.released, 1);
  nothingLeft();
});

/** What it had was given back a second time, and so was taken from one that has the same. */
test('a stream that begins after its configuration was closed ends nothing of another one', async (t) => {
  const { access, proxied, handler, anew, kafka, clock, until, say } = await streaming(t, { count: 1 });
  const first = await proxied(await access());
  kafka.state = 'connecting';
  const waiting = access({ method: 'GET', requestId: 'r2' });
  await settled();
  handler.close();
  say('1');
  await first.untilEnd();
  clock.advance(31_000);
  const other = anew();
  kafka.state = 'up';
  await until(() => {
    clock.advance(50);
    return kafka.produced.length === 2;
  });
  const late = await proxied(await waiting);
  say('2', {}, 1);
  await late.untilEnd();
  clock.advance(31_000);
  clock.advance(61_000);
  assert.equal(kafka.released, 0, 'the other one has it');
  other.close();
  clock.advance(61_000);
  assert.equal(kafka.released, 1);
});

test('a drain lets streams go on for ten seconds, then they end with a reason', async (t) => {
  const { access, proxied, requestReply, clock, say, nothingLeft } = await streaming(t);
  const source = await proxied(await access());
  requestReply.drain();
  let isIdle = false;
  const idle = requestReply.idle().then(() => (isIdle = true));
  assert.equal((await access({ method: 'GET', requestId: 'r2' })).answer.json.code, 'draining');
  say('1');
  await source.count(1);
  await settled();
  assert.equal(isIdle, false);
  clock.advance(10_010);
  const events = await source.untilEnd();
  assert.equal(events.at(-1)!.data, '{"reason":"draining"}');
  clock.advance(100);
  await idle;
  clock.advance(31_000);
  nothingLeft();
});

test('the end of the process ends all of them', async (t) => {
  const { access, proxied, requestReply } = await streaming(t);
  const source = await proxied(await access());
  await requestReply.close();
  assert.equal((await source.untilEnd()).at(-1)!.data, '{"reason":"draining"}');
});
