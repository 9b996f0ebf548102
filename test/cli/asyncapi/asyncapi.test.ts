import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { parse, stringify } from 'yaml';
import { EXIT } from '../../../cli/exit-codes';
import { runInside } from '../run-cli';

const ROOT = join(__dirname, '..', '..', '..', '..');
// The one with `$id` does not compile in ajv.
const SCHEMA = require.resolve('@asyncapi/specs/schemas/3.1.0-without-$id.json');

let validate: ValidateFunction | undefined;
function validator(): ValidateFunction {
  if (validate) return validate;
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats(ajv);
  return (validate = ajv.compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object));
}

type Document = Record<string, Record<string, Record<string, unknown>>>;

/** What the schema of AsyncAPI cannot see. */
function danglingReferences(root: unknown): string[] {
  const dangling: string[] = [];
  const leads = (pointer: string): boolean => {
    let at: unknown = root;
    for (const token of pointer.slice(2).split('/')) {
      const name = decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return false;
      at = (at as Record<string, unknown>)[name];
    }
    return true;
  };
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (name === '$ref' && typeof member === 'string' && !(member.startsWith('#/') && leads(member)))
        dangling.push(member);
      visit(member);
    }
  };
  visit(root);
  return dangling;
}

function assertValid(document: unknown): void {
  const check = validator();
  assert.ok(check(document), JSON.stringify(check.errors?.slice(0, 5), null, 1));
  assert.deepEqual(danglingReferences(document), []);
}

function file(t: TestContext, document: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'kong.yml'), stringify(document));
  return join(folder, 'kong.yml');
}

async function describe(config: string, ...args: string[]): Promise<Document> {
  const { code, stdout, stderr } = await runInside(['asyncapi', '--config', config, '--json', ...args]);
  assert.equal(code, EXIT.fine, stderr);
  return JSON.parse(stdout) as Document;
}

const BROKERS = [{ host: 'kafka', port: 9092 }];
const route = (name: string, config: object, consumer: object = {}) => ({
  name,
  paths: [`/${name}`],
  plugins: [
    {
      name: 'custom_kafka_producer',
      config: {
        bootstrap_servers: BROKERS,
        topic: `${name}.requests`,
        reply_topic: `${name}.replies`,
        ...config,
      },
    },
    { name: 'custom_kafka_consumer', config: consumer },
  ],
});
const kongYml = (...routes: object[]) => ({ _format_version: '3.0', routes });

test('every route of the example configuration, as YAML and as JSON, from both sides', async () => {
  const config = join(ROOT, 'kong', 'kong.yml');
  const document = await describe(config);
  assertValid(document);
  const { stdout } = await runInside(['asyncapi', '--config', config]);
  assert.deepEqual(parse(stdout), document);
  const service = await describe(config, '--as', 'service', '--route', 'orders');
  assertValid(service);
  assert.deepEqual(Object.keys(service.operations!), ['orders']);
  assert.deepEqual(
    [document.operations!.orders!.action, service.operations!.orders!.action],
    ['send', 'receive'],
  );
});

test('the validator sees what is wrong', async () => {
  const document = await describe(join(ROOT, 'kong', 'kong.yml'));
  assert.equal(validator()({ ...document, unknown: 1 }), false);
  const operations = { broken: { ...document.operations!.orders, channel: { $ref: '#/channels/nowhere' } } };
  assert.deepEqual(danglingReferences({ ...document, operations }), ['#/channels/nowhere']);
});

test('where the correlation id is, for each way to find a reply', async (t) => {
  const document = await describe(
    file(
      t,
      kongYml(
        route('plain', { dialects: ['plain'] }),
        route('spring', { dialects: ['spring'] }),
        route(
          'field',
          { message_format: 'body_with_correlation_id', dialects: [], correlation_body_field: 'a/b' },
          { match: 'body_field', match_name: 'id' },
        ),
        route('keyed', { key_source: 'body_field', key_name: '/order/id' }, { match: 'key' }),
        route('own', {}, { match_name: 'X-Id' }),
      ),
    ),
  );
  assertValid(document);
  const locations = (topic: string): unknown =>
    Object.values(
      document.channels![topic]!.messages as Record<string, { correlationId?: { location: string } }>,
    ).map(({ correlationId }) => correlationId?.location);
  assert.deepEqual(
    ['plain', 'spring', 'field', 'keyed', 'own'].map((name) =>
      [locations(`${name}.requests`), locations(`${name}.replies`)].flat(),
    ),
    [
      ['$message.header#/correlation-id', '$message.header#/correlation-id'],
      ['$message.header#/kafka_correlationId', '$message.header#/kafka_correlationId'],
      ['$message.payload#/a~1b', '$message.payload#/id'],
      ['$message.header#/correlation-id', undefined],
      ['$message.header#/correlation-id', '$message.header#/X-Id'],
    ],
  );
});

