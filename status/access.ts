/** Who may see the pages. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface AccessOptions {
  /** The address that is listened on; as a name, it is one that may be asked for. */
  readonly host: string;
  /** Further names under which the page may be asked for. */
  readonly allowedHosts: readonly string[];
  /** Undefined: nobody has to show one. */
  readonly token: string | undefined;
}

/**
 * A page of somebody else in the browser of an admin can make its own name lead here, and would then read what we answer
 * ("DNS rebinding"). The browser still says that name, so only ours are served. An address is nobody's name: probes that
 * ask by address go on working.
 *
 * @param hostHeader undefined: from a client that is no browser
 */
export function mayAskAs(hostHeader: string | undefined, { host, allowedHosts }: AccessOptions): boolean {
  if (hostHeader === undefined) return true;
  const name = nameIn(hostHeader);
  return (
    isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase() || allowedHosts.includes(name)
  );
}

/** Without its port, and without the brackets of an IPv6 address. */
function nameIn(hostHeader: string): string {
  const [, address, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(hostHeader.trim()) ?? [];
  return (address ?? name).toLowerCase().replace(/\.$/, '');
}

/** `Bearer <token>`, or `Basic` with the token as password and any user: browsers ask for that by themselves. */
export function showsToken(authorization: string | undefined, { token }: AccessOptions): boolean {
  if (token === undefined) return true;
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return isSame(credentials, token);
  if (scheme.toLowerCase() !== 'basic') return false;
  const pair = Buffer.from(credentials, 'base64').toString();
  return isSame(pair.slice(pair.indexOf(':') + 1), token);
}

/** In a time that tells nothing of how much is right, nor of the length. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
