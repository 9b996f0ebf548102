import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../bridge/errors';
import { freePorts } from '../../../dev/kafka/ports';
import { startKafka } from '../../../dev/kafka/server';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { connect, deliver, Inbox, until } from './support';

const kafka = useKafka();

const node = () => kafka.server.nodes[0] ?? assert.fail('a server has a node');

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} of the broker produce refuses quickly, and works soon after its return`, async (t) => {
    const topic = await kafka.topic({ partitions: 2 });
    const { producer, reader } = connect(t, kafka.connection);
    const inbox = new Inbox();
    const followed = reader.follow(topic, { from: 'end', onRecord: inbox.onRecord });
    await followed.whenReady();
    await deliver(producer, { topic, value: Buffer.from('before') });

    await node().stop(signal);
    await until('the producer is down', () => producer.state === 'down', 500);
    assert.throws(
      () => producer.produce({ topic, value: null, headers: [] }, () => assert.fail('was refused')),
      {
        code: 'not_ready',
      },
    );
    await until('the reason is known', () => /refused/.test(producer.reason ?? ''), 2000);

    await node().start();
    const back = performance.now();
    await producer.whenUp();
    await deliver(producer, { topic, value: Buffer.from('after') });
    await inbox.has(2);
    assert.ok(performance.now() - back < 2000, `${performance.now() - back} ms`);
    // In two partitions, perhaps: their order is nobody's promise.
    assert.deepEqual(inbox.texts.sort(), ['after', 'before']);
    assert.equal(producer.outstanding, 0);
  });
}

test('the reader keeps its position over a restart: nothing lost, nothing twice', async (t) => {
  const topic = await kafka.topic({ partitions: 4 });
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  const acknowledged: string[] = [];
  let next = 0;
  let unknown = 0;
  const stream = setInterval(() => {
    const text = String(next++);
    try {
      producer.produce({ topic, key: text, value: Buffer.from(text), headers: [] }, (error) => {
        if (error) unknown++;
        else acknowledged.push(text);
      });
    } catch (error) {
      assert.equal((error as GatewayError).code, 'not_ready');
    }
  }, 2);
  t.after(() => clearInterval(stream));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await inbox.has(inbox.records.length + 50);
    await node().stop(signal);
    await node().start();
    await inbox.has(inbox.records.length + 50);
  }
  clearInterval(stream);
  await until('every record has its report', () => producer.outstanding === 0);
  await until('every acknowledged record is here', () =>
    acknowledged.every((text) => inbox.texts.includes(text)),
  );
  assert.equal(new Set(inbox.texts).size, inbox.records.length, 'no record came twice');
  assert.ok(inbox.records.length <= acknowledged.length + unknown);
});

test('an outage longer than a moment makes the reader not ready until it is over', async (t) => {
  const topic = await kafka.topic();
  const { reader } = connect(t, kafka.connection);
  const followed = reader.follow(topic, { from: 'end', onRecord: () => undefined });
  await followed.whenReady();
  await node().stop('SIGKILL');
  await until('it is not ready', () => !followed.ready, 5000);
  await until('it tells why', () => /refused/.test(followed.reason ?? ''));
  await node().start();
  await followed.whenReady();
});

test('a broker that is absent at start is waited for, and told as absent meanwhile', async (t) => {
  const [port] = await freePorts(1);
  const connection = { bootstrapServers: [`127.0.0.1:${port}`] };
  const { producer, reader } = connect(t, connection);
  assert.equal(producer.state, 'connecting');
  assert.throws(() => producer.produce({ topic: 'later', value: null, headers: [] }, () => undefined), {
    code: 'not_ready',
  });
  const inbox = new Inbox();
  const followed = reader.follow('later', { from: 'end', onRecord: inbox.onRecord });
  await until('the producer is down', () => producer.state === 'down');
  // The log line that explains it may come after the failure itself.
  await until('the producer tells why', () => /Connection refused/.test(producer.reason ?? ''));
  await until('the follower tells why', () => /Connection refused/.test(followed.reason ?? ''));

  const late = await startKafka({ ...(port === undefined ? {} : { port }) });
  t.after(() => late.stop());
  await late.createTopic('later');
  await Promise.all([producer.whenUp(), followed.whenReady()]);
  await deliver(producer, { topic: 'later', value: Buffer.from('at last') });
  await inbox.has(1);
});
