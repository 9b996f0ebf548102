/** Requests that their client calls one: sent once, and each answered with the reply. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
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
import { replyTo, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const LEAST = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };
const SECRET = 'the same on every gateway';

function gateway(by: 'pair' | 'one', config: object = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.setTogether(true);
  const request = { ...LEAST, idempotency: 'replay', idempotency_secret: SECRET, ...config };
  const handlers =
    by === 'pair'
      ? [
          new ProducerHandler(parseProducerConfig(request), requestReply),
          new ConsumerHandler(parseConsumerConfig({}), requestReply),
        ]
      : [new RequestReplyHandler(parseRequestReplyConfig(request), requestReply)];
  let posts = 0;
  const post = async (key: string | undefined, more: FakeRequest = {}) => {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const kong = new FakeKong({ requestId: `post ${posts++}`, headers, body: 'two books', ...more });
    const held = (async () => {
      for (const handler of handlers) if (kong.exits.length === 0) await handler.access(kong);
    })();
    await settled();
    return { kong, held };
  };
  const nothingPending = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.notHandedOver, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, kafka, requestReply, post, nothingPending };
}

const bodyOf = ({ kong }: { kong: FakeKong }) => kong.exits[0]!.body.toString();
const replayed = ({ kong }: { kong: FakeKong }) => kong.exits[0]!.headers['idempotent-replayed'];

for (const by of ['pair', 'one'] as const) {
  for (const idempotency of ['join', 'replay']) {
    test(`${idempotency}: what comes while it is in flight gets its reply (${by})`, async () => {
      const { kafka, post, nothingPending } = gateway(by, { idempotency });
      const all = [await post('k'), await post('k'), await post('k')];
      const another = await post('other');
      const without = [await post(undefined), await post(undefined)];
      assert.equal(kafka.produced.length, 4, 'one for the key, one for each of the others');
      for (const index of kafka.produced.keys()) {
        kafka.produced[index]!.onDelivery(undefined);
        kafka.arrive(replyTo(kafka, index, `reply ${index}`));
      }
      for (const asked of [...all, another, ...without]) await asked.held;
      assert.deepEqual(all.map(bodyOf), ['reply 0', 'reply 0', 'reply 0']);
      assert.deepEqual(all.map(replayed), [undefined, undefined, undefined]);
      assert.deepEqual([another, ...without].map(bodyOf), ['reply 1', 'reply 2', 'reply 3']);
      nothingPending();
    });

    test(`${idempotency}: the same key with another body is 422, and not sent (${by})`, async () => {
      const { kafka, post, nothingPending } = gateway(by, { idempotency });
      const first = await post('k');
      const other = await post('k', { body: 'three books' });
      await other.held;
      assert.deepEqual(
        [other.kong.answer.status, other.kong.answer.json.code],
        [422, 'idempotency_conflict'],
      );
      assert.equal(kafka.produced.length, 1);
      kafka.arrive(replyTo(kafka, 0, 'yes'));
      await first.held;
      assert.equal(bodyOf(first), 'yes');
      nothingPending();
    });

    test(`${idempotency}: a failed delivery fails all of them, and who comes again is sent (${by})`, async () => {
      const { kafka, post, nothingPending } = gateway(by, { idempotency });
      const all = [await post('k'), await post('k')];
      kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
      for (const { kong, held } of all) {
        await held;
        assert.equal(kong.answer.json.code, 'produce_failed');
      }
      const again = await post('k');
      assert.equal(kafka.produced.length, 2);
      kafka.arrive(replyTo(kafka, 1, 'yes'));
      await again.held;
      assert.equal(bodyOf(again), 'yes');
      nothingPending();
    });

    test(`${idempotency}: what may or may not have been written is sent again, once it was given up (${by})`, async () => {
      const { clock, kafka, post, nothingPending } = gateway(by, { idempotency });
      const first = await post('k');
      clock.advance(31_000);
      await first.held;
      assert.equal(first.kong.answer.json.code, 'produce_timeout');
      const whileTried = await post('k');
      assert.equal(kafka.produced.length, idempotency === 'replay' ? 1 : 2);
      for (const { onDelivery } of kafka.produced)
        onDelivery(new GatewayError('produce_timeout', 'nobody knows whether it was written'));
      await whileTried.held;
      assert.equal(whileTried.kong.answer.json.code, 'produce_timeout');
      const sentBefore = kafka.produced.length;
      const again = [await post('k'), await post('k')];
      assert.equal(kafka.produced.length, sentBefore + 1);
      const ids = kafka.produced.map(({ record }) => headerOf(record, 'kafka_correlationId'));
      assert.equal(new Set(ids).size, 1, 'to a service they are one');
      // To the first, which was written after all.
      kafka.arrive(replyTo(kafka, 0, 'yes'));
      for (const asked of again) {
        await asked.held;
        assert.equal(bodyOf(asked), 'yes');
      }
      nothingPending();
    });

    test(`${idempotency}: the first client may leave, the others get the reply (${by})`, async () => {
      const { kafka, post, nothingPending } = gateway(by, { idempotency });
      const first = await post('k');
      const second = await post('k');
      first.kong.disconnect();
      await first.held;
      const third = await post('k');
      assert.equal(kafka.produced.length, 1);
      kafka.arrive(replyTo(kafka, 0, 'yes'));
      for (const asked of [second, third]) {
        await asked.held;
        assert.equal(bodyOf(asked), 'yes');
      }
      nothingPending();
    });
  }

  test(`replay: who comes later gets the reply that was given, marked (${by})`, async () => {
    const { clock, kafka, post, nothingPending } = gateway(by);
    const first = await post('k');
    kafka.arrive(replyTo(kafka, 0, 'yes', { ':status': '201' }));
    await first.held;
    clock.advance(290_000);
    const again = await post('k');
    await again.held;
    assert.deepEqual([again.kong.exits[0]!.status, bodyOf(again), replayed(again)], [201, 'yes', 'true']);
    const other = await post('k', { body: 'three books' });
    await other.held;
    assert.equal(other.kong.answer.json.code, 'idempotency_conflict');
    assert.equal(kafka.produced.length, 1);
    clock.advance(20_000);
    const late = await post('k');
    assert.equal(kafka.produced.length, 2, 'after its time it is another request');
    kafka.arrive(replyTo(kafka, 1, 'again'));
    await late.held;
    assert.equal(bodyOf(late), 'again');
    nothingPending();
  });

  test(`join: who comes after the end is sent again, under the same id (${by})`, async () => {
    const { clock, kafka, post, nothingPending } = gateway(by, { idempotency: 'join' });
    const first = await post('k');
    kafka.produced[0]!.onDelivery(undefined);
    clock.advance(5050);
    await first.held;
    assert.equal(first.kong.answer.json.code, 'reply_timeout');
    const again = await post('k');
    const [one, other] = kafka.produced.map(({ record }) => headerOf(record, 'kafka_correlationId'));
    assert.equal(one, other);
    // The reply to the first is as good.
    kafka.arrive(replyTo(kafka, 0, 'yes'));
    await again.held;
    assert.equal(bodyOf(again), 'yes');
    nothingPending();
  });

  test(`replay: after a 504 it is not sent again, and gets the late reply (${by})`, async () => {
    const { clock, kafka, post, nothingPending } = gateway(by);
    const first = await post('k');
    kafka.produced[0]!.onDelivery(undefined);
    clock.advance(5050);
    await first.held;
    const second = await post('k');
    clock.advance(5050);
    await second.held;
    assert.equal(second.kong.answer.json.code, 'reply_timeout');
    const third = await post('k');
    kafka.arrive(replyTo(kafka, 0, 'at last'));
    await third.held;
    assert.equal(bodyOf(third), 'at last');
    const fourth = await post('k');
    await fourth.held;
    assert.deepEqual([bodyOf(fourth), replayed(fourth)], ['at last', 'true']);
    assert.equal(kafka.produced.length, 1);
    nothingPending();
  });

  test(`two gateways make one id of a key, and a reply answers both (${by})`, async () => {
    const [first, other] = [gateway(by), gateway(by)];
    const asked = [await first.post('k'), await other.post('k')];
    const ids = [first, other].map(({ kafka }) => headerOf(kafka.produced[0]!.record, 'kafka_correlationId'));
    assert.match(ids[0]!, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(ids[0], ids[1]);
    const reply = replyTo(first.kafka, 0, 'yes');
    for (const { kafka } of [first, other]) kafka.arrive(reply);
    for (const one of asked) {
      await one.held;
      assert.equal(bodyOf(one), 'yes');
    }
    // A gateway that never had the request has seen its reply.
    const third = gateway(by);
    third.kafka.arrive(reply);
    const again = await third.post('k');
    await again.held;
    assert.deepEqual([bodyOf(again), third.kafka.produced.length], ['yes', 0]);
    const conflict = await third.post('k', { body: 'three books' });
    await conflict.held;
    assert.equal(conflict.kong.answer.json.code, 'idempotency_conflict');
    for (const each of [first, other, third]) each.nothingPending();
  });

  test(`the key of another consumer, or under another secret, is another key (${by})`, async () => {
    const { kafka, post } = gateway(by);
    await post('k', { consumer: { id: 'alice' } });
    await post('k', { consumer: { id: 'bob' } });
    await post('k');
    const strange = gateway(by, { idempotency_secret: 'another secret of theirs' });
    await strange.post('k');
    const ids = [...kafka.produced, ...strange.kafka.produced].map(({ record }) =>
      headerOf(record, 'kafka_correlationId'),
    );
    assert.equal(new Set(ids).size, 4);
  });

  test(`a reply that was put out before its time is 410, and its request is not sent again (${by})`, async () => {
    const { kafka, post, nothingPending } = gateway(by, { keep_replies: { count: 1 } });
    for (const [index, key] of ['k', 'l'].entries()) {
      const { held } = await post(key);
      kafka.arrive(replyTo(kafka, index, 'yes'));
      await held;
    }
    const again = await post('k');
    await again.held;
    assert.deepEqual([again.kong.answer.status, kafka.produced.length], [410, 2]);
    nothingPending();
  });

  test(`10,000 repetitions of a request are one record, and all have its answer (${by})`, async () => {
    const { kafka, requestReply, post, nothingPending } = gateway(by);
    const asked = [];
    for (let number = 0; number < 10_000; number++) {
      if (number === 5000) kafka.arrive(replyTo(kafka, 0, 'the one'));
      asked.push(await post('k'));
    }
    for (const one of asked) {
      await one.held;
      assert.equal(bodyOf(one), 'the one');
    }
    assert.equal(kafka.produced.length, 1);
    const [store] = requestReply.status().kept_replies as Record<string, number>[];
    assert.deepEqual([store!.joined, store!.replayed], [4999, 5000]);
    nothingPending();
  });
}

test('a key that cannot be one is 400', async () => {
  const { kafka, post } = gateway('one');
  for (const key of ['', 'with blank', 'x'.repeat(256), 'nul\0']) {
    const { kong, held } = await post(key);
    await held;
    assert.deepEqual([kong.answer.status, kong.answer.json.code], [400, 'request_invalid']);
  }
  assert.equal(kafka.produced.length, 0);
});

test('what cannot work is refused with the reason', () => {
  const refused = (config: object) => () => parseProducerConfig({ ...LEAST, idempotency: 'join', ...config });
  assert.throws(refused({ reply_topic: undefined }), /idempotency: has no meaning without reply_topic/);
  assert.throws(
    refused({ reply_routing: 'partition', dialects: ['plain'] }),
    /needs reply_routing: broadcast/,
  );
  assert.throws(refused({ correlation: 'client' }), /needs correlation: generated/);
  const apart = new RequestReply({ clients: new FakeKafka() });
  const config = parseProducerConfig({ ...LEAST, idempotency: 'join' });
  assert.throws(() => new ProducerHandler(config, apart), /needs both plugins in one process/);
});
