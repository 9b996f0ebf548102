/** Requests and replies with schemas, on a real registry and a real Kafka: three types, keys and values, and evolution. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { useKafka } from '../../dev/kafka/use-kafka';
import { Apicurio, type SchemaInRegistry } from '../../dev/registry/apicurio';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { ask, Stack, type TestRoute } from '../support/stack';

const kafka = useKafka();

const avro = (...fields: object[]) => ({
  schema: JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields }),
});
const json = (properties: object, required: string[] = []) =>
  ({
    schemaType: 'JSON',
    schema: JSON.stringify({ type: 'object', properties, required, additionalProperties: false }),
  }) as const;
const protobuf = (fields: string) =>
  ({
    schemaType: 'PROTOBUF',
    schema: `syntax = "proto3"; package shop; message Order { ${fields} }`,
  }) as const;

interface Evolution {
  readonly name: string;
  readonly versions: readonly [SchemaInRegistry, SchemaInRegistry];
  /** Sent to the latest version and to the first, with what comes back from each. */
  readonly latest: readonly [sent: object, back: object];
  readonly first: readonly [sent: object, back: object];
}

const ITEM = { name: 'item', type: 'string' };
const EVOLUTIONS: Evolution[] = [
  {
    name: 'avro-field-added',
    versions: [avro(ITEM), avro(ITEM, { name: 'count', type: 'int', default: 1 })],
    latest: [{ item: 'book' }, { item: 'book', count: 1 }],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    name: 'avro-field-renamed',
    versions: [avro(ITEM), avro({ name: 'title', aliases: ['item'], type: 'string' })],
    latest: [{ item: 'book' }, { title: 'book' }],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    name: 'avro-type-widened',
    versions: [avro({ name: 'count', type: 'int' }), avro({ name: 'count', type: 'long' })],
    latest: [{ count: 3_000_000_000 }, { count: 3_000_000_000 }],
    first: [{ count: 3 }, { count: 3 }],
  },
  {
    name: 'json-field-added',
    versions: [json({ item: {} }), json({ item: {}, count: { type: 'integer' } })],
    latest: [
      { item: 'book', count: 2 },
      { item: 'book', count: 2 },
    ],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    // It has no aliases: a newer version takes both names.
    name: 'json-field-renamed',
    versions: [json({ item: {} }, ['item']), json({ item: {}, title: {} })],
    latest: [{ title: 'book' }, { title: 'book' }],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    name: 'json-type-widened',
    versions: [json({ count: { type: 'integer' } }), json({ count: { type: 'number' } })],
    latest: [{ count: 1.5 }, { count: 1.5 }],
    first: [{ count: 1 }, { count: 1 }],
  },
  {
    name: 'protobuf-field-added',
    versions: [protobuf('string item = 1;'), protobuf('string item = 1; int32 count = 2;')],
    latest: [
      { item: 'book', count: 2 },
      { item: 'book', count: 2 },
    ],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    // On the wire it is a number.
    name: 'protobuf-field-renamed',
    versions: [protobuf('string item = 1;'), protobuf('string title = 1;')],
    latest: [{ title: 'book' }, { title: 'book' }],
    first: [{ item: 'book' }, { item: 'book' }],
  },
  {
    name: 'protobuf-type-widened',
    versions: [protobuf('int32 count = 1;'), protobuf('int64 count = 1;')],
    latest: [{ count: '3000000000' }, { count: '3000000000' }],
    first: [{ count: 3 }, { count: 3 }],
  },
];

const KEYS: Record<string, { schema: SchemaInRegistry; key: string; bytes: string }> = {
  avro: { schema: { schema: '"string"' }, key: 'k1', bytes: '046b31' },
  json: {
    schema: {
      schemaType: 'JSON',
      schema: '{"$schema":"http://json-schema.org/draft-07/schema#","type":"string"}',
    },
    key: 'k1',
    bytes: '226b3122',
  },
  protobuf: { schema: protobuf('string id = 1;'), key: '{"id":"k1"}', bytes: '000a026b31' },
};

const requests: ReceivedRecord[] = [];
let registry: Apicurio;
let responder: Responder;
let stack: Stack;

