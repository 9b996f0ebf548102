/**
 * What the dashboard shows, as plain data: the Grafana file, the picture in the docs and the test that runs every
 * expression on a real Prometheus are made from it.
 */
export interface Query {
  readonly expression: string;
  /** `{{label}}` stands for its value. */
  readonly legend: string;
}

/** `rps` is for records, `cps` for whatever else is counted. */
export type Unit = 'reqps' | 'percentunit' | 's' | 'short' | 'bytes' | 'Bps' | 'rps' | 'cps';

export interface Panel {
  readonly title: string;
  /** Which question it answers. */
  readonly about: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  /** Closed until it is clicked: what not everybody uses. */
  readonly isCollapsed?: true;
  readonly panels: readonly Panel[];
}

/** Panels side by side, so that none of a row stands alone. */
export function columnsFor(panels: number): number {
  return panels % 3 === 1 ? 2 : 3;
}

/** Values that the reader of the dashboard chooses. */
export const VARIABLES = ['plugin', 'cluster', 'topic'] as const;

const PAIR = 'plugin=~"$plugin",cluster=~"$cluster",topic=~"$topic"';
const CLUSTER = 'cluster=~"$cluster"';
const SPAN = '[$__rate_interval]';

const rate = (metric: string, labels: string): string => `rate(${metric}{${labels}}${SPAN})`;
const sumBy = (labels: string, inner: string): string => `sum by (${labels}) (${inner})`;
const quantile = (share: number, metric: string, by: string, labels: string): string =>
  `histogram_quantile(${share}, sum by (${by}) (rate(${metric}_bucket${labels === '' ? '' : `{${labels}}`}${SPAN})))`;

/** How a request ends well. */
const GOOD = 'ok|accepted';

const requests = (more = ''): string => rate('kong_kafka_requests_total', PAIR + more);

