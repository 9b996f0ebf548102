/**
 * Every option of the Kafka plugins of Kong and of Optum's kong-kafka-log, and what becomes of it. Names are as in the
 * schemas of Kong 3.16.
 */
import { FORBIDDEN_LUA, fieldsWithoutLua } from './lua-fields';
import { dropped, isEmpty, refused, RefusedValue, same, type OptionRule } from './option-rules';

export interface MigratedPlugin {
  readonly from: string;
  readonly to: 'custom_kafka_producer' | 'custom_kafka_log';
  readonly rules: readonly OptionRule[];
  /** Options that it has by default there and that have to be said here; a written one wins. */
  readonly added: Readonly<Record<string, unknown>>;
  /** What is different though nothing is written: told once. */
  readonly remarks: readonly Remark[];
}

export interface Remark {
  /** Told where this option is not written; undefined: always. */
  readonly unless?: string;
  readonly words: string;
}

const NEEDS_PEM =
  "a plugin outside Kong cannot read Kong's certificates: give security.certificate and security.key as PEM text or vault references";
const NO_TOKENS = 'the client library knows no delegation tokens: use SCRAM or OAUTHBEARER';
const NO_EXTENSIONS = 'the client library has no way to send SASL extensions';
const HEALTH_IS_ON = 'not needed: while brokers are away requests are answered 503 at once, always';

const OAUTHBEARER = [
  'client_id',
  'client_secret',
  'scopes',
  'token_endpoint_tls_verify',
  'token_endpoint_url',
];

const AUTHENTICATION: readonly OptionRule[] = [
  ...same(
    'authentication.mechanism',
    'authentication.password',
    'authentication.strategy',
    'authentication.user',
    ...OAUTHBEARER.map((name) => `authentication.oauthbearer.${name}`),
  ),
  refused(NO_TOKENS, 'authentication.tokenauth'),
  refused(NO_EXTENSIONS, 'authentication.oauthbearer.extensions'),
];

const TLS: readonly OptionRule[] = [
  ...same('security.ssl', 'security.ssl_verify'),
  refused(NEEDS_PEM, 'security.certificate_id'),
];

const DELIVERY = same(
  'bootstrap_servers',
  'cluster_name',
  'compression_type',
  'keepalive',
  'keepalive_enabled',
  'producer_async',
  'producer_async_buffering_limits_messages_in_memory',
  'producer_async_flush_timeout',
  'producer_request_acks',
  'producer_request_limits_bytes_per_request',
  'producer_request_limits_messages_per_request',
  'producer_request_retries_backoff_timeout',
  'producer_request_retries_max_attempts',
  'producer_request_timeout',
  'timeout',
  'topic',
);

const REGISTRY = 'schema_registry.confluent';
const REGISTRY_AUTH = `${REGISTRY}.authentication`;

const SCHEMA_REGISTRY: readonly OptionRule[] = [
  ...same(
    ...['url', 'ssl_verify'].map((name) => `${REGISTRY}.${name}`),
    ...['value_schema', 'key_schema'].flatMap((half) =>
      ['subject_name', 'schema_version', 'payload_encoding'].map((name) => `${REGISTRY}.${half}.${name}`),
    ),
    ...['mode', 'basic.username', 'basic.password', 'identity_pool_id', 'logical_cluster_id'].map(
      (name) => `${REGISTRY_AUTH}.${name}`,
    ),
    ...['audience', 'client_id', 'client_secret', 'grant_type', 'password', 'scopes', 'token_endpoint', 'token_headers', 'token_post_args', 'username'].map((name) => `${REGISTRY_AUTH}.oauth2.${name}`),
    ...['auth_method', 'client_secret_jwt_alg'].map((name) => `${REGISTRY_AUTH}.oauth2_client.${name}`),
  ),
  {
    from: `${REGISTRY}.ttl`,
    convert: (value) => (value === 0 ? 1 : value),
    words: 'whole seconds from 1 on; only the latest version of a subject is looked up anew',
    silentWhen: (value) => Number.isInteger(value) && (value as number) > 0,
  },
  ...['http_proxy', 'https_proxy', 'http_proxy_authorization', 'https_proxy_authorization', 'no_proxy'].map((name) =>
    refused('the gateway asks the token endpoint itself, without a proxy', `${REGISTRY_AUTH}.oauth2_client.${name}`),
  ),
  ...dropped('the HTTP client decides that itself', `${REGISTRY_AUTH}.oauth2_client.http_version`, `${REGISTRY_AUTH}.oauth2_client.keep_alive`),
  {
    from: `${REGISTRY_AUTH}.oauth2_client.ssl_verify`,
    to: undefined,
    fate: 'refused',
    words: "the token endpoint's certificate is checked as that of the registry is, by ssl_verify",
    silentWhen: (value) => value === true,
  },
  {
    from: `${REGISTRY_AUTH}.oauth2_client.timeout`,
    convert: (value) => (typeof value === 'number' ? Math.min(Math.max(value, 100), 60_000) : value),
    words: 'from 100 to 60000 milliseconds here',
    silentWhen: (value) => typeof value === 'number' && value >= 100 && value <= 60_000,
  },
]; // prettier-ignore

