/** One example per use. The documentation renders each in three forms, and a test loads all of them. */

export interface ExamplePlugin {
  readonly name: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface Example {
  /** File name and heading anchor. */
  readonly slug: string;
  readonly title: string;
  /** What it is for, and what a client sees. */
  readonly about: string;
  readonly plugins: readonly ExamplePlugin[];
}

/** What every example starts from. */
const bootstrap_servers = [{ host: 'kafka', port: 9092 }];

const producer = (config: Readonly<Record<string, unknown>>): ExamplePlugin => ({
  name: 'custom_kafka_producer',
  config: { bootstrap_servers, ...config },
});
const consumer = (config?: Readonly<Record<string, unknown>>): ExamplePlugin => ({
  name: 'custom_kafka_consumer',
  ...(config && { config }),
});

const log = (config: Readonly<Record<string, unknown>>): ExamplePlugin => ({
  name: 'custom_kafka_log',
  config: { bootstrap_servers, ...config },
});
const failover = (config: Readonly<Record<string, unknown>>): ExamplePlugin => ({
  name: 'custom_kafka_failover',
  config: { bootstrap_servers, ...config },
});

export const EXAMPLES: readonly Example[] = [
  {
    slug: 'request-reply',
    title: 'Request and reply',
    about:
      'The body goes to `orders.requests` as it is; the client is held until the record with the same correlation id arrives on `orders.replies`, and gets its value. After 3 seconds without one: 504.',
    plugins: [
      producer({ topic: 'orders.requests', reply_topic: 'orders.replies' }),
      consumer({ timeout: 3000 }),
    ],
  },
  {
    slug: 'one-event',
    title: 'Request and reply by one plugin',
    about:
      'The same in one event of Kong, which takes less configuration and less work. The options of the consumer stand under `reply`. Every other example below works this way too, but for those without a reply.',
    plugins: [
      {
        name: 'custom_kafka_request_reply',
        config: {
          bootstrap_servers,
          topic: 'orders.requests',
          reply_topic: 'orders.replies',
          reply: { timeout: 3000 },
        },
      },
    ],
  },
  {
    slug: 'schema-registry',
    title: 'Avro behind JSON',
    about:
      'The body is checked with the latest schema of `orders.requests-value` and sent in Avro; a reply in Avro comes back as JSON. What does not fit is 400 `schema_mismatch` with where and why. JSON Schema and Protobuf work the same way: the registry says which it is.',
    plugins: [
      producer({
        topic: 'orders.requests',
        reply_topic: 'orders.replies',
        schema_registry: {
          confluent: {
            url: 'http://registry:8081',
            value_schema: { payload_encoding: 'simple_json' },
          },
        },
      }),
      consumer({
        schema_registry: {
          confluent: {
            url: 'http://registry:8081',
            value_schema: { payload_encoding: 'simple_json' },
          },
        },
      }),
    ],
  },
  {
    slug: 'one-way',
    title: 'Send and confirm',
    about:
      'Without `reply_topic` the client gets 200 `{"message":"message sent"}` as soon as all in-sync replicas have the record, and an error when they have not.',
    plugins: [producer({ topic: 'events' })],
  },
  {
    slug: 'one-way-async',
    title: 'Send without waiting',
    about:
      'The client is answered before the broker is asked, and records travel in batches of up to 100 ms. While the broker is unreachable, or the buffer full, the answer is 503: nothing that was accepted is dropped in silence.',
    plugins: [
      producer({
        topic: 'clicks',
        producer_async: true,
        producer_async_flush_timeout: 100,
        compression_type: 'lz4',
      }),
    ],
  },
  {
    slug: 'correlation-id-in-body',
    title: 'Correlation id in the body',
    about:
      'For services that know nothing of record headers: the id is added to the JSON body as `correlation_id`, and the reply is found by the field `correlation-id` of its JSON value.',
    plugins: [
      producer({
        topic: 'legacy.requests',
        reply_topic: 'legacy.replies',
        message_format: 'body_with_correlation_id',
      }),
      consumer({ match: 'body_field' }),
    ],
  },
  {
    slug: 'spring',
    title: 'A Spring Kafka service',
    about:
      "Only Spring's own headers go on the request. The service is a `@KafkaListener` with `@SendTo` and needs no line of code for the gateway.",
    plugins: [
      producer({ topic: 'prices.requests', reply_topic: 'prices.replies', dialects: ['spring'] }),
      consumer(),
    ],
  },
  {
    slug: 'kafka-upstream-envelope',
    title: 'The envelope of Kafka Upstream',
    about:
      "For consumers that read what Kong's Kafka Upstream writes: one JSON object with `method`, `uri`, `uri_args`, `headers`, `body`, `body_args` and, for what is not text, `body_base64`. Forms, multipart and JSON bodies are parsed; one that does not parse is a 400. Credentials stay out of `headers`.",
    plugins: [
      producer({
        topic: 'kong-upstream',
        message_format: 'envelope',
        forward_method: true,
        forward_uri: true,
        forward_headers: true,
      }),
    ],
  },
  {
    slug: 'topic-and-key',
    title: 'Topic and key from the request',
    about:
      '`?topic=orders.eu` chooses a topic from the list, and any other is a 400. The key is a field of the JSON body, so that the records of a customer keep their order.',
    plugins: [
      producer({
        topic: 'orders',
        topics_query_arg: 'topic',
        allowed_topics: ['orders.eu', 'orders.us'],
        key_source: 'body_field',
        key_name: '/customer/id',
      }),
    ],
  },
  {
    slug: 'record-headers',
    title: 'Request headers as record headers',
    about:
      'All headers that begin with `x-` go along except one, `x-tenant` under another name, with method, path and the consumer Kong has authenticated. What steers replies or decoding (`kafka_replyTopic`, `__TypeId__` …) never comes from a client.',
    plugins: [
      producer({
        topic: 'events',
        forward_consumer: true,
        headers: {
          include_headers: ['x-*'],
          exclude_headers: ['x-debug'],
          name_mappings: { 'x-tenant': 'tenant' },
          method_and_path: true,
        },
      }),
    ],
  },
  {
    slug: 'cloudevents',
    title: 'CloudEvents',
    about:
      "Each request becomes a CloudEvent 1.0 in binary mode: the attributes are `ce_` headers, the body is the data. The source is the route, the id is Kong's request id. `cloudevents_structured` puts the whole event into JSON instead.",
    plugins: [
      producer({
        topic: 'events',
        message_format: 'cloudevents_binary',
        cloudevents_type: 'com.example.order.placed',
      }),
    ],
  },
  {
    slug: 'reply-envelope',
    title: 'The whole answer in the value',
    about:
      'For services that cannot set record headers: the value `{"status":201,"headers":{"location":"/orders/7"},"body":{"id":7}}` is the answer 201 with that header and the body `{"id":7}`. Anything else is 502 reply_invalid.',
    plugins: [
      producer({ topic: 'orders.requests', reply_topic: 'orders.replies' }),
      consumer({
        reply_format: 'envelope',
        forward_headers: { include: ['content-type', 'location', 'x-*'], exclude: ['x-internal-*'] },
      }),
    ],
  },
  {
    slug: 'client-chosen-wait',
    title: 'A wait that the client chooses',
    about:
      'Three seconds for everybody, and up to two minutes for a client that sends `Prefer: wait=120`. The answer says what was granted: `Preference-Applied: wait=120`.',
    plugins: [
      producer({ topic: 'reports.requests', reply_topic: 'reports.replies' }),
      consumer({ timeout: 3000, timeout_ceiling: 120_000 }),
    ],
  },
  {
    slug: 'accepted',
    title: 'A slow reply becomes 202',
    about:
      'After two seconds without a reply, or at once for a client that sends `Prefer: respond-async`, the client gets 202 with `Location: /results/<id>`, and the reply there. See [async.md](async.md).',
    plugins: [
      producer({ topic: 'orders.requests', reply_topic: 'orders.replies' }),
      consumer({
        timeout: 2000,
        on_timeout: 'accepted',
        respond_async: true,
        result_location: '/results/{id}',
        result_secret: '{vault://env/result-secret}',
      }),
    ],
  },
  {
    slug: 'results',
    title: 'The route where results are asked for',
    about:
      'For the example above, on a route of its own such as `/results`: `GET /results/<id>` is the reply, `DELETE` lets go of it. It has no producer, so it is told where the replies come.',
    plugins: [
      consumer({
        bootstrap_servers,
        topic: 'orders.replies',
        mode: 'result',
        result_secret: '{vault://env/result-secret}',
      }),
    ],
  },
  {
    slug: 'idempotency',
    title: 'A request that comes twice',
    about:
      'Requests with the same `Idempotency-Key` and body are one: sent once, and each answered with its reply, for ten minutes and at every gateway. Another body under the same key is 422.',
    plugins: [
      producer({
        topic: 'orders.requests',
        reply_topic: 'orders.replies',
        idempotency: 'replay',
        idempotency_secret: '{vault://env/idempotency-secret}',
        idempotency_ttl: 600,
      }),
      consumer(),
    ],
  },
  {
    slug: 'wait-for-state',
    title: 'The answer when an order is in a state',
    about:
      'No service replies: they write events on `order-events`, keyed by the order, and the client gets the first one that says `VALIDATED` (200) or `REJECTED` (409). One that is up to a minute old counts, too.',
    plugins: [
      {
        name: 'custom_kafka_request_reply',
        config: {
          bootstrap_servers,
          topic: 'order-commands',
          reply_topic: 'order-events',
          key_source: 'body_field',
          key_name: 'order',
          reply: {
            match: 'key',
            wait_for: {
              field: '/status',
              values: { VALIDATED: '200', REJECTED: '409' },
              look_back: 60,
            },
          },
        },
      },
    ],
  },
  {
    slug: 'several-replies',
    title: 'Several replies in one answer',
    about:
      'Each of three services answers; the client gets a JSON array of what they say, or after two seconds of what has come until then, with `X-Collected: partial`. [More about several replies, and about streams](streams.md).',
    plugins: [
      producer({ topic: 'offers.requests', reply_topic: 'offers.replies' }),
      consumer({ timeout: 2000, collect: { count: 3, on_timeout: 'partial' } }),
    ],
  },
  {
    slug: 'topic-of-each-gateway',
    title: 'A reply topic for each gateway',
    about:
      'For many gateways: each reads only its own replies, from `orders.replies.gateway-<host name>`, and makes that topic if it may. The service answers where the request says. Late and misrouted replies are kept on `orders.orphans`.',
    plugins: [
      producer({
        topic: 'orders.requests',
        reply_topic: 'orders.replies.{node}',
        reply_routing: 'topic',
        orphan_topic: 'orders.orphans',
      }),
      consumer(),
    ],
  },
  {
    slug: 'partition-of-each-gateway',
    title: 'A reply partition for each gateway',
    about:
      'For many gateways and services of NestJS, or your own that read `reply-partition`: the host `kong-3` reads partition 3 (modulo their number), and each request says so.',
    plugins: [
      producer({
        topic: 'orders.requests',
        reply_topic: 'orders.replies',
        reply_routing: 'partition',
        dialects: ['plain', 'nestjs'],
      }),
      consumer(),
    ],
  },
  {
    slug: 'scram-over-tls',
    title: 'SASL SCRAM over TLS',
    about:
      'User and password over an encrypted connection. The password is a reference to the environment variable KAFKA_PASSWORD of Kong; any other vault of Kong does as well. A wrong password, or a certificate that does not fit, makes 503 `not_ready`, with the reason in the log and on the status page.',
    plugins: [
      {
        name: 'custom_kafka_producer',
        config: {
          bootstrap_servers: [{ host: 'kafka', port: 9094 }],
          topic: 'orders.requests',
          reply_topic: 'orders.replies',
          authentication: {
            strategy: 'sasl',
            mechanism: 'SCRAM-SHA-512',
            user: 'gateway',
            password: '{vault://env/kafka-password}',
          },
          security: { ssl: true, ca_certificate: '{vault://env/kafka-ca}' },
        },
      },
      consumer(),
    ],
  },
  {
    slug: 'mutual-tls',
    title: 'Mutual TLS',
    about:
      "The gateway shows a certificate of its own. Certificate and key are PEM text, here from the environment of Kong: the `certificate_id` of Kong's own Kafka plugins has no meaning outside Kong.",
    plugins: [
      {
        name: 'custom_kafka_producer',
        config: {
          bootstrap_servers: [{ host: 'kafka', port: 9095 }],
          topic: 'events',
          security: {
            ssl: true,
            ca_certificate: '{vault://env/kafka-ca}',
            certificate: '{vault://env/kafka-certificate}',
            key: '{vault://env/kafka-key}',
          },
        },
      },
    ],
  },
  {
    slug: 'oauthbearer',
    title: 'OAUTHBEARER with client credentials',
    about: 'The gateway asks a token endpoint for its tokens and renews them at 80 % of their life.',
    plugins: [
      {
        name: 'custom_kafka_producer',
        config: {
          bootstrap_servers: [{ host: 'kafka', port: 9096 }],
          topic: 'events',
          authentication: {
            strategy: 'sasl',
            mechanism: 'OAUTHBEARER',
            oauthbearer: {
              token_endpoint_url: 'https://login.example.com/oauth2/token',
              client_id: 'gateway',
              client_secret: '{vault://env/kafka-client-secret}',
              scopes: ['kafka'],
            },
          },
          security: { ssl: true },
        },
      },
    ],
  },
  {
    slug: 'log',
    title: 'Log entries in a topic',
    about:
      "What Kong's Kafka Log does, on any Kong: after the answer the log entry of each request goes to `kong.logs`. Enable it on a route, a service, or for everything. Keys and cookies become `***`; when Kafka is away entries wait, and beyond 50000 the oldest are dropped and counted.",
    plugins: [log({ topic: 'kong.logs' })],
  },
  {
    slug: 'log-shape',
    title: 'Log entries of another shape',
    about:
      'Only failures and a tenth of them, under the names of the Elastic Common Schema, with two fields of your own and without the tries; those of a consumer keep their order. Services that are named have a topic of their own.',
    plugins: [
      log({
        topic: 'kong.logs',
        topic_template: 'kong.logs.$(/service/name)',
        allowed_topics: ['kong.logs.orders', 'kong.logs.payments'],
        log_format: 'ecs',
        only_status: ['400-599'],
        sample_rate: 0.1,
        key_pointer: '/consumer/id',
        exclude: ['/kong/tries'],
        custom_fields: {
          'labels.environment': 'production',
          'labels.tenant': '$(/request/headers/x-tenant)',
        },
      }),
    ],
  },
  {
    slug: 'log-sink',
    title: "A sink for Kong's HTTP Log plugin",
    about:
      "Half the price for a request: Kong's own HTTP Log plugin posts batches to `http://127.0.0.1:8901/log/main` of a plugin server with `--http-listen 127.0.0.1:8901`, with the header `X-Sink-Secret`. [How to set it up](moving-from-kafka-log.md#half-the-price-kongs-http-log-in-front).",
    plugins: [
      log({
        topic: 'kong.logs',
        sink: { name: 'main', secret: '{vault://env/kafka-log-secret}' },
      }),
    ],
  },
  {
    slug: 'failover',
    title: 'Requests whose service cannot be reached',
    about:
      'On a route with a service: a request that the service cannot take goes to `failed-requests`, and its client gets a 202 with an id once a broker has the record. `kong-kafka-replay` carries it out later. It needs two includes in the nginx of Kong: [failover](failover.md).',
    plugins: [
      failover({
        topic: 'failed-requests',
        statuses: [502, 504],
        methods: ['POST', 'PUT'],
        answer: { message: 'We have your order, and will see to it within the hour.' },
      }),
    ],
  },
];
