/** How it is as a whole, in one line; and of one configuration, with what to do where it is not well. */
import { adviceFor, READER_STUCK, type Advice } from './advice';
import type { ClusterFacts, ConfigurationFacts, HintFacts, PageFacts } from './facts';

export type Mood = 'good' | 'warn' | 'bad';

export interface Health {
  readonly mood: Mood;
  readonly line: string;
  readonly detail: string;
}

export interface Problem {
  readonly mood: Mood;
  readonly advice: Advice | undefined;
  /** What the gateway or a broker said. */
  readonly said: string;
}

const STATES: Readonly<Record<string, string>> = {
  starting: 'Starting. This process does not have all of its sockets yet.',
  replaced: 'Replaced. Another process has the sockets; this one finishes what it has.',
  draining: 'Ending. Waiting requests go on, new ones are refused.',
};

/** @param isNoted there is more than configurations to look at: see notices.ts */
export function healthOf(facts: PageFacts, isNoted = false): Health {
  const { configurations, clusters, broken, plugins } = facts;
  const waiting = configurations.filter(({ ready }) => !ready).length;
  const failing = configurations.filter((one) => one.ready && problemOf(one, clusters) !== undefined).length;
  const perSecond = configurations.reduce((sum, one) => sum + one.perSecond, 0);
  const inFlight = configurations.reduce((sum, one) => sum + one.inFlight, 0);
  const detail = `${rateText(perSecond)} requests a second, ${inFlight} waiting for a reply`;
  const state = STATES[facts.state];
  if (state !== undefined) return { mood: facts.state === 'starting' ? 'warn' : 'bad', line: state, detail };
  const unserved = plugins.filter(({ failure, socketOwned }) => failure !== undefined || !socketOwned);
  if (unserved.length > 0) {
    const names = unserved.map(({ name }) => name).join(', ');
    return { mood: 'bad', line: `Not ready. Not served: ${names}.`, detail };
  }
  if (waiting + broken.length > 0) {
    const all = counted(configurations.length + broken.length);
    return { mood: 'bad', line: `${waiting + broken.length} of ${all} cannot serve requests.`, detail };
  }
  if (isOverloaded(facts)) {
    return { mood: 'bad', line: 'Overloaded. New requests are refused with 503.', detail };
  }
  if (failing > 0) {
    return { mood: 'warn', line: `Ready, but requests fail in ${counted(failing)}.`, detail };
  }
  const missing = facts.workers.filter(({ ready }) => !ready).length;
  if (missing > 0) {
    const line = `${facts.ready ? 'Ready' : 'Not ready'}. ${missing} of ${facts.workers.length} workers do not serve.`;
    return { mood: facts.ready ? 'warn' : 'bad', line, detail };
  }
  if (!facts.ready) return { mood: 'bad', line: 'Not ready.', detail };
  if (isNoted) return { mood: 'warn', line: 'Ready, with something to look at.', detail };
  if (configurations.length === 0) {
    return { mood: 'good', line: 'Ready. No request has come yet, so no configuration is known.', detail };
  }
  return { mood: 'good', line: `Ready. ${counted(configurations.length)}, all well.`, detail };
}

/**
 * Undefined where all is well, or was so for a minute.
 * @param clusters of the process: why no reply comes may be known there
 */
export function problemOf(
  configuration: ConfigurationFacts,
  clusters: readonly ClusterFacts[] = [],
): Problem | undefined {
  const { ready, reason, lastError, failedInLastMinute } = configuration;
  if (!ready) {
    const advice = adviceFor({ reason, code: 'not_ready' });
    return { mood: 'bad', advice, said: reason ?? 'still connecting' };
  }
  if (lastError === undefined || failedInLastMinute === 0) return undefined;
  const unread =
    lastError.code === 'reply_timeout' && clusters.find((cluster) => isUnread(cluster, configuration));
  if (unread) return { mood: 'bad', advice: READER_STUCK, said: unread.reader.reason ?? unread.reader.state };
  const hint = lastError.code === 'reply_timeout' ? oftenest(configuration.hints) : undefined;
  const advice = adviceFor({
    // A delivery fails for a cause behind it; the detail of other errors is not a reason of ours.
    reason: ['produce_failed', 'not_ready'].includes(lastError.code) ? lastError.detail : undefined,
    hint: hint?.reason,
    code: lastError.code,
  });
  return { mood: 'warn', advice, said: hint?.text ?? lastError.detail };
}

/** Nobody can see a reply of this cluster: it has a reader, and that is connected to no broker that has records. */
function isUnread({ name, reader }: ClusterFacts, { cluster }: ConfigurationFacts): boolean {
  if (name !== cluster || reader.state === 'unused') return false;
  return (
    reader.state !== 'up' ||
    (reader.brokers.length > 0 && reader.brokers.every(({ state }) => state !== 'UP'))
  );
}

export function isOverloaded({ events }: Pick<PageFacts, 'events'>): boolean {
  const [latest] = events.filter(({ event }) => event === 'overloaded' || event === 'overload_over');
  return latest?.event === 'overloaded';
}

function oftenest(hints: readonly HintFacts[]): HintFacts | undefined {
  return [...hints].sort((one, other) => other.timeouts - one.timeouts)[0];
}

function counted(configurations: number): string {
  return `${configurations} configuration${configurations === 1 ? '' : 's'}`;
}

export function rateText(perSecond: number): string {
  return perSecond >= 10 ? String(Math.round(perSecond)) : String(Number(perSecond.toPrecision(2)));
}
