/** What doctor can find: the one list of its codes, with why each hurts. docs/doctor.md is held against it. */

export type Level = 'error' | 'warning' | 'note';

interface Kind {
  readonly level: Level;
  /** In the table of the docs. */
  readonly title: string;
  /** What becomes of it when nothing is done. */
  readonly why: string;
}

export const FINDINGS = {
  // What Kong is configured with
  config_invalid: {
    level: 'error',
    title: 'A configuration is one that Kong or the plugin server refuses',
    why: 'Every request of the route is answered with an error.',
  },
  per_consumer: {
    level: 'error',
    title: 'A plugin is configured for one consumer',
    why: 'The two halves of a request would have different configurations; Kong refuses it.',
  },
  producer_without_consumer: {
    level: 'error',
    title: 'custom_kafka_producer has a reply_topic, and no custom_kafka_consumer is on the route',
    why: 'Requests are sent, nobody waits for their replies, and the client gets what comes after the plugin: an error, or the answer of a service that was not meant to be asked.',
  },
  consumer_without_producer: {
    level: 'error',
    title: 'custom_kafka_consumer is on a route without custom_kafka_producer',
    why: 'It has nothing to wait for: every request is 500 misconfigured.',
  },
  consumer_never_runs: {
    level: 'warning',
    title: 'custom_kafka_consumer is behind a producer without reply_topic',
    why: 'The producer answers at once, so that the consumer never runs and no client gets a reply.',
  },
  pair_and_one_event: {
    level: 'error',
    title: 'custom_kafka_request_reply is on a route with one of the pair',
    why: 'A request would be sent twice: it is refused with 500 misconfigured instead.',
  },
  reply_topic_is_request_topic: {
    level: 'error',
    title: 'The reply topic of one route is the request topic of another',
    why: 'The service of that other route takes replies for requests and answers them, which may go round for ever.',
  },
  service_behind_fail_open: {
    level: 'error',
    title: 'A route with a service, on Kong before 3.8',
    why: 'Those versions go on when the plugin server is gone: the request reaches the service, and the client takes its answer for the reply.',
  },
  results_not_broadcast: {
    level: 'error',
    title: 'A pair gives replies later, or waits for states, without `reply_routing: broadcast`',
    why: 'Only one gateway would see the reply: such requests are refused with 500 misconfigured.',
  },
  repeated_in_pair: {
    level: 'error',
    title: 'A pair with `idempotency` collects several replies, or waits for states',
    why: 'A key stands for one reply: a request that comes again is refused with 500 misconfigured.',
  },
  secret_missing: {
    level: 'warning',
    title: 'result_secret or idempotency_secret is not set',
    why: 'Each gateway makes one up: ids of results are 404 at every other one, a repeated request is sent again there, and both are forgotten at a restart.',
  },
  secret_differs: {
    level: 'error',
    title: 'Ids of results are given with one result_secret and asked for with another',
    why: 'Every id is unknown: 404 result_unknown.',
  },
  stream_not_proxied: {
    level: 'error',
    title: 'A route with `mode: stream` has no service, or has request-termination',
    why: 'Kong does not go on to the stream: clients get an error, or the answer of request-termination, after the record was sent.',
  },
  correlation_id_late: {
    level: 'note',
    title: 'The Correlation ID plugin runs after these plugins, on Kong before 3.9',
    why: 'It finds the id set by the producer, so that its own generator is not used. Replies are found all the same.',
  },
  correlation_header_differs: {
    level: 'warning',
    title: 'correlation_header is not the header of the Correlation ID plugin',
    why: "Records carry another id than the one that the client and Kong's log know.",
  },
  plugin_order: {
    level: 'error',
    title: 'Dynamic ordering runs the consumer before the producer',
    why: 'The consumer finds nothing to wait for: every request is 500 misconfigured.',
  },
  failover_without_service: {
    level: 'error',
    title: 'custom_kafka_failover is on a route without a service',
    why: 'There is no upstream that could fail, so nothing is ever kept.',
  },
  failover_unbuffered: {
    level: 'warning',
    title: 'A route with custom_kafka_failover has request_buffering or response_buffering off',
    why: 'Kong proxies it through a location that has no failover: its failures reach the client.',
  },
  failover_old_kong: {
    level: 'error',
    title: 'custom_kafka_failover on Kong before 3.6',
    why: 'Those versions read no include at the place where failover needs one: nothing is ever kept.',
  },
  failover_include_missing: {
    level: 'error',
    title: 'One or both nginx includes of custom_kafka_failover are not set',
    why: 'Without both nothing is ever kept, and with one of them Kong does not start.',
  },
  failover_log_phase_missing: {
    level: 'error',
    title: 'custom_kafka_failover has capture: log, and Kong a dump without the log phase',
    why: 'Kong never says how a request ended: none is kept, and copies of all of them stay in memory for ten minutes.',
  },
  kong_unsupported: {
    level: 'warning',
    title: 'A version of Kong before 3.4',
    why: 'Nothing here was ever tried with it.',
  },
  kong_ignores_changes: {
    level: 'warning',
    title: 'Kong 3.6.0 or 3.6.1',
    why: "They keep a plugin server's configuration until the next restart: changes have no effect.",
  },
  kong_untested: {
    level: 'note',
    title: 'A version of Kong after 3.9',
    why: 'These plugins were run with Kong 3.9 and read against newer ones, not run with them.',
  },
  // Kong\'s own settings
  plugin_not_enabled: {
    level: 'error',
    title: 'A plugin that is used is not in `plugins`, or has no entry of its own',
    why: 'Kong does not know it and refuses the configuration, or does not start.',
  },
  shared_socket: {
    level: 'error',
    title: 'Two entries have one socket',
    why: 'Kong pools connections by path: one client has been seen to get the answer of another.',
  },
  socket_missing: {
    level: 'error',
    title: 'The socket of an entry is not there',
    why: 'Every request that needs the plugin is a 500, or goes on without it on Kong before 3.8.',
  },
  stock_server: {
    level: 'error',
    title: 'The stock server for JavaScript plugins is used',
    why: 'It loses memory with every request, can be ended from outside, and lets requests pass when it breaks.',
  },
  two_servers: {
    level: 'error',
    title: 'More than one entry starts the plugin server',
    why: 'A request waits in the memory of one process: with two of them the halves of a request do not meet.',
  },
  start_command_missing: {
    level: 'error',
    title: 'An entry without start_cmd, on Kong 3.4',
    why: 'Kong 3.4 never runs a plugin whose entry starts nothing: requests go on without it.',
  },
  managed_admin_api: {
    level: 'warning',
    title: 'Kong 3.9 starts the plugin server',
    why: '`GET /` of the Admin API is a 500: decK and Kong Manager do not work.',
  },
  log_level_hides_server: {
    level: 'warning',
    title: 'Kong starts the plugin server and its log_level is above info',
    why: "What the plugin server logs passes through Kong's log at info: nobody sees even its errors.",
  },
  client_abort_on: {
    level: 'error',
    title: '`lua_check_client_abort` is on',
    why: "Clients that leave at the wrong moment crash Kong's workers, and each crash cuts all their requests.",
  },
  body_files: {
    level: 'warning',
    title: 'Large bodies reach the plugin server as files that it may not be able to read',
    why: 'Kong writes bodies over its buffer to a folder of its own; where that is not shared, they end as 500 misconfigured.',
  },
  query_command_needs_cat: {
    level: 'note',
    title: 'query_cmd uses cat, on a version of Kong whose image may have none',
    why: 'Distroless images have no cat: Kong cannot ask what the plugin looks like, and does not start.',
  },
  dump_older: {
    level: 'warning',
    title: 'The dump that Kong has read is not that of this version',
    why: 'Options that it lacks are refused by Kong, and options that are gone are sent to a plugin that does not know them.',
  },
  // The plugin server
  server_unreachable: {
    level: 'error',
    title: 'The status of the plugin server cannot be had',
    why: 'If the process is gone, every request that needs it is a 500.',
  },
  server_not_serving: {
    level: 'error',
    title: 'The plugin server is not serving',
    why: 'It is starting, ending, or another process has its sockets.',
  },
  server_plugin_failed: {
    level: 'error',
    title: 'A plugin cannot be served, or its socket belongs to another process',
    why: 'Its requests are answered with 500.',
  },
  server_plugin_missing: {
    level: 'error',
    title: 'A plugin that is used is not served',
    why: 'Kong finds no socket: its requests are answered with 500.',
  },
  server_broken_configuration: {
    level: 'error',
    title: 'The plugin server has refused a configuration',
    why: 'Its requests are answered with an error.',
  },
  server_not_ready: {
    level: 'error',
    title: 'A configuration is not ready',
    why: 'Its requests are answered with 503 not_ready.',
  },
  server_reply_hint: {
    level: 'warning',
    title: 'Replies come that nobody can match',
    why: 'Their requests end with 504 although the service has answered.',
  },
  server_failing: {
    level: 'warning',
    title: 'Requests have failed in the last minute',
    why: 'Clients get errors.',
  },
  stream_listener_missing: {
    level: 'error',
    title: 'A route has `mode: stream`, and the plugin server has no port for it',
    why: 'Every request of the route is 500 misconfigured, or 503 while a port is not there yet.',
  },
  streams_not_fetched: {
    level: 'warning',
    title: 'Kong did not come to the port for streams',
    why: 'Clients get 502 or 504 of Kong after their record was sent, and nobody sees the replies. Clients that leave at once look the same.',
  },
  server_other_version: {
    level: 'note',
    title: 'The plugin server is of another version than this command',
    why: 'What is checked here is what this version would do.',
  },
  // Kafka
  cluster_unreachable: {
    level: 'error',
    title: 'Brokers cannot be reached, or refuse the login',
    why: 'Every request to this cluster is 503 not_ready. (Seen from here: the plugin server may stand elsewhere.)',
  },
  topic_missing: {
    level: 'error',
    title: 'A topic does not exist',
    why: 'Requests are refused, or wait for replies that cannot come. Where brokers make topics by themselves, it gets their defaults.',
  },
  end_may_overtake: {
    level: 'note',
    title: '`end_header` without `sequence_header`, and replies on several partitions',
    why: 'Partitions have no order among each other: where the replies to one request are not all on one, by a key, an end may be read before the last of them, which are missing then.',
  },
  topic_hidden: {
    level: 'error',
    title: 'This user may not describe a topic',
    why: 'To the plugin server it does not exist.',
  },
  no_write_right: {
    level: 'error',
    title: 'This user may not write to a topic',
    why: 'Every record is refused: 502 produce_failed.',
  },
  no_read_right: {
    level: 'error',
    title: 'This user may not read a reply topic',
    why: 'No reply can be seen: requests are 503 not_ready.',
  },
  leader_missing: {
    level: 'error',
    title: 'Partitions without a leader',
    why: 'Nothing can be written there or read from there until a broker with a copy is back.',
  },
  min_insync_above_copies: {
    level: 'error',
    title: '`min.insync.replicas` is more than a topic has copies',
    why: 'With acks of all replicas no record is ever accepted: 502 produce_failed.',
  },
  min_insync_not_met: {
    level: 'error',
    title: 'Fewer copies are in sync than `min.insync.replicas` wants',
    why: 'With acks of all replicas records are refused until more brokers are back.',
  },
  few_copies: {
    level: 'warning',
    title: 'A topic has one copy in a cluster of several brokers',
    why: 'When its broker stops, its requests are refused until it is back; when its disk is lost, so are they.',
  },
  one_partition: {
    level: 'note',
    title: 'A request topic has one partition',
    why: 'One instance of the service at a time reads it, however many run.',
  },
  partition_missing: {
    level: 'error',
    title: 'A reply topic has no partition of that number',
    why: 'The gateway whose partition it is never gets ready.',
  },
  one_reply_partition: {
    level: 'warning',
    title: '`reply_routing: partition` on a reply topic with one partition',
    why: 'All gateways read the same one, so that nothing is gained over broadcast.',
  },
  retention_short: {
    level: 'error',
    title: 'Records are deleted before a client has stopped waiting',
    why: 'A slow service, or a reader that was away for a moment, finds nothing any more.',
  },
  failed_requests_expire: {
    level: 'warning',
    title: 'Failed requests are deleted within a day',
    why: 'What is not replayed by then is lost, though its client was told that it would be carried out.',
  },
  topic_compacted: {
    level: 'error',
    title: 'A topic of requests or replies is compacted',
    why: 'Brokers refuse records without a key, and drop the older ones of a key.',
  },
  requests_too_large: {
    level: 'warning',
    title: 'A route lets in larger requests than the topic takes',
    why: 'What is between the two limits is refused by the broker: 413 only after it was sent.',
  },
  replies_too_large: {
    level: 'note',
    title: 'A reply topic takes larger replies than the route lets out',
    why: 'What is between the two limits ends as 502 reply_too_large.',
  },
  reply_limit_unused: {
    level: 'note',
    title: 'A route lets out larger replies than the reply topic takes',
    why: 'The broker refuses them to the service: its requests end with 504.',
  },
  // Not known
  not_checked: {
    level: 'note',
    title: 'Something could not be asked',
    why: 'What depends on it was not checked; it may be right or wrong.',
  },
  vault_reference: {
    level: 'note',
    title: 'An option stands in a vault that only Kong can open',
    why: 'What depends on it was not checked.',
  },
  // --probe
  probe_answered: {
    level: 'note',
    title: 'The probe was answered as it should be',
    why: 'Nothing to do.',
  },
  probe_not_sent: {
    level: 'error',
    title: 'The probe could not be sent',
    why: 'So cannot requests.',
  },
  probe_no_reply: {
    level: 'error',
    title: 'Nobody answered the probe',
    why: 'Requests end with 504 reply_timeout.',
  },
  probe_late: {
    level: 'error',
    title: 'The reply came after the timeout of the route',
    why: 'Requests end with 504 reply_timeout, and their replies are thrown away.',
  },
  probe_wrong_topic: {
    level: 'error',
    title: 'The reply came on another topic',
    why: 'The gateway does not look there: requests end with 504.',
  },
  probe_wrong_header: {
    level: 'error',
    title: 'The reply has no correlation id where one is looked for',
    why: 'The gateway cannot tell whose reply it is: requests end with 504.',
  },
  probe_wrong_id: {
    level: 'error',
    title: 'The reply has another correlation id than the request',
    why: 'The gateway finds nobody who waits for it: requests end with 504.',
  },
  probe_wrong_partition: {
    level: 'error',
    title: 'The reply came on another partition than the request names',
    why: 'With `reply_routing: partition` the gateway reads one partition only: requests end with 504.',
  },
  probe_error_reply: {
    level: 'warning',
    title: 'The reply has the mark of an error',
    why: 'Clients get an error. To a probe that may be right: its body is not what the service expects.',
  },
  probe_invalid_reply: {
    level: 'error',
    title: 'No HTTP answer can be made of the reply',
    why: 'Clients get 502.',
  },
  probe_many_replies: {
    level: 'warning',
    title: 'More than one reply came',
    why: 'The first one wins; the others are thrown away, and the service does its work several times.',
  },
} as const satisfies Record<string, Kind>;

export type FindingCode = keyof typeof FINDINGS;

export interface Finding {
  readonly code: FindingCode;
  readonly level: Level;
  /** Route, plugin, topic, setting: whatever it is about. */
  readonly where: string;
  readonly what: string;
  readonly why: string;
  /** A command, a line of configuration, or what to look at. */
  readonly fix: string;
}

export interface FindingText {
  readonly where: string;
  readonly what: string;
  readonly fix: string;
  /** Where it is less, or more, than usual. */
  readonly level?: Level;
}

export function finding(code: FindingCode, { where, what, fix, level }: FindingText): Finding {
  return {
    code,
    level: level ?? FINDINGS[code].level,
    where,
    what: sentence(what),
    why: FINDINGS[code].why,
    fix,
  };
}

/** Reasons of others end with a full stop or without. */
const sentence = (text: string): string => (/[.)?!]$/.test(text) ? text : `${text}.`);

const ORDER: readonly Level[] = ['error', 'warning', 'note'];

/** What is worst comes first; the order of the checks stays otherwise. */
export function byLevel(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((one, other) => ORDER.indexOf(one.level) - ORDER.indexOf(other.level));
}
