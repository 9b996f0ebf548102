/** What several workers say of themselves, as the status of one node. */
import type { RecentEvent } from '../../bridge/telemetry/recent-events';
import type { ServingState, Status } from '../status';
import type { WorkerStatus } from './questions';

export type WorkerState = 'starting' | 'serving' | 'stuck' | 'waiting to be started' | 'crash loop' | 'ended';

export interface WorkerFacts {
  readonly number: number;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  readonly restarts: number;
  /** Names of the plugins it serves. */
  readonly plugins: readonly string[];
  /** Undefined: it did not answer in time, or is not there. */
  readonly status: WorkerStatus | undefined;
}

export interface NodeFacts {
  readonly version: string;
  readonly state: ServingState;
  readonly unhandled: Readonly<Record<string, number>>;
  readonly recentEvents: readonly RecentEvent[];
  readonly sockets: readonly {
    readonly pluginName: string;
    readonly socketPath: string;
    readonly isOwned: boolean;
    readonly plugin: { readonly version: string; readonly failure?: string };
  }[];
  readonly workers: readonly WorkerFacts[];
  /** Plugins that one worker alone serves, as they meet in its memory. */
  readonly together: readonly string[];
}

const MOST_EVENTS = 20;

export function nodeStatus(node: NodeFacts): Status {
  const { state, sockets, workers } = node;
  const answers = workers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const processes = (merged(answers.map((status) => status.processes)) ?? {}) as Record<string, unknown>;
  const plugins = Object.fromEntries(
    sockets.map((socket) => [socket.pluginName, pluginStatus(socket, answers, workers, processes)]),
  );
  return {
    ready: isReady(node),
    state,
    draining: state === 'draining',
    pid: process.pid,
    version: node.version,
    uptime_seconds: Math.floor(process.uptime()),
    memory_rss_bytes: answers.reduce(
      (sum, { memory_rss_bytes: bytes }) => sum + Number(bytes),
      process.memoryUsage.rss(),
    ),
    unhandled: merged([node.unhandled, ...answers.map(({ unhandled }) => unhandled)]),
    load: merged(answers.map(({ load }) => load)) ?? {},
    broken_configurations: merged(answers.map((status) => status['broken_configurations'])) ?? [],
    plugins,
    workers: workers.map(workerStatus),
    served_by_one_worker: node.together,
    recent_events: recentEvents(node),
  };
}

/**
 * Enough workers are ready: at least half of them, and for each plugin one that serves it. One that is being replaced is no
 * reason to send requests elsewhere.
 */
export function isReady({ state, sockets, workers }: NodeFacts): boolean {
  if (state !== 'serving') return false;
  const ready = workers.filter(({ state: own, status }) => own === 'serving' && status?.ready === true);
  return (
    ready.length >= workers.length / 2 &&
    sockets.every(
      ({ pluginName, isOwned, plugin }) =>
        isOwned && plugin.failure === undefined && ready.some(({ plugins }) => plugins.includes(pluginName)),
    )
  );
}

function pluginStatus(
  { pluginName, socketPath, isOwned, plugin }: NodeFacts['sockets'][number],
  answers: readonly WorkerStatus[],
  workers: readonly WorkerFacts[],
  processes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const served = answers.flatMap(({ plugins }) => (plugins as Record<string, object>)[pluginName] ?? []);
  const own = processes[pluginName];
  return {
    ...(merged(served.map((one) => ({ ...one, process: undefined }))) as object),
    socket: socketPath,
    socket_owned: isOwned,
    version: plugin.version,
    workers: workers.filter(({ plugins }) => plugins.includes(pluginName)).map(({ number }) => number),
    ...(plugin.failure !== undefined && { failure: plugin.failure }),
    ...(own !== undefined && { process: own }),
  };
}

function workerStatus({ number, pid, state, restarts, plugins, status }: WorkerFacts): object {
  const load = (status?.['load'] ?? {}) as Record<string, unknown>;
  return {
    number,
    pid,
    state,
    ready: state === 'serving' && status?.ready === true,
    restarts,
    plugins,
    memory_rss_bytes: status?.['memory_rss_bytes'],
    uptime_seconds: status?.['uptime_seconds'],
    open_events: load['open_events'],
    event_loop_lag_ms: load['event_loop_lag_ms'],
  };
}

function recentEvents({ recentEvents: own, workers }: NodeFacts): RecentEvent[] {
  const theirs = workers.flatMap(({ number, status }) =>
    ((status?.['recent_events'] ?? []) as RecentEvent[]).map((event) => ({
      ...event,
      facts: { worker: number, ...event.facts },
    })),
  );
  return [...own, ...theirs].sort((a, b) => b.at.localeCompare(a.at)).slice(0, MOST_EVENTS);
}

// ---- Facts of the same kind from several workers --------------------------------------------------------

/** Of which the largest says more than the sum. */
const LARGEST: ReadonlySet<string> = new Set([
  'instances',
  'event_loop_lag_ms',
  'p50_ms',
  'p99_ms',
  'reply_partition',
  'lag_records',
]);
/** True as soon as one says so; what else is true or false is true when all say so. */
const ANY: ReadonlySet<string> = new Set(['draining', 'together', 'event_loop_late']);
/** By which members of lists are told apart, as far as they have them. */
const IDENTITY = [
  'name',
  'topic',
  'reply_topic',
  'cluster',
  'reply_partition',
  'plugin',
  'reason',
  'kong_plugin_id',
  'text',
];
const GOOD_STATES: ReadonlySet<unknown> = new Set(['up', 'UP', 'unused']);

/** Numbers are added, truths must hold for all, texts are the first, members of lists that are the same are one. */
export function merged(values: readonly unknown[], name = ''): unknown {
  const known = values.filter((value) => value !== undefined && value !== null);
  const [first] = known;
  if (known.length < 2) return first;
  if (typeof first === 'number')
    return mergedNumbers(
      known.filter((value) => typeof value === 'number'),
      name,
    );
  if (typeof first === 'boolean') return ANY.has(name) ? known.includes(true) : !known.includes(false);
  if (Array.isArray(first)) return mergedLists(known.filter((value) => Array.isArray(value)));
  if (typeof first === 'object') return mergedObjects(known as Record<string, unknown>[]);
  // Whoever looks wants to know of the one that is not well.
  if (name === 'state') return known.find((value) => !GOOD_STATES.has(value)) ?? first;
  return first;
}

function mergedNumbers(values: readonly number[], name: string): number {
  return LARGEST.has(name) ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
}

function mergedObjects(objects: readonly Record<string, unknown>[]): Record<string, unknown> {
  // What happened last, as a whole: its parts belong together.
  if (objects.every(({ at }) => typeof at === 'string'))
    return [...objects].sort((a, b) => String(b['at']).localeCompare(String(a['at'])))[0]!;
  const names = new Set(objects.flatMap((object) => Object.keys(object)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      merged(
        objects.map((object) => object[name]),
        name,
      ),
    ]),
  );
}

function mergedLists(lists: readonly unknown[][]): unknown[] {
  const groups = new Map<string, unknown[]>();
  for (const list of lists) {
    for (const member of list) {
      const key = identityOf(member);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [member]);
      else group.push(member);
    }
  }
  return [...groups.values()].map((group) => merged(group));
}

function identityOf(member: unknown): string {
  if (typeof member !== 'object' || member === null) return JSON.stringify(member);
  const own = member as Record<string, unknown>;
  // Why something is not ready may differ from worker to worker.
  const names = 'ready' in own ? IDENTITY.filter((name) => name !== 'reason') : IDENTITY;
  return JSON.stringify(names.map((name) => own[name]));
}
