/** A request waits for its upstream while its plugin server is replaced: who keeps it when it fails? */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { ask, type Answer } from '../support/stack';

const kafka = useKafka();

/** @returns how a request ended that the old process had marked, and what the new one has counted */
async function failDuringUpgrade(
  topic: string,
  secret: string | undefined,
): Promise<{ answer: Answer; counted: { kept: number; not_kept: Record<string, number> } }> {
  const waiting: ServerResponse[] = [];
  const upstream = createServer((request, response) => {
    request.resume();
    if (request.url?.startsWith('/waits')) {
      waiting.push(response);
      upstream.emit('waiting');
    } else response.end('fine');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const env = secret === undefined ? {} : { KONG_KAFKA_FAILOVER_SECRET: secret };
  const old = await PluginServerProcess.start({ env });
  const [host, port] = kafka.bootstrapServers.split(':');
  const config = { bootstrap_servers: [{ host, port: Number(port) }], topic };
  let successor: PluginServerProcess | undefined;
  const { child: gateway, url } = await startGatewayProcess(
    old,
    JSON.stringify({
      _format_version: '3.0',
      services: [
        {
          name: 'orders',
          url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
          routes: [{ name: 'orders', paths: ['/'] }],
          plugins: [{ name: 'custom_kafka_failover', config }],
        },
      ],
    }),
    0,
  );
  try {
    const isWaiting = once(upstream, 'waiting');
    const answer = ask(`${url}/waits`, { body: 'from before' });
    await isWaiting;
    successor = await PluginServerProcess.start({ env, folder: old.folder });
    old.child.kill('SIGTERM');
    // With this one the new process begins to serve the configuration.
    assert.equal((await ask(`${url}/x`, { body: 'x' })).status, 200);
    for (const response of waiting) response.destroy();
    const ended = await answer;
    const { plugins } = (await successor.status()) as {
      plugins: { custom_kafka_failover: { process: { kept: number; not_kept: Record<string, number> } } };
    };
    return { answer: ended, counted: plugins.custom_kafka_failover.process };
  } finally {
    await gateway.stop();
    await successor?.child.stop();
    await old.stop();
    upstream.closeAllConnections();
    upstream.close();
  }
}

test('with a secret in common the new process keeps what the old one has marked', async () => {
  const topic = await kafka.topic();
  const { answer, counted } = await failDuringUpgrade(topic, 'a secret of two processes');
  assert.equal(answer.status, 202, answer.body.toString());
  assert.equal(counted.kept, 1);
  const [record] = await readAll(kafka.connection, topic, 1);
  const { id, body } = JSON.parse(record!.value!.toString()) as { id: string; body: string };
  assert.deepEqual([id, body], [answer.json.id, 'from before']);
});

test('without one it cannot know who has marked it: the client has the error of Kong', async () => {
  const topic = await kafka.topic();
  const { answer, counted } = await failDuringUpgrade(topic, undefined);
  assert.equal(answer.status, 502);
  assert.deepEqual([counted.kept, counted.not_kept.no_ticket], [0, 1]);
  assert.deepEqual(await readAll(kafka.connection, topic, 0), []);
});
