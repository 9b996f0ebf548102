/** Replies that are asked for later, on clusters in memory: a gateway gives the 202, any gateway the reply. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { MetricsPage, TEXT_TYPE } from '../../bridge/telemetry/metrics';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { replyTo, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const SECRET = 'the same on every gateway';
const ACCEPTED = {
  on_timeout: 'accepted',
  respond_async: true,
  result_location: '/results/{id}',
  result_secret: SECRET,
};
const RESULT = { mode: 'result', result_secret: SECRET };
const LEAST = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };

interface Handler {
  access(kong: FakeKong): Promise<void>;
  close(): void;
}

/** One plugin server with a route that sends and a route that answers later, by the pair or by the one plugin. */
function gateway(by: 'pair' | 'one', options: { request?: object; reply?: object; result?: object } = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.setTogether(true);
  const request = { ...LEAST, ...options.request };
  const reply = { ...ACCEPTED, ...options.reply };
  const result = { ...RESULT, ...options.result };
  const handlers: Handler[] =
    by === 'pair'
      ? [
          new ProducerHandler(parseProducerConfig(request), requestReply),
          new ConsumerHandler(parseConsumerConfig(reply), requestReply),
        ]
      : [new RequestReplyHandler(parseRequestReplyConfig({ ...request, reply }), requestReply)];
  const results: Handler =
    by === 'pair'
      ? new ConsumerHandler(
          parseConsumerConfig({ bootstrap_servers: SERVERS, topic: 'replies', ...result }),
          requestReply,
        )
      : new RequestReplyHandler(parseRequestReplyConfig({ ...LEAST, reply: result }), requestReply);

  const run = async (through: readonly Handler[], request: FakeRequest) => {
    const kong = new FakeKong(request);
    const held = (async () => {
      for (const handler of through) if (kong.exits.length === 0) await handler.access(kong);
    })();
    await settled();
    return { kong, held };
  };
  const nothingPending = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.notHandedOver, 0);
    assert.equal(clock.pendingTimers, 0);
    for (const store of requestReply.status().kept_replies as { waiting: number }[])
      assert.equal(store.waiting, 0);
  };
  let posts = 0;
  const post = (request: FakeRequest = {}) => run(handlers, { requestId: `post ${posts++}`, ...request });
  const ask = (id: unknown, request: FakeRequest = {}) =>
    run([results], { method: 'GET', uri: `/results/${String(id)}`, ...request });
  return {
    clock,
    kafka,
    requestReply,
    nothingPending,
    post,
    ask,
    /** A request that is answered with 202: its id. */
    accepted: async (request: FakeRequest = {}) => {
      const { kong, held } = await post({ headers: { prefer: 'respond-async' }, ...request });
      kafka.produced.at(-1)!.onDelivery(undefined);
      await held;
      assert.equal(kong.answer.status, 202);
      return String(kong.answer.json.id);
    },
    arrive: (record: ReceivedRecord) => kafka.arrive(record),
  };
}

