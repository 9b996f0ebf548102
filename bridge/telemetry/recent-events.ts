/** The last few events that somebody who opens the status page wants to know of. They are also in the log. */
import type { LogEventName } from './log-events';

export interface RecentEvent {
  readonly at: string;
  readonly event: LogEventName;
  readonly message: string;
  /** What it was about: never an id of a request. */
  readonly facts: Readonly<Record<string, string | number>>;
}

const MOST_EVENTS = 20;
const MOST_CHARACTERS = 300;

const SHOWN: ReadonlySet<LogEventName> = new Set<LogEventName>([
  'serving',
  'draining',
  'worker_lost',
  'worker_stuck',
  'worker_crash_loop',
  'worker_stable',
  'replaced',
  'sockets_taken_back',
  'sockets_not_taken_back',
  'plugin_not_served',
  'socket_not_bound',
  'log_sink_broken',
  'log_entries_lost',
  'spans_dropped',
  'overloaded',
  'overload_over',
  'configuration_broken',
  'accepted_record_lost',
  'request_unclaimed',
  'stream_not_fetched',
  'breaker_opened',
  'breaker_closed',
  'reply_hint',
  'secret_not_set',
  'kafka_client_up',
  'kafka_client_down',
  'kafka_client_replaced',
  'kafka_token_not_renewed',
  'kafka_topic_lost',
  'kafka_topic_followed',
  'kafka_topic_not_followed',
  'kafka_topic_not_allowed',
  'kafka_topic_allowed_again',
  'kafka_topic_leaderless',
  'kafka_topic_led_again',
  'record_skipped',
]);

/** Of all facts of a line these are shown, in this order. */
const SHOWN_FACTS = [
  'worker',
  'client',
  'cluster',
  'topic',
  'reply_topic',
  'plugin',
  'service',
  'option',
  'address',
  'reason',
  'why',
  'hint',
] as const;

const events: RecentEvent[] = [];

export function noteEvent(
  event: LogEventName,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  if (!SHOWN.has(event)) return;
  const facts: Record<string, string | number> = {};
  for (const name of SHOWN_FACTS) {
    const value = fields[name];
    if (typeof value === 'number') facts[name] = value;
    else if (typeof value === 'string') facts[name] = value.slice(0, MOST_CHARACTERS);
  }
  events.push({ at: new Date().toISOString(), event, message, facts });
  if (events.length > MOST_EVENTS) events.shift();
}

/** Newest first. */
export function recentEvents(): RecentEvent[] {
  return [...events].reverse();
}
