/** The plugin server itself: what Kong sends it, what it refuses, and the process it is. */
import { Buckets, Histogram } from '../bridge/telemetry/histogram';
import { labelText, type Family, type MetricGroup, type MetricsPage } from '../bridge/telemetry/metrics';
import type { OverloadStatus } from './overload';
import type { PluginServerStatus } from './server';

/** What is needed of a PluginServer. */
interface MeasuredServer {
  readonly pluginName: string;
  status(): PluginServerStatus;
  brokenConfigurations(): readonly unknown[];
}

export interface ServerMetricsSources {
  readonly version: string;
  readonly servers: readonly MeasuredServer[];
  readonly overload: { status(): OverloadStatus };
}

const PLUGIN = ['plugin'] as const;

const EVENTS: Family = {
  name: 'kong_kafka_pluginserver_events_total',
  type: 'counter',
  help: 'Events that Kong has sent: one for each request and plugin. With several workers by worker.',
  labels: PLUGIN,
  ofWorkers: 'each',
};
const OPEN_EVENTS: Family = {
  name: 'kong_kafka_pluginserver_open_events',
  type: 'gauge',
  help: 'Events that have no answer yet, waiting requests among them.',
  labels: PLUGIN,
};
const CLOSED_EVENTS: Family = {
  name: 'kong_kafka_pluginserver_events_closed_by_kong_total',
  type: 'counter',
  help: 'Events whose connection Kong closed before the answer.',
  labels: PLUGIN,
};
const ERRORS: Family = {
  name: 'kong_kafka_pluginserver_handler_errors_total',
  type: 'counter',
  help: 'Events whose plugin threw, or whose configuration cannot work.',
  labels: PLUGIN,
};
const INSTANCES: Family = {
  name: 'kong_kafka_pluginserver_instances',
  type: 'gauge',
  help: 'Instances of a plugin: one for each worker of Kong and configuration.',
  labels: PLUGIN,
  ofWorkers: 'max',
};
const BROKEN: Family = {
  name: 'kong_kafka_pluginserver_broken_configurations',
  type: 'gauge',
  help: 'Configurations that cannot work: their requests are answered with 500.',
  labels: PLUGIN,
  ofWorkers: 'max',
};
const CONNECTIONS: Family = {
  name: 'kong_kafka_pluginserver_connections',
  type: 'gauge',
  help: 'Open connections from Kong.',
  labels: PLUGIN,
};
const SOCKET_OWNED: Family = {
  name: 'kong_kafka_pluginserver_socket_owned',
  type: 'gauge',
  help: '1 while the socket leads to this process, 0 after another one has taken it.',
  labels: PLUGIN,
  ofWorkers: 'min',
};
const CONNECTIONS_LIMIT: Family = {
  name: 'kong_kafka_pluginserver_connections_limit',
  type: 'gauge',
  help: 'Connections that there are file descriptors for, over all plugins.',
  labels: [],
};
const BYTES: Family = {
  name: 'kong_kafka_pluginserver_in_flight_bytes',
  type: 'gauge',
  help: 'Bytes held for requests: bodies, records without an acknowledgement, answers that Kong has not taken.',
  labels: [],
};
const REFUSED: Family = {
  name: 'kong_kafka_pluginserver_refused_total',
  type: 'counter',
  help: 'New requests answered with overloaded by the server, by limit: open_events, bytes_in_flight, event_loop or connections.',
  labels: ['reason'],
};
const LAG: Family = {
  name: 'kong_kafka_pluginserver_event_loop_lag_seconds',
  type: 'histogram',
  help: 'How late the event loop was, ten samples a second.',
  labels: [],
  ofWorkers: 'each',
};
const BUILD: Family = {
  name: 'kong_kafka_build_info',
  type: 'gauge',
  help: 'Always 1; what runs is in its labels.',
  labels: ['version', 'node'],
  ofWorkers: 'max',
};
const START_TIME: Family = {
  name: 'process_start_time_seconds',
  type: 'gauge',
  help: 'When the process began, in seconds since 1970.',
  labels: [],
  ofWorkers: 'each',
};
const CPU: Family = {
  name: 'process_cpu_seconds_total',
  type: 'counter',
  help: 'CPU time of the process, threads of the Kafka clients included.',
  labels: [],
  ofWorkers: 'each',
};
const RESIDENT: Family = {
  name: 'process_resident_memory_bytes',
  type: 'gauge',
  help: 'Memory of the process.',
  labels: [],
  ofWorkers: 'each',
};
const HEAP_USED: Family = {
  name: 'nodejs_heap_size_used_bytes',
  type: 'gauge',
  help: 'Used part of the JavaScript heap.',
  labels: [],
  ofWorkers: 'each',
};
const HEAP_TOTAL: Family = {
  name: 'nodejs_heap_size_total_bytes',
  type: 'gauge',
  help: 'Size of the JavaScript heap.',
  labels: [],
  ofWorkers: 'each',
};
const EXTERNAL: Family = {
  name: 'nodejs_external_memory_bytes',
  type: 'gauge',
  help: 'Memory of buffers outside of the JavaScript heap.',
  labels: [],
  ofWorkers: 'each',
};

