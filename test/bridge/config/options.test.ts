import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { configKey, isConnectionRow } from '../../../bridge/config/parse';
import { outdatedFiles } from '../../../dev/generate';
import { parseConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig, PRODUCER_OPTIONS } from '../../../plugins/custom_kafka_producer/config';

const SERVERS = [{ host: 'kafka', port: 9092 }];
/** Unset in every row: what a cluster without TLS and login needs. */
const PLAIN_CLUSTER = {
  cluster_name: undefined,
  authentication: {
    strategy: undefined,
    mechanism: undefined,
    user: undefined,
    password: undefined,
    tokenauth: false,
    oauthbearer: {
      token_endpoint_url: undefined,
      client_id: undefined,
      client_secret: undefined,
      scopes: [],
      extensions: {},
      token_endpoint_tls_verify: true,
    },
  },
  security: {
    ssl: false,
    ssl_verify: true,
    ca_certificate: undefined,
    certificate: undefined,
    key: undefined,
    key_password: undefined,
  },
  keepalive_enabled: false,
  keepalive: 60_000,
  client_properties: {},
};
const LEAST = { bootstrap_servers: SERVERS, topic: 'orders' };

test('the committed dumps and reference pages say what the option tables say', () => {
  assert.deepEqual(outdatedFiles(join(__dirname, '..', '..', '..', '..')), [], 'run: npm run generate');
});

test('the least configuration of the producer is completed with every default, and frozen', () => {
  const config = parseProducerConfig(LEAST);
  assert.deepEqual(config, {
    bootstrap_servers: SERVERS,
    ...PLAIN_CLUSTER,
    timeout: 10_000,
    topic: 'orders',
    reply_topic: undefined,
    reply_routing: 'broadcast',
    reply_partition: undefined,
    orphan_topic: undefined,
    topics_query_arg: undefined,
    allowed_topics: undefined,
    key_query_arg: undefined,
    key_source: 'none',
    key_name: undefined,
    message_format: 'raw',
    forward_method: false,
    forward_uri: false,
    forward_headers: false,
    forward_body: true,
    correlation_body_field: 'correlation_id',
    cloudevents_type: 'kong.http.request',
    headers: {
      forward_http_headers_as_record_headers: true,
      forward_all_by_default: false,
      include_headers: [],
      exclude_headers: [],
      name_mappings: {},
      repeated_headers_behavior: 'concatenate_by_comma',
      method_and_path: false,
      deadline_after: 0,
    },
    forward_consumer: false,
    dialects: ['plain', 'spring', 'smallrye'],
    correlation_header: 'Kong-Request-ID',
    correlation: 'generated',
    max_in_flight: 10_000,
    max_request_bytes: 1_048_576,
    producer_request_acks: -1,
    producer_idempotence: undefined,
    producer_request_timeout: 2000,
    producer_request_limits_messages_per_request: 200,
    producer_request_limits_bytes_per_request: 1_048_576,
    producer_request_retries_max_attempts: 10,
    producer_request_retries_backoff_timeout: 100,
    producer_async: false,
    producer_async_flush_timeout: 1000,
    producer_async_buffering_limits_messages_in_memory: 50_000,
    compression_type: 'none',
    error_handling: { return_error_message: false },
  });
  assert.ok(
    Object.isFrozen(config) &&
      Object.isFrozen(config.dialects) &&
      Object.isFrozen(config.bootstrap_servers[0]),
  );
});

test('the consumer needs no option at all', () => {
  assert.deepEqual(parseConsumerConfig({}), {
    bootstrap_servers: undefined,
    ...PLAIN_CLUSTER,
    topic: undefined,
    timeout: 5000,
    timeout_ceiling: 0,
    match: 'header',
    match_name: undefined,
    reply_format: 'raw',
    status_headers: [':status', 'status', 'x-status-code', 'http-status'],
    forward_headers: { include: ['content-type', 'x-*'], exclude: [] },
    error_headers: ['kafka_nest-err', 'REPLY_ERROR'],
    error_status: 502,
    max_reply_bytes: 1_048_576,
    problem_details: true,
    error_handling: { return_error_message: false },
  });
});

test('what Kong adds to a configuration is not an option, and the given object stays as it was', () => {
  const raw = {
    ...LEAST,
    __seq__: 6,
    __key__: 'k',
    __plugin_id: 'p',
    __ws_id: 'w',
    route_id: 'r',
    service_id: 's',
    $refs: {},
  };
  const copy = structuredClone(raw);
  assert.equal(parseProducerConfig(raw).topic, 'orders');
  assert.deepEqual(raw, copy);
});