interface Message {
  readonly correlationId?: { readonly location: string };
  readonly headers: { readonly properties: Readonly<Record<string, { readonly format?: string }>> };
}
const messageOf = (document: Document, topic: string): Message =>
  Object.values(document.channels![topic]!.messages as Record<string, Message>)[0]!;

/** Its location was a header that such records do not have, and what to do with it was to copy it into a reply. */
test('the correlation id of a one-way request is where its record has it', async (t) => {
  const oneWay = (name: string, config: object) => route(name, { reply_topic: undefined, ...config });
  const document = await describe(
    file(t, kongYml(oneWay('raw', {}), oneWay('field', { message_format: 'body_with_correlation_id' }))),
  );
  assertValid(document);
  const { correlationId, headers } = messageOf(document, 'raw.requests');
  assert.deepEqual(correlationId, {
    location: '$message.header#/Kong-Request-ID',
    description: 'The id by which the client knows its request.',
  });
  assert.ok(headers.properties['Kong-Request-ID']);
  assert.equal(
    messageOf(document, 'field.requests').correlationId?.location,
    '$message.payload#/correlation_id',
  );
});

/** Whoever checks records against the document refused the ids of clients, and knew nothing of the header to copy. */
test('an id that the client chooses is no UUID, and the one of the gateway beside it is described', async (t) => {
  const document = await describe(
    file(t, kongYml(route('theirs', { correlation: 'client' }), route('ours', {}))),
  );
  assertValid(document);
  const headersOf = (topic: string) => messageOf(document, topic).headers.properties;
  assert.equal(headersOf('ours.requests')['correlation-id']!.format, 'uuid');
  assert.equal(headersOf('theirs.requests')['correlation-id']!.format, undefined);
  assert.deepEqual(
    ['ours.requests', 'theirs.requests', 'ours.replies', 'theirs.replies'].map((topic) =>
      Object.hasOwn(headersOf(topic), 'kong-kafka-request-id'),
    ),
    [false, true, false, true],
  );
});

test('reply topics of nodes have the address that the request names; formats, keys, one-way', async (t) => {
  const document = await describe(
    file(
      t,
      kongYml(
        route('node', { reply_routing: 'topic', reply_topic: 'replies.{node}' }),
        route('part', { reply_routing: 'partition', dialects: ['plain'] }),
        route('envelope', {
          message_format: 'envelope',
          forward_uri: true,
          key_source: 'consumer',
          forward_consumer: true,
        }),
        route('events', { message_format: 'cloudevents_structured' }),
        route('binary', {
          message_format: 'cloudevents_binary',
          headers: { method_and_path: true, deadline_after: 10, include_headers: ['X-Tenant', 'x-*'] },
        }),
        {
          name: 'one way/ä',
          paths: ['/o'],
          plugins: [
            {
              name: 'custom_kafka_producer',
              config: {
                bootstrap_servers: BROKERS,
                topic: 'events',
                topics_query_arg: 't',
                allowed_topics: ['more'],
              },
            },
          ],
        },
      ),
    ),
  );
  assertValid(document);
  assert.equal(
    document.channels!['replies.-node']?.address ?? document.channels!['replies.-node-']?.address ?? null,
    null,
  );
  assert.deepEqual((document.operations!.node!.reply as { address: object }).address, {
    location: '$message.header#/reply-to',
    description: 'The topic of the gateway that waits.',
  });
  assert.equal(document.operations!['one-way']!.reply, undefined);
  assert.ok(document.operations!['one-way-more']);
  assert.ok(
    Object.hasOwn(
      (document.channels!['part.requests']!.messages as Record<string, { headers: { properties: object } }>)
        .partRequest!.headers.properties,
      'reply-partition',
    ),
  );
});