for (const by of ['pair', 'one'] as const) {
  test(`at the deadline the client gets 202, and the late reply where the Location says (${by})`, async () => {
    const { clock, kafka, post, ask, nothingPending } = gateway(by);
    const { kong, held } = await post();
    kafka.produced[0]!.onDelivery(undefined);
    clock.advance(5050);
    await held;
    const { status, json } = kong.answer;
    assert.deepEqual([status, json], [202, { id: json.id, state: 'pending' }]);
    const { headers } = kong.exits[0]!;
    assert.equal(headers.location, `/results/${String(json.id)}`);
    assert.equal(headers['retry-after'], '1');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['preference-applied'], undefined);

    kafka.arrive(replyTo(kafka, 0, 'at last', { 'content-type': 'text/plain', ':status': '201' }));
    // As often as it is asked for.
    for (let times = 0; times < 2; times++) {
      const asked = await ask(json.id);
      await asked.held;
      const [exit] = asked.kong.exits;
      assert.deepEqual(
        [exit!.status, exit!.body.toString(), exit!.headers['content-type']],
        [201, 'at last', 'text/plain'],
      );
    }
    nothingPending();
  });

  test(`another gateway answers for the one that gave the id (${by})`, async () => {
    const [first, other] = [gateway(by), gateway(by)];
    const id = await first.accepted();
    const reply = replyTo(first.kafka, 0, 'yes');
    for (const { kafka } of [first, other]) kafka.arrive(reply);
    const { kong, held } = await other.ask(id);
    await held;
    assert.equal(kong.exits[0]!.body.toString(), 'yes');
    first.nothingPending();
    other.nothingPending();
  });

  test(`who asks before the reply is there is held, and many may be (${by})`, async () => {
    const { kafka, accepted, ask, nothingPending } = gateway(by);
    const id = await accepted();
    const asked = [await ask(id), await ask(id), await ask(id)];
    for (const { kong } of asked) assert.equal(kong.exits.length, 0);
    kafka.arrive(replyTo(kafka, 0, 'now'));
    for (const { kong, held } of asked) {
      await held;
      assert.equal(kong.exits[0]!.body.toString(), 'now');
    }
    nothingPending();
  });

  test(`who has waited in vain is told to come again (${by})`, async () => {
    const { clock, accepted, ask, nothingPending } = gateway(by, { result: { timeout_ceiling: 30_000 } });
    const id = await accepted();
    for (const [prefer, timeoutMs] of [
      [undefined, 5000],
      ['wait=2', 2000],
    ] as const) {
      const { kong, held } = await ask(id, { headers: { ...(prefer !== undefined && { prefer }) } });
      clock.advance(timeoutMs - 10);
      await settled();
      assert.equal(kong.exits.length, 0);
      clock.advance(50);
      await held;
      assert.deepEqual(kong.answer, { status: 202, json: { id, state: 'pending' } });
      assert.equal(kong.exits[0]!.headers['retry-after'], '1');
      assert.equal(kong.exits[0]!.headers['preference-applied'], prefer);
    }
    nothingPending();
  });

  test(`Prefer: respond-async is answered when the broker has the record, and not before (${by})`, async () => {
    const { clock, kafka, post, nothingPending } = gateway(by, { reply: { timeout_ceiling: 10_000 } });
    const { kong, held } = await post({ headers: { prefer: 'respond-async' } });
    assert.equal(kong.exits.length, 0);
    kafka.produced[0]!.onDelivery(undefined);
    await held;
    assert.equal(kong.answer.status, 202);
    assert.equal(kong.exits[0]!.headers['preference-applied'], 'respond-async');

    const patient = await post({ headers: { prefer: 'respond-async, wait=3' } });
    kafka.produced[1]!.onDelivery(undefined);
    clock.advance(2990);
    await settled();
    assert.equal(patient.kong.exits.length, 0);
    clock.advance(50);
    await patient.held;
    assert.equal(patient.kong.answer.status, 202);
    assert.equal(patient.kong.exits[0]!.headers['preference-applied'], 'respond-async, wait=3');
    nothingPending();
  });

  test(`without an acknowledgement there is no 202 (${by})`, async () => {
    const { clock, kafka, post, nothingPending } = gateway(by);
    const silent = await post();
    clock.advance(5050);
    await silent.held;
    assert.deepEqual([silent.kong.answer.status, silent.kong.answer.json.code], [504, 'produce_timeout']);
    for (const prefer of ['respond-async', 'nothing']) {
      const refused = await post({ headers: { prefer } });
      kafka.produced.at(-1)!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
      await refused.held;
      assert.equal(refused.kong.answer.json.code, 'produce_failed');
    }
    nothingPending();
  });

  test(`a reply in time is the answer, as on any other route (${by})`, async () => {
    const { kafka, post, nothingPending } = gateway(by);
    const { kong, held } = await post();
    kafka.produced[0]!.onDelivery(undefined);
    kafka.arrive(replyTo(kafka, 0, 'fast'));
    await held;
    assert.equal(kong.exits[0]!.body.toString(), 'fast');
    nothingPending();
  });

  test(`somebody else's id, a forged one and none are 404 alike (${by})`, async () => {
    const { kafka, accepted, ask, nothingPending } = gateway(by);
    const alice = { id: 'alice' };
    const id = await accepted({ consumer: alice });
    kafka.arrive(replyTo(kafka, 0, "alice's"));
    const forged = `${id.slice(0, 30)}${id[30] === 'A' ? 'B' : 'A'}${id.slice(31)}`;
    const answers = [];
    for (const [text, consumer] of [
      [id, { id: 'bob' }],
      [id, undefined],
      [forged, alice],
      ['', alice],
      ['constructor', alice],
    ] as const) {
      const { kong, held } = await ask(text, { ...(consumer && { consumer }) });
      await held;
      answers.push(kong.answer);
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.deepEqual([answers[0]!.status, answers[0]!.json.code], [404, 'result_unknown']);
    const hers = await ask(id, { consumer: alice });
    await hers.held;
    assert.equal(hers.kong.exits[0]!.body.toString(), "alice's");
    nothingPending();
  });

  test(`after DELETE it is gone, also for a reply that comes later (${by})`, async () => {
    const { kafka, accepted, ask, nothingPending } = gateway(by);
    const ids = [await accepted(), await accepted()];
    kafka.arrive(replyTo(kafka, 0, 'here already'));
    const held = await ask(ids[1]);
    for (const id of ids) {
      for (let times = 0; times < 2; times++) {
        const { kong, held: deleting } = await ask(id, { method: 'DELETE' });
        await deleting;
        assert.deepEqual([kong.exits[0]!.status, kong.exits[0]!.body.length], [204, 0]);
      }
    }
    await held.held;
    assert.equal(held.kong.answer.json.code, 'result_gone', 'and for whoever still waits for it');
    kafka.arrive(replyTo(kafka, 1, 'too late'));
    for (const id of ids) {
      const { kong, held } = await ask(id);
      await held;
      assert.deepEqual([kong.answer.status, kong.answer.json.code], [410, 'result_gone']);
    }
    nothingPending();
  });

  test(`other methods are refused, in the form that the client accepts (${by})`, async () => {
    const { ask, nothingPending } = gateway(by);
    for (const method of ['POST', 'constructor']) {
      const { kong, held } = await ask('x', { method, headers: { accept: 'application/problem+json' } });
      await held;
      assert.deepEqual([kong.answer.status, kong.answer.json.code], [405, 'method_not_allowed']);
      assert.equal(kong.exits[0]!.headers.allow, 'GET, HEAD, DELETE');
      assert.equal(kong.exits[0]!.headers['content-type'], 'application/problem+json');
    }
    nothingPending();
  });

  test(`a client that leaves, and the end of the process, leave nothing behind (${by})`, async () => {
    const { accepted, ask, requestReply, nothingPending } = gateway(by);
    const id = await accepted();
    const gone = await ask(id);
    gone.kong.disconnect();
    await gone.held;
    assert.equal(gone.kong.exits.length, 0);
    nothingPending();
    const left = await ask(id);
    await requestReply.close();
    await left.held;
    assert.equal(left.kong.answer.json.code, 'draining');
    assert.equal(requestReply.inFlight, 0);
  });
}