export const ROWS: readonly Row[] = [
  {
    title: 'Requests',
    panels: [
      {
        title: 'Rate',
        about: 'Requests that ended, by topic.',
        unit: 'reqps',
        queries: [{ expression: sumBy('topic', requests()), legend: '{{topic}}' }],
      },
      {
        title: 'Errors',
        about:
          'Requests that ended neither with ok nor with a 202, by outcome: an error code, closed or unclaimed.',
        unit: 'reqps',
        queries: [
          {
            expression: sumBy('topic, outcome', requests(`,outcome!~"${GOOD}"`)),
            legend: '{{topic}} {{outcome}}',
          },
        ],
      },
      {
        title: 'Share of errors',
        about: 'Of all requests of a topic.',
        unit: 'percentunit',
        queries: [
          {
            expression: `1 - ${sumBy('topic', requests(`,outcome=~"${GOOD}"`))} / ${sumBy('topic', requests())}`,
            legend: '{{topic}}',
          },
        ],
      },
      {
        title: 'Duration',
        about: 'The whole wait of requests that were sent, timeouts included, beside the timeout.',
        unit: 's',
        queries: [
          ...[0.5, 0.99].map((share) => ({
            expression: quantile(share, 'kong_kafka_request_duration_seconds', 'le, topic', PAIR),
            legend: `{{topic}} p${share * 100}`,
          })),
          {
            expression: `max by (topic) (kong_kafka_request_timeout_seconds{${PAIR}})`,
            legend: '{{topic}} timeout',
          },
        ],
      },
      {
        title: 'In flight',
        about: 'Requests that wait now. At the limit (max_in_flight) new ones get 503 overloaded.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (topic) (kong_kafka_requests_in_flight{${PAIR}})`,
            legend: '{{topic}}',
          },
        ],
      },
      {
        title: 'Bytes',
        about: 'Keys and values of records to the services, and of their replies.',
        unit: 'Bps',
        queries: [
          { expression: `sum(${rate('kong_kafka_request_bytes_total', PAIR)})`, legend: 'requests' },
          { expression: `sum(${rate('kong_kafka_reply_bytes_total', PAIR)})`, legend: 'replies' },
        ],
      },
    ],
  },
  {
    title: 'Where the time goes',
    panels: [
      {
        title: 'Until the broker has it',
        about:
          'From producing to the acknowledgement. It is looked for every 20 ms, so that is the least it can show.',
        unit: 's',
        queries: [0.5, 0.99].map((share) => ({
          expression: quantile(share, 'kong_kafka_produce_duration_seconds', 'le, topic', PAIR),
          legend: `{{topic}} p${share * 100}`,
        })),
      },
      {
        title: 'Until the reply is here',
        about: 'From producing to the reply, of requests that got one: brokers and service together.',
        unit: 's',
        queries: [0.5, 0.99].map((share) => ({
          expression: quantile(share, 'kong_kafka_reply_duration_seconds', 'le, topic', PAIR),
          legend: `{{topic}} p${share * 100}`,
        })),
      },
      {
        title: 'Late by',
        about: 'How long after the end of its wait a late reply came: how much longer the timeout had to be.',
        unit: 's',
        queries: [
          {
            expression: quantile(0.9, 'kong_kafka_reply_late_seconds', 'le, topic', PAIR),
            legend: '{{topic}} p90',
          },
        ],
      },
    ],
  },
  {
    title: 'Replies',
    panels: [
      {
        title: 'Replies by kind',
        about: 'Records on the reply topics. Foreign ones are normal where several gateways share a topic.',
        unit: 'rps',
        queries: [
          { expression: sumBy('kind', rate('kong_kafka_replies_total', CLUSTER)), legend: '{{kind}}' },
        ],
      },
      {
        title: 'Orphans',
        about: 'Replies nobody waited for any more, written to orphan_topic.',
        unit: 'rps',
        queries: [
          { expression: sumBy('result', rate('kong_kafka_orphans_total', PAIR)), legend: '{{result}}' },
        ],
      },
      {
        title: 'Reader lag',
        about: 'Records on the reply topic that were not read yet.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (reply_topic) (kong_kafka_reader_lag_records{${CLUSTER}})`,
            legend: '{{reply_topic}}',
          },
        ],
      },
      {
        title: 'Since the last record',
        about: 'On each reply topic.',
        unit: 's',
        queries: [
          {
            expression: `time() - max by (reply_topic) (kong_kafka_reader_last_record_timestamp_seconds{${CLUSTER}})`,
            legend: '{{reply_topic}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Kafka clients',
    panels: [
      {
        title: 'Clients by state',
        about: 'A producer and a reader for each connection.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (cluster, client, state) (kong_kafka_clients{${CLUSTER}}) > 0`,
            legend: '{{cluster}} {{client}} {{state}}',
          },
        ],
      },
      {
        title: 'Reconnects',
        about: 'Replaced clients, and attempts to connect that failed.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (client) (increase(kong_kafka_client_replacements_total{${CLUSTER}}${SPAN}))`,
            legend: '{{client}} replaced',
          },
          {
            expression: `sum by (client) (increase(kong_kafka_client_failed_connects_total{${CLUSTER}}${SPAN}))`,
            legend: '{{client}} failed to connect',
          },
        ],
      },
      {
        title: 'Records produced',
        about: 'By result.',
        unit: 'rps',
        queries: [
          {
            expression: sumBy('result', rate('kong_kafka_produced_records_total', CLUSTER)),
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Waiting for acknowledgement',
        about: 'Records that were accepted and not acknowledged.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (cluster) (kong_kafka_outstanding_records{${CLUSTER}})`,
            legend: '{{cluster}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Plugin server',
    panels: [
      {
        title: 'Events',
        about: 'What Kong sends: one event for each request and plugin.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (plugin) (rate(kong_kafka_pluginserver_events_total${SPAN}))`,
            legend: '{{plugin}}',
          },
        ],
      },
      {
        title: 'Refused',
        about: 'New requests answered with 503 overloaded by the server, by limit.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (reason) (rate(kong_kafka_pluginserver_refused_total${SPAN}))`,
            legend: '{{reason}}',
          },
        ],
      },
      {
        title: 'Event loop lag',
        about: 'How late the one thread is that handles all requests.',
        unit: 's',
        queries: [
          {
            expression: quantile(0.99, 'kong_kafka_pluginserver_event_loop_lag_seconds', 'le', ''),
            legend: 'p99',
          },
        ],
      },
      {
        title: 'Memory',
        about: 'Of the process, and what is held for requests.',
        unit: 'bytes',
        queries: [
          { expression: 'sum(process_resident_memory_bytes)', legend: 'resident' },
          { expression: 'sum(nodejs_heap_size_used_bytes)', legend: 'heap' },
          { expression: 'sum(kong_kafka_pluginserver_in_flight_bytes)', legend: 'in flight' },
        ],
      },
      {
        title: 'CPU',
        about: 'Cores in use, by instance.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (instance) (rate(process_cpu_seconds_total${SPAN}))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Connections and instances',
        about: 'From Kong; configurations that cannot work are answered with 500.',
        unit: 'short',
        queries: [
          { expression: 'sum(kong_kafka_pluginserver_connections)', legend: 'connections' },
          { expression: 'sum(kong_kafka_pluginserver_instances)', legend: 'instances' },
          {
            expression: 'sum(kong_kafka_pluginserver_broken_configurations)',
            legend: 'broken configurations',
          },
        ],
      },
    ],
  },
  {
    title: 'Workers',
    isCollapsed: true,
    panels: [
      {
        title: 'Workers by state',
        about: 'Serving, or missing while one is started again. Nothing with one worker.',
        unit: 'short',
        queries: [
          {
            expression: 'sum by (instance, state) (kong_kafka_pluginserver_workers)',
            legend: '{{instance}} {{state}}',
          },
        ],
      },
      {
        title: 'Restarts',
        about: 'Workers that ended and were started again; worker_lost in the log says how each ended.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (instance) (increase(kong_kafka_pluginserver_worker_restarts_total${SPAN}))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Events by worker',
        about:
          'How evenly requests come to the workers; plugins that are served by one worker count there alone.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (instance, worker) (rate(kong_kafka_pluginserver_events_total{worker!=""}${SPAN}))`,
            legend: '{{instance}} {{worker}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Results and repeated requests',
    isCollapsed: true,
    panels: [
      {
        title: 'Accepted and gone',
        about:
          'Requests that got a 202 before their reply, and asks for a result that is gone (410) or that nobody gave to this client (404).',
        unit: 'reqps',
        queries: [
          {
            expression: sumBy(
              'outcome',
              rate('kong_kafka_requests_total', `${CLUSTER},outcome=~"accepted|result_gone|result_unknown"`),
            ),
            legend: '{{outcome}}',
          },
        ],
      },
      {
        title: 'Awaited',
        about:
          'Requests that wait for the reply to another: results that are asked for, and repeated requests.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (reply_topic) (kong_kafka_result_waits{${CLUSTER}})`,
            legend: '{{reply_topic}}',
          },
        ],
      },
      {
        title: 'Repeated requests',
        about:
          'With the key of an earlier one: joined its wait, replayed its reply, or conflict with another body (422).',
        unit: 'reqps',
        queries: [
          {
            expression: sumBy('result', rate('kong_kafka_repeated_requests_total', CLUSTER)),
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Kept replies',
        about: 'Replies in memory for who asks later; keep_replies.count bounds them in each gateway.',
        unit: 'short',
        queries: [
          {
            expression: `sum by (instance, reply_topic) (kong_kafka_kept_replies{${CLUSTER}})`,
            legend: '{{instance}} {{reply_topic}}',
          },
        ],
      },
      {
        title: 'Bytes of kept replies',
        about: 'What they take; keep_replies.bytes bounds it in each gateway.',
        unit: 'bytes',
        queries: [
          {
            expression: `sum by (instance, reply_topic) (kong_kafka_kept_replies_bytes{${CLUSTER}})`,
            legend: '{{instance}} {{reply_topic}}',
          },
        ],
      },
      {
        title: 'Let go before their time',
        about: 'Bounds: keep_replies had no room, and who asks gets 410. Deleted: by their clients.',
        unit: 'cps',
        queries: [
          {
            expression: sumBy('reply_topic, reason', rate('kong_kafka_kept_replies_let_go_total', CLUSTER)),
            legend: '{{reply_topic}} {{reason}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Streams and several replies',
    isCollapsed: true,
    panels: [
      {
        title: 'Open streams',
        about: 'By kind: server-sent events, also without a client for a while, and WebSockets.',
        unit: 'short',
        queries: [{ expression: 'sum by (kind) (kong_kafka_streams_open)', legend: '{{kind}}' }],
      },
      {
        title: 'Opened',
        about: 'Streams that began, by kind.',
        unit: 'cps',
        queries: [
          { expression: `sum by (kind) (rate(kong_kafka_streams_opened_total${SPAN}))`, legend: '{{kind}}' },
        ],
      },
      {
        title: 'Ended',
        about:
          'By how: complete, idle, max_life, failed (an error was the last event), client_gone, draining.',
        unit: 'cps',
        queries: [
          { expression: `sum by (end) (rate(kong_kafka_streams_ended_total${SPAN}))`, legend: '{{end}}' },
        ],
      },
      {
        title: 'Clients that came back',
        about: 'With Last-Event-ID: resumed, or gone (410), as nothing is kept of their stream here.',
        unit: 'cps',
        queries: [
          {
            expression: `sum by (result) (rate(kong_kafka_stream_returns_total${SPAN}))`,
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Slow clients',
        about: 'Disconnected, because they did not read what they were sent.',
        unit: 'cps',
        queries: [
          {
            expression: `sum by (instance) (rate(kong_kafka_stream_slow_clients_total${SPAN}))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Collected answers',
        about: 'Answers made of several replies: complete, or partial at the deadline.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (result) (rate(kong_kafka_collected_answers_total${SPAN}))`,
            legend: '{{result}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Failover',
    isCollapsed: true,
    panels: [
      {
        title: 'Requests whose upstream failed',
        about:
          'Kept (and its client told so), kept_at_once by an open breaker, kept_by_log, or why one was not kept.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (result) (rate(kong_kafka_failover_requests_total${SPAN}))`,
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Open breakers',
        about: 'Services that fail and are left alone for the moment. Nothing while all are well.',
        unit: 'short',
        queries: [
          {
            expression: 'sum by (instance, service) (kong_kafka_failover_open_breakers)',
            legend: '{{instance}} {{service}}',
          },
        ],
      },
      {
        title: 'Marked requests',
        about: 'On their way to an upstream, to be kept if it fails.',
        unit: 'reqps',
        queries: [
          {
            expression: `sum by (instance) (rate(kong_kafka_failover_marked_requests_total${SPAN}))`,
            legend: '{{instance}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Log entries and schemas',
    isCollapsed: true,
    panels: [
      {
        title: 'Log entries',
        about:
          'By result; dropped (the buffer was full) and lost (refused by the broker, or given up) never reach Kafka.',
        unit: 'cps',
        queries: [
          {
            expression: `sum by (result) (rate(kong_kafka_log_entries_total${SPAN}))`,
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Held log entries',
        about: 'Bytes of entries in memory that no broker has acknowledged yet.',
        unit: 'bytes',
        queries: [{ expression: 'sum by (instance) (kong_kafka_log_held_bytes)', legend: '{{instance}}' }],
      },
      {
        title: 'Schemas of subjects',
        about: 'Current, stale (the registry cannot be asked for a newer one, requests go on), or missing.',
        unit: 'short',
        queries: [{ expression: 'sum by (state) (kong_kafka_schema_subjects)', legend: '{{state}}' }],
      },
    ],
  },
];

/** As Grafana does, for a reader who has chosen everything. */
export function filledIn(expression: string, span: string): string {
  return expression.replaceAll('$__rate_interval', span).replace(/\$(plugin|cluster|topic)\b/g, '.*');
}
