/** The HTTP status a reply names. */
import { GatewayError } from '../errors';
import type { ReceivedRecord } from '../kafka/records';

/** Below are interim answers, which would leave the client waiting; above is nothing. */
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;

/** No blanks, signs, exponents or leading zeros: what is not plainly a status is none. */
const STATUS_TEXT = /^[2-5][0-9]{2}$/;

export function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= MIN_STATUS && (value as number) <= MAX_STATUS;
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
