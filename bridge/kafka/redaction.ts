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
    ...keyPieces(tls?.keyPem ?? ''),
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

/** As long as the lines of PEM text usually are. */
const PIECE_LENGTH = 64;

/**
 * A text about a key would quote a part of it, such as a line; and a key may be one line, in which the breaks have become
 * blanks, `\n` in two characters, or nothing.
 */
function keyPieces(pem: string): string[] {
  return pem
    .replaceAll(/-----(?:BEGIN|END)[A-Z0-9 ]*-----/g, ' ')
    .split(/\s|\\[nr]/)
    .flatMap((line) => line.match(new RegExp(`.{1,${PIECE_LENGTH}}`, 'g')) ?? [])
    .filter((piece) => !/[:,]/.test(piece)); // headers, such as Proc-Type: 4,ENCRYPTED
}
