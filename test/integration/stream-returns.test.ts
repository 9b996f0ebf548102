/** Streams of events that go on at other gateways, and in other workers, around one Kafka. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { PluginServerProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { EventSource } from '../support/event-source';
import { Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();

const SECRET = 'the same on every gateway';
const STEPS = 30;

/** A route whose requests have so many replies, on one partition: their order is that of the steps. */
async function steps(
  form: PluginForm,
  secret?: string,
): Promise<{ readonly route: TestRoute; readonly topic: string; readonly responder: Responder }> {
  const [topic, reply_topic] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, mode: 'steps', replies: STEPS, everyMs: 150 }],
  });
  const [host = '', port] = kafka.bootstrapServers.split(':');
  const source = { bootstrap_servers: [{ host, port: Number(port) }], topic: reply_topic };
  const reply = {
    mode: 'stream',
    stream: { end_header: 'last' },
    ...(secret !== undefined && { result_secret: secret, ...(form === 'pair' && source) }),
  };
  const route = { ...waitingRoute(form, '/steps', { topic, reply_topic }, reply), hasService: true };
  return { route, topic, responder };
}

const stepsIn = (sources: readonly EventSource[]) =>
  sources.flatMap(({ events }) =>
    events
      .filter(({ name }) => name === 'message')
      .map(({ data }) => (JSON.parse(data) as { step: number }).step),
  );
const ALL = Array.from({ length: STEPS }, (_, index) => index + 1);

for (const form of PLUGIN_FORMS) {
  test(`a client whose gateways are killed sees every reply once (${form})`, async () => {
    const { route, topic, responder } = await steps(form, SECRET);
    const start = () => Stack.start(kafka.bootstrapServers, [route]);
    const stacks = [await start(), await start()];
    try {
      const [first, second] = stacks;
      // Instances start with their first request.
      assert.equal((await EventSource.open(`${second!.url}/steps`, 'kks2.nothing')).status, 410);
      const sources = [await EventSource.open(`${first!.url}/steps`)];
      const goOn = async (stack: Stack) => {
        const { lastEventId } = sources.at(-1)!;
        const source = await EventSource.open(`${stack.url}/steps`, lastEventId);
        assert.equal(source.status, 200, source.rest);
        sources.push(source);
        return source;
      };
      await sources[0]!.count(4);
      first!.server.child.kill('SIGKILL');
      await sources[0]!.untilEnd();
      await (await goOn(second!)).count(4);
      second!.server.child.kill('SIGKILL');
      await sources[1]!.untilEnd();
      // It was not there when most of the replies came.
      const third = await start();
      stacks.push(third);
      const last = await goOn(third);
      const events = await last.untilEnd();
      assert.equal(events.at(-1)!.data, '{"reason":"complete"}');
      assert.deepEqual(stepsIn(sources), ALL);
      assert.equal((await EventSource.open(`${third.url}/steps`, last.lastEventId)).status, 204);
      assert.equal((await readAll(kafka.connection, topic, 1)).length, 1, 'one record');
      await third.nothingPending();
    } finally {
      for (const stack of stacks) await stack.stop();
      await responder.close();
    }
  });
}

test('who comes back to another worker of a node needs no secret', async () => {
  const { route, topic, responder } = await steps('one-event');
  const stack = await Stack.start(kafka.bootstrapServers, [route], { flags: ['--workers', '2'] });
  try {
    const sources = [await EventSource.open(`${stack.url}/steps`)];
    await sources[0]!.count(1);
    while (sources.at(-1)!.events.at(-1)?.name !== 'end') {
      const { lastEventId } = sources.at(-1)!;
      const source = await EventSource.open(`${stack.url}/steps`, lastEventId);
      assert.equal(source.status, 200, source.rest);
      sources.at(-1)!.close();
      sources.push(source);
      await source.count(1);
    }
    assert.deepEqual(stepsIn(sources), ALL);
    assert.equal((await readAll(kafka.connection, topic, 1)).length, 1, 'one record');
  } finally {
    await stack.stop();
    await responder.close();
  }
});

test('a process that takes over goes on with the streams of the one before', async () => {
  const { route, topic, responder } = await steps('one-event', SECRET);
  const stack = await Stack.start(kafka.bootstrapServers, [route]);
  try {
    const before = await EventSource.open(`${stack.url}/steps`);
    await before.count(3);
    const { folder, statusPort } = stack.server;
    const next = await PluginServerProcess.start({ folder, statusPort });
    try {
      // It has the port when the one before has let go of it.
      stack.server.child.kill('SIGTERM');
      const after = await EventSource.open(`${stack.url}/steps`, before.lastEventId);
      before.close();
      assert.equal(after.status, 200, after.rest);
      await after.untilEnd();
      const seen = [...new Set(stepsIn([before, after]))];
      assert.deepEqual(seen, ALL);
      assert.equal((await readAll(kafka.connection, topic, 1)).length, 1, 'one record');
    } finally {
      await next.child.stop();
    }
  } finally {
    await stack.stop();
    await responder.close();
  }
});
