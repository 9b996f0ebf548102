/** Configurations of all plugins, as a Kong of another version or another server may hand them over. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import { PLUGINS, type PluginName } from '../../../common/plugins';
import { kongComplaints } from '../../support/kong-check';
import { PARSERS } from '../../support/plugin-parsers';
import type { SeededRandom } from '../../support/seeded-random';
import { unlessRefused, type FuzzTarget } from '../target';

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [name: string]: Json;
}

const SECRET = 's3cr3t-0f-the-fuzzer';
/** PEM text in form, and nothing in it. */
const junk = (label: string) => `-----BEGIN ${label}-----\\n${SECRET}\\n-----END ${label}-----`;

const SECURED = {
  authentication: {
    strategy: 'sasl',
    mechanism: 'SCRAM-SHA-512',
    user: 'u',
    password: SECRET,
    $refs: { password: 'x' },
  },
  security: { ssl: true },
  client_properties: { 'socket.keepalive.enable': 'true' },
};
const PRODUCERS: readonly JsonObject[] = [
  { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders', reply_topic: 'replies', ...SECURED },
  {
    bootstrap_servers: [{ host: 'kafka', port: 9092 }],
    topic: 'orders',
    key_source: 'header',
    key_name: 'x-key',
    message_format: 'envelope',
    headers: {
      forward_http_headers_as_record_headers: true,
      include_headers: ['x-a'],
      name_mappings: { 'x-a': 'a' },
    },
    dialects: ['plain', 'spring'],
    __plugin_id: 'p',
    route_id: 'r',
  },
  {
    bootstrap_servers: [{ host: '::1', port: 9092 }],
    topic: 'orders',
    reply_topic: 'r.{node}',
    reply_routing: 'topic',
    orphan_topic: 'orphans',
    topics_query_arg: 't',
    allowed_topics: ['bills'],
    key_query_arg: 'k',
    producer_idempotence: true,
    producer_request_acks: 1,
  },
  {
    bootstrap_servers: [{ host: 'kafka', port: 9092 }],
    topic: 'orders',
    reply_topic: 'replies',
    reply_routing: 'partition',
    reply_partition: 1,
    dialects: ['plain'],
    key_source: 'body_field',
    key_name: '/a~1b',
  },
];
const WAITS: readonly JsonObject[] = [
  { timeout: 1000, match: 'header' },
  {
    timeout: 5000,
    reply_format: 'envelope',
    forward_headers: { include: ['*'], exclude: ['x-a'] },
    error_status: 500,
  },
];
const CONSUMERS: readonly JsonObject[] = [
  ...WAITS.map((wait) => ({ ...wait, error_handling: { return_error_message: true } })),
  { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'replies', ...SECURED },
];
const FAILOVERS: readonly JsonObject[] = [
  { bootstrap_servers: [{ host: 'kafka', port: 9092 }] },
  {
    bootstrap_servers: [{ host: 'kafka', port: 9092 }],
    topic: 'failed',
    statuses: [502, 504],
    methods: ['POST', 'GET'],
    max_request_bytes: 0,
    headers: { include_headers: ['authorization'], exclude_headers: ['x-a'] },
    answer: { status: 200, message: 'later', retry_after: 5 },
    capture: 'log',
    breaker: { failures: 5, window: 10, open_for: 10, probe_path: '/health' },
    ...SECURED,
  },
];
const LOGS: readonly JsonObject[] = [
  { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'logs', ...SECURED },
  {
    bootstrap_servers: [{ host: 'kafka', port: 9092 }],
    topic: 'logs',
    topic_template: 'logs.$(/service/name)',
    allowed_topics: ['logs.a'],
    key_pointer: '/consumer/id',
    custom_fields: { 'a.b': '$(/request/id)', c: '' },
    include: ['/request'],
    exclude: ['/a~1b'],
    redact: ['token'],
    only_status: ['404', '500-599'],
    sample_rate: 0.5,
    max_record_bytes: 1024,
    sink: { name: 'main', secret: SECRET },
  },
];
const SAMPLES: Readonly<Record<PluginName, readonly JsonObject[]>> = {
  custom_kafka_producer: PRODUCERS,
  custom_kafka_consumer: CONSUMERS,
  custom_kafka_request_reply: PRODUCERS.flatMap((producer) =>
    WAITS.map((reply) => ({ reply_topic: 'replies', ...producer, reply })),
  ),
  custom_kafka_log: LOGS,
  custom_kafka_failover: FAILOVERS,
};

const NAMES = [
  'topic',
  'host',
  'port',
  'timeout',
  'include',
  'security',
  'certificate',
  'key',
  'reply_routing',
  'reply',
  'producer_async',
  '__proto__',
  '__seq__',
  '$refs',
  'constructor',
  '',
];
const VALUES: Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  9092,
  '',
  'x',
  'a/b',
  'x'.repeat(300),
  '\0',
  'é',
  '*',
  [],
  {},
  [null],
  ['x', 'x'],
  [[]],
  { a: 'b' },
  false,
  'partition',
  'kafka:9092',
  junk('CERTIFICATE'),
  junk('RSA PRIVATE KEY'),
  { ssl: true, ca_certificate: junk('CERTIFICATE') },
  { ssl: true, certificate: junk('CERTIFICATE'), key: junk('ENCRYPTED PRIVATE KEY'), key_password: SECRET },
];

