/**
 * Takes the secrets of a connection out of texts that others wrote: the client library's log, brokers' answers.
 *
 * No line with a secret in it has been seen; this is for the one nobody has seen yet.
 */
import type { ConnectionOptions } from './connection';

/** Shorter ones would blot out half of every line, and nobody could tell them from ordinary words. */
const SHORTEST_SECRET = 4;

/**
 * @param later further secrets, asked for each time: tokens come and go
 * @returns a function that puts *** in the place of every secret
 */
export function redactor(
  { sasl, tls }: ConnectionOptions,
  later: () => readonly (string | undefined)[] = () => [],
): (text: string) => string {
  const known = [
    sasl && ('password' in sasl ? sasl.password : sasl.oauth.clientSecret),
    tls?.keyPassword,
    // The lines of a key one by one: a text about a key would quote a part of it.
    ...(tls?.keyPem?.split('\n').filter((line) => !line.startsWith('-----')) ?? []),
  ];
  return (text) => {
    let clean = text;
    for (const secret of [...known, ...later()]) {
      if (secret !== undefined && secret.trim().length >= SHORTEST_SECRET)
        clean = clean.replaceAll(secret.trim(), '***');
    }
    return clean;
  };
}
