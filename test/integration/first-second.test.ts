/** A start is where replies get lost elsewhere: the reader is not positioned yet, or its start is "latest". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { ask, Stack } from '../support/stack';

const kafka = useKafka();

test('the very first requests after a start are answered, and old replies are not read', async () => {
  const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic }],
  });
  const route = { path: '/echo', producer: { topic, reply_topic: replyTopic }, consumer: { timeout: 4000 } };
  try {
    for (let start = 0; start < 3; start++) {
      const stack = await Stack.start(kafka.bootstrapServers, [route]);
      try {
        const bodies = ['first', 'second', 'third'].map((name) => `${name} of start ${start}`);
        const answers = await Promise.all(bodies.map((body) => ask(`${stack.url}/echo`, { body })));
        assert.deepEqual(
          answers.map((answer) => [answer.status, answer.body.toString()]),
          bodies.map((body) => [200, body]),
        );
        await stack.nothingPending();
        const status = JSON.stringify(await stack.server.status());
        assert.match(status, /"late":0.*"foreign":0/, 'replies of the starts before are not read again');
      } finally {
        await stack.stop();
      }
    }
  } finally {
    await responder.close();
  }
});

test('a broker that is not there is a 503 with the reason', async () => {
  const topic = await kafka.topic();
  const replyTopic = kafka.uniqueName('later');
  const stack = await Stack.start('127.0.0.1:1', [
    {
      path: '/unreachable',
      producer: { topic, reply_topic: replyTopic, error_handling: { return_error_message: true } },
      consumer: {},
    },
  ]);
  try {
    const answer = await ask(`${stack.url}/unreachable`);
    assert.equal(answer.status, 503);
    assert.equal(answer.json.code, 'not_ready');
    assert.equal(answer.headers['retry-after'], '1');
    assert.match(String(answer.json.error), /127\.0\.0\.1:1/);
    await stack.nothingPending();
  } finally {
    await stack.stop();
  }
});
