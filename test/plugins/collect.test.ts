/** Several replies to one request, in all three ways in which the two halves run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../bridge/bytes-in-flight';
import { GatewayError } from '../../bridge/errors';
import { SHARED_WIRE_ID } from '../../bridge/reply/apart';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, route, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const FORMS = ['pair', 'one'] as const;

/** One request with replies that the test sends; `early` of them come before the consumer half. */
function collecting(form: (typeof FORMS)[number], reply: Record<string, unknown>) {
  let offset = 0;
  const begin = (): {
    kafka: FakeKafka;
    clock: FakeClock;
    requestReply: RequestReply;
    nothingPending: () => void;
    first: () => Promise<unknown>;
    second: (kong: FakeKong) => Promise<unknown>;
  } => {
    if (form === 'pair') {
      const pair = route({ consumer: reply });
      return {
        ...pair,
        first: () => pair.producer.access(new FakeKong()),
        second: (kong) => pair.consumer.access(kong),
      };
    }
    const clock = new FakeClock();
    const kafka = new FakeKafka();
    const requestReply = new RequestReply({ clients: kafka, clock });
    requestReply.setTogether(false);
    const config = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies', reply };
    const handler = new RequestReplyHandler(parseRequestReplyConfig(config), requestReply);
    const nothingPending = () => {
      assert.equal(requestReply.inFlight, 0);
      assert.equal(clock.pendingTimers, 0);
    };
    return {
      kafka,
      clock,
      requestReply,
      nothingPending,
      first: () => Promise.resolve(),
      second: (kong) => handler.access(kong),
    };
  };
  const lab = begin();
  const held = bytesInFlight.held;
  const kong = new FakeKong();
  const record = (value: string | null, headers: Record<string, string> = {}) => ({
    ...replyTo(lab.kafka, 0, value, headers),
    offset: offset++,
  });
  const say = (value: string | null, headers?: Record<string, string>): void =>
    lab.kafka.arrive(record(value, headers));
  const answer = () => {
    const [exit, ...more] = kong.exits;
    assert.ok(exit && more.length === 0, `${kong.exits.length} answers`);
    lab.nothingPending();
    assert.equal(bytesInFlight.held, held, 'no memory is left behind');
    const { status, headers, body } = exit;
    return { status, headers, body: body.toString() };
  };
  const start = async () => {
    await lab.first();
    const ended = lab.second(kong);
    await settled();
    return ended;
  };
  return { ...lab, kong, record, say, answer, start: () => ({ ended: start() }) };
}