before(async () => {
  registry = await Apicurio.start();
  const behaviours: Behaviour[] = [];
  const routes: TestRoute[] = [];
  const confluent = () => ({ url: registry.url, timeout: 5000 });
  const add = async (path: string, request: object, producer: object = {}) => {
    const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
    behaviours.push({ ...DEFAULT_BEHAVIOUR, topic, replyTopic });
    routes.push({
      path,
      producer: {
        topic,
        reply_topic: replyTopic,
        schema_registry: { confluent: { ...confluent(), ...request } },
        ...producer,
      },
      consumer: { timeout: 20_000, schema_registry: { confluent: confluent() } },
    });
  };
  for (const { name, versions } of EVOLUTIONS) {
    for (const version of versions) await registry.register(name, version);
    await add(`/latest/${name}`, { value_schema: { subject_name: name } });
    await add(`/first/${name}`, { value_schema: { subject_name: name, schema_version: '1' } });
    for (const [path, schema_version] of [
      ['latest', 'latest'],
      ['first', '1'],
    ] as const) {
      const subject = { subject_name: name, schema_version };
      await add(
        `/key/${path}/${name}`,
        { key_schema: subject, value_schema: subject },
        { key_source: 'header', key_name: 'key' },
      );
    }
  }
  for (const [type, { schema }] of Object.entries(KEYS)) {
    await registry.register(`key-${type}`, schema);
    await add(
      `/key/${type}`,
      { key_schema: { subject_name: `key-${type}` } },
      { key_source: 'header', key_name: 'key' },
    );
  }
  await registry.register('money', { schema: '{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}' }); // prettier-ignore
  await registry.register('with-reference', {
    ...avro({ name: 'price', type: 'shop.Money' }),
    references: [{ name: 'shop.Money', subject: 'money', version: 1 }],
  });
  await add('/reference', { value_schema: { subject_name: 'with-reference' } });
  responder = await startResponder({
    connection: kafka.connection,
    topics: behaviours,
    onRequest: (request) => requests.push(request),
  });
  stack = await Stack.start(kafka.bootstrapServers, routes);
});

after(async () => {
  await stack?.stop();
  await responder?.close();
  await registry?.stop();
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(`${stack.url}${path}`, { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }); // prettier-ignore

describe('a service that answers in the schema it was asked in', () => {
  for (const { name, latest, first } of EVOLUTIONS) {
    for (const [version, [sent, back]] of [
      ['latest', latest],
      ['first', first],
    ] as const) {
      it(`${name}, ${version} version`, async () => {
        const answer = await post(`/${version}/${name}`, sent);
        assert.equal(answer.status, 200, answer.body.toString());
        assert.equal(answer.headers['content-type'], 'application/json');
        assert.deepEqual(answer.json, back);
      });
    }
  }

  it('finds references', async () => {
    assert.deepEqual((await post('/reference', { price: { cents: 995 } })).json, { price: { cents: 995 } });
  });

  it('refuses what does not fit', async () => {
    const answer = await post('/latest/protobuf-field-added', { item: 'book', count: 'many' });
    assert.deepEqual(
      [answer.status, answer.json.code, answer.json.pointer],
      [400, 'schema_mismatch', '/count'],
    );
  });
});

describe('a key with a schema', () => {
  // That of a value is read back above; a key of the same JSON is the same bytes.
  for (const { name, latest, first } of EVOLUTIONS) {
    for (const [version, [sent, back]] of [
      ['latest', latest],
      ['first', first],
    ] as const) {
      it(`is written like a value: ${name}, ${version} version`, async () => {
        requests.length = 0;
        const answer = await post(`/key/${version}/${name}`, sent, { key: JSON.stringify(sent) });
        assert.deepEqual(answer.json, back);
        const [{ key, value }] = requests as [ReceivedRecord];
        assert.equal(key?.[0], 0);
        assert.deepEqual(key, value);
      });
    }
  }

  for (const [type, { key, bytes }] of Object.entries(KEYS)) {
    it(`of type ${type} is written with it`, async () => {
      requests.length = 0;
      const answer = await post(`/key/${type}`, { any: 'value' }, { key });
      assert.deepEqual(answer.json, { any: 'value' });
      assert.equal(requests[0]?.key?.subarray(5).toString('hex'), bytes);
    });
  }
});

describe('when the registry is away', () => {
  it('what is cached goes on, and everything works again when it is back', async () => {
    const route = '/latest/avro-field-added';
    assert.equal((await post(route, { item: 'book' })).status, 200);
    await registry.stop();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(route, { item: 'book' })));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    await registry.resume();
    assert.equal((await post(route, { item: 'book' })).status, 200);
  });
});