const MESSAGE: readonly OptionRule[] = [
  ...same(
    'forward_body',
    'forward_headers',
    'forward_method',
    'forward_uri',
    'error_handling.return_error_message',
    'headers.exclude_headers',
    'headers.forward_all_by_default',
    'headers.forward_http_headers_as_record_headers',
    'headers.include_headers',
    'headers.name_mappings',
    'headers.repeated_headers_behavior',
    'key_query_arg',
  ),
  ...same('topics_query_arg', 'allowed_topics'),
  refused('no Lua runs here: a transformer plugin with a higher priority can change the request first', 'message_by_lua_functions'),
  refused('options are fixed here: an instance of its own for a route or consumer can have others', 'expressions'),
]; // prettier-ignore

const HEALTH = dropped(
  HEALTH_IS_ON,
  'producer_async_health_failure_threshold',
  'producer_async_health_gating',
  'producer_async_health_probe_interval',
  'producer_async_health_recovery_threshold',
);
const NEW_PRODUCER = dropped('there is one producer here, and it batches', 'new_kafka_async_producer');

const UPSTREAM_REMARKS: readonly Remark[] = [
  {
    unless: 'producer_async',
    words: 'a 200 now means that the brokers have the record; producer_async: true answers before, as Kong did by default',
  },
  {
    unless: 'producer_request_acks',
    words: 'all in-sync replicas have to have a record now; producer_request_acks: 1 asks the leader only, as Kong did by default',
  },
  {
    unless: 'headers.repeated_headers_behavior',
    words: 'repeated headers are joined by a comma; headers.repeated_headers_behavior: retain_duplicates keeps them apart, as Kong did by default',
  },
  { words: 'credentials (authorization, cookie, apikey …) stay out of records unless headers.include_headers names them' },
  { words: 'errors have codes and statuses of their own: 400, 413, 415, 431, 502, 503, 504; the answer to what was sent is the same' },
]; // prettier-ignore

const UPSTREAM_RULES: readonly OptionRule[] = [
  ...DELIVERY,
  ...MESSAGE,
  ...HEALTH,
  ...NEW_PRODUCER,
  ...SCHEMA_REGISTRY,
];

const LOG_REMARKS: readonly Remark[] = [
  { words: 'secrets in headers and query become ***; redact: [] keeps them' },
  { words: 'route, service and consumer are their ids and names; entities: full writes them whole' },
  { unless: 'compression_type', words: 'batches are compressed with lz4; compression_type: none does not' },
  {
    unless: 'producer_request_acks',
    words:
      'all in-sync replicas have to have a record; producer_request_acks: 1 asks the leader only, as before',
  },
];

const ALWAYS_ASYNC: OptionRule = {
  from: 'producer_async',
  to: undefined,
  fate: 'refused',
  words: 'no request waits for its log entry here, so this is always true',
  silentWhen: (value) => value === true,
};

const LOG_DELIVERY = DELIVERY.filter(({ from }) => from !== 'producer_async');

