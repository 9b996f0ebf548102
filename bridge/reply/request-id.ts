/**
 * An id of ours beside one that a client chose. Nobody can use it twice, so a reply that carries it cannot end the wait
 * of another client, or a later wait, under the same chosen id. A service that copies only the chosen id is right too:
 * then there is nothing to compare.
 */
import { randomUUID } from 'node:crypto';
import type { ReceivedRecord } from '../kafka/records';
import { REQUEST_ID_HEADER } from './dialects';
import type { PendingReply } from './pending-replies';

export function newRequestId(): string {
  return randomUUID();
}

/** False for a reply that names another request than the one that waits. */
export function isReplyTo(
  { requestId }: Pick<PendingReply<unknown>, 'requestId'>,
  { headers }: Pick<ReceivedRecord, 'headers'>,
): boolean {
  // Ours alone: whoever knows it was asked.
  if (requestId === undefined) return true;
  return headers.every(
    ([name, value]) => !isRequestIdHeader(name) || value.toString('latin1').toLowerCase() === requestId,
  );
}

/** Without case, as all names where the exact one is missing: a reply that says whose it is must not pass unheard. */
function isRequestIdHeader(name: string): boolean {
  return name.length === REQUEST_ID_HEADER.length && name.toLowerCase() === REQUEST_ID_HEADER;
}
