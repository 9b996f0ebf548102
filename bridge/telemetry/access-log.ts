/**
 * A line for each request, for those who want one. Off by default; then a request pays for one look at `isOn`:
 *
 *     if (accessLog.isOn) accessLog.write({ … });
 */
import { log } from './log';

export interface AccessFacts {
  readonly plugin: string;
  readonly status: number;
  /** Where it is an error. */
  readonly code?: string | undefined;
  readonly topic?: string | undefined;
  readonly reply_topic?: string | undefined;
  readonly duration_ms?: number | undefined;
  readonly request_id?: string | undefined;
  readonly correlation_id?: string | undefined;
}

export const accessLog = {
  isOn: false,
  write: (facts: AccessFacts): void => log.info('a request was answered', { ...facts }),
};
