/**
 * What the page shows, read from the JSON of /status. Plugins say in it what they like, so nothing is relied upon: what is
 * missing, or of another kind, is not shown.
 */
export interface PageFacts {
  readonly ready: boolean;
  /** starting, serving, replaced or draining. */
  readonly state: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly memoryBytes: number;
  readonly load: LoadFacts;
  readonly plugins: readonly PluginFacts[];
  readonly configurations: readonly ConfigurationFacts[];
  readonly broken: readonly BrokenFacts[];
  readonly clusters: readonly ClusterFacts[];
  readonly events: readonly EventFacts[];
  /** Services that are left alone for the moment. */
  readonly openBreakers: readonly string[];
  /** By reply topic: kept replies that had to make room. */
  readonly droppedEarly: ReadonlyMap<string, OccurrenceFacts>;
  readonly streams: StreamFacts;
  /** Empty: the process has none and serves by itself. */
  readonly workers: readonly WorkerFacts[];
  /** Names of plugins that only the first worker serves. */
  readonly servedByOneWorker: readonly string[];
}

/** What has happened, how often since the start, and when for the last time. */
export interface OccurrenceFacts {
  readonly count: number;
  readonly at: string;
}

/** Events are undefined where they never happened. */
export interface StreamFacts {
  /** Where Kong is sent for a stream; null: nowhere, undefined: not told. */
  readonly listener: string | null | undefined;
  readonly failed: OccurrenceFacts | undefined;
  /** Clients came back, and nothing was kept for them. */
  readonly gone: OccurrenceFacts | undefined;
  /** Nobody came to the listener for them. */
  readonly expired: OccurrenceFacts | undefined;
}

export interface WorkerFacts {
  readonly number: number;
  readonly pid: number | undefined;
  /** serving, starting, crash loop and others. */
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly openEvents: number;
  readonly eventLoopLagMs: number;
  readonly memoryBytes: number;
}

export interface LoadFacts {
  readonly openEvents: number;
  readonly bytesInFlight: number;
  readonly eventLoopLagMs: number;
  /** New requests that a limit of the process has refused since the start, by limit. */
  readonly refused: ReadonlyMap<string, number>;
}

export interface PluginFacts {
  readonly name: string;
  readonly socketOwned: boolean;
  readonly failure: string | undefined;
}

export interface ConfigurationFacts {
  readonly topic: string;
  /** Undefined: one-way. */
  readonly replyTopic: string | undefined;
  readonly cluster: string;
  readonly ready: boolean;
  readonly reason: string | undefined;
  readonly inFlight: number;
  readonly maxInFlight: number | undefined;
  readonly perSecond: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly failedInLastMinute: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly refusedToClient: number;
  readonly lastError: FailureFacts | undefined;
  readonly hints: readonly HintFacts[];
}

export interface FailureFacts {
  readonly code: string;
  readonly detail: string;
  readonly at: string;
  readonly count: number;
}

export interface HintFacts {
  readonly reason: string;
  readonly text: string;
  readonly timeouts: number;
}

export interface BrokenFacts {
  readonly plugin: string;
  readonly reason: string;
  readonly since: string;
  readonly route: string | undefined;
}

export interface ClusterFacts {
  readonly name: string;
  readonly servers: readonly string[];
  readonly producer: ClientFacts;
  readonly reader: ClientFacts;
}

export interface ClientFacts {
  /** up, down, connecting, or unused. */
  readonly state: string;
  readonly reason: string | undefined;
  readonly replaced: number;
  readonly brokers: readonly { readonly name: string; readonly state: string }[];
}

export interface EventFacts {
  readonly at: string;
  readonly event: string;
  readonly message: string;
  readonly facts: ReadonlyMap<string, string>;
}

/** @param status an answer of /status */
export function pageFacts(status: unknown): PageFacts {
  const root = members(status);
  const plugins = Object.entries(members(root.plugins));
  const processes = plugins.map(([, plugin]) => members(members(plugin).process));
  // Plugins of one process share what they say of it.
  const shared = processes.find(({ configurations }) => Array.isArray(configurations)) ?? {};
  return {
    ready: root.ready === true,
    state: text(root.state) ?? 'unknown',
    version: text(root.version) ?? '',
    pid: number(root.pid) ?? 0,
    uptimeSeconds: number(root.uptime_seconds) ?? 0,
    memoryBytes: number(root.memory_rss_bytes) ?? 0,
    load: loadFacts(members(root.load)),
    plugins: plugins.map(([name, plugin]) => ({
      name,
      socketOwned: members(plugin).socket_owned !== false,
      failure: text(members(plugin).failure),
    })),
    configurations: list(shared.configurations).map(configurationFacts),
    broken: list(root.broken_configurations).map(brokenFacts),
    clusters: list(shared.clusters).map(clusterFacts),
    events: list(root.recent_events).map(eventFacts),
    openBreakers: processes.flatMap(({ open_breakers }) => texts(open_breakers)),
    droppedEarly: droppedEarly(list(shared.kept_replies)),
    streams: streamFacts(shared.streams),
    workers: list(root.workers).map(workerFacts),
    servedByOneWorker: texts(root.served_by_one_worker),
  };
}

