/** The line for each request, as the plugins write it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { accessLog } from '../../bridge/telemetry/access-log';
import { captureLog } from '../pluginserver/support/serving';
import { FakeKong } from '../support/fake-kong';
import { replyTo, route } from '../support/route';

function turnOn(t: TestContext): Record<string, unknown>[] {
  const logged = captureLog(t);
  accessLog.isOn = true;
  t.after(() => (accessLog.isOn = false));
  return logged;
}

test('a request with its reply is one line with both ids, and nothing of what was said', async (t) => {
  const logged = turnOn(t);
  const { kafka, producer, consumer } = route();
  const request = { headers: { 'kong-request-id': 'shown' }, body: 'two books' };
  await producer.access(new FakeKong(request));
  const held = consumer.access(new FakeKong(request));
  kafka.arrive(replyTo(kafka, 0, 'accepted', { ':status': '201' }));
  await held;
  const lines = logged.filter(({ event }) => event === 'request');
  assert.equal(lines.length, 1);
  const { plugin, status, topic, reply_topic, correlation_id, request_id, duration_ms, code } =
    lines[0] ?? {};
  assert.deepEqual(
    { plugin, status, topic, reply_topic, correlation_id, code },
    {
      plugin: 'custom_kafka_consumer',
      status: 201,
      topic: 'orders',
      reply_topic: 'replies',
      correlation_id: 'shown',
      code: undefined,
    },
  );
  assert.equal(typeof request_id, 'string');
  assert.equal(typeof duration_ms, 'number');
  assert.doesNotMatch(JSON.stringify(lines), /two books|accepted/);
});

test('a request that is refused is one line with its code', async (t) => {
  const logged = turnOn(t);
  const { consumer } = route();
  await consumer.access(new FakeKong());
  const [line] = logged.filter(({ event }) => event === 'request');
  assert.deepEqual([line?.status, line?.code], [500, 'misconfigured']);
});

test('without --access-log there is none', async (t) => {
  const logged = captureLog(t);
  const { kafka, producer, consumer } = route();
  await producer.access(new FakeKong());
  const held = consumer.access(new FakeKong());
  kafka.arrive(replyTo(kafka, 0, 'accepted'));
  await held;
  assert.deepEqual(
    logged.filter(({ event }) => event === 'request'),
    [],
  );
});
