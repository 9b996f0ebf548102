/**
 * From Kong's log entry to a record, by rules that are compiled when the configuration comes.
 *
 * Where no option looks into the entry, its bytes are the value, untouched. Else it is parsed once, in this order: what
 * is kept at all; secrets; entities; the format; parts; own fields; the size.
 */
import { isUtf8 } from 'node:buffer';
import type { OutgoingRecord } from '../kafka/records';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';
import { atPointer, parseJsonPointer } from '../request/json-pointer';
import { customFields, type CustomFields } from './custom-fields';
import { cutToSize } from './cut';
import { toEcs } from './ecs';
import { keepIdsOnly } from './entities';
import { readEntry, type Json, type JsonObject } from './entry';
import { redaction } from './redaction';
import { hasStatus, isSampled, statusRange } from './sampling';
import { including, removeAt } from './selection';
import { template, textOf } from './template';

export const LOG_FORMATS = ['kong', 'ecs'] as const;
export const ENTITY_FORMS = ['ids', 'full'] as const;

export interface ShapeOptions {
  readonly topic: string;
  /** See template.ts. What it becomes must be one of `allowedTopics`, else the record goes to `topic`. */
  readonly topicTemplate?: string | undefined;
  readonly allowedTopics: readonly string[];
  readonly keyQueryArg?: string | undefined;
  readonly keyPointer?: string | undefined;
  readonly format: (typeof LOG_FORMATS)[number];
  readonly entities: (typeof ENTITY_FORMS)[number];
  readonly customFields: Readonly<Record<string, string>>;
  /** Empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly redact: readonly string[];
  /** 0 to 1. */
  readonly sampleRate: number;
  /** Empty: every status. */
  readonly onlyStatus: readonly string[];
  readonly maxRecordBytes: number;
}

/** Why an entry becomes no record. */
export type LeftOut = 'not_wanted' | 'unreadable' | 'too_large';

export interface RecordShape {
  /** @param bytes JSON of one entry */
  readonly ofBytes: (bytes: Buffer) => OutgoingRecord | LeftOut;
  /** @param entry of its own: it is changed */
  readonly ofEntry: (entry: JsonObject) => OutgoingRecord | LeftOut;
}

export function recordShape(options: ShapeOptions): RecordShape {
  const { maxRecordBytes, sampleRate } = options;
  const statuses = options.onlyStatus.map(statusRange);
  const redact = options.redact.length > 0 ? redaction(options.redact) : undefined;
  const topicOf = topicRule(options);
  const keyOf = keyRule(options);
  const fields = customFields(options.customFields);
  const print = printer(options, fields);

  function ofEntry(entry: JsonObject): OutgoingRecord | LeftOut {
    if (statuses.length > 0 && !hasStatus(entry, statuses)) return 'not_wanted';
    if (sampleRate < 1 && !isSampled(entry, sampleRate)) return 'not_wanted';
    redact?.(entry);
    const [topic, key] = [topicOf(entry), keyOf(entry)];
    const values = fields.valuesFrom(entry);
    if (options.entities === 'ids') keepIdsOnly(entry);
    const whole = print(entry, values, false);
    const value =
      whole.length <= maxRecordBytes
        ? whole
        : cutToSize(entry, maxRecordBytes, (shorter) => print(shorter, values, true));
    return value === undefined ? 'too_large' : { topic, key, value, headers: NO_HEADERS };
  }

  function ofBytes(bytes: Buffer): OutgoingRecord | LeftOut {
    if (isUntouched(options) && bytes.length <= maxRecordBytes && isUtf8(bytes)) {
      return { topic: options.topic, value: bytes, headers: NO_HEADERS };
    }
    const entry = readEntry(bytes);
    if (entry === undefined || isDeeperThan(bytes, MAX_JSON_DEPTH)) return 'unreadable';
    return ofEntry(entry);
  }

  return { ofBytes, ofEntry };
}

const NO_HEADERS: OutgoingRecord['headers'] = [];

function isUntouched(options: ShapeOptions): boolean {
  return (
    options.format === 'kong' &&
    options.entities === 'full' &&
    options.sampleRate >= 1 &&
    [options.topicTemplate, options.keyQueryArg, options.keyPointer].every(
      (option) => option === undefined,
    ) &&
    [options.include, options.exclude, options.redact, options.onlyStatus].every(
      (list) => list.length === 0,
    ) &&
    Object.keys(options.customFields).length === 0
  );
}

/** What an entry becomes under these options. It may be printed again after something was cut. */
function printer({ format, include, exclude }: ShapeOptions, fields: CustomFields) {
  const included = include.map(tokensOf);
  const excluded = exclude.map(tokensOf);
  return (entry: JsonObject, values: readonly (Json | undefined)[], isCut: boolean): Buffer => {
    let record = format === 'ecs' ? toEcs(entry) : entry;
    if (included.length > 0) record = including(record, included);
    for (const tokens of excluded) removeAt(record, tokens);
    fields.writeTo(record, values);
    if (isCut) record.truncated = true;
    return Buffer.from(JSON.stringify(record));
  };
}

function tokensOf(pointer: string): readonly string[] {
  return parseJsonPointer(pointer) ?? [];
}

function topicRule({ topic, topicTemplate, allowedTopics }: ShapeOptions): (entry: JsonObject) => string {
  if (topicTemplate === undefined) return () => topic;
  const valueOf = template(topicTemplate);
  const allowed = new Set(allowedTopics);
  return (entry) => {
    const wanted = textOf(valueOf(entry));
    return allowed.has(wanted) ? wanted : topic;
  };
}

function keyRule({ keyQueryArg, keyPointer }: ShapeOptions): (entry: JsonObject) => string | null {
  const tokens =
    keyQueryArg !== undefined
      ? ['request', 'querystring', keyQueryArg]
      : keyPointer !== undefined
        ? tokensOf(keyPointer)
        : undefined;
  if (tokens === undefined) return () => null;
  return (entry) => keyText(atPointer(entry, tokens) as Json | undefined);
}

/** Of several arguments of a name the first. What is missing or empty is no key: it would gather on one partition. */
function keyText(value: Json | undefined): string | null {
  const first = Array.isArray(value) ? value[0] : value;
  if (typeof first === 'number') return String(first);
  return typeof first === 'string' && first !== '' ? first : null;
}
