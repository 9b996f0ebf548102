/** Every mistake on purpose, and what doctor says of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnoseAll } from '../../../cli/doctor/checks/all';
import { FINDINGS, type Finding, type FindingCode } from '../../../cli/doctor/finding';
import { parseSettings } from '../../../cli/kong-config/settings';
import { version } from '../../../bridge/version';
import { pageFacts } from '../../../status/facts';
import {
  CONSUMER,
  factsOf,
  FAILOVER,
  ONE_EVENT,
  PRODUCER,
  routeWith,
  SERVERS,
  topicSettings,
  type Situation,
} from './facts';

const KONG = join(__dirname, '..', '..', '..', '..', 'kong');
const SERVICE = { services: [{ name: 'backend', url: 'http://backend' }] };
const withService = (plugins: readonly object[], more: object = {}) => ({
  ...SERVICE,
  ...routeWith(plugins, { service: 'backend', ...more }),
});
const withConfig = (changed: object, plugin: { name: string; config: object } = ONE_EVENT) => ({
  ...plugin,
  config: { ...plugin.config, ...changed },
});

/** For Kong that reads no includes. */
const BY_LOG = withConfig({ capture: 'log' }, FAILOVER);
const WITH_LOG = '/opt/kong/custom_kafka_failover.with-log.json';
const FAILOVER_ENTRY = {
  plugins: 'bundled,custom_kafka_failover',
  pluginserver_names: 'kafka-failover',
  pluginserver_kafka_failover_socket: '/run/kong-kafka/kafka-failover.sock',
  pluginserver_kafka_failover_query_cmd: 'cat /opt/kong/custom_kafka_failover.json',
  nginx_http_client_body_buffer_size: '1m',
};
const FAILOVER_BY_LOG_ENTRY = { ...FAILOVER_ENTRY, pluginserver_kafka_failover_query_cmd: `cat ${WITH_LOG}` };
const dumpFile = (name: string) => readFileSync(join(KONG, name), 'utf8');

const STREAM = withConfig({
  reply: { mode: 'stream', stream: { end_header: 'last', sequence_header: 'number' } },
});
const RESULT = {
  name: 'custom_kafka_consumer',
  config: {
    bootstrap_servers: SERVERS,
    topic: 'orders.replies',
    mode: 'result',
    result_secret: '{vault://env/result-secret}',
  },
};

const SECRET = 'planted, sixteen characters and more';
const OTHER_SECRET = 'another one, planted as well';
/** Of the half that waits. */
const LATER = { on_timeout: 'accepted', result_location: '/results/{id}', result_secret: SECRET };
/** Ids are given on one route, and asked for on another. */
const withResults = (later: object, secret: string, bootstrap_servers: object[] = SERVERS) => ({
  routes: [
    { name: 'orders', paths: ['/orders'], plugins: [withConfig({ reply: later })] },
    {
      name: 'results',
      paths: ['/results'],
      plugins: [{ ...RESULT, config: { ...RESULT.config, bootstrap_servers, result_secret: secret } }],
    },
  ],
});

const ENTRY = 'kafka-request-reply';
const entry = (more: Record<string, string> = {}): Record<string, string> => ({
  plugins: 'bundled,custom_kafka_request_reply',
  pluginserver_names: ENTRY,
  pluginserver_kafka_request_reply_socket: '/run/kong-kafka/kafka-request-reply.sock',
  pluginserver_kafka_request_reply_query_cmd: 'cat /opt/kong/custom_kafka_request_reply.json',
  nginx_http_client_body_buffer_size: '1m',
  ...more,
});
const START = '/usr/local/bin/node /opt/kong-kafka-request-reply/dist/pluginserver/main.js';
const TWO_ENTRIES = {
  plugins: 'bundled,custom_kafka_request_reply,custom_kafka_log',
  pluginserver_names: 'kafka-request-reply,kafka-log',
  pluginserver_kafka_log_query_cmd: 'cat /opt/kong/custom_kafka_log.json',
};
const LOG_SOCKET = { pluginserver_kafka_log_socket: '/run/kong-kafka/kafka-log.sock' };

const status = (more: object = {}) => ({
  url: 'http://127.0.0.1:8900/',
  reason: undefined,
  status: pageFacts({
    ready: true,
    state: 'serving',
    version,
    plugins: {
      custom_kafka_request_reply: { socket_owned: true, process: { configurations: [], clusters: [] } },
    },
    ...more,
  }),
});
const streaming = (streams: object) =>
  status({
    plugins: { custom_kafka_request_reply: { process: { configurations: [], clusters: [], streams } } },
  });
