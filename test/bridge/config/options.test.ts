import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { configKey, isConnectionRow } from '../../../bridge/config/parse';
import { outdatedFiles } from '../../../dev/generate';
import type { Field, OptionTable } from '../../../bridge/config/fields';
import { CONSUMER_OPTIONS, parseConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig, PRODUCER_OPTIONS } from '../../../plugins/custom_kafka_producer/config';
import {
  parseRequestReplyConfig,
  REQUEST_REPLY_OPTIONS,
} from '../../../plugins/custom_kafka_request_reply/config';
import { kongComplaints } from '../../support/kong-check';

const SERVERS = [{ host: 'kafka', port: 9092 }];
/** Unset in every row: what a cluster without TLS and login needs. */
const KEPT = { count: 10_000, bytes: 67_108_864 };
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

/** Of a registry that is not there. */
const NO_REGISTRY = {
  url: undefined,
  ssl_verify: true,
  ca_certificate: undefined,
  certificate: undefined,
  key: undefined,
  key_password: undefined,
  timeout: 2000,
  authentication: {
    mode: 'none',
    basic: { username: undefined, password: undefined },
    bearer: { token: undefined },
    oauth2: {
      token_endpoint: undefined,
      client_id: undefined,
      client_secret: undefined,
      grant_type: 'client_credentials',
      scopes: ['openid'],
      audience: [],
      username: undefined,
      password: undefined,
      token_headers: {},
      token_post_args: {},
    },
    oauth2_client: {
      auth_method: 'client_secret_post',
      client_secret_jwt_alg: 'HS512',
      timeout: 2000,
      http_proxy: undefined,
      https_proxy: undefined,
    },
    identity_pool_id: undefined,
    logical_cluster_id: undefined,
  },
};
const NO_SUBJECT = {
  subject_name: undefined,
  schema_version: undefined,
  record_name: undefined,
  payload_encoding: 'avro_json',
};

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
    idempotency: 'off',
    idempotency_header: 'Idempotency-Key',
    idempotency_secret: undefined,
    idempotency_ttl: 300,
    keep_replies: KEPT,
    schema_registry: {
      confluent: {
        ...NO_REGISTRY,
        ttl: 300,
        subject_name_strategy: 'topic',
        framing: 'confluent',
        value_schema: NO_SUBJECT,
        key_schema: NO_SUBJECT,
      },
    },
    message_by_lua_functions: [],
    expressions: {},
    trace: { b3: 'off', kong: 'off' },
    log_fields: false,
    producer_request_acks: -1,
    producer_idempotence: true,
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
    on_invalid_reply: 'error',
    mode: 'wait',
    on_timeout: 'error',
    respond_async: false,
    result_location: undefined,
    result_secret: undefined,
    result_ttl: 300,
    keep_replies: KEPT,
    wait_for: { field: undefined, values: undefined, others: 'ignore', look_back: 0, keep_events: KEPT },
    collect: {
      count: undefined,
      end_header: undefined,
      quiet_ms: undefined,
      on_timeout: undefined,
      as: undefined,
      sequence_header: undefined,
      sequence_start: undefined,
      max_count: undefined,
      max_bytes: undefined,
    },
    stream: {
      end_header: undefined,
      count: undefined,
      sequence_header: undefined,
      sequence_start: undefined,
      idle_ms: undefined,
      max_life_ms: undefined,
      resume_ms: undefined,
      buffer: undefined,
      buffer_bytes: undefined,
      max_per_consumer: undefined,
      max_in_flight: undefined,
      allowed_origins: undefined,
      messages_per_second: undefined,
      without_service: undefined,
    },
    schema_registry: {
      confluent: {
        ...NO_REGISTRY,
        value_schema: { payload_encoding: 'avro_json' },
        key_schema: { payload_encoding: 'avro_json' },
      },
    },
    message_by_lua_functions: [],
    expressions: {},
    log_fields: false,
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

const TABLES = {
  custom_kafka_producer: { table: PRODUCER_OPTIONS, parse: parseProducerConfig, least: LEAST },
  custom_kafka_consumer: { table: CONSUMER_OPTIONS, parse: parseConsumerConfig, least: {} },
  custom_kafka_request_reply: {
    table: REQUEST_REPLY_OPTIONS,
    parse: parseRequestReplyConfig,
    least: { ...LEAST, reply_topic: 'replies' },
  },
} as const;

