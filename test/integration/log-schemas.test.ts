/** Log entries in the schema of their topic, with a real registry and a real Kafka. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { logStatus } from '../../bench/log-drill/run';
import { closeSchemas, replySchemas } from '../../bridge/schemas';
import { useKafka } from '../../dev/kafka/use-kafka';
import { Apicurio } from '../../dev/registry/apicurio';
import { receivedRecord } from '../support/records';
import { readAll } from '../support/read-all';
import { ask, Stack } from '../support/stack';

const kafka = useKafka();
const NO_TLS = { verify: true, caPem: undefined, certificatePem: undefined, keyPem: undefined, keyPassword: undefined }; // prettier-ignore

const AVRO = {
  schema: JSON.stringify({
    type: 'record',
    name: 'Entry',
    namespace: 'gateway',
    fields: [
      {
        name: 'request',
        type: {
          type: 'record',
          name: 'Request',
          fields: [
            { name: 'method', type: 'string' },
            { name: 'uri', type: 'string' },
          ],
        },
      },
      {
        name: 'response',
        type: { type: 'record', name: 'Response', fields: [{ name: 'status', type: 'int' }] },
      },
      { name: 'team', type: 'string', default: 'nobody' },
    ],
  }),
};
const JSON_SCHEMA = {
  schemaType: 'JSON',
  schema: JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    required: ['request', 'response'],
    properties: { response: { type: 'object', properties: { status: { type: 'integer', maximum: 599 } } } },
  }),
} as const;

let registry: Apicurio;
let stack: Stack;
const topics = { avro: '', json: '', strict: '' };
const ids = { avro: 0, json: 0 };

before(async () => {
  registry = await Apicurio.start();
  ids.avro = await registry.register('log-avro', AVRO);
  ids.json = await registry.register('log-json', JSON_SCHEMA);
  const registryOf = (subject_name: string) => ({
    schema_registry: { confluent: { url: registry.url, timeout: 5000, value_schema: { subject_name } } },
  });
  const fields = { include: ['/request/method', '/request/uri', '/response/status'] };
  for (const name of ['avro', 'json', 'strict'] as const) topics[name] = await kafka.topic();
  stack = await Stack.start(kafka.bootstrapServers, [
    {
      path: '/avro',
      log: { topic: topics.avro, ...registryOf('log-avro'), ...fields, custom_fields: { team: 'orders' } },
    },
    { path: '/json', log: { topic: topics.json, ...registryOf('log-json') } },
    // The whole entry has more than the schema names.
    { path: '/strict', log: { topic: topics.strict, ...registryOf('log-avro') } },
  ]);
});

after(async () => {
  closeSchemas();
  await stack?.stop();
  await registry?.stop();
});

async function decoded(value: Buffer): Promise<Record<string, unknown>> {
  const reading = replySchemas({
    registry: {
      urls: [new URL(registry.url)],
      tls: NO_TLS,
      authentication: { mode: 'none' },
      headers: {},
      timeoutMs: 10_000,
    },
    valueEncoding: 'simple_json',
    keyEncoding: 'simple_json',
    onInvalid: 'error',
    maxReplyBytes: 1_048_576,
  });
  const record = await reading!.decoded(receivedRecord({ value }));
  return JSON.parse(String(record.value)) as Record<string, unknown>;
}

test('in Avro: framed with the id of the schema, and it is what the schema names', async () => {
  await ask(`${stack.url}/avro?a=1`);
  await ask(`${stack.url}/avro`, { method: 'PUT' });
  const records = await readAll(kafka.connection, topics.avro, 2);
  const entries = await Promise.all(records.map(({ value }) => decoded(value!)));
  for (const { value } of records) assert.deepEqual([value![0], value!.readUInt32BE(1)], [0, ids.avro]);
  assert.deepEqual(entries, [
    { request: { method: 'POST', uri: '/avro?a=1' }, response: { status: 503 }, team: 'orders' },
    { request: { method: 'PUT', uri: '/avro' }, response: { status: 503 }, team: 'orders' },
  ]);
});

test('in JSON Schema: framed, checked, and otherwise the whole entry', async () => {
  await ask(`${stack.url}/json`, { headers: { authorization: 'Bearer planted-secret' } });
  const [record] = await readAll(kafka.connection, topics.json, 1);
  const value = record!.value!;
  assert.deepEqual([value[0], value.readUInt32BE(1)], [0, ids.json]);
  const entry = JSON.parse(value.subarray(5).toString()) as { response: { status: number }; source: string };
  assert.deepEqual([entry.response.status, entry.source], [503, 'kong']);
  assert.doesNotMatch(value.toString(), /planted/);
});

test('one that does not fit is lost and counted, with where and why, and no request notices', async () => {
  assert.equal((await ask(`${stack.url}/strict`)).status, 503);
  while ((await logStatus(stack.server)).lost < 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(JSON.stringify(await stack.server.status()), /"last_loss":"[^"]*no such field[^"]*"/);
  assert.equal((await fetch(`${stack.server.statusUrl}/ready`)).status, 200);
  assert.deepEqual(await readAll(kafka.connection, topics.strict, 0), []);
});
