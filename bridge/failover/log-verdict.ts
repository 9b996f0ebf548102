/** What Kong's log entry says of a request that went to its upstream. */
import { isObject, objectIn, readEntry, type JsonObject } from '../log-entry/entry';

/** Under this name the access phase leaves the id in the entry: Kong before 3.5 has none of its own there. */
export const ENTRY_MEMBER = 'kafka_failover';

export interface LogVerdict {
  readonly id: string;
  /** What the client got. */
  readonly status: number;
  /** The answer is the upstream's own: it is a failure of nobody's. */
  readonly isOfUpstream: boolean;
  /** As nginx writes them. */
  readonly upstreamAddresses: string | undefined;
  readonly mayBeDelivered: boolean;
}

/** @returns undefined for an entry that is not about a request of ours */
export function readVerdict(bytes: Buffer): LogVerdict | undefined {
  const entry = readEntry(bytes);
  const id = entry && objectIn(entry, ENTRY_MEMBER)?.id;
  const status = entry && objectIn(entry, 'response')?.status;
  if (entry === undefined || typeof id !== 'string' || typeof status !== 'number') return undefined;
  const tries = triesOf(entry);
  return {
    id,
    status,
    // Kong before 3.6 does not say whose the answer is.
    isOfUpstream: entry.source === 'upstream',
    upstreamAddresses: tries.map(addressOf).filter(Boolean).join(', ') || undefined,
    // The entry tells of tries, and not how far they came.
    mayBeDelivered: tries.length > 0,
  };
}

/** An empty list is an object in the JSON of Lua. */
function triesOf({ tries }: JsonObject): JsonObject[] {
  return Array.isArray(tries) ? tries.filter(isObject) : [];
}

/** Empty for what is none. */
function addressOf({ ip, port }: JsonObject): string {
  if (typeof ip !== 'string' || typeof port !== 'number') return '';
  return ip.includes(':') && !ip.startsWith('[') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
