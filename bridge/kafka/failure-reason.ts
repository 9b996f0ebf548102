/**
 * Why a client cannot reach its cluster, in one line.
 *
 * The library's errors only say "broker transport failure"; a refused connection, a failed login or a TLS problem is
 * told in its log alone. Brokers' answers never repeat a password, so these lines are safe to show.
 */
import type { LogEvent } from './binding';

const SYSLOG_ERROR = 3;

/** @returns the reason in a log line, or undefined when the line gives none */
export function reasonFromLog(event: LogEvent): string | undefined {
  if (event.fac !== 'FAIL' || event.severity > SYSLOG_ERROR) return undefined;
  return (
    event.message
      // "[thrd:sasl_ssl://host:port/bootstrap]: " names a thread
      .replace(/^\[thrd:[^\]]*\]: /, '')
      // Times and repetition counts would make every line a new reason.
      .replace(/ \(after \d+ms in state \w+(?:, \d+ identical error\(s\) suppressed)?\)/, '')
      .trim()
  );
}

/** True for reasons that say a broker refused who we are. */
export function isLoginFailure(reason: string): boolean {
  return /\bSASL\b/.test(reason);
}