const configurations = (configuration: object) =>
  status({
    plugins: {
      custom_kafka_request_reply: {
        socket_owned: true,
        process: {
          configurations: [
            { topic: 'orders.requests', reply_topic: 'orders.replies', ready: true, ...configuration },
          ],
          clusters: [],
        },
      },
    },
  });

const REQUESTS = 'orders.requests';
const REPLIES = 'orders.replies';

type Expected = readonly [where: RegExp, what: RegExp, fix: RegExp];
type Case = readonly [situation: Situation, ...Expected];

const CASES: Record<Exclude<FindingCode, `probe_${string}`>, Case | readonly Case[]> = {
  config_invalid: [
    { document: routeWith([withConfig({ topic: 'a b' })]) },
    /^route orders, custom_kafka_request_reply$/,
    /^topic: /,
    /^Correct topic;/,
  ],
  per_consumer: [
    { document: { ...routeWith([]), consumers: [{ username: 'x', plugins: [ONE_EVENT] }] } },
    /custom_kafka_request_reply/,
    /for a consumer/,
    /on the route/,
  ],
  producer_without_consumer: [
    { document: routeWith([PRODUCER]) },
    /^route orders$/,
    /orders\.replies/,
    /- name: custom_kafka_consumer/,
  ],
  consumer_without_producer: [
    { document: routeWith([CONSUMER]) },
    /^route orders$/,
    /half that waits/,
    /Add custom_kafka_producer/,
  ],
  consumer_never_runs: [
    {
      document: routeWith([
        { name: PRODUCER.name, config: { bootstrap_servers: SERVERS, topic: REQUESTS } },
        CONSUMER,
      ]),
    },
    /^route orders$/,
    /no reply_topic/,
    /Set reply_topic/,
  ],
  pair_and_one_event: [
    { document: { ...routeWith([ONE_EVENT]), plugins: [PRODUCER] } },
    /^route orders$/,
    /both run/,
    /custom_kafka_producer is set on all routes/,
  ],
  reply_topic_is_request_topic: [
    {
      document: {
        routes: [
          { name: 'orders', paths: ['/a'], plugins: [ONE_EVENT] },
          {
            name: 'audit',
            paths: ['/b'],
            plugins: [withConfig({ topic: REPLIES, reply_topic: 'audit.replies' })],
          },
        ],
      },
    },
    /^route orders/,
    /orders\.replies is where route audit, custom_kafka_request_reply sends requests/,
    /reply_topic of its own/,
  ],
  service_behind_fail_open: [
    [
      { document: withService([ONE_EVENT]), kong: { version: '3.7.1' } },
      /^route orders$/,
      /service backend, and Kong is 3\.7\.1/,
      /request-termination/,
    ],
    // A stream needs its service, and request-termination would answer in its place.
    [
      { document: withService([STREAM]), kong: { version: '3.7.1' } },
      /^route orders$/,
      /service backend/,
      /or give the service, .*:\n {2}url: http:\/\/kafka-reply\.invalid$/,
    ],
  ],
  correlation_id_late: [
    {
      document: { ...routeWith([ONE_EVENT]), plugins: [{ name: 'correlation-id' }] },
      kong: { version: '3.8.0' },
    },
    /^route orders$/,
    /runs first/,
    /3\.9/,
  ],
  correlation_header_differs: [
    {
      document: {
        ...routeWith([ONE_EVENT]),
        plugins: [{ name: 'correlation-id', config: { header_name: 'X-Id' } }],
      },
    },
    /^route orders$/,
    /X-Id.*Kong-Request-ID/,
    /^correlation_header: X-Id$/,
  ],
  plugin_order: [
    {
      document: routeWith([
        { ...PRODUCER, ordering: { after: { access: ['custom_kafka_consumer'] } } },
        CONSUMER,
      ]),
    },
    /^route orders$/,
    /before custom_kafka_producer/,
    /ordering/,
  ],
  failover_without_service: [
    { document: routeWith([FAILOVER]) },
    /^route orders$/,
    /no service/,
    /Give the route a service/,
  ],
  failover_unbuffered: [
    { document: withService([FAILOVER], { response_buffering: false }) },
    /^route orders$/,
    /response_buffering is false/,
    /^response_buffering: true$/,
  ],
  failover_old_kong: [
    { document: withService([FAILOVER]), kong: { version: '3.5.0' } },
    /custom_kafka_failover/,
    /3\.5\.0/,
    /3\.6 or newer/,
  ],
  failover_include_missing: [
    {
      document: withService([FAILOVER]),
      settings: { nginx_location_include: '/opt/kong-kafka-request-reply/kong/failover-location.conf' },
    },
    /custom_kafka_failover/,
    /^Not set: nginx_proxy_include\.$/,
    /^nginx_proxy_include = \/opt/,
  ],
  failover_log_phase_missing: [
    [
      { document: withService([BY_LOG]), settings: FAILOVER_ENTRY },
      /^route orders, custom_kafka_failover$/,
      /capture: log.*custom_kafka_failover\.json/,
      /^pluginserver_kafka_failover_query_cmd = cat \/opt\/kong\/custom_kafka_failover\.with-log\.json\n/,
    ],
    [
      {
        document: withService([BY_LOG]),
        settings: { ...FAILOVER_ENTRY, pluginserver_kafka_failover_query_cmd: `cat ${WITH_LOG}` },
        kong: { dumpFiles: new Map([[WITH_LOG, dumpFile('custom_kafka_failover.json')]]) },
      },
      /^route orders, custom_kafka_failover$/,
      /capture: log/,
      /with-log/,
    ],
  ],
  kong_unsupported: [{ kong: { version: '3.3.1' } }, /^Kong 3\.3\.1$/, /older than 3\.4/, /3\.4 to/],
  kong_ignores_changes: [{ kong: { version: '3.6.1' } }, /^Kong 3\.6\.1$/, /do not reach/, /3\.6\.2/],
  kong_untested: [
    { kong: { version: '3.11.0.2-enterprise-edition' } },
    /^Kong 3\.11/,
    /up to 3\.9/,
    /--probe/,
  ],
  plugin_not_enabled: [
    [
      { settings: entry({ plugins: 'bundled' }) },
      /custom_kafka_request_reply/,
      /not in plugins/,
      /^plugins = bundled,custom_kafka_request_reply$/,
    ],
    [
      { settings: entry({ pluginserver_names: 'other' }) },
      /custom_kafka_request_reply/,
      /None of the entries/,
      /kong-conf --plugin custom_kafka_request_reply/,
    ],
  ],
  shared_socket: [
    {
      settings: entry({
        ...TWO_ENTRIES,
        pluginserver_kafka_log_socket: '/run/kong-kafka/kafka-request-reply.sock',
      }),
    },
    /^\/run\/kong-kafka\/kafka-request-reply\.sock$/,
    /kafka-request-reply and kafka-log/,
    /kong-conf/,
  ],
  socket_missing: [
    { kong: { socketStates: new Map([['/run/kong-kafka/kafka-log.sock', 'missing']]) } },
    /kafka-log\.sock$/,
    /no such file/,
    /--socket-dir/,
  ],
  stock_server: [
    {
      settings: entry({ pluginserver_kafka_request_reply_start_cmd: '/usr/bin/kong-js-pluginserver -d /x' }),
    },
    /^entry kafka-request-reply$/,
    /kong-js-pluginserver/,
    /--mode external/,
  ],
  two_servers: [
    {
      settings: entry({
        ...TWO_ENTRIES,
        ...LOG_SOCKET,
        log_level: 'info',
        pluginserver_kafka_request_reply_start_cmd: `${START} --managed --socket-dir /run/kong-kafka`,
        pluginserver_kafka_log_start_cmd: `${START} --managed --socket-dir /run/kong-kafka`,
      }),
    },
    /entry kafka-request-reply, entry kafka-log/,
    /starts a plugin server/,
    /main\.js hold/,
  ],
  start_command_missing: [
    { settings: entry(), kong: { version: '3.4.2' } },
    /^entry kafka-request-reply$/,
    /3\.4\.2/,
    /pluginserver_kafka_request_reply_start_cmd = .* hold$/,
  ],
  managed_admin_api: [
    {
      settings: entry({
        log_level: 'info',
        pluginserver_kafka_request_reply_start_cmd: `${START} --managed`,
      }),
    },
    /^entry kafka-request-reply$/,
    /start_cmd/,
    /--mode external/,
  ],
  log_level_hides_server: [
    { settings: entry({ pluginserver_kafka_request_reply_start_cmd: `${START} --managed` }) },
    /^entry kafka-request-reply$/,
    /log_level is notice/,
    /^log_level = info$/,
  ],
  client_abort_on: [
    { settings: entry({ nginx_http_lua_check_client_abort: 'on' }) },
    /lua_check_client_abort/,
    /is on/,
    /Take nginx_http_lua_check_client_abort away/,
  ],
  body_files: [
    { settings: entry({ nginx_http_client_body_buffer_size: '16k' }) },
    /client_body_buffer_size/,
    /16k.*1048576 bytes/,
    /= 1024k$/,
  ],
  query_command_needs_cat: [
    { settings: entry(), kong: { version: '3.15.0.1-enterprise-edition' } },
    /^entry kafka-request-reply$/,
    /distroless/,
    /static cat/,
  ],
  dump_older: [
    [
      {
        kong: {
          schemas: new Map([
            [
              'custom_kafka_request_reply',
              {
                fields: [
                  {
                    config: {
                      type: 'record',
                      fields: [{ topic: { type: 'string' } }, { gone: { type: 'string' } }],
                    },
                  },
                ],
              },
            ],
          ]),
        },
      },
      /^custom_kafka_request_reply$/,
      /lacks bootstrap_servers,.* and \d+ more\. It has gone, which/,
      /kong\/custom_kafka_request_reply\.json/,
    ],
    [
      {
        kong: {
          dumpFiles: new Map([['/opt/custom_kafka_log.json', '{"Plugins":[{"Schema":{"fields":[]}}]}']]),
        },
      },
      /^\/opt\/custom_kafka_log\.json$/,
      /lacks/,
      /schema --plugin custom_kafka_log > \/opt\/custom_kafka_log\.json/,
    ],
    // The dump that it had is the one without the log phase.
    [
      {
        document: withService([BY_LOG]),
        kong: { installed: new Map([['custom_kafka_failover', { version: '0.0.1', priority: 4 }]]) },
      },
      /^custom_kafka_failover$/,
      /Kong has version 0\.0\.1/,
      /the file kong\/custom_kafka_failover\.with-log\.json/,
    ],
    [
      { kong: { dumpFiles: new Map([[WITH_LOG, '{"Plugins":[{"Schema":{"fields":[]}}]}']]) } },
      /^\/opt\/kong\/custom_kafka_failover\.with-log\.json$/,
      /lacks/,
      /^Put kong\/custom_kafka_failover\.with-log\.json of this version there/,
    ],
    [
      { kong: { installed: new Map([['custom_kafka_request_reply', { version: '0.0.1', priority: 735 }]]) } },
      /^custom_kafka_request_reply$/,
      /Kong has version 0\.0\.1, the plugin server is/,
      /restart Kong/,
    ],
  ],
  server_unreachable: [
    { server: { url: 'http://x/', status: undefined, reason: 'It cannot be asked: ECONNREFUSED' } },
    /http:\/\/x\//,
    /ECONNREFUSED/,
    /--status-port/,
  ],
  server_not_serving: [{ server: status({ state: 'replaced' }) }, /8900/, /replaced/, /Another process/],
  server_plugin_failed: [
    [
      {
        server: status({
          plugins: { custom_kafka_request_reply: { socket_owned: false } },
        }),
      },
      /custom_kafka_request_reply$/,
      /belongs to another/,
      /End the other process/,
    ],
    [
      { server: status({ plugins: { custom_kafka_request_reply: { failure: 'no module' } } }) },
      /custom_kafka_request_reply$/,
      /no module/,
      /log/,
    ],
  ],
  server_plugin_missing: [
    { server: status({ plugins: {} }) },
    /8900/,
    /custom_kafka_request_reply is used, and not served/,
    /--socket-dir/,
  ],
  server_broken_configuration: [
    {
      server: status({
        broken_configurations: [
          { plugin: 'custom_kafka_log', reason: 'topic: required', since: 'now', route_id: 'r1' },
        ],
      }),
    },
    /^route r1, custom_kafka_log$/,
    /topic: required/,
    /Correct/,
  ],
  server_not_ready: [
    {
      server: configurations({
        ready: false,
        reason: 'Topic orders.replies does not exist, or the gateway may not describe it.',
      }),
    },
    /orders\.requests and orders\.replies/,
    /does not exist/,
    /Create the topic/,
  ],
  server_reply_hint: [
    {
      server: configurations({
        hints: [{ reason: 'other_topic', text: 'came on topic x', timeouts: 1 }],
      }),
    },
    /orders\.requests/,
    /came on topic x \(1 request\)/,
    /reply_topic/,
  ],
  results_not_broadcast: [
    [
      {
        document: routeWith([
          withConfig({ reply_routing: 'partition', dialects: ['nestjs'] }, PRODUCER),
          { ...CONSUMER, config: LATER },
        ]),
      },
      /^route orders$/,
      /has on_timeout: accepted, and custom_kafka_producer reply_routing: partition/,
      /reply_routing: broadcast/,
    ],
    [
      {
        document: routeWith([
          withConfig({ reply_routing: 'topic', reply_topic: 'orders.replies.{node}' }, PRODUCER),
          { ...CONSUMER, config: { ...LATER, on_timeout: 'error', respond_async: true } },
        ]),
      },
      /^route orders$/,
      /has respond_async, and custom_kafka_producer reply_routing: topic/,
      /reply_topic of its own/,
    ],
  ],
  repeated_in_pair: [
    [
      {
        document: routeWith([
          withConfig({ idempotency: 'join' }, PRODUCER),
          { ...CONSUMER, config: { collect: { count: 3 } } },
        ]),
      },
      /^route orders$/,
      /has collect, and custom_kafka_producer idempotency: join/,
      /idempotency: off/,
    ],
    [
      {
        document: routeWith([
          withConfig({ idempotency: 'replay', key_source: 'consumer' }, PRODUCER),
          { ...CONSUMER, config: { wait_for: { field: '/status', values: { DONE: '200' } }, match: 'key' } },
        ]),
      },
      /^route orders$/,
      /has wait_for, and custom_kafka_producer idempotency: replay/,
      /idempotency: off/,
    ],
  ],
  end_may_overtake: [
    [
      { document: routeWith([withConfig({ reply: { collect: { end_header: 'last' } } })]) },
      /^topic orders\.replies/,
      /has 3 partitions, and collect\.end_header has no sequence_header/,
      /same key/,
    ],
    [
      {
        document: withService([withConfig({ reply: { mode: 'stream', stream: { end_header: 'last' } } })]),
      },
      /^topic orders\.replies/,
      /has 3 partitions, and stream\.end_header has no sequence_header/,
      /numbers them/,
    ],
  ],
  secret_missing: [
    [
      { document: routeWith([withConfig({ reply: { ...LATER, result_secret: undefined } })]) },
      /^route orders, custom_kafka_request_reply$/,
      /^Not set: result_secret\.$/,
      /result_secret: '\{vault:\/\/env\/result-secret\}'/,
    ],
    [
      { document: routeWith([withConfig({ idempotency: 'join' }, PRODUCER), CONSUMER]) },
      /custom_kafka_producer$/,
      /^Not set: idempotency_secret\.$/,
      /idempotency_secret/,
    ],
    [
      { document: routeWith([{ ...RESULT, config: { ...RESULT.config, result_secret: undefined } }]) },
      /custom_kafka_consumer$/,
      /result_secret/,
      /every gateway/,
    ],
  ],
  secret_differs: [
    { document: withResults(LATER, OTHER_SECRET) },
    /^route results, custom_kafka_consumer$/,
    /is another than on route orders, which gives ids for orders\.replies/,
    /same result_secret/,
  ],
  stream_not_proxied: [
    [{ document: routeWith([STREAM]) }, /^route orders$/, /no service/, /url: http:\/\/kafka-reply\.invalid/],
    [
      { document: withService([STREAM, { name: 'request-termination' }]) },
      /^route orders$/,
      /request-termination answers before/,
      /Take request-termination/,
    ],
  ],
  stream_listener_missing: [
    { document: withService([STREAM]), server: streaming({ listener: null }) },
    /8900/,
    /listens on no port/,
    /--http-listen <host:port>/,
  ],
  streams_not_fetched: [
    {
      document: withService([STREAM]),
      server: streaming({
        listener: { host: '10.0.0.7', port: 8901 },
        expired: 4,
        last_expired: { at: '2026-11-28T10:15:30Z' },
      }),
    },
    /8900/,
    /sent to 10\.0\.0\.7:8901 and did not come, 4 times/,
    /curl http:\/\/10\.0\.0\.7:8901\/stream\/.*--http-advertise/,
  ],
  server_failing: [
    {
      server: configurations({
        failed_in_last_minute: 3,
        last_error: { code: 'reply_timeout', detail: 'none came', at: 'now', count: 3 },
      }),
    },
    /orders\.requests/,
    /3 in the last minute; the last one reply_timeout: none came/,
    /service/,
  ],
  server_other_version: [
    { server: status({ version: '9.9.9' }) },
    /8900/,
    /9\.9\.9/,
    /kong-kafka of 9\.9\.9/,
  ],
  cluster_unreachable: [
    { cluster: { reason: 'kafka:9092: connect ECONNREFUSED', brokers: 0, topics: new Map() } },
    /^brokers kafka:9092, route orders, custom_kafka_request_reply$/,
    /ECONNREFUSED/,
    /brokers run/,
  ],
  topic_missing: [
    { topics: { [REQUESTS]: { state: 'missing', partitions: [] } } },
    /^topic orders\.requests \(requests\), route orders/,
    /no topic orders\.requests/,
    /--fix-topics, or:\nkafka-topics\.sh --bootstrap-server kafka:9092 --create --topic orders\.requests --partitions 6 --replication-factor 3/,
  ],
  topic_hidden: [
    { topics: { [REPLIES]: { state: 'hidden', partitions: [] } } },
    /orders\.replies/,
    /refuse to describe/,
    /kafka-acls\.sh .*--allow-principal User:gateway --operation Read --topic orders\.replies/,
  ],
  no_write_right: [
    { topics: { [REQUESTS]: { rights: { read: true, write: false } } } },
    /orders\.requests/,
    /user gateway may not write/,
    /--operation Write/,
  ],
  no_read_right: [
    { topics: { [REPLIES]: { rights: { read: false, write: false } } } },
    /orders\.replies/,
    /may not read/,
    /--operation Read/,
  ],
  leader_missing: [
    {
      topics: {
        [REPLIES]: {
          partitions: [
            { id: 0, leader: 1, replicas: 3, inSync: 3 },
            { id: 1, leader: -1, replicas: 3, inSync: 3 },
          ],
        },
      },
    },
    /orders\.replies/,
    /1 of 2 partitions .*: 1\./,
    /Start the brokers/,
  ],
  min_insync_above_copies: [
    { topics: { [REQUESTS]: topicSettings({ 'min.insync.replicas': '4' }) } },
    /orders\.requests/,
    /3 copies, and min\.insync\.replicas is 4/,
    /--add-config min\.insync\.replicas=2$/,
  ],
  min_insync_not_met: [
    { topics: { [REQUESTS]: { partitions: [{ id: 0, leader: 1, replicas: 3, inSync: 1 }] } } },
    /orders\.requests/,
    /1 copy in sync, and min\.insync\.replicas is 2/,
    /Start the brokers/,
  ],
  few_copies: [
    {
      topics: {
        [REQUESTS]: {
          partitions: [{ id: 0, leader: 1, replicas: 1, inSync: 1 }],
          ...topicSettings({ 'min.insync.replicas': '1' }),
        },
      },
    },
    /orders\.requests/,
    /one copy, and the cluster 3 brokers/,
    /--replication-factor 3/,
  ],
  one_partition: [
    { topics: { [REQUESTS]: { partitions: [{ id: 0, leader: 1, replicas: 3, inSync: 3 }] } } },
    /orders\.requests/,
    /one partition/,
    /--alter --topic orders\.requests --partitions 6/,
  ],
  partition_missing: [
    {
      document: routeWith([
        withConfig({ reply_routing: 'partition', reply_partition: 7, dialects: ['plain'] }),
      ]),
    },
    /orders\.replies/,
    /reply_partition is 7, and orders\.replies has 3 partitions/,
    /--partitions 8/,
  ],
  one_reply_partition: [
    {
      document: routeWith([withConfig({ reply_routing: 'partition', dialects: ['plain'] })]),
      topics: { [REPLIES]: { partitions: [{ id: 0, leader: 1, replicas: 3, inSync: 3 }] } },
    },
    /orders\.replies/,
    /one partition/,
    /as there are gateways/,
  ],
  retention_short: [
    {
      document: routeWith([withConfig({ reply: { timeout: 5000, timeout_ceiling: 60_000 } })]),
      topics: { [REPLIES]: topicSettings({ 'retention.ms': '30000' }) },
    },
    /orders\.replies/,
    /30000 ms .* wait for 60000 ms/,
    /retention\.ms=86400000$/,
  ],
  failed_requests_expire: [
    {
      document: withService([FAILOVER]),
      topics: { 'failed-requests': topicSettings({ 'retention.ms': '3600000' }) },
    },
    /failed-requests/,
    /3600000 ms/,
    /retention\.ms=604800000/,
  ],
  topic_compacted: [
    { topics: { [REPLIES]: topicSettings({ 'cleanup.policy': 'compact,delete' }) } },
    /orders\.replies/,
    /compact,delete/,
    /cleanup\.policy=delete/,
  ],
  requests_too_large: [
    [
      { topics: { [REQUESTS]: topicSettings({ 'max.message.bytes': '1000' }) } },
      /orders\.requests/,
      /max_request_bytes is 1048576, and max\.message\.bytes of orders\.requests is 1000/,
      /max\.message\.bytes=1064960/,
    ],
    [
      {
        document: routeWith([withConfig({ max_request_bytes: 16_000_000 })]),
        topics: { [REQUESTS]: topicSettings({ 'max.message.bytes': '99999999' }) },
      },
      /orders\.requests/,
      /sends 10485760 bytes at most/,
      /^max_request_bytes: 10469376$/,
    ],
  ],
  replies_too_large: [
    { topics: { [REPLIES]: topicSettings({ 'max.message.bytes': '20000000' }) } },
    /orders\.replies/,
    /20000000, and max_reply_bytes 1048576/,
    /max_reply_bytes: 16777216/,
  ],
  reply_limit_unused: [
    { topics: { [REPLIES]: topicSettings({ 'max.message.bytes': '5000' }) } },
    /orders\.replies/,
    /max_reply_bytes is 1048576, and max\.message\.bytes of orders\.replies 5000/,
    /max\.message\.bytes=1064960/,
  ],
  not_checked: [
    [
      { unasked: [{ where: 'Kafka', why: 'It was not asked' }] },
      /^Kafka$/,
      /^It was not asked\.$/,
      /help doctor/,
    ],
    [
      { topics: { [REPLIES]: { settings: undefined } } },
      /orders\.replies/,
      /may not see how/,
      /DescribeConfigs/,
    ],
    [{ document: withService([FAILOVER]) }, /custom_kafka_failover/, /includes .* not known/, /--kong-conf/],
  ],
  vault_reference: [
    {
      document: routeWith([
        withConfig({
          authentication: {
            strategy: 'sasl',
            mechanism: 'PLAIN',
            user: 'u',
            password: '{vault://hcv/kafka/password}',
          },
        }),
      ]),
    },
    /^route orders/,
    /^authentication\.password stands in a vault\.$/,
    /vault:\/\/env/,
  ],
};