const CUSTOM_FIELDS: OptionRule = {
  from: 'custom_fields_by_lua',
  to: 'custom_fields',
  fate: 'changed',
  words: `fields without code: fixed text, headers and removal are carried over; ${FORBIDDEN_LUA}`,
  convert: fieldsWithoutLua,
  silentWhen: isEmpty,
};

/** `host:port`, as Optum's plugin has them. */
function brokersOfText(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((server: unknown) => {
    if (typeof server !== 'string') return server;
    const [, host, port] = /^\[?(.*?)\]?:(\d{1,5})$/.exec(server) ?? [];
    if (host === undefined) throw new RefusedValue(`${server} is not host:port`);
    return { host, port: Number(port) };
  });
}

const CONFLUENT_LOGIN: readonly OptionRule[] = [
  { from: 'cluster_api_key', to: 'authentication.user', fate: 'changed', words: 'SASL PLAIN over TLS, which is what an API key is' },
  { from: 'cluster_api_secret', to: 'authentication.password', fate: 'changed', words: 'SASL PLAIN over TLS, which is what an API key is' },
  ...dropped('for managing Confluent Cloud, which nothing here does', 'confluent_cloud_api_key', 'confluent_cloud_api_secret'),
  ...OAUTHBEARER.map((name): OptionRule => ({
    from: `oauthbearer.${name}`,
    to: `authentication.oauthbearer.${name}`,
    fate: 'changed',
    words: 'below authentication here, with mechanism: OAUTHBEARER',
  })),
  refused(NO_EXTENSIONS, 'oauthbearer.extensions'),
]; // prettier-ignore

export const MIGRATED_PLUGINS: readonly MigratedPlugin[] = [
  {
    from: 'kafka-upstream',
    to: 'custom_kafka_producer',
    rules: [...AUTHENTICATION, ...TLS, ...UPSTREAM_RULES],
    // There is no other format there.
    added: { message_format: 'envelope' },
    remarks: UPSTREAM_REMARKS,
  },
  {
    from: 'confluent',
    to: 'custom_kafka_producer',
    rules: [...CONFLUENT_LOGIN, ...same('security.ssl_verify'), ...UPSTREAM_RULES],
    added: { message_format: 'envelope', security: { ssl: true } },
    remarks: UPSTREAM_REMARKS,
  },
  {
    from: 'kafka-log',
    to: 'custom_kafka_log',
    rules: [...AUTHENTICATION, ...TLS, ...LOG_DELIVERY, ALWAYS_ASYNC, CUSTOM_FIELDS, ...same('key_query_arg'), ...NEW_PRODUCER, ...SCHEMA_REGISTRY],
    added: {},
    remarks: LOG_REMARKS,
  },
  {
    from: 'kong-kafka-log',
    to: 'custom_kafka_log',
    rules: [
      { from: 'bootstrap_servers', convert: brokersOfText },
      ...LOG_DELIVERY.filter(({ from }) => !['bootstrap_servers', 'cluster_name', 'compression_type', 'keepalive_enabled'].includes(from)),
      ALWAYS_ASYNC,
      { from: 'ask_id', to: 'custom_fields.ask_id', fate: 'changed', words: 'a custom field of that name' },
      { from: 'app_name', to: 'custom_fields.app_name', fate: 'changed', words: 'a custom field of that name' },
      { from: 'ssl', to: 'security.ssl' },
      { from: 'ssl_verify', to: 'security.ssl_verify' },
      refused("Kong's File Log plugin writes files", 'log_to_file'),
      ...dropped("Kong's File Log plugin writes files", 'log_to_file_level'),
      {
        from: 'log_to_kafka',
        to: undefined,
        fate: 'refused',
        words: 'false: leave the plugin out',
        silentWhen: (value) => value !== false,
      },
    ],
    added: {},
    remarks: [...LOG_REMARKS, { words: "the record has the shape of Kong's logging plugins, not the plugin's own: custom_fields, include, exclude and log_format change it" }],
  },
]; // prettier-ignore

/** Those that have no equal at all. */
export const WITHOUT_EQUAL: Readonly<Record<string, string>> = {
  'kafka-consume': 'it hands records of a topic to clients; nothing here does',
  'confluent-consume': 'it hands records of a topic to clients; nothing here does',
};