/** Kong's next connection led to another worker, which gave the client the reply that it had let go of. */
test('what was deleted in one worker of a node is gone in the others, before the client is told', async () => {
  const [one, other, stranger] = [
    gateway('one'),
    gateway('one'),
    gateway('pair', { result: { topic: 'others' } }),
  ];
  const told: (() => void)[] = [];
  one.requestReply.tellOthers = (news) => {
    for (const { requestReply } of [other, stranger]) requestReply.told(structuredClone(news));
    return new Promise((resolve) => told.push(resolve));
  };
  const ids = [await one.accepted(), await one.accepted()];
  const reply = replyTo(one.kafka, 0, 'here already');
  for (const { arrive } of [one, other]) arrive(reply);
  const waiting = await other.ask(ids[1]);
  for (const id of ids) {
    const { kong, held } = await one.ask(id, { method: 'DELETE' });
    assert.equal(kong.exits.length, 0, 'the others may not know yet');
    told.pop()!();
    await held;
    await settled();
    assert.equal(kong.exits[0]!.status, 204);
  }
  await waiting.held;
  assert.equal(waiting.kong.answer.json.code, 'result_gone');
  other.arrive(replyTo(one.kafka, 1, 'too late'));
  for (const id of ids) {
    const { kong, held } = await other.ask(id);
    await held;
    assert.deepEqual([kong.answer.status, kong.answer.json.code], [410, 'result_gone']);
  }
  const deleted = [one, other, stranger].map(({ requestReply }) =>
    (requestReply.status().kept_replies as { reply_topic: string; deleted: number }[]).map(
      (store) => `${store.reply_topic} ${store.deleted}`,
    ),
  );
  assert.deepEqual(deleted, [['replies 2'], ['replies 0'], ['others 0']], 'counted once');
});

