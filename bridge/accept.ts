/** Which form of an error a client asks for with its Accept header. */
import { listItems, nameAndValue } from './http-list';

const PROBLEM = 'application/problem+json';
/** Most specific first: the one that decides how much plain JSON is wanted. */
const JSON_RANGES = ['application/json', 'application/*', '*/*'];

/** RFC 9110 12.4.2: three decimals at most. */
const WEIGHT = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * True when RFC 9457 problem details are named and plain JSON is not preferred to them. A wildcard alone does not ask
 * for them: it is what a client sends that knows nothing of problem details.
 */
export function acceptsProblem(accept: string | undefined): boolean {
  // Most clients: not worth a parser.
  if (accept === undefined || !/problem\+json/i.test(accept)) return false;
  const weights = mediaRanges(accept);
  const problem = weights.get(PROBLEM) ?? 0;
  const plainRange = JSON_RANGES.find((range) => weights.has(range));
  const plain = plainRange === undefined ? 0 : weights.get(plainRange)!;
  return problem > 0 && problem >= plain;
}

/** Media range -> weight; a malformed weight drops its range. */
function mediaRanges(accept: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of listItems(accept, ',')) {
    const [range = '', ...parameters] = listItems(item, ';');
    const weight = parameters.map(nameAndValue).find(([name]) => name === 'q')?.[1] ?? '1';
    if (WEIGHT.test(weight)) weights.set(range.toLowerCase(), Number(weight));
  }
  return weights;
}