/** A case is a list that begins with a situation; several cases are a list of lists. */
const casesOf = (entry: Case | readonly Case[]): readonly Case[] =>
  Array.isArray(entry[0]) ? (entry as readonly Case[]) : [entry as Case];

for (const [code, entry] of Object.entries(CASES))
  for (const [number, [situation, where, what, fix]] of casesOf(entry).entries())
    test(`${code}${number === 0 ? '' : ` (${number + 1})`}`, () => {
      const findings = diagnoseAll(factsOf(situation));
      const found = findings.filter((finding) => finding.code === code);
      const fitting = found.find((finding) => where.test(finding.where) && what.test(finding.what) && fix.test(finding.fix)); // prettier-ignore
      assert.ok(fitting, JSON.stringify(found.length > 0 ? found : findings, null, 2));
      assert.equal(found.filter((finding) => finding.where === fitting.where).length, 1);
      assert.match(fitting.what, /[.)]$/);
      assert.equal(fitting.why, FINDINGS[code as FindingCode].why);
    });

const codesOf = (findings: readonly Finding[]) => findings.map(({ code }) => code);

const HEALTHY: [what: string, situation: Situation][] = [
  ['the one plugin', {}],
  ['the pair', { document: routeWith([PRODUCER, CONSUMER]) }],
  ['the pair, from two scopes', { document: { ...routeWith([CONSUMER]), plugins: [PRODUCER] } }],
  [
    'a route with a service, on Kong that fails closed',
    { document: withService([ONE_EVENT]), kong: { version: '3.8.0' } },
  ],
  // It was told to upgrade Kong, to set includes that this Kong cannot read, and to switch buffering on.
  [
    'failover by the log phase, on a Kong without includes and a route without buffering',
    {
      document: withService([BY_LOG], { request_buffering: false }),
      kong: {
        version: '3.5.0',
        dumpFiles: new Map([[WITH_LOG, dumpFile('custom_kafka_failover.with-log.json')]]),
      },
      settings: FAILOVER_BY_LOG_ENTRY,
    },
  ],
  [
    'the same, with a dump that cannot be seen from here',
    { document: withService([BY_LOG]), settings: FAILOVER_BY_LOG_ENTRY },
  ],
  [
    'a guarded route with a service, on an old Kong',
    { document: withService([ONE_EVENT, { name: 'request-termination' }]), kong: { version: '3.7.0' } },
  ],
  [
    'a stream whose service leads nowhere, on an old Kong',
    {
      document: {
        ...withService([STREAM]),
        services: [{ name: 'backend', url: 'http://kafka-reply.invalid' }],
      },
      kong: { version: '3.7.0' },
    },
  ],
  [
    'an end of several replies, all of which come on one partition',
    {
      document: routeWith([
        withConfig({
          reply_routing: 'partition',
          dialects: ['nestjs'],
          reply: { collect: { end_header: 'kafka_nest-is-disposed' } },
        }),
      ]),
    },
  ],
  ['a one-way route', { document: routeWith([{ name: PRODUCER.name, config: { bootstrap_servers: SERVERS, topic: REQUESTS } }]) }],
  ['requests and replies on one topic', { document: routeWith([withConfig({ reply_topic: REQUESTS })]) }],
  ['a plugin that is switched off', { document: routeWith([ONE_EVENT, { ...PRODUCER, enabled: false }]) }],
  [
    'a secret in the environment',
    {
      document: routeWith([
        withConfig({
          authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/kafka-password}' },
        }),
      ]),
      env: { KAFKA_PASSWORD: 'planted' },
    },
  ],
  ['results whose secret is the same on both routes', { document: withResults(LATER, SECRET) }],
  [
    'results of other brokers under another secret',
    {
      document: withResults(
        LATER,
        OTHER_SECRET,
        [{ host: 'elsewhere', port: 9092 }],
      ),
    },
  ],
  [
    'a stream whose listener is there and was always found',
    {
      document: withService([STREAM]),
      server: streaming({ listener: { host: '10.0.0.7', port: 8901 }, expired: 0 }),
    },
  ],
  ['a listener that nobody needs', { server: streaming({ listener: null }) }],
  ['settings of an external server', { settings: entry() }],
  ['a server that serves', { server: status() }],
  ['a topic that keeps records for ever', { topics: { [REPLIES]: topicSettings({ 'retention.ms': '-1' }) } }],
  [
    'a compacted topic whose records have keys',
    {
      document: routeWith([withConfig({ key_source: 'consumer', reply_topic: undefined }, PRODUCER)]),
      topics: { [REQUESTS]: topicSettings({ 'cleanup.policy': 'compact' }) },
    },
  ],
]; // prettier-ignore
for (const [what, situation] of HEALTHY)
  test(`nothing is wrong with ${what}`, () => assert.deepEqual(diagnoseAll(factsOf(situation)), []));

