/** Topics that are wrong on purpose, and services that answer almost right, on a real Kafka. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { RecordProducer } from '../../../bridge/kafka/producer';
import { TopicReader } from '../../../bridge/kafka/reader';
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import { setLogSink } from '../../../bridge/telemetry/log';
import type { Finding, FindingCode } from '../../../cli/doctor/finding';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { runInside } from '../../cli/run-cli';

setLogSink(() => undefined);

// Brokers of this kind make topics by themselves, and doctor must not let them.
const kafka = useKafka();
const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function configWith(plugin: string, options: object, more: readonly object[] = []): string {
  const [host = '', port] = kafka.bootstrapServers.split(':');
  const config = { bootstrap_servers: [{ host, port: Number(port) }], ...options };
  const path = join(folder, `kong-${++files}.json`);
  const plugins = [{ name: plugin, config }, ...more];
  writeFileSync(path, JSON.stringify({ routes: [{ name: 'orders', paths: ['/orders'], plugins }] }));
  return path;
}
const oneEvent = (options: object) => configWith('custom_kafka_request_reply', options);

interface Document {
  readonly findings: readonly Finding[];
  readonly made: readonly { readonly name: string; readonly partitions: number }[];
}

async function doctor(...args: string[]) {
  const run = await runInside(['doctor', ...args, '--json']);
  assert.notEqual(run.stdout, '', run.stderr);
  const document = JSON.parse(run.stdout) as Document;
  const find = (code: FindingCode) => document.findings.find((finding) => finding.code === code);
  const told = document.findings.filter(({ code }) => code !== 'not_checked');
  return { ...run, ...document, find, codes: told.map(({ code }) => code) };
}

test('topics as they should be', async () => {
  const [topic, replies] = [await kafka.topic({ partitions: 2 }), await kafka.topic({ partitions: 2 })];
  const { codes, code } = await doctor('--config', oneEvent({ topic, reply_topic: replies }));
  assert.deepEqual([codes, code], [[], 0]);
});

test('a topic that is missing is found, made after a yes, and found again', async () => {
  const [topic, replies] = [kafka.uniqueName(), kafka.uniqueName()];
  const config = oneEvent({
    topic,
    reply_topic: replies,
    reply_routing: 'partition',
    reply_partition: 8,
    dialects: ['plain'],
  });
  const found = await doctor('--config', config);
  assert.deepEqual([found.codes, found.code], [['topic_missing', 'topic_missing'], 3]);

  const refused = await runInside(['doctor', '--config', config, '--fix-topics']);
  assert.deepEqual([refused.code, refused.stderr.includes('without a terminal add --yes')], [2, true]);
  const no = await runInside(['doctor', '--config', config, '--fix-topics', '--json'], {
    stdin: 'no\n',
    isTTY: true,
  });
  assert.match(no.stderr, /Make these 2 topics\? \[y\/N\]/);
  assert.deepEqual((JSON.parse(no.stdout) as Document).made, []);

  const fixed = await doctor('--config', config, '--fix-topics', '--yes');
  assert.deepEqual([fixed.codes, fixed.code], [[], 0]);
  assert.deepEqual(
    fixed.made.map(({ name, partitions }) => [name, partitions]),
    [
      [topic, 6],
      [replies, 9],
    ],
  );
});

test('topics that are wrong', async () => {
  const topic = await kafka.topic({
    config: { 'min.insync.replicas': '2', 'max.message.bytes': '1000', 'cleanup.policy': 'compact' },
  });
  const replies = await kafka.topic({ config: { 'retention.ms': '2000', 'max.message.bytes': '5000000' } });
  const { codes, find, code } = await doctor(
    '--config',
    oneEvent({
      topic,
      reply_topic: replies,
      reply_routing: 'partition',
      reply_partition: 3,
      dialects: ['plain'],
    }),
  );
  assert.equal(code, 3);
  assert.deepEqual([...codes].sort(), [
    'min_insync_above_copies',
    'one_partition',
    'partition_missing',
    'replies_too_large',
    'requests_too_large',
    'retention_short',
    'topic_compacted',
  ]);
  assert.match(find('min_insync_above_copies')!.what, /has 1 copy, and min\.insync\.replicas is 2\.$/);
  assert.match(find('retention_short')!.what, /2000 ms .* wait for 5000 ms\.$/);
});

/** A service that answers each request as it is told. */
async function service(
  t: TestContext,
  topic: string,
  answer: (request: ReceivedRecord) => readonly OutgoingRecord[],
  delayMs = 0,
): Promise<void> {
  const producer = new RecordProducer(kafka.connection);
  const reader = new TopicReader(kafka.connection, producer);
  const timers = new Set<NodeJS.Timeout>();
  t.after(async () => {
    for (const timer of timers) clearTimeout(timer);
    await reader.close();
    await producer.close();
  });
  const send = (records: readonly OutgoingRecord[]) => {
    for (const record of records) producer.produce(record, () => undefined);
  };
  await producer.whenUp();
  await reader
    .follow(topic, {
      from: 'end',
      onRecord: (request) => void timers.add(setTimeout(() => send(answer(request)), delayMs)),
    })
    .whenReady();
}