test('routes whose names come to one, and topics of one name on two clusters, are all described', async (t) => {
  const named = { ...route('orders', {}), name: 'orders' };
  const unnamed = { ...route('orders', { topic: 'other.requests' }), name: undefined };
  const elsewhere = route('far', {
    bootstrap_servers: [{ host: 'far', port: 9092 }],
    topic: 'orders.requests',
  });
  const document = await describe(file(t, kongYml(named, unnamed, elsewhere)));
  assertValid(document);
  const { operations, channels, servers } = document;
  assert.deepEqual(Object.keys(operations!), ['orders', 'orders-2', 'far']);
  const placeOf = (operation: string): unknown[] => {
    const { $ref } = operations![operation]!.channel as { $ref: string };
    const channel = channels![$ref.replace('#/channels/', '')]!;
    const [server] = channel.servers as { $ref: string }[];
    return [channel.address, servers![server!.$ref.replace('#/servers/', '')]!.host];
  };
  assert.deepEqual(placeOf('orders'), ['orders.requests', 'kafka:9092']);
  assert.deepEqual(placeOf('orders-2'), ['other.requests', 'kafka:9092']);
  assert.deepEqual(placeOf('far'), ['orders.requests', 'far:9092']);
});

test('servers: TLS and login by their kind, and no secret', async (t) => {
  const login = { strategy: 'sasl', mechanism: 'SCRAM-SHA-512', user: 'planted-user', password: 'planted' };
  const oauth = {
    strategy: 'sasl',
    mechanism: 'OAUTHBEARER',
    oauthbearer: {
      token_endpoint_url: 'https://planted:planted@id/token?planted=1',
      client_id: 'planted',
      client_secret: 'planted',
    },
  };
  const document = await describe(
    file(
      t,
      kongYml(
        route('a', {
          cluster_name: 'main',
          authentication: login,
          security: { ssl: true, ca_certificate: '{vault://aws/ca}' },
          bootstrap_servers: [...BROKERS, { host: 'other', port: 1 }],
        }),
        route('b', { cluster_name: 'main', authentication: oauth }),
        route('c', { authentication: { ...login, password: '{vault://hcv/kafka}' } }),
        route('d', {}),
        route('e', {}),
      ),
    ),
  );
  assertValid(document);
  assert.doesNotMatch(JSON.stringify(document), /planted|vault/);
  const servers = Object.entries(document.servers!).map(([name, { host, protocol }]) => [
    name,
    host,
    protocol,
  ]);
  assert.deepEqual(servers, [
    ['main', 'kafka:9092', 'kafka-secure'],
    ['main-2', 'other:1', 'kafka-secure'],
    ['main-3', 'kafka:9092', 'kafka'],
    ['kafka', 'kafka:9092', 'kafka'],
    ['kafka-2', 'kafka:9092', 'kafka'],
  ]);
  assert.deepEqual(document.components!.securitySchemes, {
    scramSha512: { type: 'scramSha512', description: 'SASL SCRAM-SHA-512' },
    oauthbearer: {
      type: 'oauth2',
      description: 'SASL OAUTHBEARER',
      flows: { clientCredentials: { tokenUrl: 'https://id/token', availableScopes: {} } },
    },
  });
});

const SCHEMAS: Readonly<Record<string, object>> = {
  'orders.requests-value': {
    id: 1,
    schema: JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'item', type: 'string' }] }),
  },
  'orders.replies-value': {
    id: 2,
    schemaType: 'JSON',
    schema: JSON.stringify({
      $id: 'http://planted/',
      definitions: { a: { type: 'string' } },
      properties: { a: { $ref: '#/definitions/a' }, me: { $ref: '#' } },
    }),
  },
  'proto.requests-value': {
    id: 3,
    schemaType: 'PROTOBUF',
    schema: 'syntax = "proto3"; message A { string a = 1; }',
  },
  'proto.replies-value': {
    id: 4,
    schemaType: 'JSON',
    schema: JSON.stringify({ properties: { a: { $ref: 'http://planted/schema' } } }),
  },
  'named-subject': { id: 5, schema: '"string"' },
};

