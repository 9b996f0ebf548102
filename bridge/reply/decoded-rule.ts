/** A match rule for replies whose key or value is not JSON or text on the wire. */
import type { ReceivedRecord } from '../kafka/records';
import type { MatchRule } from './match-rule';

/** What is needed of the schemas of replies. */
export interface DecodedRecords {
  /** Equal ones read alike. */
  readonly name: string;
  /** JSON text; undefined where there is no schema, or it is not known yet. */
  jsonNow(record: ReceivedRecord, half: 'value' | 'key'): string | undefined;
  whenReadable(record: ReceivedRecord, half: 'value' | 'key'): Promise<void> | undefined;
}

/** The same rule on what is in the record; headers are never encoded. */
export function decodedRule(
  rule: MatchRule,
  match: 'header' | 'key' | 'body_field',
  records: DecodedRecords,
): MatchRule {
  if (match === 'header') return rule;
  const half = match === 'key' ? 'key' : 'value';
  return {
    ...rule,
    name: `${rule.name} decoded ${records.name}`,
    correlationIdOf: (record) => {
      const json = records.jsonNow(record, half);
      return rule.correlationIdOf(json === undefined ? record : { ...record, [half]: inside(half, json) });
    },
    whenReadable: (record) => records.whenReadable(record, half),
  };
}

/** A key that is a string is that text, without its quotes. */
function inside(half: 'value' | 'key', json: string): Buffer {
  return Buffer.from(half === 'key' && json.startsWith('"') ? String(JSON.parse(json)) : json);
}
