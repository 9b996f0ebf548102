/**
 * Whoever may write to a reply topic decides what is in its records. Here somebody means harm, and the plugin server has
 * the memory that our examples give it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { produceBatch } from '../support/raw-kafka';
import * as bombs from '../support/record-bombs';
import { ask, Stack } from '../support/stack';

const kafka = useKafka();

const EXAMPLES = join(__dirname, '../../../examples');
const example = (file: string, pattern: RegExp): string =>
  pattern.exec(readFileSync(join(EXAMPLES, file), 'utf8'))?.[1] ?? assert.fail(`${file} has no ${pattern}`);
const NODE_OPTIONS = example('systemd/kong-kafka-request-reply.env', /^NODE_OPTIONS=(.+)$/m);
const GIBIBYTES = Number(example('kubernetes/kong-with-plugin-server.yaml', /limits: \{ memory: (\d+)Gi \}/));

const REQUEST_EVERY_MS = 100;

function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

interface Reader {
  readonly records: number;
  readonly skipped: Record<string, number>;
}

async function readerOf({ server }: Stack): Promise<Reader> {
  const { plugins } = (await server.status()) as {
    plugins: Record<string, { process: { clusters: { reader: Reader }[] } }>;
  };
  return plugins['custom_kafka_producer']?.process.clusters[0]?.reader ?? assert.fail('no reader in /status');
}

/**
 * 800 KB on the wire took 2.5 GB, and 22 MB of records with 50,000 empty headers each ended the process at its limit:
 * a thousand records were read at once, and a header counted as its bytes.
 */
test('bombs on the reply topic take no more memory than our examples give', async (t) => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, replyTopic }],
  });
  t.after(() => responder.close());
  const stack = await Stack.start(
    kafka.bootstrapServers,
    [{ path: '/orders', producer: { topic, reply_topic: replyTopic }, consumer: { timeout: 60_000 } }],
    { env: { NODE_OPTIONS } },
  );
  t.after(() => stack.stop());
  const request = () => ask(`${stack.url}/orders`, { body: 'an order' });
  assert.equal((await request()).status, 200);

  let isOver = false;
  const answers: ReturnType<typeof request>[] = [];
  const clients = (async () => {
    for (; !isOver; await delay(REQUEST_EVERY_MS)) answers.push(request());
  })();

  const port = kafka.server.nodes[0]?.port ?? assert.fail('a server has a node');
  const send = async (batch: Buffer, times = 1) => {
    assert.ok(batch.length < 1024 * 1024, 'it is small on its way');
    for (let count = 0; count < times; count++) await produceBatch({ port, topic: replyTopic }, batch);
  };
  await send(bombs.oneLargeValue(), 300);
  await send(bombs.sevenTimesManyHeaders(), 4);
  await send(bombs.gzipOfManyHeaders(40));
  await send(bombs.gzipOfManyValues(400));
  await send(await bombs.gzipOfOneValue(800), 2);
  // Behind all of them in the partition.
  const last = await request();
  isOver = true;
  await clients;

  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual([...new Set([...statuses, last.status])], [200], 'every request got its reply');
  const reader = await readerOf(stack);
  assert.deepEqual(reader.skipped, { too_large: 2, too_many_headers: 68 });
  const peak = peakMegabytes(stack.server.child.pid);
  t.diagnostic(
    `${Math.round(peak)} MB at most, ${answers.length} requests, the last took ${Math.round(last.tookMs)} ms`,
  );
  assert.ok(peak < GIBIBYTES * 1024, `${Math.round(peak)} MB`);
  await stack.nothingPending();
});