// One after the other was found, each with a run of its own.
test('all that is wrong in a configuration is told at once', () => {
  const wrong = withConfig({ topic: 'a b', no_such_option: 1, headers: { name_mappings: { 'x y': 'a' } } });
  const whats = diagnoseAll(factsOf({ document: routeWith([wrong]) })).map(({ what }) => what.split(':')[0]);
  assert.deepEqual(whats, ['no_such_option', 'topic', 'headers.name_mappings']);
  const across = withConfig({ key_source: 'header', message_format: 'body_with_correlation_id', reply_routing: 'partition' }); // prettier-ignore
  const options = diagnoseAll(factsOf({ document: routeWith([across]) })).map(
    ({ what }) => what.split(':')[0],
  );
  assert.deepEqual(options, ['key_name', 'dialects']);
});

test('two references may stand for one secret, and no secret is told', () => {
  const reference = '{vault://env/result-secret}';
  const findings = diagnoseAll(factsOf({ document: withResults(LATER, reference) }));
  const found = findings.filter(({ code }) => code === 'secret_differs');
  assert.deepEqual(
    found.map(({ level }) => level),
    ['warning'],
  );
  const literal = diagnoseAll(factsOf({ document: withResults(LATER, OTHER_SECRET) }));
  assert.doesNotMatch(JSON.stringify([findings, literal]), /planted/);
});

