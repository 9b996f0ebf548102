/** The topic of a request: the configured one, or one of an allow list that the client names. */
import { GatewayError } from '../errors';
import { firstArg, type UrlArgs } from './url-args';

export interface TopicOptions {
  readonly topic: string;
  /** Undefined: the client has no choice. */
  readonly queryArg: string | undefined;
  readonly allowed: readonly string[];
}

/** @returns the topic of a request; it throws GatewayError `request_invalid` for one that is not on the list */
export function recordTopic({ topic, queryArg, allowed }: TopicOptions): (args: UrlArgs) => string {
  if (queryArg === undefined) return () => topic;
  const topics = new Set([topic, ...allowed]);
  return (args) => {
    const chosen = firstArg(args, queryArg);
    if (chosen === undefined) return topic;
    if (topics.has(chosen)) return chosen;
    throw new GatewayError('request_invalid', `the topic in ?${queryArg} is not one of allowed_topics`);
  };
}