export const SERVER_FAMILIES: readonly Family[] = [
  EVENTS,
  OPEN_EVENTS,
  CLOSED_EVENTS,
  ERRORS,
  INSTANCES,
  BROKEN,
  CONNECTIONS,
  SOCKET_OWNED,
  CONNECTIONS_LIMIT,
  BYTES,
  REFUSED,
  LAG,
  BUILD,
  START_TIME,
  CPU,
  RESIDENT,
  HEAP_USED,
  HEAP_TOTAL,
  EXTERNAL,
];

const LAGS = new Buckets([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]);

/** Microseconds. */
const CPU_UNITS_PER_SECOND = 1e6;

export class ServerMetrics implements MetricGroup {
  readonly families = SERVER_FAMILIES;

  private readonly eventLoopLag = new Histogram(LAGS);

  constructor(private readonly sources: ServerMetricsSources) {}

  onLagSample(lagMs: number): void {
    this.eventLoopLag.observe(lagMs);
  }

  collect(page: MetricsPage): void {
    for (const server of this.sources.servers) collectServer(page, server);
    this.collectLoad(page);
    page.addHistogram(LAG, '', this.eventLoopLag);
    page.add(BUILD, labelText({ version: this.sources.version, node: process.version }), 1);
    collectProcess(page);
  }

  private collectLoad(page: MetricsPage): void {
    const load = this.sources.overload.status();
    page.add(CONNECTIONS_LIMIT, '', load.max_connections);
    page.add(BYTES, '', load.bytes_in_flight);
    for (const [reason, count] of Object.entries(load.refused))
      page.add(REFUSED, labelText({ reason }), count);
  }
}

function collectServer(page: MetricsPage, server: MeasuredServer): void {
  const labels = labelText({ plugin: server.pluginName });
  const status = server.status();
  page.add(EVENTS, labels, status.events);
  page.add(OPEN_EVENTS, labels, status.open_events);
  page.add(CLOSED_EVENTS, labels, status.events_closed_by_kong);
  page.add(ERRORS, labels, status.handler_errors);
  page.add(INSTANCES, labels, status.instances);
  page.add(BROKEN, labels, server.brokenConfigurations().length);
  page.add(CONNECTIONS, labels, status.connections);
  page.add(SOCKET_OWNED, labels, status.socket_owned ? 1 : 0);
}

function collectProcess(page: MetricsPage): void {
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  page.add(START_TIME, '', performance.timeOrigin / 1000);
  page.add(CPU, '', (user + system) / CPU_UNITS_PER_SECOND);
  page.add(RESIDENT, '', memory.rss);
  page.add(HEAP_USED, '', memory.heapUsed);
  page.add(HEAP_TOTAL, '', memory.heapTotal);
  page.add(EXTERNAL, '', memory.external);
}
