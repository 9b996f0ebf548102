/** Another plugin server takes over under load: what is in the memory of the old one must get through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { PluginServerProcess } from '../../dev/stack';
import { ask, Stack, waitingRoute } from '../support/stack';

const kafka = useKafka();
const CLIENTS = 20;
const ENOUGH = 100;

for (const form of PLUGIN_FORMS) {
  test(`an upgrade under load loses no request and answers none with an error (${form})`, () =>
    upgradeUnderLoad(form));
}

async function upgradeUnderLoad(form: PluginForm): Promise<void> {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 50 }],
  });
  const stack = await Stack.start(kafka.bootstrapServers, [
    waitingRoute(form, '/', { topic, reply_topic: replyTopic }),
  ]);
  let running = true;
  let answered = 0;
  const failures: string[] = [];
  const client = async (number: number): Promise<void> => {
    for (let count = 0; running; count++) {
      const body = `${number}-${count}`;
      const answer = await ask(stack.url, { body });
      if (answer.status === 200 && String(answer.body) === body) answered++;
      else failures.push(`${answer.status} ${String(answer.body)}`);
    }
  };
  const answeredMore = async (): Promise<void> => {
    const goal = answered + ENOUGH;
    while (answered < goal && failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));
  let successor: PluginServerProcess | undefined;
  try {
    await answeredMore();
    // The status port as well: whoever asks there for readiness is answered by the new process or by none.
    const { folder, statusPort, statusUrl } = stack.server;
    const { pid } = await stack.server.status();
    successor = await PluginServerProcess.start({ folder, statusPort });
    while (!(await isReady(statusUrl))) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.notEqual((await successor.status()).pid, pid);
    stack.server.child.kill('SIGTERM');
    await answeredMore();
    running = false;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    assert.deepEqual(new Set(await successor.pending()), new Set([0]));
    // The old process waits for the end of the connections that Kong has pooled.
    await stack.gateway.stop();
    assert.equal(await stack.server.child.exited, 0);
  } finally {
    running = false;
    await Promise.allSettled(clients);
    await successor?.child.stop();
    await stack.stop();
    await responder.close();
  }
}

async function isReady(statusUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${statusUrl}/ready`)).status === 200;
  } catch {
    return false;
  }
}
