/**
 * Plugin configurations against a Kong schema: defaults filled in, everything else checked, in Kong's words.
 * Usable on its own: it knows nothing of requests.
 */
import { luaPattern } from './lua-pattern';

export type JsonTable = { [key: string]: unknown };

/** A field definition as it stands in a dump. `checkDump` has seen to its form. */
export interface FieldSchema extends JsonTable {
  readonly type: string;
  readonly required?: boolean;
  readonly fields?: readonly FieldEntry[];
  readonly elements?: FieldSchema;
  readonly keys?: FieldSchema;
  readonly values?: FieldSchema;
  readonly entity_checks?: readonly JsonTable[];
}

/** One member: the field's name. */
export type FieldEntry = { readonly [name: string]: FieldSchema };

export interface PluginSchema {
  readonly name: string;
  readonly fields: readonly FieldEntry[];
  readonly entity_checks?: readonly JsonTable[];
}

export interface ProcessedConfig {
  /** Complete with defaults and without nulls: what goes to the plugin. Only of use when there are no errors. */
  readonly config: JsonTable;
  /** Sentences such as `config.topic: required field missing`. */
  readonly errors: readonly string[];
}

/** The `config` of a plugin entry of kong.yml, checked and completed. */
export function processConfig(schema: PluginSchema, config: unknown): ProcessedConfig {
  const { entity, errors } = processEntity(schema, { config: config ?? undefined });
  return { config: isObject(entity.config) ? withoutNulls(entity.config) : {}, errors };
}

/** A whole plugin entry: `config`, and whatever of `consumer`, `route`, `service`, `protocols` the schema rules. */
export function processEntity(
  schema: PluginSchema,
  entry: JsonTable,
): { entity: JsonTable; errors: readonly string[] } {
  const fields = withConfigRequired(schema.fields);
  const known = new Set(fields.map((field) => entryOf(field)[0]));
  const ruled = Object.fromEntries(Object.entries(entry).filter(([key]) => known.has(key)));
  const record: FieldSchema = {
    type: 'record',
    fields,
    ...(schema.entity_checks && { entity_checks: schema.entity_checks }),
  };
  const entity = fill(record, ruled) as JsonTable;
  const errors = new Errors();
  checkField(record, entity, '', errors);
  return { entity, errors: errors.sentences() };
}

/** A plugin without options still has a configuration: its defaults. */
function withConfigRequired(fields: readonly FieldEntry[]): readonly FieldEntry[] {
  return fields.map((field) => {
    const [name, definition] = entryOf(field);
    return name === 'config' ? { config: { ...definition, required: true } } : field;
  });
}

export function entryOf(field: FieldEntry): [name: string, definition: FieldSchema] {
  return Object.entries(field)[0] ?? ['', { type: 'any' }];
}

export function isObject(value: unknown): value is JsonTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Kong's own texts for what a value should have been. */
const TYPE_ERRORS: Record<string, string> = {
  array: 'expected an array',
  set: 'expected a set',
  map: 'expected a map',
  record: 'expected a record',
  string: 'expected a string',
  number: 'expected a number',
  boolean: 'expected a boolean',
  integer: 'expected an integer',
  function: 'expected a function',
};

class Errors {
  readonly #byPath = new Map<string, string>();
  readonly #ofRecords: { path: string; message: string }[] = [];

  set(path: string, message: string): void {
    this.#byPath.set(path, message);
  }

  addOfRecord(path: string, message: string): void {
    this.#ofRecords.push({ path, message });
  }

  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  get size(): number {
    return this.#byPath.size + this.#ofRecords.length;
  }

  sentences(): string[] {
    return [...this.#ofRecords.map(({ path, message }) => ({ path, message })), ...this.#pathErrors()].map(
      ({ path, message }) => (path === '' ? message : `${path}: ${message}`),
    );
  }

  #pathErrors(): { path: string; message: string }[] {
    return [...this.#byPath].map(([path, message]) => ({ path, message }));
  }
}