test('schemas of a registry, those of replies too; an address in a schema is not followed and not passed on', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, subject = ''] = /^\/subjects\/([^/]+)\/versions\/(?:latest|2)$/.exec(request.url ?? '') ?? [];
    asked.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`);
    const schema = SCHEMAS[subject];
    response.writeHead(schema ? 200 : 404).end(JSON.stringify(schema ?? { error_code: 40401 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = file(
    t,
    kongYml(
      route('orders', {}),
      route('proto', {}),
      route('none', {
        schema_registry: {
          confluent: {
            url: 'http://unused',
            value_schema: { subject_name: 'named-subject', schema_version: '2' },
          },
        },
      }),
    ),
  );
  const env = { KONG_KAFKA_REGISTRY_USER: 'me', KONG_KAFKA_REGISTRY_PASSWORD: 'planted' };
  const { code, stdout, stderr } = await runInside(
    ['asyncapi', '--config', config, '--registry', url, '--json'],
    { env },
  );
  assert.equal(code, EXIT.fine, stderr);
  const document = JSON.parse(stdout) as Document;
  assertValid(document);
  assert.doesNotMatch(stdout, /planted/);
  assert.deepEqual(Object.keys(document.components!.schemas!).sort(), [
    'named-subject',
    'orders.replies-value',
    'orders.requests-value',
    'proto.requests-value',
  ]);
  assert.deepEqual((document.components!.schemas!['orders.replies-value'] as { schema: object }).schema, {
    definitions: { a: { type: 'string' } },
    properties: {
      a: { $ref: '#/components/schemas/orders.replies-value/schema/definitions/a' },
      me: { $ref: '#/components/schemas/orders.replies-value/schema' },
    },
  });
  assert.match(
    stderr,
    /The schema proto\.replies-value refers to others, and is left to the registry: id 4\./,
  );
  assert.match(stderr, /No schema none\.replies-value: /);
  assert.ok(
    asked.includes(
      `Basic ${Buffer.from('me:planted').toString('base64')} /subjects/named-subject/versions/2`,
    ),
    asked.join('\n'),
  );
});

/** Both references led to whichever came last. */
test('two versions of a subject, and subjects whose names come to one, are all in the document', async (t) => {
  const server = createServer((request, response) => {
    const [, subject = '', version = ''] =
      /^\/subjects\/([^/]+)\/versions\/(\w+)$/.exec(request.url ?? '') ?? [];
    const schema = JSON.stringify({ title: `${decodeURIComponent(subject)} ${version}` });
    response.end(JSON.stringify({ id: 1, schemaType: 'JSON', schema }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const withSubject = (name: string, subject_name: string, schema_version: string) =>
    route(name, {
      reply_topic: undefined,
      schema_registry: { confluent: { url, value_schema: { subject_name, schema_version } } },
    });
  const config = file(
    t,
    kongYml(withSubject('a', 'o:x', '1'), withSubject('b', 'o:x', '2'), withSubject('c', 'o-x', '1')),
  );
  const document = await describe(config, '--registry', url);
  assertValid(document);
  const titleOf = (topic: string): unknown => {
    const { payload } = messageOf(document, topic) as unknown as { payload: { $ref: string } };
    const name = payload.$ref.replace('#/components/schemas/', '');
    return (document.components!.schemas![name] as { schema: { title: string } }).schema.title;
  };
  assert.deepEqual(['a.requests', 'b.requests', 'c.requests'].map(titleOf), ['o:x 1', 'o:x 2', 'o-x 1']);
});

test('Ctrl-C ends it while it waits for a registry that says nothing', async (t) => {
  const interruption = new AbortController();
  const registry = createServer(() => interruption.abort());
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    registry.closeAllConnections();
    registry.close();
  });
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const config = file(t, kongYml(route('a', {}), route('b', {})));
  const sinceMs = performance.now();
  const run = await runInside(['asyncapi', '--config', config, '--registry', url], {
    interrupted: interruption.signal,
  });
  assert.deepEqual(run, { code: EXIT.failed, stdout: '', stderr: 'Interrupted.\n' });
  assert.ok(performance.now() - sinceMs < 4000, 'it did not wait for the registry');
});

test('a registry that is away is said, and no half document is written', async (t) => {
  const { code, stdout, stderr } = await runInside([
    'asyncapi',
    '--config',
    file(t, kongYml(route('a', {}))),
    '--registry',
    'http://127.0.0.1:1',
  ]);
  assert.deepEqual([code, stdout], [EXIT.failed, '']);
  assert.match(stderr, /^The schema registry: /);
});

for (const [what, args, sentence] of [
  ['no configuration', [], /^Say what to describe/],
  [
    'a route that is not there',
    ['--config', 'kong/kong.yml', '--route', 'nowhere'],
    /^No route nowhere sends requests to Kafka; these do: .*orders, /,
  ],
  [
    'a registry with a user in its URL',
    ['--config', 'kong/kong.yml', '--registry', 'http://me:planted@x'],
    /^--registry needs an http or https URL without a user/,
  ],
] as const)
  // prettier-ignore
  test(`refused: ${what}`, async () => {
    const { code, stdout, stderr } = await runInside(['asyncapi', ...args.map((arg) => (arg.startsWith('kong/') ? join(ROOT, arg) : arg))]);
    assert.deepEqual([code, stdout], [EXIT.usage, '']);
    assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /planted/);
  });