for (const form of FORMS) {
  test(`${form}: so many replies make an array, in the order in which they come`, async () => {
    const { start, say, answer, kong } = collecting(form, { collect: { count: 3 } });
    const { ended } = start();
    await settled();
    say('{"offer":12345678901234567890}');
    say('none');
    await settled();
    assert.equal(kong.exits.length, 0, 'one is not enough');
    say(null);
    await ended;
    const { status, headers, body } = answer();
    assert.equal(status, 200);
    assert.equal(body, '[{"offer":12345678901234567890},"none",null]');
    assert.deepEqual(
      { ...headers },
      {
        'content-type': 'application/json',
        'x-collected': 'complete',
        'x-collected-count': '3',
        'x-collected-missing': '0',
      },
    );
  });

  test(`${form}: an end marker of NestJS, by itself or on the last reply`, async () => {
    const END = { 'kafka_nest-is-disposed': '\0' };
    for (const isAlone of [true, false]) {
      const { start, say, answer } = collecting(form, {
        collect: { end_header: 'kafka_nest-is-disposed' },
      });
      const { ended } = start();
      await settled();
      say('1');
      if (isAlone) {
        say('2');
        say(null, END);
      } else say('2', END);
      await ended;
      assert.equal(answer().body, '[1,2]');
    }
  });

  test(`${form}: quiet after a reply is the end, and each reply begins it anew`, async () => {
    const { start, say, clock, answer, kong } = collecting(form, { collect: { quiet_ms: 200 } });
    const { ended } = start();
    await settled();
    clock.advance(1000);
    say('1');
    clock.advance(150);
    say('2');
    clock.advance(150);
    await settled();
    assert.equal(kong.exits.length, 0);
    clock.advance(60);
    await ended;
    const { body, headers } = answer();
    assert.equal(body, '[1,2]');
    assert.equal(headers['x-collected-missing'], undefined, 'nobody knows how many there are');
  });

  test(`${form}: at the deadline what is there, or an error`, async () => {
    for (const on_timeout of ['partial', 'error']) {
      const { start, say, clock, answer } = collecting(form, {
        timeout: 500,
        collect: { count: 3, on_timeout },
      });
      const { ended } = start();
      await settled();
      say('1');
      clock.advance(520);
      await ended;
      const { status, body, headers } = answer();
      if (on_timeout === 'error') {
        assert.equal(status, 504);
        assert.match(body, /"reply_timeout"/, 'also where there was no delivery report');
      } else {
        assert.deepEqual([status, body], [200, '[1]']);
        assert.deepEqual([headers['x-collected'], headers['x-collected-missing']], ['partial', '2']);
      }
    }
  });

  test(`${form}: where nothing has come there is nothing to answer`, async () => {
    const { start, clock, answer } = collecting(form, {
      timeout: 500,
      collect: { count: 3, on_timeout: 'partial' },
    });
    const { ended } = start();
    await settled();
    clock.advance(520);
    await ended;
    assert.equal(answer().status, 504);
  });

  test(`${form}: a reply that comes twice is one, by its place in the topic and by its number`, async () => {
    const { start, record, kafka, answer, requestReply } = collecting(form, {
      collect: { count: 3, sequence_header: 'seq' },
    });
    const { ended } = start();
    await settled();
    const [third, first, again, second] = [
      record('"c"', { seq: '3' }),
      record('"a"', { seq: '1' }),
      record('"A"', { seq: '1' }),
      record('"b"', { seq: '2' }),
    ];
    for (const reply of [third, third, first, again, second]) kafka.arrive(reply);
    await ended;
    assert.equal(answer().body, '["a","b","c"]');
    const [topic] = requestReply.status().reply_topics as { duplicate: number }[];
    assert.equal(topic?.duplicate, 2);
  });

  test(`${form}: an error reply is the answer, whatever has come before it`, async () => {
    const { start, say, answer } = collecting(form, { collect: { count: 3 } });
    const { ended } = start();
    await settled();
    say('1');
    say(null, { 'kafka_nest-err': '{"status":404,"message":"no such order"}' });
    await ended;
    const { status, body } = answer();
    assert.equal(status, 404);
    assert.match(body, /responder_error/);
  });

  test(`${form}: a service cannot fill the memory`, async () => {
    for (const [collect, value] of [
      [{ end_header: 'end', max_count: 2 }, '1'],
      [{ end_header: 'end', max_bytes: 8000 }, `"${'x'.repeat(3000)}"`],
    ] as const) {
      const { start, say, answer, kong } = collecting(form, { collect });
      const { ended } = start();
      await settled();
      for (let sent = 0; sent < 10 && kong.exits.length === 0; sent++) {
        say(value);
        await settled();
      }
      await ended;
      const { status, body } = answer();
      assert.equal(status, 502);
      assert.match(body, /reply_too_large/);
    }
  });

  test(`${form}: a failed delivery and a client that leaves end it at once`, async () => {
    for (const isFailed of [true, false]) {
      const { start, say, kafka, kong, nothingPending } = collecting(form, { collect: { quiet_ms: 1000 } });
      const held = bytesInFlight.held;
      const { ended } = start();
      await settled();
      say('1');
      if (isFailed) kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'no'));
      else kong.disconnect();
      await ended;
      assert.deepEqual(
        kong.exits.map(({ status }) => status),
        isFailed ? [502] : [],
      );
      assert.equal(bytesInFlight.held, held);
      nothingPending();
    }
  });

  test(`${form}: lines, and parts with their own headers`, async () => {
    for (const as of ['ndjson', 'multipart']) {
      const { start, say, answer } = collecting(form, { collect: { count: 2, as } });
      const { ended } = start();
      await settled();
      say('{\n  "a": "x y"\r\n}', { 'content-type': 'application/json', ':status': '201' });
      say('plain', { 'content-type': 'text/plain', 'x-more': 'yes' });
      await ended;
      const { headers, body } = answer();
      if (as === 'ndjson') {
        assert.equal(headers['content-type'], 'application/x-ndjson');
        assert.deepEqual(body.split('\n'), ['{   "a": "x y" }', '"plain"', '']);
        continue;
      }
      const boundary = /boundary=(\S+)$/.exec(String(headers['content-type']))![1]!;
      const parts = body.split(`--${boundary}`);
      assert.equal(parts.length, 4);
      assert.match(parts[1]!, /^\r\nstatus: 201\r\ncontent-type: application\/json\r\n\r\n\{/);
      assert.match(parts[2]!, /x-more: yes\r\n\r\nplain\r\n$/);
      assert.equal(parts[3], '--\r\n');
    }
  });
}