/** The same with one thing in it another. */
function changed(value: Json, random: SeededRandom): Json {
  if (random.chance(0.25) || typeof value !== 'object' || value === null)
    return structuredClone(random.pick(VALUES));
  if (Array.isArray(value)) {
    const index = random.below(value.length + 1);
    return value.toSpliced(index, random.below(2), changed(value[index] ?? {}, random));
  }
  const members = Object.entries(value);
  if (members.length === 0 || random.chance(0.2)) members.push([random.pick(NAMES), random.pick(VALUES)]);
  else {
    const index = random.below(members.length);
    const [name, member] = members[index]!;
    if (random.chance(0.15)) members.splice(index, 1);
    else members[index] = [random.chance(0.1) ? random.pick(NAMES) : name, changed(member, random)];
  }
  return Object.fromEntries(members);
}

function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  assert.ok(Object.isFrozen(value), 'a configuration is frozen all the way down');
  for (const member of Object.values(value)) assertFrozen(member);
}

const isRefusal = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'misconfigured';

function check(plugin: PluginName, raw: unknown): void {
  const parse = PARSERS[plugin];
  const config = unlessRefused(
    () => parse(raw),
    (error) => {
      if (!isRefusal(error)) return false;
      const all = parse.complaintsAbout(raw);
      assert.equal(all[0], (error as GatewayError).detail, 'the first is that of the error');
      assert.ok(!all.join('').includes(SECRET), 'a secret is told');
      return true;
    },
  );
  if (config === undefined) return;
  assertFrozen(config);
  const again: unknown = parse(JSON.parse(JSON.stringify(config)));
  const text = JSON.stringify(config);
  assert.equal(JSON.stringify(again), text, 'a parsed configuration is one itself');
  const complaints = kongComplaints(plugin, JSON.parse(text) as object);
  assert.deepEqual(complaints, [], 'Kong takes what the plugin takes');
}

export const CONFIG: FuzzTarget = {
  name: 'config',
  samples: [],
  shortCases: 150,
  generate: (random) => {
    const { name } = random.pick(PLUGINS);
    let config: Json = random.pick(SAMPLES[name]);
    for (let left = random.below(4); left > 0; left--) config = changed(config, random);
    return Buffer.from(JSON.stringify([name, config]));
  },
  run: (input) => {
    const [plugin, raw] = JSON.parse(input.toString('utf8')) as [PluginName, unknown];
    const before = JSON.stringify(raw);
    check(plugin, raw);
    assert.equal(JSON.stringify(raw), before, "the caller's object is as it was");
  },
};

/** For the test of the target itself: without changes every sample is taken. */
export const CONFIG_SAMPLES: readonly (readonly [PluginName, JsonObject])[] = PLUGINS.flatMap(({ name }) =>
  SAMPLES[name].map((raw) => [name, raw] as const),
);