// It was an error on every such route: custom_kafka_consumer without a producer.
test('a route that gives replies later is no half, also where its secret is in a vault that is not known here', () => {
  assert.deepEqual(codesOf(diagnoseAll(factsOf({ document: routeWith([RESULT]) }))), ['vault_reference']);
});

test('Kong of an unknown version is not called wrong', () => {
  const facts = factsOf({ document: withService([ONE_EVENT]) });
  const findings = diagnoseAll({ ...facts, kong: { ...facts.kong, version: undefined } });
  assert.deepEqual(
    findings.map(({ code, level }) => [code, level]),
    [['service_behind_fail_open', 'note']],
  );
});

test('the settings that are shipped have nothing wrong but what they say themselves', () => {
  const document = withService([FAILOVER]);
  const settingsOf = (file: string) =>
    Object.fromEntries(parseSettings(readFileSync(join(KONG, file), 'utf8')));
  const external = diagnoseAll(factsOf({ document, settings: settingsOf('kong-external.env') }));
  assert.deepEqual(codesOf(external), ['failover_include_missing']);
  const managed = diagnoseAll(factsOf({ document, settings: settingsOf('kong-managed.env') }));
  assert.deepEqual(codesOf(managed), ['failover_include_missing', 'managed_admin_api']);
});

test('what is worst comes first', () => {
  const findings = diagnoseAll(
    factsOf({
      unasked: [{ where: 'x', why: 'y' }],
      document: routeWith([PRODUCER]),
      kong: { version: '3.6.1' },
    }),
  );
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['error', 'warning', 'note'],
  );
});