/** The producer half does not know how many replies the consumer half wants: none of them may end the wait before that. */
test('replies that come between the two halves count, also those that only the rule of the second finds', async () => {
  for (const match of ['header', 'key']) {
    const { kafka, producer, consumer, nothingPending } = route({
      consumer: { match, collect: { count: 3 } },
    });
    await producer.access(new FakeKong());
    const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId')!;
    const reply = (value: string, offset: number) => ({
      ...(match === 'key' ? receivedRecord({ topic: 'replies', key: id, value }) : replyTo(kafka, 0, value)),
      offset,
    });
    kafka.arrive(reply('1', 0));
    kafka.arrive(reply('2', 1));
    const kong = new FakeKong();
    const held = consumer.access(kong);
    await settled();
    assert.equal(kong.exits.length, 0);
    kafka.arrive(reply('3', 2));
    await held;
    assert.equal(kong.exits[0]!.body.toString(), '[1,2,3]');
    nothingPending();
  }
});

test('where one reply is enough, the first of those that come between the two halves is the answer', async () => {
  const { kafka, producer, consumer, requestReply, nothingPending } = route();
  await producer.access(new FakeKong());
  kafka.arrive({ ...replyTo(kafka, 0, 'first'), offset: 0 });
  kafka.arrive({ ...replyTo(kafka, 0, 'second'), offset: 1 });
  const kong = new FakeKong();
  await consumer.access(kong);
  assert.equal(kong.exits[0]!.body.toString(), 'first');
  const [topic] = requestReply.status().reply_topics as { replies: number; duplicate: number }[];
  assert.deepEqual([topic?.replies, topic?.duplicate], [1, 1]);
  nothingPending();
});

test('a flood between the two halves is cut off', async () => {
  const { kafka, producer, consumer, requestReply, clock } = route({
    consumer: { collect: { quiet_ms: 10 } },
  });
  await producer.access(new FakeKong());
  for (let offset = 0; offset < 2000; offset++) kafka.arrive({ ...replyTo(kafka, 0, '1'), offset });
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  clock.advance(30);
  await held;
  assert.equal(kong.exits[0]!.headers['x-collected-count'], '1000');
  const [topic] = requestReply.status().reply_topics as { duplicate: number }[];
  assert.equal(topic!.duplicate, 1000);
});

test('in processes of their own, all replies that are there before the wait count', async () => {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  const consumer = new ConsumerHandler(
    parseConsumerConfig({ bootstrap_servers: SERVERS, topic: 'replies', collect: { count: 3 } }),
    requestReply,
  );
  const id = '6f1a2b3c-0000-4000-8000-000000000001';
  const reply = (value: string, offset: number) => ({
    ...receivedRecord({ topic: 'replies', headers: { 'correlation-id': id }, value }),
    offset,
  });
  kafka.arrive(reply('1', 0));
  kafka.arrive(reply('2', 1));
  const kong = new FakeKong({}, new Map([[SHARED_WIRE_ID, id]]));
  const held = consumer.access(kong);
  await settled();
  kafka.arrive(reply('3', 2));
  await held;
  assert.equal(kong.exits[0]!.body.toString(), '[1,2,3]');
});

test('an option that nothing leads to is refused', () => {
  assert.throws(() => parseConsumerConfig({ collect: { as: 'ndjson' } }), /collect\.as: needs count/);
  assert.throws(() => parseConsumerConfig({ collect: { count: 2000 } }), /collect\.count: must not be above/);
  assert.doesNotThrow(() => parseConsumerConfig({ collect: {} }));
});
