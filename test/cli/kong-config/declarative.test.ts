import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readDeclarative } from '../../../cli/kong-config/declarative';
import { ourPlugins } from '../../../cli/kong-config/our-plugins';

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'kong.yml'), text);
  return join(folder, 'kong.yml');
}

const read = (t: TestContext, text: string) => readDeclarative(fileWith(t, text));

/** Doctor said of such plugins that their brokers and topics were missing. */
test('decK: what a plugin shares with others, and what it says itself', async (t) => {
  const { plugins } = await read(
    t,
    `
_plugin_configs:
  orders: { topic: shared, reply_topic: replies, bootstrap_servers: [{ host: kafka, port: 9092 }] }
plugins:
  - { name: custom_kafka_producer, _config: orders }
  - { name: custom_kafka_producer, _config: orders, config: { topic: own } }
  - { name: custom_kafka_producer, _config: nobody, config: { topic: own } }
  - { name: custom_kafka_producer, _config: toString }
`,
  );
  const shared = { reply_topic: 'replies', bootstrap_servers: [{ host: 'kafka', port: 9092 }] };
  assert.deepEqual(
    plugins.map(({ config }) => config),
    [{ topic: 'shared', ...shared }, { topic: 'own', ...shared }, { topic: 'own' }, {}],
  );
});

test('entities inside others, and entities that name others', async (t) => {
  const { services, routes, plugins } = await read(
    t,
    `
_format_version: '3.0'
services:
  - name: backend
    url: http://backend
    routes:
      - name: inside
        plugins: [{ name: a }]
    plugins: [{ name: b }]
routes:
  - { name: beside, service: backend, response_buffering: false }
  - { id: 1d, paths: [/free] }
plugins:
  - { name: c, route: beside }
  - { name: d, service: { name: backend } }
  - { name: e, consumer: x }
  - { name: f, enabled: false }
consumers:
  - { username: x, plugins: [{ name: g }] }
`,
  );
  assert.deepEqual(services, [{ id: 'backend', name: 'backend', host: 'backend' }]);
  assert.deepEqual(
    routes.map(({ name, serviceId, responseBuffering }) => [name, serviceId, responseBuffering]),
    [
      ['inside', 'backend', true],
      ['beside', 'backend', false],
      ['/free', undefined, true],
    ],
  );
  const byName = [...plugins].sort((one, other) => one.name.localeCompare(other.name));
  assert.deepEqual(
    byName.map(({ name, routeId, serviceId, isPerConsumer, enabled }) => [
      name,
      routeId,
      serviceId,
      isPerConsumer,
      enabled,
    ]),
    [
      ['a', 'inside', undefined, false, true],
      ['b', undefined, 'backend', false, true],
      ['c', 'beside', undefined, false, true],
      ['d', undefined, 'backend', false, true],
      ['e', undefined, undefined, true, true],
      ['f', undefined, undefined, false, false],
      ['g', undefined, undefined, true, true],
    ],
  );
});

test('what is no configuration is refused, and not quoted', async (t) => {
  for (const [text, reason] of [
    ['password: "planted', /is not YAML: .*\.$/],
    ['just text', /is no configuration of Kong/],
    ['a: 1', /is no configuration of Kong/],
  ] as const)
    await assert.rejects(
      read(t, text),
      (error: Error) => reason.test(error.message) && !error.message.includes('planted'),
    );
  await assert.rejects(readDeclarative('/nowhere/kong.yml'), /^CliError: --config: ENOENT/);
});

test('aliases without end', async (t) => {
  const bomb = ['a: &a [x, x]', ...'bcdefghijkl'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghijkl'[index]}`).join(', ')}]`), 'routes: *l']; // prettier-ignore
  await assert.rejects(read(t, bomb.join('\n')), /alias/i);
});

test('references to the environment are looked up, others are named', () => {
  const config = (password: string) => ({
    services: [],
    routes: [],
    plugins: [
      {
        name: 'custom_kafka_log',
        enabled: true,
        config: {
          bootstrap_servers: [{ host: 'k', port: 1 }],
          topic: 't',
          authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password },
        },
        routeId: undefined,
        serviceId: undefined,
        isPerConsumer: false,
        runsBefore: [],
        runsAfter: [],
      },
    ],
  });
  const passwordOf = (password: string, env: Record<string, string>) => {
    const [plugin] = ourPlugins(config(password), env, { keepsReferences: true });
    const authentication = (plugin!.config as { authentication: { password: string } }).authentication;
    const [strict] = ourPlugins(config(password), env);
    assert.equal(strict!.config === undefined, plugin!.unresolved.length > 0);
    return [authentication.password, plugin!.unresolved];
  };
  const unresolved = ['authentication.password'];
  assert.deepEqual(passwordOf('{vault://env/kafka-password}', { KAFKA_PASSWORD: 'p' }), ['p', []]);
  assert.deepEqual(passwordOf('{vault://env/kafka/password}', { KAFKA: '{"password":"p"}' }), ['p', []]);
  assert.deepEqual(passwordOf('{vault://env/kafka/password}', { KAFKA: 'no JSON' })[1], unresolved);
  assert.deepEqual(passwordOf('{vault://env/kafka-password}', {})[1], unresolved);
  assert.deepEqual(passwordOf('{vault://hcv/kafka/password}', { HCV: 'x' })[1], unresolved);
});
