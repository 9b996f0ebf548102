/** Several gateways share a reply topic: each reads all of it and answers with its own replies only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { ask, Stack } from '../support/stack';

const kafka = useKafka();

interface ChannelStatus {
  readonly replies: number;
  readonly foreign: number;
  readonly late: number;
}

async function channelOf(stack: Stack): Promise<ChannelStatus> {
  const { plugins } = (await stack.server.status()) as {
    plugins: { custom_kafka_producer: { process: { reply_topics: ChannelStatus[] } } };
  };
  const [channel] = plugins.custom_kafka_producer.process.reply_topics;
  assert.ok(channel);
  return channel;
}

/** In other systems a member that joins or leaves makes the others lose replies: a group rebalances, nothing does here. */
test('a gateway that is killed and comes back costs the others nothing', async () => {
  const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 20 }],
  });
  const route = { path: '/echo', producer: { topic, reply_topic: replyTopic }, consumer: {} };
  const start = () => Stack.start(kafka.bootstrapServers, [route]);
  const steady = await start();
  let restless = await start();
  try {
    let sent = 0;
    const wrong: string[] = [];
    let ended = false;
    const client = async (stack: () => Stack, name: string, mustAnswer: boolean) => {
      while (!ended) {
        const body = `${name} ${sent++}`;
        const answer = await ask(`${stack().url}/echo`, { body }).catch(() => undefined);
        if (answer?.status === 200 ? answer.body.toString() !== body : mustAnswer)
          wrong.push(`${body}: ${answer?.status} ${answer?.body.toString()}`);
      }
    };
    const clients = [
      ...Array.from({ length: 4 }, () => client(() => steady, 'steady', true)),
      // While it is down its own clients get nothing, which is no wrong answer.
      ...Array.from({ length: 4 }, () => client(() => restless, 'restless', false)),
    ];
    for (let restart = 0; restart < 2; restart++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const killed = restless;
      killed.server.child.kill('SIGKILL');
      const successor = await start();
      restless = successor;
      await killed.stop();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    ended = true;
    await Promise.all(clients);
    assert.deepEqual(wrong, []);
    await Promise.all([steady.nothingPending(), restless.nothingPending()]);
    const channel = await channelOf(steady);
    assert.ok(channel.replies > 50, `${channel.replies} replies`);
    assert.ok(channel.foreign > 0, "the other gateway's replies were seen and left alone");
    assert.equal(channel.late, 0);
  } finally {
    await steady.stop();
    await restless.stop();
    await responder.close();
  }
});
