/** Requests that are answered when an event says so, on a cluster in memory and a clock that only the tests move. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const REQUEST = {
  bootstrap_servers: SERVERS,
  topic: 'order-commands',
  reply_topic: 'order-events',
  key_source: 'body_field',
  key_name: '/order',
};
const WAIT_FOR = { field: '/status', values: { VALIDATED: '200', REJECTED: '409' } };

function gateway(by: 'pair' | 'one', options: { request?: object; reply?: object; wait_for?: object } = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.setTogether(true);
  const request = { ...REQUEST, ...options.request };
  const reply = { match: 'key', wait_for: { ...WAIT_FOR, ...options.wait_for }, ...options.reply };
  const handlers =
    by === 'pair'
      ? [
          new ProducerHandler(parseProducerConfig(request), requestReply),
          new ConsumerHandler(parseConsumerConfig(reply), requestReply),
        ]
      : [new RequestReplyHandler(parseRequestReplyConfig({ ...request, reply }), requestReply)];
  let posts = 0;
  /** @param between what happens between the two plugins of a pair, or right after the one has sent */
  const post = async (body: object, more: FakeRequest = {}, between?: () => void) => {
    const given = { requestId: `post ${posts++}`, body: JSON.stringify(body), ...more };
    const kong = new FakeKong(given);
    if (by === 'one' && between) kafka.onProduce = between;
    const held = (async () => {
      for (const [index, handler] of handlers.entries()) {
        if (kong.exits.length > 0) return;
        if (index === 1) between?.();
        await handler.access(kong);
      }
    })();
    await settled();
    kafka.onProduce = undefined;
    return { kong, held };
  };
  let offset = 0;
  const event = (key: string, status: string, headers: Record<string, string> = {}) =>
    kafka.arrive({
      ...receivedRecord({
        topic: 'order-events',
        key,
        value: JSON.stringify({ order: key, status, at: offset }),
        headers,
      }),
      offset: offset++,
    });
  const nothingPending = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.notHandedOver, 0);
    assert.equal(clock.pendingTimers, 0);
    for (const states of requestReply.status().awaited_states as { waiting: number }[])
      assert.equal(states.waiting, 0);
  };
  return { clock, kafka, requestReply, post, event, nothingPending };
}

