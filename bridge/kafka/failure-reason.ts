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
  return inOurWords(withoutFrame(event.message));
}

/**
 * For a client that has never been connected: a broker that hangs up on it gives no other sign. Later the same line
 * means nothing, brokers close idle connections.
 */
export function hangUpFromLog(event: LogEvent): string | undefined {
  if (event.fac !== 'FAIL') return undefined;
  const [, broker] = HANG_UP.exec(withoutFrame(event.message)) ?? [];
  return (
    broker &&
    `${broker}: the broker closed the connection at once: does its listener want TLS (security.ssl) or a login (authentication)?`
  );
}

/** A reset instead of an orderly end is what comes when the broker had not read everything. */
const HANG_UP = /^(.*?): (?:Disconnected|(?:Receive|Send) failed: (?:Connection reset|Broken pipe))/;

/** True for reasons that say a broker refused who we are. */
export function isLoginFailure(reason: string): boolean {
  return /SASL authentication error|mechanism handshake failed/.test(reason);
}

/** What the library says of TLS, in the names of our options and with what to look at. */
export function inOurWords(text: string): string {
  return (
    text
      // OpenSSL knows which of the three it is, but the library does not pass it on.
      .replace(
        /certificate verify failed: broker certificate could not be verified.*$/,
        "certificate verify failed: the broker's certificate is not trusted, has expired or is for another host (security.ca_certificate, security.ssl_verify)",
      )
      .replace(
        /(alert (?:bad certificate|certificate required|unknown ca|certificate expired|certificate unknown)\b.*)$/,
        '$1: the broker does not accept the client certificate, or misses one (security.certificate, security.key)',
      )
      .replaceAll('ssl.ca.pem', 'security.ca_certificate')
      .replaceAll('ssl.certificate.pem', 'security.certificate')
      .replaceAll('ssl.key.pem', 'security.key')
      .replaceAll('ssl.key.password', 'security.key_password')
  );
}

function withoutFrame(message: string): string {
  return (
    message
      // "[thrd:sasl_ssl://host:port/bootstrap]: " names a thread
      .replace(/^\[thrd:[^\]]*\]: /, '')
      // Times and repetition counts would make every line a new reason.
      .replace(/ \(after \d+ms in state \w+(?:, \d+ identical error\(s\) suppressed)?\)/, '')
      .trim()
  );
}
