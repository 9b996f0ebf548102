/** How a reply says which request it belongs to. */
import type { ReceivedRecord } from '../kafka/records';
import { correlationIdFromBytes, correlationIdOf, headerRanks, MAX_ID_BYTES } from './dialects';
import { foldedUuid } from './id-forms';

export interface MatchRule {
  /** Equal rules have equal names. */
  readonly name: string;
  /** Where it looks, for whoever wonders why nothing was found. */
  readonly place: string;
  /** Headers that it looks at; none for a rule that looks elsewhere. */
  readonly headerNames: readonly string[];
  correlationIdOf(record: ReceivedRecord): string | undefined;
  /** The id of a record that carries none of the headers, but one whose name differs from theirs in case only. */
  almostCorrelationIdOf?(record: ReceivedRecord): string | undefined;
  /** Where it takes something from elsewhere to look into a record: resolves when that is here, or is not to be had. */
  whenReadable?(record: ReceivedRecord): Promise<void> | undefined;
}

/** What a reply is matched by until a consumer has said otherwise. */
export const HEADER_RULE = headerRule('header', undefined);

const KEY_RULE: MatchRule = {
  name: 'key',
  place: 'the record key',
  headerNames: [],
  correlationIdOf: (record) => (record.key ? correlationIdFromBytes(record.key) : undefined),
};

/** The field the first Python service of this pattern answered with; it read `correlation_id` and wrote this. */
const DEFAULT_BODY_FIELD = 'correlation-id';

export function matchRule(match: 'header' | 'key' | 'body_field', matchName: string | undefined): MatchRule {
  switch (match) {
    case 'header':
      return matchName === undefined ? HEADER_RULE : headerRule(`header ${matchName}`, matchName);
    case 'key':
      return KEY_RULE;
    case 'body_field': {
      const field = matchName ?? DEFAULT_BODY_FIELD;
      return {
        name: `body_field ${field}`,
        place: `the field ${field} of a JSON value`,
        headerNames: [],
        correlationIdOf: (record) => bodyField(record, field),
      };
    }
  }
}

/** Every id the record could be asked for by this rule. */
export function everyIdOf(rule: MatchRule, record: ReceivedRecord): readonly string[] {
  const id = rule.correlationIdOf(record) ?? rule.almostCorrelationIdOf?.(record);
  return id === undefined ? [] : bothCases(id);
}

/** An id as it is, and where it is a UUID with capitals in lower case, too. */
export function bothCases(id: string): readonly string[] {
  const folded = foldedUuid(id);
  return folded === undefined ? [id] : [id, folded];
}

function headerRule(name: string, firstName: string | undefined): MatchRule {
  const ranks = headerRanks(firstName);
  const folded = new Map([...ranks].map(([header, rank]) => [header.toLowerCase(), rank]));
  const lengths = new Set([...ranks.keys()].map(({ length }) => length));
  return {
    name,
    place: 'a header',
    headerNames: [...ranks].sort(([, one], [, other]) => one - other).map(([header]) => header),
    correlationIdOf: (record) => correlationIdOf(record, ranks),
    almostCorrelationIdOf: ({ headers }) => {
      // Whatever comes on a shared topic passes here: most names have another length.
      const almost = headers.filter(([header]) => lengths.has(header.length));
      if (almost.length === 0 || almost.some(([header]) => ranks.has(header))) return undefined;
      return correlationIdOf({ headers: almost.map(([header, id]) => [header.toLowerCase(), id]) }, folded);
    },
  };
}

function bodyField(record: ReceivedRecord, field: string): string | undefined {
  if (!record.value) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(record.value.toString('utf8'));
  } catch {
    return undefined; // not a reply in this convention; others may share the topic
  }
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, field)) return undefined;
  const id = (body as Record<string, unknown>)[field];
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_BYTES ? id : undefined;
}
