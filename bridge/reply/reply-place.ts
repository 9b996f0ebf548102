/** Where a service has put a reply among the others to its request: a number in a record header. */
import type { ReceivedRecord } from '../kafka/records';

/** Nine digits: what a responder says is no reason to count to the end of time. */
const PLACE = /^\d{1,9}$/;

/** @returns undefined where nothing that could be a place is in that header */
export function placeIn({ headers }: Pick<ReceivedRecord, 'headers'>, header: string): number | undefined {
  const text = headers.find(([name]) => name === header)?.[1].toString('latin1') ?? '';
  return PLACE.test(text) ? Number(text) : undefined;
}