const REFUSED: [string, () => unknown, string][] = [
  [
    'no topic',
    () => parseProducerConfig({ bootstrap_servers: SERVERS }),
    'topic: required option is missing',
  ],
  ['no servers', () => parseProducerConfig({ topic: 't' }), 'bootstrap_servers: required option is missing'],
  [
    'an empty list of servers',
    () => parseProducerConfig({ ...LEAST, bootstrap_servers: [] }),
    'bootstrap_servers: must not be empty',
  ],
  [
    'a port out of range',
    () => parseProducerConfig({ ...LEAST, bootstrap_servers: [{ host: 'h', port: 70_000 }] }),
    'bootstrap_servers.0.port: must be between 1 and 65535',
  ],
  [
    'a server without a port',
    () => parseProducerConfig({ ...LEAST, bootstrap_servers: [{ host: 'h' }] }),
    'bootstrap_servers.0.port: required option is missing',
  ],
  [
    'an illegal topic name',
    () => parseProducerConfig({ ...LEAST, topic: 'a b' }),
    'topic: must be a Kafka topic name (letters, digits, ".", "_", "-")',
  ],
  ['an unknown option', () => parseProducerConfig({ ...LEAST, topci: 'x' }), 'topci: unknown option'],
  [
    'an unknown format',
    () => parseProducerConfig({ ...LEAST, message_format: 'xml' }),
    'message_format: must be one of raw, envelope, body_with_correlation_id, cloudevents_binary, cloudevents_structured',
  ],
  [
    'an unknown dialect',
    () => parseProducerConfig({ ...LEAST, dialects: ['klingon'] }),
    'dialects.0: must be one of plain, spring, nestjs, smallrye, zilla',
  ],
  [
    'a wrong type',
    () => parseProducerConfig({ ...LEAST, max_in_flight: 'many' }),
    'max_in_flight: must be integer',
  ],
  [
    'one topic for both without a header to tell them apart',
    () => parseProducerConfig({ ...LEAST, reply_topic: 'orders', dialects: [] }),
    'dialects: must name at least one when reply_topic and topic are the same, to tell requests from replies',
  ],
  [
    'a timeout of nothing',
    () => parseConsumerConfig({ timeout: 0 }),
    'timeout: must be between 1 and 300000',
  ],
  [
    'a name that has no meaning',
    () => parseConsumerConfig({ match: 'key', match_name: 'x' }),
    'match_name: has no meaning with match: key, where the whole key is the correlation id',
  ],
  [
    'servers without a topic',
    () => parseConsumerConfig({ bootstrap_servers: SERVERS }),
    'topic: required together with bootstrap_servers',
  ],
  [
    'a nested unknown option',
    () => parseConsumerConfig({ error_handling: { verbose: true } }),
    'error_handling.verbose: unknown option',
  ],
];

for (const [what, parse, detail] of REFUSED) {
  test(`refused with the option and the reason: ${what}`, () => {
    assert.throws(parse, { code: 'misconfigured', detail });
  });
}

test('equal configurations have equal keys, whatever their order; connection rows alone decide the clients', () => {
  const one = parseProducerConfig({
    topic: 'orders',
    bootstrap_servers: [{ port: 9092, host: 'kafka' }],
    max_in_flight: 10_000,
  });
  const same = parseProducerConfig(LEAST);
  const other = parseProducerConfig({ ...LEAST, topic: 'bills' });
  assert.equal(configKey(PRODUCER_OPTIONS, one), configKey(PRODUCER_OPTIONS, same));
  assert.notEqual(configKey(PRODUCER_OPTIONS, other), configKey(PRODUCER_OPTIONS, same));
  assert.equal(
    configKey(PRODUCER_OPTIONS, other, isConnectionRow),
    configKey(PRODUCER_OPTIONS, same, isConnectionRow),
  );
});

/** Kong notes beside a password from a vault where it came from, and the whole configuration was refused for that. */
test('references to a vault may stand in every record', () => {
  const authentication = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: 'from the vault' };
  const config = parseProducerConfig({
    ...LEAST,
    authentication: { ...authentication, $refs: { password: '{vault://env/kafka-password}' } },
    $refs: {},
  });
  assert.equal(config.authentication.password, 'from the vault');
});
