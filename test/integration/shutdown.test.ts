/** What clients that wait get when the plugin server is told to end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { ask, Stack, waitingRoute } from '../support/stack';

const kafka = useKafka();
const CLIENTS = 50;

async function withWaitingClients(
  form: PluginForm,
  flags: readonly string[],
  check: (stack: Stack, answers: Promise<Awaited<ReturnType<typeof ask>>[]>) => Promise<void>,
): Promise<void> {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  let arrived = (): void => undefined;
  const allArrived = new Promise<void>((resolve) => (arrived = resolve));
  let requests = 0;
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 1500 }],
    onRequest: () => {
      if (++requests === CLIENTS) arrived();
    },
  });
  const stack = await Stack.start(
    kafka.bootstrapServers,
    [waitingRoute(form, '/slow', { topic, reply_topic: replyTopic })],
    { flags },
  );
  try {
    const answers = Promise.all(
      Array.from({ length: CLIENTS }, (_, client) => ask(`${stack.url}/slow`, { body: `client ${client}` })),
    );
    await allArrived;
    stack.server.child.kill('SIGTERM');
    await check(stack, answers);
  } finally {
    await stack.stop();
    await responder.close();
  }
}

for (const form of PLUGIN_FORMS) {
  /** Kong kills a server it manages 55 ms after its SIGTERM: there is time for an answer, not for a reply. */
  test(`${form}, managed: every waiting client has its 503 at once`, async () => {
    await withWaitingClients(form, ['--managed'], async (stack, answers) => {
      for (const answer of await answers) {
        assert.equal(answer.status, 503);
        assert.equal(answer.json.code, 'draining');
        assert.equal(answer.headers['retry-after'], '1');
      }
      assert.equal(await stack.server.child.exited, 0);
    });
  });

  test(`${form}, external: every waiting client still gets its reply, a new one is refused, the process ends`, async () => {
    await withWaitingClients(form, [], async (stack, answers) => {
      await stack.server.child.until(/"draining"/);
      const late = await ask(`${stack.url}/slow`);
      assert.equal(late.status, 503);
      assert.equal(late.json.code, 'draining');
      (await answers).forEach((answer, client) => {
        assert.equal(answer.status, 200);
        assert.equal(answer.body.toString(), `client ${client}`);
      });
      assert.equal(await stack.server.child.exited, 0);
    });
  });
}