/** Fills in defaults. What is missing without one becomes null, except records: they are always there. */
function fill(field: FieldSchema, value: unknown): unknown {
  if (value === undefined) return fillMissing(field);
  if (value === null) return null;
  if (field.type === 'record' && isObject(value)) return fillRecord(field, value);
  // An empty Lua table is list and record alike.
  if (field.type === 'record' && Array.isArray(value) && value.length === 0) return fillRecord(field, {});
  if (field.type === 'map' && isObject(value) && field.values) {
    const values = field.values;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(values, item)]));
  }
  if ((field.type === 'array' || field.type === 'set') && isEmptyObject(value)) return [];
  if ((field.type === 'array' || field.type === 'set') && Array.isArray(value) && field.elements) {
    const elements = field.elements;
    const items = field.type === 'set' ? [...new Set<unknown>(value)] : value;
    return items.map((item) => fill(elements, item));
  }
  return value;
}

/** An empty Lua table is list and map alike, so a YAML `{}` passes as an empty list. */
function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function fillMissing(field: FieldSchema): unknown {
  if (field.default !== undefined && field.default !== null)
    return fill(field, structuredClone(field.default));
  if (field.type === 'record' && field.required !== false) return fillRecord(field, {});
  return null;
}

function fillRecord(field: FieldSchema, value: JsonTable): JsonTable {
  const filled: JsonTable = { ...value };
  for (const entry of field.fields ?? []) {
    const [name, definition] = entryOf(entry);
    // What is false in Lua is not there where Kong asks for a record.
    const given = definition.type === 'record' && value[name] === false ? undefined : value[name];
    filled[name] = fill(definition, given);
  }
  return filled;
}

function checkField(field: FieldSchema, value: unknown, path: string, errors: Errors): void {
  const problem = value === null || value === undefined ? nullProblem(field) : valueProblem(field, value);
  if (problem !== undefined) {
    errors.set(path, problem);
    return;
  }
  if (value === null || value === undefined || isVaultReference(field, value)) return;
  const before = errors.size;
  checkInside(field, value, path, errors);
  if (errors.size > before) return;
  for (const validator of VALIDATORS_IN_ORDER) {
    const rule = field[validator.name];
    if (rule === undefined || rule === null) continue;
    const message = validator.check(value, rule);
    if (message !== undefined) {
      errors.set(path, typeof field.err === 'string' ? field.err : message);
      return;
    }
  }
  if (field.type === 'string' && field.len_min === undefined && value === '')
    // Kong takes no empty text unless the schema says so.
    errors.set(path, typeof field.err === 'string' ? field.err : 'length must be at least 1');
}

function nullProblem(field: FieldSchema): string | undefined {
  if ('eq' in field && field.eq !== null) return `value must be ${list([field.eq])}`;
  if ('ne' in field && field.ne === null) return 'value must not be null';
  return field.required === true ? 'required field missing' : undefined;
}

function valueProblem(field: FieldSchema, value: unknown): string | undefined {
  if ('eq' in field && field.eq === null) return 'value must be null';
  if (hasType(field.type, value)) return undefined;
  return TYPE_ERRORS[field.type] ?? `invalid type: ${field.type}`;
}

function hasType(type: string, value: unknown): boolean {
  switch (type) {
    case 'array':
    case 'set':
      return Array.isArray(value);
    case 'map':
    case 'record':
      return typeof value === 'object' && value !== null;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'any':
    case 'foreign':
    case 'json':
      return true;
    default:
      return false;
  }
}

export function isVaultReference(field: FieldSchema, value: unknown): value is string {
  return field.referenceable === true && typeof value === 'string' && /^\{vault:\/\/.+\}$/.test(value);
}

function checkInside(field: FieldSchema, value: unknown, path: string, errors: Errors): void {
  if (field.type === 'record') checkRecord(field, value as JsonTable, path, errors);
  if (field.type === 'map') checkMap(field, value as JsonTable, path, errors);
  if ((field.type === 'array' || field.type === 'set') && Array.isArray(value) && field.elements) {
    const elements: FieldSchema = { ...field.elements, required: true };
    // Numbered from 1, as in Lua.
    value.forEach((item, index) => checkField(elements, item, `${path}[${index + 1}]`, errors));
  }
}

