import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaintAbout, migratePlugin } from '../../../cli/migrate/migrate-plugin';
import { MIGRATED_PLUGINS } from '../../../cli/migrate/kong-plugins';
import { KONG_OPTIONS } from './kong-options';

/** Paths with dots; maps and lists are values. */
function pathsOf(value: Record<string, unknown>, maps: ReadonlySet<string>, before = ''): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = before === '' ? name : `${before}.${name}`;
    const isRecord =
      typeof member === 'object' && member !== null && !Array.isArray(member) && !maps.has(name);
    return isRecord ? pathsOf(member as Record<string, unknown>, maps, path) : [path];
  });
}
const MAPS = new Set([
  'name_mappings',
  'extensions',
  'custom_fields_by_lua',
  'token_headers',
  'token_post_args',
]);

function at(config: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], config);
}

for (const { from, to, rules } of MIGRATED_PLUGINS) {
  const options = KONG_OPTIONS[from]!;

  test(`${from}: every option is carried over, or there is a word about it`, () => {
    const { config, changes, name } = migratePlugin(from, options);
    assert.equal(name, to);
    const told = new Set(changes.map(({ option }) => option));
    for (const path of pathsOf(options, MAPS)) {
      const rule = rules.find((candidate) => candidate.from === path);
      assert.ok(rule, `${path} has a rule`);
      const goesTo = 'to' in rule ? rule.to : path;
      const isThere = goesTo !== undefined && at(config, goesTo) !== undefined;
      assert.ok(isThere || told.has(path) || told.has(goesTo), `${path} is gone without a word`);
      if (isThere && rule.convert === undefined)
        assert.deepEqual(at(config, goesTo), at(options, path), path);
    }
    for (const { words } of changes) assert.ok(words.length > 5);
  });

  test(`${from}: no rule is for an option that the plugin does not have`, () => {
    const known = new Set([...pathsOf(options, MAPS), 'expressions']);
    for (const rule of rules) assert.ok(known.has(rule.from), rule.from);
    assert.equal(new Set(rules.map((rule) => rule.from)).size, rules.length, 'each once');
  });

  test(`${from}: what comes out passes our own check, with everything set and with the least`, () => {
    const { topic, bootstrap_servers, ask_id, app_name } = options;
    const least =
      from === 'kong-kafka-log'
        ? { topic, bootstrap_servers, ask_id, app_name }
        : { topic, bootstrap_servers };
    for (const written of [options, least])
      assert.equal(complaintAbout({ to }, migratePlugin(from, written).config), undefined);
  });

  test(`${from}: each option by itself passes, too`, () => {
    const { topic, bootstrap_servers } = options;
    for (const [name, value] of Object.entries(options)) {
      const { config, changes } = migratePlugin(from, { topic, bootstrap_servers, [name]: value });
      // Half a login is none there either.
      if (changes.some(({ words }) => words.endsWith('to be set by hand'))) continue;
      assert.equal(complaintAbout({ to }, config), undefined, name);
    }
  });
}

const BASE = { topic: 'events', bootstrap_servers: [{ host: 'kafka', port: 9092 }] };
const fates = (name: string, more: Record<string, unknown>) =>
  migratePlugin(name, { ...BASE, ...more }).changes.flatMap(({ option, fate }) =>
    option === undefined ? [] : [`${option}: ${fate}`],
  );

test('what the Admin API writes for "not set" needs no word', () => {
  assert.deepEqual(
    fates('kafka-upstream', {
      message_by_lua_functions: null,
      allowed_topics: null,
      authentication: {
        strategy: null,
        mechanism: null,
        user: null,
        password: null,
        tokenauth: null,
        oauthbearer: { extensions: null },
      },
      security: { ssl: false, certificate_id: null },
      schema_registry: { confluent: null },
      __key__: 'x',
    }),
    [],
  );
});

test('an option that nobody knows is not passed over', () => {
  assert.deepEqual(fates('kafka-upstream', { invented: 1, security: { invented: 2 } }), [
    'invented: refused',
    'security.invented: refused',
  ]);
});

test('a value that is out of bounds here is left out, and told with the bounds', () => {
  const { config, changes } = migratePlugin('kafka-upstream', { ...BASE, keepalive: 10 });
  assert.equal(config.keepalive, undefined);
  assert.match(
    changes.find(({ option }) => option === 'keepalive')!.words,
    /must be between 1000 and 86400000; left out/,
  );
});

test('what is required and missing is to be set by hand', () => {
  const { changes } = migratePlugin('confluent', { topic: 'events' });
  assert.match(
    changes.find(({ option }) => option === 'bootstrap_servers')!.words,
    /required option is missing: to be set by hand/,
  );
});

test('a client can name a topic only where topics are listed', () => {
  const { config } = migratePlugin('kafka-upstream', { ...BASE, topics_query_arg: 't' });
  assert.deepEqual(config.allowed_topics, ['events']);
  assert.deepEqual(fates('kafka-upstream', { allowed_topics: ['a'] }), ['allowed_topics: dropped']);
});

test('confluent: a key is a login over TLS, and OAuth wins over it', () => {
  const key = migratePlugin('confluent', {
    ...BASE,
    cluster_api_key: 'k',
    cluster_api_secret: '{vault://env/s}',
  });
  assert.deepEqual(key.config.security, { ssl: true });
  assert.deepEqual(key.config.authentication, {
    user: 'k',
    password: '{vault://env/s}',
    mechanism: 'PLAIN',
    strategy: 'sasl',
  });
  const { authentication } = migratePlugin('confluent', KONG_OPTIONS.confluent!).config as {
    authentication: Record<string, unknown>;
  };
  assert.deepEqual(
    [authentication.mechanism, authentication.user, authentication.password],
    ['OAUTHBEARER', undefined, undefined],
  );
});

test('fields by Lua: text, headers and removal are carried over, code is not', () => {
  const lua = {
    environment: 'return "production"',
    'nested.tenant': "return kong.request.get_header('X-Tenant')",
    number: 'return 7',
    route: 'return nil',
    time: 'return ngx.now()',
    trick: 'return "$(/x)"',
    two: 'return "a" .. "b"',
  };
  const { config, changes } = migratePlugin('kafka-log', { ...BASE, custom_fields_by_lua: lua });
  assert.deepEqual(config.custom_fields, {
    environment: 'production',
    'nested.tenant': '$(/request/headers/x-tenant)',
    number: '7',
    route: '',
  });
  assert.match(changes.find(({ option }) => option === 'custom_fields_by_lua')!.words, /^time, trick, two: /);
});

test("Optum's brokers and fields", () => {
  const { config } = migratePlugin('kong-kafka-log', KONG_OPTIONS['kong-kafka-log']!);
  assert.deepEqual(config.bootstrap_servers, [
    { host: 'kafka', port: 9092 },
    { host: '::1', port: 9093 },
  ]);
  assert.deepEqual(config.custom_fields, { ask_id: 'ask', app_name: 'app' });
});