function loadFacts(load: Members): LoadFacts {
  const refused = Object.entries(members(load.refused)).map(
    ([limit, count]) => [limit, number(count) ?? 0] as const,
  );
  return {
    openEvents: number(load.open_events) ?? 0,
    bytesInFlight: number(load.bytes_in_flight) ?? 0,
    eventLoopLagMs: number(load.event_loop_lag_ms) ?? 0,
    refused: new Map(refused),
  };
}

function configurationFacts(configuration: Members): ConfigurationFacts {
  const failure = members(configuration.last_error);
  const code = text(failure.code);
  return {
    topic: text(configuration.topic) ?? '',
    replyTopic: text(configuration.reply_topic),
    cluster: text(configuration.cluster) ?? '',
    ready: configuration.ready === true,
    reason: text(configuration.reason),
    inFlight: number(configuration.in_flight) ?? 0,
    maxInFlight: number(configuration.max_in_flight),
    perSecond: number(configuration.per_second) ?? 0,
    p50Ms: number(configuration.p50_ms),
    p99Ms: number(configuration.p99_ms),
    failedInLastMinute: number(configuration.failed_in_last_minute) ?? 0,
    succeeded: number(configuration.succeeded) ?? 0,
    failed: number(configuration.failed) ?? 0,
    refusedToClient: number(configuration.refused_to_client) ?? 0,
    lastError:
      code === undefined
        ? undefined
        : {
            code,
            detail: text(failure.detail) ?? '',
            at: text(failure.at) ?? '',
            count: number(failure.count) ?? 0,
          },
    hints: list(configuration.hints).map((hint) => ({
      reason: text(hint.reason) ?? '',
      text: text(hint.text) ?? '',
      timeouts: number(hint.timeouts) ?? 0,
    })),
  };
}

function brokenFacts(broken: Members): BrokenFacts {
  return {
    plugin: text(broken.plugin) ?? '',
    reason: text(broken.reason) ?? '',
    since: text(broken.since) ?? '',
    route: text(broken.route_id),
  };
}

function clusterFacts(cluster: Members): ClusterFacts {
  const servers = texts(cluster.bootstrap_servers);
  return {
    name: text(cluster.name) ?? servers[0] ?? '',
    servers,
    producer: clientFacts(members(cluster.producer)),
    reader: clientFacts(members(cluster.reader)),
  };
}

function clientFacts(client: Members): ClientFacts {
  return {
    state: text(client.state) ?? 'unknown',
    reason: text(client.reason),
    replaced: number(client.replaced) ?? 0,
    brokers: list(client.brokers).map(({ name, state }) => ({
      name: text(name) ?? '',
      state: text(state) ?? '',
    })),
  };
}

function droppedEarly(stores: readonly Members[]): ReadonlyMap<string, OccurrenceFacts> {
  const byTopic = new Map<string, OccurrenceFacts>();
  for (const { reply_topic, dropped_early, last_dropped_early } of stores) {
    const dropped = occurrence(dropped_early, last_dropped_early);
    if (dropped !== undefined) byTopic.set(text(reply_topic) ?? '', dropped);
  }
  return byTopic;
}

function streamFacts(streams: unknown): StreamFacts {
  const { listener, ended, gone, expired, last_failed, last_gone, last_expired } = members(streams);
  const host = text(members(listener).host);
  const address = host === undefined ? null : `${host}:${number(members(listener).port) ?? ''}`;
  return {
    listener: streams === undefined ? undefined : address,
    failed: occurrence(members(ended).failed, last_failed),
    gone: occurrence(gone, last_gone),
    expired: occurrence(expired, last_expired),
  };
}

function occurrence(count: unknown, last: unknown): OccurrenceFacts | undefined {
  const at = text(members(last).at);
  return at === undefined ? undefined : { count: number(count) ?? 0, at };
}

function workerFacts(worker: Members): WorkerFacts {
  return {
    number: number(worker.number) ?? 0,
    pid: number(worker.pid),
    state: text(worker.state) ?? 'unknown',
    ready: worker.ready === true,
    restarts: number(worker.restarts) ?? 0,
    openEvents: number(worker.open_events) ?? 0,
    eventLoopLagMs: number(worker.event_loop_lag_ms) ?? 0,
    memoryBytes: number(worker.memory_rss_bytes) ?? 0,
  };
}

function eventFacts(event: Members): EventFacts {
  const facts = Object.entries(members(event.facts)).map(([name, value]) => [name, String(value)] as const);
  return {
    at: text(event.at) ?? '',
    event: text(event.event) ?? '',
    message: text(event.message) ?? '',
    facts: new Map(facts),
  };
}

type Members = Readonly<Record<string, unknown>>;

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function list(value: unknown): Members[] {
  return Array.isArray(value) ? value.map(members) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