function checkMap(field: FieldSchema, value: JsonTable, path: string, errors: Errors): void {
  for (const [key, item] of Object.entries(value)) {
    const at = join(path, key);
    if (field.keys) checkField({ ...field.keys, required: true }, key, at, errors);
    if (field.values && !errors.has(at)) checkField({ ...field.values, required: true }, item, at, errors);
  }
}

function checkRecord(field: FieldSchema, value: JsonTable, path: string, errors: Errors): void {
  const definitions = new Map((field.fields ?? []).map(entryOf));
  for (const key of Object.keys(value)) {
    if (!definitions.has(key)) errors.set(join(path, key), 'unknown field');
  }
  for (const [name, definition] of definitions) checkField(definition, value[name], join(path, name), errors);
  for (const check of field.entity_checks ?? []) runEntityCheck(field, check, value, path, errors);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

interface Validator {
  readonly name: string;
  /** The complaint, or nothing. */
  check(value: unknown, rule: unknown): string | undefined;
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return Array.isArray(value) ? value.length : Object.keys(value as object).length;
}

function matches(value: unknown, pattern: unknown): boolean {
  return luaPattern(String(pattern)).test(String(value));
}

function list(words: unknown): string {
  return (words as unknown[]).map(String).join(', ');
}

/** In the order in which Kong asks them; the first complaint is the one the admin sees. */
const VALIDATORS_IN_ORDER: readonly Validator[] = [
  { name: 'eq', check: (value, rule) => (value === rule ? undefined : `value must be ${String(rule)}`) },
  { name: 'ne', check: (value, rule) => (value !== rule ? undefined : `value must not be ${String(value)}`) },
  {
    name: 'not_one_of',
    check: (value, rule) =>
      (rule as unknown[]).includes(value) ? `must not be one of: ${list(rule)}` : undefined,
  },
  {
    name: 'one_of',
    check: (value, rule) =>
      (rule as unknown[]).includes(value) ? undefined : `expected one of: ${list(rule)}`,
  },
  {
    name: 'gt',
    check: (value, rule) =>
      (value as number) > (rule as number) ? undefined : `value must be greater than ${String(rule)}`,
  },
  {
    name: 'timestamp',
    check: (value) => ((value as number) > 0 ? undefined : 'expected a valid timestamp'),
  },
  {
    name: 'uuid',
    check: (value) =>
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(value))
        ? undefined
        : 'expected a valid UUID',
  },
  {
    name: 'is_regex',
    check: (value) => (isRegex(String(value)) ? undefined : `not a valid regex: ${String(value)}`),
  },
  {
    name: 'between',
    check: (value, rule) => {
      const [low, high] = rule as [number, number];
      const number = value as number;
      if (number >= low && number <= high) return undefined;
      return `value should be between ${Math.trunc(low)} and ${Math.trunc(high)}`;
    },
  },
  {
    name: 'len_eq',
    check: (value, rule) => (lengthOf(value) === rule ? undefined : `length must be ${String(rule)}`),
  },
  {
    name: 'len_min',
    check: (value, rule) =>
      lengthOf(value) >= (rule as number) ? undefined : `length must be at least ${String(rule)}`,
  },
  {
    name: 'len_max',
    check: (value, rule) =>
      lengthOf(value) <= (rule as number) ? undefined : `length must be at most ${String(rule)}`,
  },
  {
    name: 'starts_with',
    check: (value, rule) =>
      String(value).startsWith(String(rule)) ? undefined : `should start with: ${String(rule)}`,
  },
  {
    name: 'not_match',
    check: (value, rule) => (matches(value, rule) ? `invalid value: ${String(value)}` : undefined),
  },
  {
    name: 'match_none',
    check: (value, rule) => patternComplaint(value, rule, (found) => found),
  },
  {
    name: 'match',
    check: (value, rule) => (matches(value, rule) ? undefined : `invalid value: ${String(value)}`),
  },
  {
    name: 'match_all',
    check: (value, rule) => patternComplaint(value, rule, (found) => !found),
  },
  {
    name: 'match_any',
    check: (value, rule) => {
      const { patterns, err } = rule as { patterns: unknown[]; err?: string };
      if (patterns.some((pattern) => matches(value, pattern))) return undefined;
      return err ?? `invalid value: ${String(value)}`;
    },
  },
  {
    name: 'contains',
    check: (value, rule) =>
      (value as unknown[]).includes(rule) ? undefined : `expected to contain: ${String(rule)}`,
  },
  {
    name: 'mutually_exclusive_subsets',
    check: (value, rule) => {
      const subsets = (rule as unknown[][]).filter((subset) =>
        subset.some((item) => (value as unknown[]).includes(item)),
      );
      if (subsets.length <= 1) return undefined;
      return `these sets are mutually exclusive: ${subsets.map((subset) => `(${quoted(subset)})`).join(', ')}`;
    },
  },
];