for (const by of ['pair', 'one'] as const) {
  test(`the first event in a listed state is the answer, with its status (${by})`, async () => {
    const { post, event, nothingPending } = gateway(by);
    const [good, bad] = [await post({ order: 'o1' }), await post({ order: 'o2' })];
    for (const order of ['o1', 'o2', 'o3']) event(order, 'RECEIVED');
    event('o1', 'VALIDATED');
    event('o2', 'REJECTED');
    for (const { held } of [good, bad]) await held;
    assert.deepEqual(good.kong.answer, { status: 200, json: { order: 'o1', status: 'VALIDATED', at: 3 } });
    assert.equal(good.kong.exits[0]!.headers['content-type'], 'application/json');
    assert.deepEqual([bad.kong.answer.status, bad.kong.answer.json.status], [409, 'REJECTED']);
    nothingPending();
  });

  test(`an event that copies the correlation id is no reply (${by})`, async () => {
    const { kafka, post, event, nothingPending } = gateway(by);
    const copied = () => ({
      kafka_correlationId: headerOf(kafka.produced[0]!.record, 'kafka_correlationId')!,
    });
    // Also where it is faster than the second plugin.
    const { kong, held } = await post({ order: 'o1' }, {}, () => event('o1', 'RECEIVED', copied()));
    event('o1', 'RECEIVED', copied());
    assert.equal(kong.exits.length, 0);
    event('o1', 'VALIDATED', copied());
    await held;
    assert.equal(kong.answer.json.status, 'VALIDATED');
    nothingPending();
  });

  test(`an event between sending and waiting is not missed, and is enough (${by})`, async () => {
    const { post, event, nothingPending } = gateway(by);
    for (const order of ['o1', 'o2']) {
      const { kong, held } = await post({ order }, {}, () => event(order, 'VALIDATED'));
      await held;
      assert.equal(kong.answer.json.status, 'VALIDATED');
    }
    nothingPending();
  });

  test(`a state of before counts as far as look_back says (${by})`, async () => {
    for (const [look_back, answered] of [
      [0, false],
      [30, false],
      [120, true],
    ] as const) {
      const { clock, kafka, post, event, nothingPending } = gateway(by, { wait_for: { look_back } });
      // The pair knows what to watch from the first request on.
      const first = await post({ order: 'o0' });
      event('o0', 'VALIDATED');
      await first.held;
      event('o1', 'VALIDATED');
      clock.advance(60_000);
      const { kong, held } = await post({ order: 'o1' });
      assert.equal(kong.exits.length, answered ? 1 : 0);
      if (!answered) {
        kafka.produced[1]!.onDelivery(undefined);
        clock.advance(5050);
      }
      await held;
      assert.equal(kong.answer.status, answered ? 200 : 504);
      // A later state takes the place of the one that was waited for.
      if (answered) {
        event('o2', 'VALIDATED');
        event('o2', 'SHIPPED');
        const late = await post({ order: 'o2' });
        assert.equal(late.kong.exits.length, 0);
        event('o2', 'REJECTED');
        await late.held;
      }
      nothingPending();
    }
  });

  test(`many may wait for one key, each for its own time (${by})`, async () => {
    const { clock, kafka, post, event, nothingPending } = gateway(by);
    const first = await post({ order: 'o1' });
    kafka.produced[0]!.onDelivery(undefined);
    clock.advance(4000);
    const others = [await post({ order: 'o1' }), await post({ order: 'o1' })];
    clock.advance(1050);
    await first.held;
    assert.equal(first.kong.answer.json.code, 'reply_timeout');
    event('o1', 'VALIDATED');
    for (const { kong, held } of others) {
      await held;
      assert.equal(kong.answer.json.status, 'VALIDATED');
    }
    nothingPending();
  });

  test(`others: error says so at once (${by})`, async () => {
    const { post, event, nothingPending } = gateway(by, { wait_for: { others: 'error' } });
    const { kong, held } = await post({ order: 'o1' });
    event('o1', 'LOST');
    await held;
    assert.deepEqual([kong.answer.status, kong.answer.json.code], [502, 'reply_invalid']);
    nothingPending();
  });

  test(`the id may come from the path or a header, and be in the body of the event (${by})`, async () => {
    for (const [key_source, given] of [
      ['path', { captures: { order: 'o1' } }],
      ['header', { headers: { order: 'o1' } }],
    ] as const) {
      const { post, event, nothingPending } = gateway(by, {
        request: { key_source, key_name: 'order' },
        reply: { match: 'body_field', match_name: 'order' },
      });
      const { kong, held } = await post({}, given);
      event('o1', 'VALIDATED');
      await held;
      assert.equal(kong.answer.status, 200);
      nothingPending();
    }
  });

  test(`a key that is not ASCII is the same in request and event (${by})`, async () => {
    const { post, event, nothingPending } = gateway(by);
    const { kong, held } = await post({ order: 'größe 7' });
    event('größe 7', 'VALIDATED');
    await held;
    assert.equal(kong.answer.status, 200);
    nothingPending();
  });

  test(`what is no event of a state ends nothing (${by})`, async () => {
    const { kafka, post, event, nothingPending } = gateway(by);
    const { kong, held } = await post({ order: 'o1' });
    const deep = '['.repeat(100_000);
    for (const value of [
      null,
      '',
      'text',
      '[]',
      '{}',
      '{"status":{}}',
      '{"status":null}',
      deep,
      '"VALIDATED"',
    ])
      kafka.arrive(receivedRecord({ topic: 'order-events', key: 'o1', value }));
    kafka.arrive(receivedRecord({ topic: 'order-events', key: null, value: '{"status":"VALIDATED"}' }));
    assert.equal(kong.exits.length, 0);
    event('o1', 'VALIDATED');
    await held;
    nothingPending();
  });

  test(`a state whose status has no content is answered without (${by})`, async () => {
    const { post, event, nothingPending } = gateway(by, { wait_for: { values: { DONE: '204' } } });
    const { kong, held } = await post({ order: 'o1' });
    event('o1', 'DONE');
    await held;
    assert.deepEqual([kong.exits[0]!.status, kong.exits[0]!.body.length], [204, 0]);
    nothingPending();
  });

  test(`a client that leaves and a request without a key leave nothing behind (${by})`, async () => {
    const { kafka, post, nothingPending } = gateway(by);
    const gone = await post({ order: 'o1' });
    gone.kong.disconnect();
    await gone.held;
    const without = await post({});
    await without.held;
    assert.deepEqual([without.kong.answer.status, without.kong.answer.json.code], [400, 'request_invalid']);
    // Only the first plugin of a pair could have known before it was sent, and does not know the second.
    assert.equal(kafka.produced.length, by === 'pair' ? 2 : 1);
    const reason = 'the request has no key in it, so nobody can say whose state is waited for';
    assert.equal(without.kong.answer.json.error, by === 'pair' ? `${reason}; its record was sent` : reason);
    nothingPending();
  });
}

test('what cannot work is refused with the reason', () => {
  const one = (config: object) => () =>
    parseRequestReplyConfig({ ...REQUEST, reply: { match: 'key', wait_for: WAIT_FOR }, ...config });
  assert.doesNotThrow(one({}));
  assert.throws(
    one({ key_source: 'none', key_name: undefined }),
    /key_source: must not be none with reply.wait_for/,
  );
  assert.throws(one({ idempotency: 'join' }), /reply.wait_for: cannot be combined with idempotency/);
  assert.throws(
    one({ reply_routing: 'partition', dialects: ['plain'] }),
    /reply.wait_for: needs reply_routing/,
  );
  const reply = (more: object) => () => parseConsumerConfig({ match: 'key', wait_for: WAIT_FOR, ...more });
  assert.throws(reply({ match: 'header' }), /match: must be key or body_field with wait_for/);
  assert.throws(
    reply({ on_timeout: 'accepted', result_location: '/r/{id}' }),
    /wait_for: cannot be combined/,
  );
  assert.throws(reply({ wait_for: { field: '/status' } }), /wait_for.values: required/);
  assert.throws(reply({ wait_for: { values: { A: '200' } } }), /wait_for.field: required/);
  assert.throws(reply({ wait_for: { field: '/a~', values: { A: '200' } } }), /is not a JSON pointer/);
  assert.throws(reply({ wait_for: { field: '/a', values: { A: '99' } } }), /must be an HTTP status/);
  const apart = new RequestReply({ clients: new FakeKafka() });
  assert.throws(
    () => new ConsumerHandler(parseConsumerConfig({ match: 'key', wait_for: WAIT_FOR }), apart),
    /wait_for: needs both plugins in one process/,
  );
});
