import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { EXIT } from '../../../cli/exit-codes';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { runInside } from '../run-cli';

const KONG_YML = `_format_version: '3.0'
# what others wrote stays
services:
  - name: shop
    url: http://shop
    routes:
      - name: events # the one
        paths: [/events]
        plugins:
          - name: rate-limiting
            config: { minute: 5 }
          - name: kafka-upstream
            config:
              bootstrap_servers: [{ host: kafka, port: 9092 }]
              topic: events
              producer_async: false
consumers:
  - username: alice
    plugins:
      - name: kafka-upstream
        config: { bootstrap_servers: [{ host: kafka, port: 9092 }], topic: events }
`;

const migrate = (stdin: string, ...args: string[]) => runInside(['migrate', '-', ...args], { stdin });

test('a kong.yml: plugins are replaced where they stand, the rest stays', async () => {
  const { code, stdout, stderr } = await migrate(KONG_YML);
  assert.equal(code, EXIT.findings);
  assert.match(stdout, /# what others wrote stays/);
  assert.match(stdout, /name: events # the one/);
  const document = parse(stdout) as {
    services: { routes: { plugins: { name: string; config: object }[] }[] }[];
    consumers: { plugins: { name: string }[] }[];
  };
  const [limit, ours] = document.services[0]!.routes[0]!.plugins;
  assert.deepEqual(limit, { name: 'rate-limiting', config: { minute: 5 } });
  assert.equal(ours!.name, 'custom_kafka_producer');
  assert.equal(parseProducerConfig(ours!.config).message_format, 'envelope');
  assert.match(stderr, /^route events: kafka-upstream becomes custom_kafka_producer$/m);
  // Without its scope it would run for everybody.
  assert.equal(document.consumers[0]!.plugins[0]!.name, 'kafka-upstream');
  assert.match(stderr, /^consumer alice: kafka-upstream stays as it is$/m);
});

test('a plugin of the Admin API, and a page of them', async () => {
  const plugin = {
    id: 'b9f4a6c2-0000-4000-8000-000000000000',
    name: 'kafka-log',
    route: { id: 'a-route' },
    service: null,
    consumer: null,
    created_at: 1,
    enabled: true,
    protocols: ['grpc', 'http', 'ws'],
    tags: null,
    // Of Kong Enterprise.
    ordering: { before: { access: ['cors'] } },
    config: {
      topic: 'logs',
      bootstrap_servers: [{ host: 'kafka', port: 9092 }],
      producer_async: true,
      custom_fields_by_lua: null,
    },
  };
  for (const written of [plugin, { data: [plugin], next: null }, [plugin]]) {
    const { code, stdout } = await migrate(JSON.stringify(written));
    assert.equal(code, EXIT.fine);
    assert.deepEqual(parse(stdout), {
      _format_version: '3.0',
      plugins: [
        {
          name: 'custom_kafka_log',
          enabled: true,
          protocols: ['http'],
          route: 'a-route',
          ordering: { before: { access: ['cors'] } },
          config: { topic: 'logs', bootstrap_servers: [{ host: 'kafka', port: 9092 }] },
        },
      ],
    });
  }
});

test('what has no equal at all stays, and is told', async () => {
  const { code, stderr, stdout } = await migrate(
    'plugins: [{ name: kafka-consume, config: { topics: [{ name: a }] } }]',
  );
  assert.equal(code, EXIT.findings);
  assert.match(stdout, /kafka-consume/);
  assert.match(stderr, /no equal: it hands records of a topic to clients/);
});

/** Those of one service or consumer were told as if they were for all routes. */
test('it is said for what a plugin is, where that is a name beside it', async () => {
  const config = 'config: { bootstrap_servers: [{ host: kafka, port: 9092 }], topic: t }';
  const { stderr } = await migrate(`plugins:
  - { name: kafka-log, service: shop, ${config} }
  - { name: kafka-log, consumer: { username: alice }, ${config} }
  - { name: kafka-consume, route: { name: orders }, config: {} }
  - { name: kafka-log, ${config} }
services:
  - name: other
    url: http://other
    plugins:
      - { name: kafka-log, consumer: bob, ${config} }
`);
  assert.deepEqual(
    stderr.split('\n').filter((line) => /^\S/.test(line)),
    [
      'service shop: kafka-log becomes custom_kafka_log',
      'consumer alice: kafka-log becomes custom_kafka_log',
      'route orders: kafka-consume stays as it is',
      'all routes: kafka-log becomes custom_kafka_log',
      'service other, consumer bob: kafka-log becomes custom_kafka_log',
    ],
  );
});

test('a plugin whose options stand elsewhere stays, and is told', async () => {
  const { code, stderr, stdout } = await migrate(`
_plugin_configs: { shared: { topic: a, bootstrap_servers: [{ host: kafka, port: 9092 }] } }
plugins: [{ name: kafka-upstream, _config: shared }]
`);
  assert.equal(code, EXIT.findings);
  assert.match(stderr, /^all routes: kafka-upstream stays as it is\n {2}no equal: _config: /);
  assert.match(stdout, /name: kafka-upstream/);
});

test('aliases lead to what they led to', async () => {
  const { stdout } = await migrate(`
plugins:
  - { name: kafka-upstream, route: a, config: &shared { topic: t, bootstrap_servers: [{ host: k, port: 1 }] } }
  - { name: kafka-upstream, route: b, config: *shared }
`);
  const { plugins } = parse(stdout) as { plugins: { name: string; config: { topic: string } }[] };
  assert.deepEqual(
    plugins.map(({ name, config }) => [name, config.topic]),
    [
      ['custom_kafka_producer', 't'],
      ['custom_kafka_producer', 't'],
    ],
  );
});

test('--json', async () => {
  const { stdout } = await migrate(KONG_YML, '--json');
  const { is_complete, plugins, configuration } = JSON.parse(stdout) as {
    is_complete: boolean;
    plugins: object[];
    configuration: { services: object[] };
  };
  assert.deepEqual([is_complete, plugins.length, configuration.services.length], [false, 2, 1]);
});

for (const [what, written, sentence] of [
  ['no plugin of these', 'plugins: [{ name: cors, config: {} }]', /^- has none of kafka-upstream, /],
  ['no configuration', 'just text', /^-: it is no configuration of Kong/],
  [
    'a page of several',
    JSON.stringify({ data: [{ name: 'kafka-log', config: { topic: 'logs' } }], next: '/plugins?offset=a' }),
    /^-: it is one page of several/,
  ],
  ['no YAML', 'a: [planted', /^-: it is not YAML: /],
] as const)
  // prettier-ignore
  test(`refused: ${what}`, async () => {
    const { code, stdout, stderr } = await migrate(written);
    assert.deepEqual([code, stdout], [EXIT.usage, '']);
    assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /planted/);
  });