function isRegex(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

function patternComplaint(
  value: unknown,
  rule: unknown,
  isBad: (found: boolean) => boolean,
): string | undefined {
  for (const { pattern, err } of rule as { pattern: string; err?: string }[]) {
    if (isBad(matches(value, pattern))) return err ?? `invalid value: ${String(value)}`;
  }
  return undefined;
}

function quoted(words: readonly unknown[]): string {
  return words.map((word) => `'${String(word)}'`).join(', ');
}

/** `a.b.c` inside a record. Undefined where a record on the way is null. */
function valueAt(record: JsonTable, name: string): unknown {
  let value: unknown = record;
  for (const part of name.split('.')) {
    if (!isObject(value)) return undefined;
    value = value[part];
  }
  return value;
}

function definitionAt(record: FieldSchema, name: string): FieldSchema {
  let definition = record;
  for (const part of name.split('.')) {
    const entry = (definition.fields ?? []).find((field) => entryOf(field)[0] === part);
    if (!entry) return { type: 'any' };
    definition = entryOf(entry)[1];
  }
  return definition;
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

interface ConditionalCheck {
  if_field: string;
  if_match: JsonTable;
  then_field: string;
  then_match: JsonTable;
  then_err?: string;
}

interface ConditionalAtLeastOneOf {
  if_field: string;
  if_match: JsonTable;
  then_at_least_one_of: string[];
  then_err?: string;
  else_match?: JsonTable;
  else_then_at_least_one_of?: string[];
  else_then_err?: string;
}

function runEntityCheck(
  field: FieldSchema,
  check: JsonTable,
  record: JsonTable,
  path: string,
  errors: Errors,
): void {
  const [name, rule] = Object.entries(check)[0] ?? [];
  if (name === 'conditional') return runConditional(field, rule as ConditionalCheck, record, path, errors);
  if (name === 'conditional_at_least_one_of')
    return runConditionalAtLeastOneOf(field, rule as ConditionalAtLeastOneOf, record, path, errors);
  if (name === 'mutually_exclusive_sets') {
    const { set1, set2 } = rule as { set1: string[]; set2: string[] };
    const [first, second] = [set1, set2].map((set) => set.filter((item) => isSet(valueAt(record, item))));
    if (first?.length && second?.length)
      errors.addOfRecord(path, `these sets are mutually exclusive: (${quoted(first)}), (${quoted(second)})`);
    return;
  }
  const message = FIELD_LIST_CHECKS[name ?? '']?.(rule as string[], record);
  if (message !== undefined) errors.addOfRecord(path, message);
}

/** Checks whose rule is a list of field names. */
const FIELD_LIST_CHECKS: Record<string, (names: string[], record: JsonTable) => string | undefined> = {
  at_least_one_of: (names, record) =>
    countSet(names, record) > 0
      ? undefined
      : `at least one of these fields must be non-empty: ${quoted(names)}`,
  only_one_of: (names, record) =>
    countSet(names, record) === 1
      ? undefined
      : `only one of these fields must be non-empty: ${quoted(names)}`,
  mutually_required: (names, record) =>
    [0, names.length].includes(countSet(names, record))
      ? undefined
      : `all or none of these fields must be set: ${quoted(names)}`,
  mutually_exclusive: (names, record) =>
    countSet(names, record) <= 1
      ? undefined
      : `only one or none of these fields must be set: ${quoted(names)}`,
  distinct: (names, record) => {
    const values = names.map((name) => valueAt(record, name)).filter(isSet);
    return new Set(values).size === values.length
      ? undefined
      : `values of these fields must be distinct: ${quoted(names)}`;
  },
};

export const ENTITY_CHECK_NAMES: readonly string[] = [
  ...Object.keys(FIELD_LIST_CHECKS),
  'conditional',
  'conditional_at_least_one_of',
  'mutually_exclusive_sets',
];

function countSet(names: readonly string[], record: JsonTable): number {
  return names.filter((name) => isSet(valueAt(record, name))).length;
}

/** The first complaint about a value under a field definition with some rules replaced. */
function complaint(definition: FieldSchema, rules: JsonTable, value: unknown): string | undefined {
  const errors = new Errors();
  checkField({ ...definition, ...rules }, value ?? null, '', errors);
  return errors.sentences()[0];
}

function runConditional(
  field: FieldSchema,
  rule: ConditionalCheck,
  record: JsonTable,
  path: string,
  errors: Errors,
): void {
  const ifValue = valueAt(record, rule.if_field);
  if (ifValue === undefined) {
    errors.set(join(path, rule.if_field), 'field required for entity check');
    return;
  }
  if (complaint(definitionAt(field, rule.if_field), rule.if_match, ifValue) !== undefined) return;
  const thenValue = valueAt(record, rule.then_field) ?? null;
  const message = complaint(definitionAt(field, rule.then_field), rule.then_match, thenValue);
  if (message === undefined) return;
  errors.set(join(path, rule.then_field), message);
  errors.addOfRecord(
    path,
    rule.then_err?.replace('%s', rule.if_field) ??
      `failed conditional validation given value of field '${rule.if_field}'`,
  );
}

function runConditionalAtLeastOneOf(
  field: FieldSchema,
  rule: ConditionalAtLeastOneOf,
  record: JsonTable,
  path: string,
  errors: Errors,
): void {
  const ifValue = valueAt(record, rule.if_field);
  if (ifValue === undefined) return;
  const definition = definitionAt(field, rule.if_field);
  const holds = complaint(definition, rule.if_match, ifValue) === undefined;
  if (!holds && (!rule.else_match || complaint(definition, rule.else_match, ifValue) !== undefined)) return;
  const names = (holds ? rule.then_at_least_one_of : rule.else_then_at_least_one_of) ?? [];
  if (countSet(names, record) > 0) return;
  const text = holds ? rule.then_err : rule.else_then_err;
  errors.addOfRecord(
    path,
    text?.replace('%s', quoted(names)) ?? `at least one of these fields must be non-empty: ${quoted(names)}`,
  );
}

/** Kong drops null members before a configuration leaves for the plugin server. */
export function withoutNulls(table: JsonTable): JsonTable {
  const clean: JsonTable = {};
  for (const [key, value] of Object.entries(table)) {
    if (value === null || value === undefined) continue;
    clean[key] = pruned(value);
  }
  return clean;
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  return isObject(value) ? withoutNulls(value) : value;
}

/**
 * References such as `{vault://env/kafka-password}` replaced by the environment's values; Kong does that before it
 * hands a configuration over, and notes the references in `$refs` beside them.
 */
export function resolveReferences(
  field: FieldSchema,
  value: JsonTable,
  environment: NodeJS.ProcessEnv,
): JsonTable {
  const resolved: JsonTable = { ...value };
  const references: JsonTable = {};
  for (const entry of field.fields ?? []) {
    const [name, definition] = entryOf(entry);
    const member = value[name];
    if (isVaultReference(definition, member)) {
      references[name] = member;
      resolved[name] = environmentValue(member, environment);
    } else if (definition.type === 'record' && isObject(member)) {
      resolved[name] = resolveReferences(definition, member, environment);
    }
  }
  if (Object.keys(references).length > 0) resolved.$refs = references;
  return resolved;
}

/** A reference that leads nowhere becomes empty text, as in Kong. */
function environmentValue(reference: string, environment: NodeJS.ProcessEnv): string {
  const name = /^\{vault:\/\/env\/([^/?}]+)/.exec(reference)?.[1];
  return (name && environment[name.replaceAll('-', '_').toUpperCase()]) ?? '';
}
