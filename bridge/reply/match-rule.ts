/** How a reply says which request it belongs to. */
import type { ReceivedRecord } from '../kafka/records';
import { correlationIdFromBytes, correlationIdOf, MAX_ID_BYTES } from './dialects';

export interface MatchRule {
  /** Equal rules have equal names. */
  readonly name: string;
  correlationIdOf(record: ReceivedRecord): string | undefined;
}

/** What a reply is matched by until a consumer has said otherwise. */
export const HEADER_RULE: MatchRule = {
  name: 'header',
  correlationIdOf: (record) => correlationIdOf(record),
};

const KEY_RULE: MatchRule = {
  name: 'key',
  correlationIdOf: (record) => (record.key ? correlationIdFromBytes(record.key) : undefined),
};

/** The field the first Python service of this pattern answered with; it read `correlation_id` and wrote this. */
const DEFAULT_BODY_FIELD = 'correlation-id';

export function matchRule(match: 'header' | 'key' | 'body_field', matchName: string | undefined): MatchRule {
  switch (match) {
    case 'header':
      return matchName === undefined
        ? HEADER_RULE
        : { name: `header ${matchName}`, correlationIdOf: (record) => correlationIdOf(record, matchName) };
    case 'key':
      return KEY_RULE;
    case 'body_field': {
      const field = matchName ?? DEFAULT_BODY_FIELD;
      return { name: `body_field ${field}`, correlationIdOf: (record) => bodyField(record, field) };
    }
  }
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