/** The two read it through clients of their own, as their connection options are other tables. */
test('what several configurations want of one topic is kept once', async () => {
  const request = { idempotency: 'replay', idempotency_secret: SECRET };
  const { kafka, requestReply, post, ask, accepted, nothingPending } = gateway('pair', { request });
  const headers = { prefer: 'respond-async', 'idempotency-key': 'k' };
  const id = await accepted({ headers });
  assert.equal(new Set(kafka.acquired).size, 2, 'two clients');
  kafka.arrive(replyTo(kafka, 0, 'yes'));
  const stores = requestReply.status().kept_replies as Record<string, number>[];
  assert.deepEqual(
    stores.map(({ kept }) => kept),
    [1],
  );
  const asked = await ask(id);
  await asked.held;
  assert.equal(asked.kong.exits[0]!.body.toString(), 'yes');
  // Also for who comes with the key again, although the 202 was not the reply.
  const again = await post({ headers });
  await again.held;
  assert.deepEqual([again.kong.exits[0]!.status, again.kong.exits[0]!.body.toString()], [200, 'yes']);
  assert.equal(kafka.produced.length, 1);
  nothingPending();
});

test('a repeated request that is accepted gets an id of the same reply', async () => {
  const request = { idempotency: 'replay', idempotency_secret: SECRET };
  const { kafka, post, ask, accepted, nothingPending } = gateway('one', { request });
  const headers = { prefer: 'respond-async', 'idempotency-key': 'k' };
  const first = await accepted({ headers });
  const again = await post({ headers });
  await again.held;
  assert.equal(again.kong.answer.status, 202);
  assert.equal(kafka.produced.length, 1);
  kafka.arrive(replyTo(kafka, 0, 'yes'));
  for (const id of [first, again.kong.answer.json.id]) {
    const { kong, held } = await ask(id);
    await held;
    assert.equal(kong.exits[0]!.body.toString(), 'yes');
  }
  nothingPending();
});

test('a reply that came after its 202 is counted as that, and as no late one', async () => {
  const { kafka, requestReply, accepted } = gateway('one');
  await accepted();
  kafka.arrive(replyTo(kafka, 0, 'yes'));
  const [topic] = requestReply.status().reply_topics as { accepted: number; late: number }[];
  assert.deepEqual([topic!.accepted, topic!.late], [1, 0]);
});

test('what replies say, and the secret, are on no page', async () => {
  const { kafka, requestReply, accepted } = gateway('one');
  const id = await accepted();
  kafka.arrive(replyTo(kafka, 0, 'planted in the reply', { 'x-planted': 'planted in a header' }));
  const page = new MetricsPage();
  for (const group of requestReply.metrics) group.collect(page);
  const shown = JSON.stringify(requestReply.status()) + page.text(TEXT_TYPE);
  assert.match(shown, /kong_kafka_kept_replies\{cluster="kafka:9092",reply_topic="replies"\} 1/);
  for (const secret of ['planted', SECRET, id]) assert.equal(shown.includes(secret), false, secret);
});

test('what is kept is bounded by count, by bytes and by time', async () => {
  const few = gateway('one', { result: { keep_replies: { count: 2 } } });
  const ids = [await few.accepted(), await few.accepted(), await few.accepted()];
  for (const index of ids.keys()) few.arrive(replyTo(few.kafka, index, String(index)));
  const statuses = [];
  for (const id of ids) {
    const { kong, held } = await few.ask(id);
    await held;
    statuses.push(kong.exits[0]!.status);
  }
  assert.deepEqual(statuses, [410, 200, 200]);
  const [store] = few.requestReply.status().kept_replies as {
    kept: number;
    dropped_early: number;
    last_dropped_early: { at: string };
  }[];
  assert.deepEqual([store!.kept, store!.dropped_early], [2, 1]);
  assert.ok(Date.parse(store!.last_dropped_early.at) > 0, 'and when');

  const small = gateway('one', { result: { keep_replies: { bytes: 5000 } } });
  const large = await small.accepted();
  small.arrive(replyTo(small.kafka, 0, 'x'.repeat(6000)));
  const { kong, held } = await small.ask(large);
  await held;
  assert.equal(kong.exits[0]!.status, 410);

  few.clock.advance(300_050);
  const [later] = few.requestReply.status().kept_replies as Record<string, number>[];
  assert.deepEqual([later!.kept, later!.bytes, later!.dropped_early], [0, 0, 1]);
});

