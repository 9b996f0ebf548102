/**
 * Every option of the plugins that are migrated, as Kong 3.16 and Optum's plugin have them, with a value that is not the
 * default where there is a choice.
 */
const OAUTHBEARER = {
  client_id: 'me',
  client_secret: 'planted',
  scopes: ['a'],
  token_endpoint_tls_verify: false,
  token_endpoint_url: 'https://id/token',
};

const AUTHENTICATION = {
  mechanism: 'SCRAM-SHA-512',
  password: 'planted',
  strategy: 'sasl',
  tokenauth: true,
  user: 'me',
  oauthbearer: { ...OAUTHBEARER, extensions: { a: 'b' } },
};

const SECURITY = { certificate_id: '7f1c2f5e-0000-4000-8000-000000000000', ssl: true, ssl_verify: false };

const DELIVERY = {
  bootstrap_servers: [{ host: 'kafka', port: 9092 }],
  cluster_name: 'main',
  compression_type: 'gzip',
  keepalive: 70_000,
  keepalive_enabled: true,
  new_kafka_async_producer: true,
  producer_async: false,
  producer_async_buffering_limits_messages_in_memory: 1000,
  producer_async_flush_timeout: 500,
  producer_request_acks: 1,
  producer_request_limits_bytes_per_request: 2_000_000,
  producer_request_limits_messages_per_request: 100,
  producer_request_retries_backoff_timeout: 200,
  producer_request_retries_max_attempts: 5,
  producer_request_timeout: 3000,
  timeout: 5000,
  topic: 'events',
};

const SCHEMA = { payload_encoding: 'simple_json', schema_version: '2', subject_name: 'events' };

const SCHEMA_REGISTRY = {
  confluent: {
    url: 'https://registry',
    ssl_verify: false,
    ttl: 60,
    value_schema: SCHEMA,
    key_schema: SCHEMA,
    authentication: {
      mode: 'oauth2',
      basic: { username: 'me', password: 'planted' },
      identity_pool_id: 'pool',
      logical_cluster_id: 'lsrc',
      oauth2: {
        audience: ['a'],
        client_id: 'me',
        client_secret: 'planted',
        grant_type: 'password',
        password: 'planted',
        scopes: ['s'],
        token_endpoint: 'https://id/token',
        token_headers: { 'x-a': 'b' },
        token_post_args: { a: 'b' },
        username: 'me',
      },
      oauth2_client: {
        auth_method: 'client_secret_basic',
        client_secret_jwt_alg: 'HS256',
        http_proxy: 'http://proxy',
        http_proxy_authorization: 'planted',
        http_version: 1.0,
        https_proxy: 'http://proxy',
        https_proxy_authorization: 'planted',
        keep_alive: false,
        no_proxy: 'a',
        ssl_verify: false,
        timeout: 90_000,
      },
    },
  },
};

const UPSTREAM = {
  ...DELIVERY,
  allowed_topics: ['more'],
  error_handling: { return_error_message: true },
  forward_body: true,
  forward_headers: true,
  forward_method: true,
  forward_uri: true,
  headers: {
    exclude_headers: ['a'],
    forward_all_by_default: true,
    forward_http_headers_as_record_headers: false,
    include_headers: ['b'],
    name_mappings: { 'x.a': 'b' },
    repeated_headers_behavior: 'take_first',
  },
  key_query_arg: 'k',
  message_by_lua_functions: ['return function(m) return m end'],
  producer_async_health_failure_threshold: 4,
  producer_async_health_gating: true,
  producer_async_health_probe_interval: 1000,
  producer_async_health_recovery_threshold: 2,
  schema_registry: SCHEMA_REGISTRY,
  topics_query_arg: 't',
};

export const KONG_OPTIONS: Readonly<Record<string, Record<string, unknown>>> = {
  'kafka-upstream': { ...UPSTREAM, authentication: AUTHENTICATION, security: SECURITY },
  confluent: {
    ...UPSTREAM,
    cluster_api_key: 'key',
    cluster_api_secret: 'planted',
    confluent_cloud_api_key: 'key',
    confluent_cloud_api_secret: 'planted',
    oauthbearer: { ...OAUTHBEARER, extensions: { a: 'b' } },
    security: { ssl_verify: false },
  },
  'kafka-log': {
    ...DELIVERY,
    authentication: AUTHENTICATION,
    security: SECURITY,
    custom_fields_by_lua: { a: 'return "b"', c: 'return os.time()' },
    key_query_arg: 'k',
    schema_registry: SCHEMA_REGISTRY,
  },
  'kong-kafka-log': {
    log_to_file: true,
    log_to_file_level: 'warn',
    log_to_kafka: false,
    bootstrap_servers: ['kafka:9092', '[::1]:9093'],
    topic: 'logs',
    ask_id: 'ask',
    app_name: 'app',
    timeout: 5000,
    keepalive: 70_000,
    ssl: true,
    ssl_verify: true,
    producer_request_acks: -1,
    producer_request_timeout: 3000,
    producer_request_limits_messages_per_request: 100,
    producer_request_limits_bytes_per_request: 2_000_000,
    producer_request_retries_max_attempts: 5,
    producer_request_retries_backoff_timeout: 200,
    producer_async: false,
    producer_async_flush_timeout: 500,
    producer_async_buffering_limits_messages_in_memory: 1000,
  },
};
