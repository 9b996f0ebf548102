/** The HTTP status a reply names, and which of them Kong can send. */
import { GatewayError } from '../errors';
import type { ReceivedRecord } from '../kafka/records';

/** Below are interim answers, which would leave the client waiting; above is nothing. */
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;

/**
 * What nginx takes for an order to itself: it closes the client's connection without an answer, whatever the body. Every
 * status from 200 to 599 was tried, with and without a body; all others arrive as they are, 494 to 498 among them.
 */
const CUTS_THE_CONNECTION: ReadonlyMap<number, string> = new Map([
  [408, 'that the client was too slow with its request'],
  [444, 'that the connection is to be closed without an answer'],
  [499, 'that the client has left'],
]);

/** No blanks, signs, exponents or leading zeros: what is not plainly a status is none. */
const STATUS_TEXT = /^[2-5][0-9]{2}$/;

/** See CUTS_THE_CONNECTION. */
export const UNSENDABLE_STATUSES: readonly number[] = [...CUTS_THE_CONNECTION.keys()];

export function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= MIN_STATUS && (value as number) <= MAX_STATUS;
}

/** @throws GatewayError `reply_invalid` for a status that would reach nobody, wherever it comes from */
export function sendable(status: number): number {
  const meaning = CUTS_THE_CONNECTION.get(status);
  if (meaning === undefined) return status;
  throw new GatewayError(
    'reply_invalid',
    `the answer would have status ${status}, which says ${meaning} to nginx, and is never sent to a client`,
  );
}

export function statusFromText(text: string): number | undefined {
  return STATUS_TEXT.test(text) ? Number(text) : undefined;
}

/**
 * @param names looked at in this order; the first with a status wins
 * @returns a reader that throws GatewayError `reply_invalid` when such headers are there but none has a status
 */
export function statusReader(names: readonly string[]): (reply: ReceivedRecord) => number | undefined {
  const ranks = new Map(names.map((name, rank) => [name, rank]));
  return (reply) => {
    let best: number | undefined;
    let bestRank = Infinity;
    let unusable: string | undefined;
    for (const [name, value] of reply.headers) {
      const rank = ranks.get(name);
      if (rank === undefined) continue;
      const status = statusFromText(value.toString('latin1'));
      if (status === undefined) unusable ??= name;
      else if (rank < bestRank) {
        best = status;
        bestRank = rank;
      }
    }
    if (best === undefined && unusable !== undefined) {
      throw new GatewayError(
        'reply_invalid',
        `the reply's header "${unusable}" is not a status from ${MIN_STATUS} to ${MAX_STATUS}`,
      );
    }
    return best;
  };
}