const headerOf = (record: ReceivedRecord, name: string) =>
  record.headers.find(([header]) => header === name)?.[1].toString() ?? '';
const idOf = (record: ReceivedRecord) => headerOf(record, 'correlation-id');

describe('a probe', { concurrency: false }, () => {
  type Answer = (request: ReceivedRecord, replies: string) => readonly OutgoingRecord[];
  const reply = (
    topic: string,
    headers: [string, string][],
    more: Partial<OutgoingRecord> = {},
  ): OutgoingRecord => ({
    topic,
    value: Buffer.from('{}'),
    headers,
    ...more,
  });
  const CASES: [what: string, answer: Answer, codes: FindingCode[], text: RegExp, delayMs?: number][] = [
    ['as it should', (request, topic) => [reply(topic, [['correlation-id', idOf(request)]])], ['probe_answered'], /status 200, 2 bytes/],
    ['not at all', () => [], ['probe_no_reply'], /nothing else came there/],
    ['under another header', (request, topic) => [reply(topic, [['X-Id', idOf(request)]])], ['probe_wrong_header'], /in header X-Id;/],
    ['with the id in the key', (request, topic) => [reply(topic, [], { key: idOf(request) })], ['probe_wrong_header'], /in the key;/],
    ['with another form of the id', (request, topic) => [reply(topic, [['correlation-id', idOf(request).replaceAll('-', '')]])], ['probe_wrong_id'], /without hyphens/],
    ['with an id of its own', (_request, topic) => [reply(topic, [['correlation-id', '17']])], ['probe_wrong_id'], /has 2 characters/],
    ['too late', (request, topic) => [reply(topic, [['correlation-id', idOf(request)]])], ['probe_late'], /the timeout is 300 ms/, 900],
    ['with an error', (request, topic) => [reply(topic, [['correlation-id', idOf(request)], ['kafka_nest-err', 'no']])], ['probe_error_reply'], /kafka_nest-err; clients get status 502/],
    ['twice', (request, topic) => [1, 2].map(() => reply(topic, [['correlation-id', idOf(request)]])), ['probe_many_replies', 'probe_answered'], /2 replies came/],
    ['with what is no status', (request, topic) => [reply(topic, [['correlation-id', idOf(request)], ['status', 'fine']])], ['probe_invalid_reply'], /reply_invalid/],
  ]; // prettier-ignore
  for (const [what, answer, codes, text, delayMs] of CASES)
    test(`of a service that answers ${what}`, async (t) => {
      const [topic, replies] = [await kafka.topic({ partitions: 2 }), await kafka.topic({ partitions: 2 })];
      let seen: ReceivedRecord | undefined;
      await service(t, topic, (request) => {
        seen = request;
        return answer(request, replies);
      }, delayMs); // prettier-ignore
      // Short only where it is to pass: this machine may be busy.
      const timeout = delayMs === undefined ? 2000 : 300;
      const config = oneEvent({ topic, reply_topic: replies, reply: { timeout } });
      const graceMs = delayMs === undefined ? '200' : '10000';
      const found = await doctor('--config', config, '--probe', 'orders', '--probe-grace-ms', graceMs);
      assert.deepEqual(
        found.codes.filter((code) => code.startsWith('probe_')),
        codes,
      );
      assert.match(found.find(codes[0]!)!.what, text);
      assert.equal(headerOf(seen!, 'kong-kafka-probe'), '1');
      assert.equal(headerOf(seen!, 'reply-to'), replies);
      assert.equal(seen!.value?.toString(), '{"probe":true}');
    });

  test('of a service that answers where NestJS does by default', async (t) => {
    const name = kafka.uniqueName();
    const { createTopic } = await import('../../../bridge/kafka/admin.js');
    for (const topic of [name, `${name}.reply`])
      await createTopic(kafka.connection, topic, { partitions: 1 });
    const replies = await kafka.topic();
    await service(t, name, (request) => [reply(`${name}.reply`, [['correlation-id', idOf(request)]])]);
    const config = oneEvent({ topic: name, reply_topic: replies, reply: { timeout: 300 } });
    const found = await doctor('--config', config, '--probe', 'orders', '--probe-grace-ms', '500');
    assert.match(
      found.find('probe_wrong_topic')!.what,
      new RegExp(`on topic ${name}\\.reply; expected on ${replies}`),
    );
  });

  test('of a service that does not obey the partition', async (t) => {
    const [topic, replies] = [await kafka.topic(), await kafka.topic({ partitions: 2 })];
    await service(t, topic, (request) => {
      assert.equal(headerOf(request, 'reply-partition'), '1');
      return [reply(replies, [['correlation-id', idOf(request)]], { partition: 0 })];
    });
    const routing = { reply_routing: 'partition', reply_partition: 1, dialects: ['plain'] };
    const config = oneEvent({ topic, reply_topic: replies, ...routing });
    const found = await doctor('--config', config, '--probe', 'orders');
    assert.match(found.find('probe_wrong_partition')!.what, /on partition 0 of .*; the request names 1/);
  });

  test('of a route with a reply topic for each gateway makes one for itself, and takes it away', async (t) => {
    const topic = await kafka.topic();
    let replyTopic = '';
    await service(t, topic, (request) => {
      replyTopic = headerOf(request, 'reply-to');
      return [reply(replyTopic, [['correlation-id', idOf(request)]])];
    });
    const template = `${kafka.uniqueName()}.{node}`;
    const config = oneEvent({ topic, reply_topic: template, reply_routing: 'topic' });
    const found = await doctor('--config', config, '--probe', 'orders');
    assert.ok(found.codes.includes('probe_answered'), found.stdout);
    assert.match(replyTopic, /\.gateway-doctor-/);
    const again = await doctor('--config', oneEvent({ topic, reply_topic: replyTopic }));
    assert.match(again.find('topic_missing')!.what, /gateway-doctor-/);
  });

  test('of the pair, by the key, and of one way', async (t) => {
    const [topic, replies] = [await kafka.topic(), await kafka.topic()];
    await service(t, topic, (request) => [reply(replies, [], { key: idOf(request) })]);
    const consumer = { name: 'custom_kafka_consumer', config: { match: 'key' } };
    const pair = configWith('custom_kafka_producer', { topic, reply_topic: replies }, [consumer]);
    assert.ok((await doctor('--config', pair, '--probe', 'orders')).codes.includes('probe_answered'));
    const oneWay = await doctor(
      '--config',
      configWith('custom_kafka_producer', { topic }),
      '--probe',
      'orders',
    );
    assert.match(oneWay.find('probe_answered')!.what, /one-way: a record was acknowledged/);
  });

  test('of a topic that is not there, which makes none', async () => {
    const [topic, replies] = [kafka.uniqueName(), kafka.uniqueName()];
    const config = oneEvent({ topic, reply_topic: replies });
    const found = await doctor('--config', config, '--probe', 'orders');
    assert.match(found.find('probe_not_sent')!.what, new RegExp(`^Topic ${topic} does not exist`));
    assert.deepEqual((await doctor('--config', config)).codes, ['topic_missing', 'topic_missing']);
  });

  test('looks for replies on topics that may be there, and makes none of them', async (t) => {
    const [topic, replies] = [await kafka.topic(), await kafka.topic()];
    await service(t, topic, (request) => [reply(replies, [['correlation-id', idOf(request)]])]);
    const found = await doctor('--config', oneEvent({ topic, reply_topic: replies }), '--probe', 'orders');
    assert.ok(found.codes.includes('probe_answered'));
    const guessed = await doctor('--config', oneEvent({ topic, reply_topic: `${topic}.reply` }));
    assert.equal(guessed.find('topic_missing')?.where.startsWith(`topic ${topic}.reply `), true);
  });
});
