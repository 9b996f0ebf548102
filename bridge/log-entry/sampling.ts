/** Which entries are kept at all: decided by what they are, so that every gateway decides alike. */
import { fnv1a } from '../fnv1a';
import { atPointer } from '../request/json-pointer';
import { isObject, type JsonObject } from './entry';

/** A trace is in or out as a whole; without one, a request is. */
export function isSampled(entry: JsonObject, rate: number): boolean {
  const id = sampledBy(entry);
  const share = id === undefined ? Math.random() : fnv1a(id) / 2 ** 32;
  return share < rate;
}

/** Kong has an id for each format of trace headers; it is the same trace. */
function sampledBy(entry: JsonObject): string | undefined {
  const trace = Object.hasOwn(entry, 'trace_id') ? entry.trace_id : undefined;
  const ids = isObject(trace) ? Object.values(trace) : [trace];
  const id = [...ids, atPointer(entry, ['request', 'id'])].find((value) => typeof value === 'string');
  return typeof id === 'string' ? id : undefined;
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** @param text `404` or `500-599` */
export function statusRange(text: string): StatusRange {
  const [from, to = from] = text.split('-').map(Number);
  return { from: from as number, to: to as number };
}

export function hasStatus(entry: JsonObject, ranges: readonly StatusRange[]): boolean {
  const status = atPointer(entry, ['response', 'status']);
  return typeof status === 'number' && ranges.some(({ from, to }) => status >= from && status <= to);
}
