/**
 * Why a record of a reply topic is no reply to anything, for the developer of a service that answers almost right.
 * Names and lengths only: what stands in headers, keys and values is nobody's business, and the names are hostile, too.
 */
import type { ReceivedRecord } from '../kafka/records';
import { isUuid } from './id-forms';
import type { MatchRule } from './match-rule';

export type HintReason =
  | 'no_known_header'
  | 'type_headers_only'
  | 'ambiguous_id'
  | 'unknown_id_form'
  | 'looks_like_request'
  | 'other_topic';

export interface Diagnosis {
  readonly reason: HintReason;
  /** In one sentence what came and what was expected. Only asked for now and then. */
  readonly describe: () => string;
}

const OUR_IDS = 'expected a UUID of 36 characters, as it was sent';
/** How Jackson and Spring say which class a value is. */
const TYPE_HEADER = /^(__|spring_json)/i;

const MOST_NAMES = 8;
const MOST_CHARACTERS = 48;

/**
 * @param ids that the rules found and nobody waits for
 * @returns undefined for what is normal on a shared topic: an id of another gateway
 */
export function diagnose(
  record: ReceivedRecord,
  ids: readonly string[],
  rules: readonly MatchRule[],
  idsAreOurs: boolean,
): Diagnosis | undefined {
  if (ids.length > 0) {
    if (!idsAreOurs || ids.some(isUuid)) return undefined;
    return {
      reason: 'unknown_id_form',
      describe: () => `the id in ${carrierOf(record, rules)} has ${ids[0]?.length} characters; ${OUR_IDS}`,
    };
  }
  const wanted = new Set(rules.flatMap(({ headerNames }) => headerNames.map((name) => name.toLowerCase())));
  const carriers = record.headers.filter(([name]) => wanted.has(name.toLowerCase()));
  if (carriers.length > 1) {
    return {
      reason: 'ambiguous_id',
      describe: () =>
        `the headers ${namesOf(carriers)} say more than one id, or none; expected the same id in each`,
    };
  }
  const [carrier] = carriers;
  if (carrier) {
    const [name, value] = carrier;
    return {
      reason: 'unknown_id_form',
      describe: () => `the id in header ${printable(name)} has ${value.length} bytes; ${OUR_IDS}`,
    };
  }
  const onlyTypes = record.headers.length > 0 && record.headers.every(([name]) => TYPE_HEADER.test(name));
  return {
    reason: onlyTypes ? 'type_headers_only' : 'no_known_header',
    describe: () => `${seen(record)}; expected ${expected(rules)}`,
  };
}

/** On a topic that requests share, where naming a reply topic is what tells them from replies. */
export const LOOKS_LIKE_REQUEST: Diagnosis = {
  reason: 'looks_like_request',
  describe: () =>
    'a reply names a reply topic, as only requests do on a topic that both share; expected a reply without that header',
};

export function onOtherTopic(cameOn: string, expectedOn: string): Diagnosis {
  return {
    reason: 'other_topic',
    describe: () => `the reply to a request came on topic ${cameOn}; expected on ${expectedOn}`,
  };
}

function seen({ headers, key, value }: ReceivedRecord): string {
  const names = headers.length === 0 ? 'no headers' : `the headers ${namesOf(headers)}`;
  return `a record came with ${names}, ${lengthOf(key, 'key')} and ${lengthOf(value, 'value')}`;
}

function expected(rules: readonly MatchRule[]): string {
  const names = [...new Set(rules.flatMap(({ headerNames }) => headerNames))];
  const elsewhere = rules.filter(({ headerNames }) => headerNames.length === 0).map(({ place }) => place);
  const headers = names.length === 0 ? [] : [`one of the headers ${names.map(printable).join(', ')}`];
  return `the id in ${[...headers, ...elsewhere].slice(0, MOST_NAMES).join(', or in ')}`;
}

function carrierOf(record: ReceivedRecord, rules: readonly MatchRule[]): string {
  const rule = rules.find(
    (one) => (one.correlationIdOf(record) ?? one.almostCorrelationIdOf?.(record)) !== undefined,
  );
  const wanted = new Set(rule?.headerNames.map((name) => name.toLowerCase()));
  const names = record.headers.filter(([name]) => wanted.has(name.toLowerCase()));
  return names.length === 0 ? (rule?.place ?? 'the record') : `header ${namesOf(names)}`;
}

function lengthOf(bytes: Buffer | null, what: string): string {
  return bytes === null ? `no ${what}` : `a ${what} of ${bytes.length} bytes`;
}

/** What may have been meant comes first. */
function namesOf(headers: ReceivedRecord['headers']): string {
  const names = [...new Set(headers.slice(0, 1000).map(([name]) => name))];
  const likely = (name: string) => (/corr|reply|request|id/i.test(name) ? 0 : 1);
  const shown = names.sort((one, other) => likely(one) - likely(other)).slice(0, MOST_NAMES);
  const more = names.length - shown.length;
  return shown.map(printable).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function printable(name: string): string {
  const cut = name.length > MOST_CHARACTERS ? `${name.slice(0, MOST_CHARACTERS)}…` : name;
  return cut.replace(
    /[^\x21-\x7e…]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