test('what cannot work is refused with the reason', async () => {
  const one = (config: object) => () => parseRequestReplyConfig({ ...LEAST, ...config });
  for (const [name, reply] of [
    ['on_timeout', { ...ACCEPTED, respond_async: false }],
    ['respond_async', { ...ACCEPTED, on_timeout: 'error' }],
    ['mode', RESULT],
  ] as const) {
    assert.doesNotThrow(one({ reply }));
    const routed = new RegExp(`reply.${name}: needs reply_routing: broadcast`);
    assert.throws(one({ reply, reply_routing: 'partition', dialects: ['plain'] }), routed);
    assert.throws(one({ reply, reply_routing: 'topic', reply_topic: 'replies.{node}' }), routed);
    assert.throws(one({ reply, topic: 'replies' }), new RegExp(`reply.${name}: needs a reply_topic other`));
    if (name !== 'mode') assert.throws(one({ reply, correlation: 'client' }), /needs correlation: generated/);
  }
  const consumer = (config: object) => () => parseConsumerConfig(config);
  assert.throws(consumer({ on_timeout: 'accepted' }), /result_location: required/);
  assert.throws(consumer({ respond_async: true }), /result_location: required/);
  assert.throws(consumer({ ...ACCEPTED, result_location: '/results' }), /\{id\} in it once/);
  assert.throws(consumer({ ...ACCEPTED, result_location: '/results/\r\n{id}' }), /printable ASCII/);
  assert.throws(consumer({ ...ACCEPTED, result_secret: 'short' }), /result_secret: must be longer/);
  assert.throws(consumer({ mode: 'result' }), /topic: required with mode: result/);
  const source = { bootstrap_servers: SERVERS, topic: 'replies' };
  const both = { ...source, ...RESULT, on_timeout: 'accepted', result_location: '/{id}' };
  assert.throws(consumer(both), /on_timeout: has no meaning/);
  assert.throws(consumer({ ...source, ...RESULT, topic: 'replies.{node}' }), /mode: needs reply_routing/);
  const apart = new RequestReply({ clients: new FakeKafka() });
  const accepting = parseConsumerConfig(ACCEPTED);
  assert.throws(() => new ConsumerHandler(accepting, apart), /need both plugins in one process/);
  assert.doesNotThrow(() => new ConsumerHandler(parseConsumerConfig({ ...source, ...RESULT }), apart));
  await apart.close();
});

/** What the two of a pair want of each other shows with the first request only. */
test('a pair that cannot work says so, and leaves no wait behind', async () => {
  for (const [config, reason] of [
    [
      { reply_routing: 'partition', reply_partition: 0, dialects: ['plain'] },
      /needs reply_routing: broadcast/,
    ],
    [{ topic: 'replies' }, /needs a reply_topic other than topic/],
    [{ correlation: 'client' }, /needs correlation: generated/],
  ] as const) {
    const kafka = new FakeKafka();
    const requestReply = new RequestReply({ clients: kafka, clock: new FakeClock() });
    requestReply.setTogether(true);
    const error_handling = { return_error_message: true };
    const producer = new ProducerHandler(parseProducerConfig({ ...LEAST, ...config }), requestReply);
    const consumer = new ConsumerHandler(parseConsumerConfig({ ...ACCEPTED, error_handling }), requestReply);
    const kong = new FakeKong({ headers: { 'kong-request-id': 'chosen' } });
    await producer.access(kong);
    await consumer.access(kong);
    assert.equal(kong.answer.json.code, 'misconfigured');
    assert.match(String(kong.answer.json.error), reason);
    assert.equal(requestReply.inFlight, 0);
  }
});
