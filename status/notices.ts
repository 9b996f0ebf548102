/** What is not well and concerns no single configuration, with what to do. What lies back an hour is not told any more. */
import type { Advice } from './advice';
import type { OccurrenceFacts, PageFacts } from './facts';
import type { Problem } from './health';

export interface Notice extends Problem {
  /** Undefined: it is so now. */
  readonly happened?: OccurrenceFacts;
}

const LATELY_MS = 3_600_000;
const MOST_NAMES = 10;

const BREAKER_OPEN: Advice = {
  cause: 'breaker open',
  what: 'A service fails. Its requests are kept in Kafka without trying it, and their clients get the 202 of failover.',
  todo: 'Look at the service, from the machine of the plugin server too. It is tried again by itself; what was kept waits for kong-kafka-replay.',
  section: 'a-breaker-is-open',
};
const WORKERS_MISSING: Advice = {
  cause: 'workers missing',
  what: 'Workers do not serve; the others have their requests.',
  todo: 'They are started again by themselves. If this stays: worker_lost in the log says how they end. SIGKILL may be the kernel, for want of memory.',
  section: 'workers-do-not-serve',
};
const DROPPED_EARLY: Advice = {
  cause: 'replies dropped early',
  what: 'Kept replies had to make room before their time. Who asks for one of them gets 410.',
  todo: 'Raise keep_replies.count and keep_replies.bytes, or give routes that answer late a reply topic of their own.',
  section: 'result_gone-410',
};
const STREAMS_FAILED: Advice = {
  cause: 'streams failed',
  what: 'Streams ended with an error as their last event.',
  todo: 'The code of the error is the last one of the configuration, below, and says what to do.',
  section: 'a-stream-never-begins-or-ends-with-an-error',
};
const STREAMS_GONE: Advice = {
  cause: 'streams gone',
  what: 'Clients came back to streams of which nothing is kept here, and got 410.',
  todo: 'After a restart of the plugin server that is normal. Otherwise lead each client back to the same gateway, or raise stream.resume_ms.',
  section: 'stream_gone-410',
};
const STREAMS_EXPIRED: Advice = {
  cause: 'streams not fetched',
  what: 'Kong was sent to the port for streams, and did not come within ten seconds.',
  todo: 'The address of --http-listen, or that of --http-advertise, must be one that Kong reaches. A client that leaves at once looks the same.',
  section: 'a-stream-never-begins-or-ends-with-an-error',
};

/** For the test that each leads somewhere. */
export const NOTICES: readonly Advice[] = [
  BREAKER_OPEN,
  WORKERS_MISSING,
  DROPPED_EARLY,
  STREAMS_EXPIRED,
  STREAMS_FAILED,
  STREAMS_GONE,
];

export function noticesOf(facts: PageFacts, now: Date): Notice[] {
  const { workers, droppedEarly, streams } = facts;
  // Several configurations may leave one service alone.
  const openBreakers = [...new Set(facts.openBreakers)];
  const notices: Notice[] = [];
  if (openBreakers.length > 0)
    notices.push({ mood: 'bad', advice: BREAKER_OPEN, said: `Services: ${someOf(openBreakers)}` });
  const missing = facts.state === 'serving' ? workers.filter(({ ready }) => !ready) : [];
  if (missing.length > 0) {
    const states = missing.map(
      ({ number, state }) => `${number} (${state === 'serving' ? 'not ready' : state})`,
    );
    const isLoop = missing.some(({ state }) => state === 'crash loop');
    notices.push({
      mood: isLoop ? 'bad' : 'warn',
      advice: WORKERS_MISSING,
      said: `Workers: ${someOf(states)}`,
    });
  }
  const happened = (advice: Advice, what: string, occurrence: OccurrenceFacts | undefined): void => {
    if (occurrence !== undefined && now.getTime() - Date.parse(occurrence.at) < LATELY_MS)
      notices.push({ mood: 'warn', advice, said: what, happened: occurrence });
  };
  for (const [topic, dropped] of [...droppedEarly].slice(0, MOST_NAMES))
    happened(DROPPED_EARLY, `Reply topic ${topic}`, dropped);
  happened(STREAMS_EXPIRED, 'Streams without a client', streams.expired);
  happened(STREAMS_FAILED, 'Streams that failed', streams.failed);
  happened(STREAMS_GONE, 'Streams that were asked for', streams.gone);
  return notices;
}

function someOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
