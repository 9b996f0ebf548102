/** Replies that are asked for later, repeated requests and states, with several gateways around one Kafka. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordProducer } from '../../bridge/kafka/producer';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { readAll } from '../support/read-all';
import { ask, Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();

const SECRET = 'the same on every gateway';

function resultRoute(form: PluginForm, topic: string, reply_topic: string): TestRoute {
  const result = { mode: 'result', result_secret: SECRET, timeout: 20_000 };
  const [host = '', port] = kafka.bootstrapServers.split(':');
  const bootstrap_servers = [{ host, port: Number(port) }];
  return form === 'pair'
    ? { path: '/results', consumer: { bootstrap_servers, topic: reply_topic, ...result } }
    : { path: '/results', requestReply: { topic, reply_topic, reply: result } };
}

async function topics(): Promise<[string, string]> {
  return [await kafka.topic({ partitions: 2 }), await kafka.topic({ partitions: 2 })];
}

for (const form of PLUGIN_FORMS) {
  test(`a gateway that starts later answers for one that was killed (${form})`, async () => {
    const [topic, reply_topic] = await topics();
    const responder = await startResponder({
      connection: kafka.connection,
      topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 500 }],
    });
    const accepted = {
      on_timeout: 'accepted',
      respond_async: true,
      result_location: '/results/{id}',
      result_secret: SECRET,
    };
    const routes = [
      waitingRoute(form, '/slow', { topic, reply_topic }, accepted),
      resultRoute(form, topic, reply_topic),
    ];
    const start = () => Stack.start(kafka.bootstrapServers, routes);
    const first = await start();
    let other: Stack | undefined;
    try {
      const locations = await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const headers = { prefer: 'respond-async' };
          const { status, headers: given } = await ask(`${first.url}/slow`, { headers, body: `r${number}` });
          assert.equal(status, 202);
          return String(given.location);
        }),
      );
      const waited = await ask(first.url + locations[0], { method: 'GET' });
      assert.deepEqual([waited.status, waited.body.toString()], [200, 'r0']);
      await first.nothingPending();
      first.server.child.kill('SIGKILL');
      // It was not there when the replies came.
      other = await start();
      for (const [number, location] of locations.entries()) {
        const answer = await ask(other.url + location, { method: 'GET' });
        assert.deepEqual([answer.status, answer.body.toString()], [200, `r${number}`]);
      }
      await other.nothingPending();
    } finally {
      await first.stop();
      await other?.stop();
      await responder.close();
    }
  });

  test(`a key at two gateways is at most two records, and one reply for all (${form})`, async () => {
    const [topic, reply_topic] = await topics();
    const responder = await startResponder({
      connection: kafka.connection,
      topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 300 }],
    });
    const request = { topic, reply_topic, idempotency: 'replay', idempotency_secret: SECRET };
    const start = () =>
      Stack.start(kafka.bootstrapServers, [waitingRoute(form, '/keyed', request, { timeout: 10_000 })]);
    const stacks = [await start(), await start()];
    try {
      const post = (stack: Stack, key: string, body = 'two books') =>
        ask(`${stack.url}/keyed`, { headers: { 'idempotency-key': key }, body });
      // Instances start with their first request.
      for (const [index, stack] of stacks.entries()) await post(stack, `first-${index}`);
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, number) => post(stacks[number % 2]!, 'k')),
      );
      for (const { status, body } of answers) assert.deepEqual([status, body.toString()], [200, 'two books']);
      // One that starts now has seen neither, and reads it back.
      const late = await start();
      stacks.push(late);
      const replayed = await post(late, 'k');
      assert.deepEqual(
        [replayed.status, replayed.body.toString(), replayed.headers['idempotent-replayed']],
        [200, 'two books', 'true'],
      );
      assert.equal((await post(late, 'k', 'three books')).status, 422);
      for (const stack of stacks) await stack.nothingPending();
      const records = (await readAll(kafka.connection, topic, 3)).length;
      assert.ok(records === 3 || records === 4, `${records} records of three keys`);
    } finally {
      for (const stack of stacks) await stack.stop();
      await responder.close();
    }
  });

  test(`a state before, during and after the wait (${form})`, async () => {
    const [topic, reply_topic] = await topics();
    const producer = new RecordProducer(kafka.connection);
    const event = (order: string, status: string) =>
      new Promise<void>((resolve, reject) =>
        producer.produce(
          {
            topic: reply_topic,
            key: order,
            value: Buffer.from(JSON.stringify({ order, status })),
            headers: [],
          },
          (error) => (error ? reject(error) : resolve()),
        ),
      );
    await producer.whenUp();
    // Long before there is a gateway.
    await event('before', 'RECEIVED');
    await event('before', 'VALIDATED');
    const stack = await Stack.start(kafka.bootstrapServers, [
      waitingRoute(
        form,
        '/orders',
        { topic, reply_topic, key_source: 'body_field', key_name: 'order' },
        {
          match: 'key',
          timeout: 8000,
          wait_for: { field: '/status', values: { VALIDATED: '200', REJECTED: '409' }, look_back: 60 },
        },
      ),
    ]);
    try {
      const post = (order: string) =>
        ask(`${stack.url}/orders`, {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ order }),
        });
      const before = await post('before');
      assert.deepEqual([before.status, before.json.status], [200, 'VALIDATED']);
      const during = [post('during'), post('during')];
      // Sent for both of them: they wait.
      await readAll(kafka.connection, topic, 3);
      await event('during', 'RECEIVED');
      await event('during', 'REJECTED');
      for (const { status, json } of await Promise.all(during))
        assert.deepEqual([status, json.status], [409, 'REJECTED']);
      const after = await post('during');
      assert.deepEqual([after.status, after.json.status], [409, 'REJECTED']);
      await stack.nothingPending();
    } finally {
      await stack.stop();
      await producer.close();
    }
  });
}