/** `{ a: { b: value } }` for `['a', 'b']`. */
function nested(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

function optionalPaths(table: OptionTable, path: string[] = []): { path: string[]; field: Field }[] {
  return table.flatMap((field) => {
    const at = [...path, field.name];
    if (field.type === 'record') return optionalPaths(field.fields, at);
    return field.required === true ? [] : [{ path: at, field }];
  });
}

for (const [plugin, { table, parse, least }] of Object.entries(TABLES)) {
  /** Kong Manager saves null for a number that somebody has cleared. */
  test(`${plugin}: null is unset, for every option, and Kong takes it too`, () => {
    const paths = optionalPaths(table);
    assert.ok(paths.length > 20);
    for (const { path } of paths) {
      const config = { ...least, ...nested(path, null) };
      assert.deepEqual(parse(config), parse(least), path.join('.'));
      assert.deepEqual(kongComplaints(plugin as keyof typeof TABLES, config), [], path.join('.'));
    }
    const everything = Object.fromEntries(table.map(({ name }) => [name, null]));
    assert.deepEqual(parse({ ...everything, ...least }), parse(least));
  });

  /** Lua has one empty table, so Kong may write the one where the other is meant. */
  test(`${plugin}: an empty list, map and record are the same`, () => {
    const lists = optionalPaths(table).filter(({ field }) => field.type === 'array' || field.type === 'map');
    for (const { path } of lists) {
      const taken = (empty: unknown) => {
        try {
          return parse({ ...least, ...nested(path, empty) });
        } catch (error) {
          return (error as Error).message;
        }
      };
      assert.deepEqual(taken([]), taken({}), path.join('.'));
    }
    for (const record of table.filter(({ type }) => type === 'record')) {
      for (const absent of [{}, [], false]) {
        assert.deepEqual(parse({ ...least, [record.name]: absent }), parse(least), record.name);
      }
    }
  });
}

/**
 * Set to something else than their default they may do nothing, because of another option. Where that can be told from
 * a default that Kong has filled in, it is refused; where it cannot, the admin has only the help text to learn it from.
 */
const CONDITIONAL = {
  custom_kafka_producer: [
    'authentication.user', 'authentication.password', 'authentication.tokenauth',
    'authentication.oauthbearer.token_endpoint_url', 'authentication.oauthbearer.client_id',
    'authentication.oauthbearer.client_secret', 'authentication.oauthbearer.scopes',
    'authentication.oauthbearer.extensions', 'authentication.oauthbearer.token_endpoint_tls_verify',
    'security.ssl_verify', 'security.ca_certificate', 'security.certificate', 'security.key', 'keepalive',
    'topics_query_arg', 'allowed_topics', 'key_name', 'forward_method', 'forward_uri', 'forward_headers',
    'forward_body', 'correlation_body_field', 'cloudevents_type', 'headers.forward_all_by_default',
    'headers.include_headers', 'headers.name_mappings', 'headers.repeated_headers_behavior', 'reply_partition',
    'orphan_topic', 'dialects', 'max_in_flight', 'correlation', 'producer_idempotence', 'producer_async',
    'producer_request_retries_backoff_timeout', 'producer_async_flush_timeout',
    'producer_async_buffering_limits_messages_in_memory',
  ],
  custom_kafka_consumer: ['bootstrap_servers', 'topic', 'match_name', 'error_status', 'timeout_ceiling'],
} as const; // prettier-ignore

test('an option that does nothing because of another says so', () => {
  for (const [plugin, names] of Object.entries(CONDITIONAL)) {
    const paths = optionalPaths(TABLES[plugin as keyof typeof TABLES].table);
    const helpOf = new Map(paths.map(({ path, field }) => [path.join('.'), field.description]));
    for (const name of names) {
      assert.match(
        helpOf.get(name) ?? '',
        /no effect|needs `|required (with|there)|^with `|only with|without `|not with|cannot be used|default 0: /i,
        `${plugin}.${name}`,
      );
    }
  }
});
