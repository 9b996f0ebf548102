/**
 * A plugin description as the query command of a plugin server prints it, checked as Kong checks it before it
 * agrees to start.
 */
import { readFileSync } from 'node:fs';
import {
  ENTITY_CHECK_NAMES,
  entryOf,
  isObject,
  type FieldEntry,
  type JsonTable,
  type PluginSchema,
  processConfig,
} from './schema';

export type Protocol = 'ProtoBuf:1' | 'MsgPack:1';

/** The Kong releases whose rules are known; the plugins promise to load in both. */
export type KongVersion = '3.4' | '3.9';

export interface PluginDescription {
  readonly name: string;
  readonly version: string;
  readonly priority: number;
  readonly phases: readonly string[];
  readonly protocol: Protocol;
  readonly schema: PluginSchema;
}

/** A sentence for the person who started the gateway. */
export class ConfigurationError extends Error {}

const FIELD_TYPES = [
  'array',
  'boolean',
  'foreign',
  'function',
  'integer',
  'map',
  'number',
  'record',
  'set',
  'string',
];

/** What a schema may attach to fields of these types only; everything else goes anywhere. */
const ATTRIBUTE_TYPES: Record<string, readonly string[]> = {
  between: ['integer', 'number'],
  contains: ['array', 'set'],
  is_regex: ['string'],
  len_eq: ['array', 'set', 'string', 'map'],
  match: ['string'],
  one_of: ['string', 'number', 'integer'],
  timestamp: ['number', 'integer'],
  unique: ['string', 'number', 'integer', 'foreign'],
  unique_across_ws: ['string', 'number', 'integer', 'foreign'],
  uuid: ['string'],
};

const REQUIRED_ATTRIBUTES: Record<string, readonly string[]> = {
  array: ['elements'],
  set: ['elements'],
  map: ['keys', 'values'],
  record: ['fields'],
};

type ValueKind = 'string' | 'boolean' | 'number' | 'integer' | 'list' | 'any';

const ATTRIBUTES: Record<string, ValueKind> = {
  abstract: 'boolean',
  auto: 'boolean',
  between: 'list',
  contains: 'any',
  default: 'any',
  description: 'string',
  elements: 'any',
  encrypted: 'boolean',
  entity_checks: 'list',
  eq: 'any',
  err: 'string',
  fields: 'list',
  generate_admin_api: 'boolean',
  gt: 'number',
  immutable: 'boolean',
  is_regex: 'boolean',
  keys: 'any',
  len_eq: 'integer',
  len_max: 'integer',
  len_min: 'integer',
  match: 'string',
  match_all: 'list',
  match_any: 'any',
  match_none: 'list',
  mutually_exclusive_subsets: 'list',
  ne: 'any',
  not_match: 'string',
  not_one_of: 'list',
  on_delete: 'string',
  one_of: 'list',
  reference: 'string',
  referenceable: 'boolean',
  required: 'boolean',
  starts_with: 'string',
  timestamp: 'boolean',
  type: 'string',
  unique: 'boolean',
  unique_across_ws: 'boolean',
  uuid: 'boolean',
  values: 'any',
};

/** Newer than 3.4: a schema with these does not load there. */
const ATTRIBUTES_SINCE_3_9: Record<string, ValueKind> = {
  deprecation: 'any',
  examples: 'list',
  json_schema: 'any',
  transient: 'boolean',
};

/** Only Lua can write these; from JSON they never are functions. */
const FUNCTION_ATTRIBUTES = [
  'custom_validator',
  'custom_entity_check',
  'shorthand_fields',
  'transformations',
  'check',
];

/** A plugin's schema may narrow the fields of Kong's plugin entity, but not add any. */
const PLUGIN_ENTITY_FIELDS: Record<string, string> = {
  config: 'record',
  consumer: 'foreign',
  enabled: 'boolean',
  instance_name: 'string',
  protocols: 'set',
  route: 'foreign',
  service: 'foreign',
  tags: 'set',
};

const DESCRIPTION_LENGTH = { min: 10, max: 500 };

/** All that Kong of that version would refuse about a dump, each with the place; empty when it would load. */
export function checkDump(dump: unknown, kongVersion: KongVersion = '3.9'): string[] {
  const plugins = pluginsOf(dump);
  if (!plugins || plugins.length === 0) return ['the dump describes no plugin'];
  // From 3.9 on Kong looks at the first plugin only.
  const seen = kongVersion === '3.9' ? plugins.slice(0, 1) : plugins;
  return seen.flatMap((plugin) => checkPlugin(plugin, kongVersion));
}

function pluginsOf(dump: unknown): unknown[] | undefined {
  if (Array.isArray(dump)) return dump as unknown[];
  return isObject(dump) && Array.isArray(dump.Plugins) ? (dump.Plugins as unknown[]) : undefined;
}

function checkPlugin(plugin: unknown, kongVersion: KongVersion): string[] {
  if (!isObject(plugin)) return ['expected an input table'];
  const problems: string[] = [];
  if (typeof plugin.Name !== 'string' || plugin.Name === '') problems.push('Name: required field missing');
  // Kong 3.9 starts with other forms, too, but control planes cannot compare them.
  if (typeof plugin.Version !== 'string' || !/^\d+\.\d+\.\d+$/.test(plugin.Version))
    problems.push(`Version: expected the form x.y.z, got ${JSON.stringify(plugin.Version)}`);
  if (plugin.Priority === undefined) problems.push('Priority: required field missing');
  else if (!Number.isInteger(plugin.Priority))
    problems.push(`Priority: ${JSON.stringify(plugin.Priority)} is not a valid integer number`);
  if (!Array.isArray(plugin.Phases) || !plugin.Phases.every((phase) => typeof phase === 'string'))
    problems.push('Phases: expected an array');
  if (!isObject(plugin.Schema)) return [...problems, 'Schema: expected an input table'];
  return [...problems, ...new SchemaCheck(kongVersion).schema(plugin.Schema)];
}

class SchemaCheck {
  readonly #problems: string[] = [];
  readonly #attributes: Record<string, ValueKind>;
  readonly #types: readonly string[];

  constructor(kongVersion: KongVersion) {
    const isOld = kongVersion === '3.4';
    this.#attributes = isOld ? ATTRIBUTES : { ...ATTRIBUTES, ...ATTRIBUTES_SINCE_3_9 };
    this.#types = isOld ? FIELD_TYPES : [...FIELD_TYPES, 'json'];
  }

  schema(schema: JsonTable): string[] {
    if (typeof schema.name !== 'string') this.#report('Schema.name', 'required field missing');
    for (const key of Object.keys(schema)) {
      if (FUNCTION_ATTRIBUTES.includes(key)) this.#report(`Schema.${key}`, 'expected a function');
      else if (!['name', 'fields', 'entity_checks'].includes(key))
        this.#report(`Schema.${key}`, 'unknown field');
    }
    if (!Array.isArray(schema.fields)) {
      this.#report('Schema.fields', "'fields' must be a table");
      return this.#problems;
    }
    this.#entityChecks(schema.entity_checks, 'Schema');
    this.#fields(schema.fields, '');
    for (const [name, definition] of this.#entriesOf(schema.fields)) {
      const type = PLUGIN_ENTITY_FIELDS[name];
      if (type === undefined) this.#report(name, 'cannot create a new field');
      else if (isObject(definition) && definition.type !== type)
        this.#report(name, 'cannot change type in a specialized field');
    }
    this.#defaults(schema);
    return this.#problems;
  }

  #report(path: string, problem: string): void {
    this.#problems.push(`${path}: ${problem}`);
  }

  #entriesOf(fields: unknown[]): [string, unknown][] {
    return fields.flatMap((entry) => (isObject(entry) ? Object.entries(entry).slice(0, 1) : []));
  }

  #fields(fields: unknown[], path: string): void {
    const seen = new Set<string>();
    for (const entry of fields) {
      if (!isObject(entry)) {
        this.#report(path || 'Schema.fields', 'each entry in fields must be a sub-table');
        continue;
      }
      const [name, definition] = Object.entries(entry)[0] ?? [];
      if (name === undefined) this.#report(path || 'Schema.fields', 'field entry table is empty');
      else {
        const at = path === '' ? name : `${path}.${name}`;
        if (Object.keys(entry).length > 1) this.#report(at, 'length must be 1');
        if (seen.has(name)) this.#report(at, 'is defined twice');
        seen.add(name);
        this.#field(definition, at);
      }
    }
  }

  #field(definition: unknown, path: string): void {
    if (!isObject(definition)) return this.#report(path, `'${path.split('.').at(-1)}' must be a table`);
    if (definition.type === undefined) return this.#report(path, 'missing type declaration');
    const type = typeof definition.type === 'string' ? definition.type : JSON.stringify(definition.type);
    if (!this.#types.includes(type))
      this.#report(`${path}.type`, `expected one of: ${this.#types.join(', ')}`);
    for (const needed of REQUIRED_ATTRIBUTES[type] ?? []) {
      if (definition[needed] === undefined)
        this.#report(path, `field of type '${type}' must declare '${needed}'`);
    }
    for (const [attribute, value] of Object.entries(definition))
      this.#attribute(type, attribute, value, path);
    for (const nested of ['elements', 'keys', 'values']) {
      if (definition[nested] !== undefined) this.#field(definition[nested], `${path}.${nested}`);
    }
    if (Array.isArray(definition.fields)) this.#fields(definition.fields, path);
    this.#entityChecks(definition.entity_checks, path);
  }

  #attribute(type: string, attribute: string, value: unknown, path: string): void {
    const at = `${path}.${attribute}`;
    if (FUNCTION_ATTRIBUTES.includes(attribute)) return this.#report(at, 'expected a function');
    const kind = this.#attributes[attribute];
    if (kind === undefined) return this.#report(at, 'unknown field');
    const allowed = ATTRIBUTE_TYPES[attribute];
    if (allowed && !allowed.includes(type))
      this.#report(path, `field of type '${type}' cannot have attribute '${attribute}'`);
    if (!isOfKind(kind, value)) return this.#report(at, KIND_ERRORS[kind]);
    if (attribute === 'between' && (value as unknown[]).length !== 2) this.#report(at, 'length must be 2');
    if (attribute === 'description') this.#description(value as string, at);
  }

  #description(value: string, at: string): void {
    const bytes = Buffer.byteLength(value);
    if (bytes < DESCRIPTION_LENGTH.min) this.#report(at, `length must be at least ${DESCRIPTION_LENGTH.min}`);
    if (bytes > DESCRIPTION_LENGTH.max) this.#report(at, `length must be at most ${DESCRIPTION_LENGTH.max}`);
  }

  #entityChecks(checks: unknown, path: string): void {
    if (checks === undefined) return;
    if (!Array.isArray(checks)) return;
    for (const check of checks) {
      const names = isObject(check) ? Object.keys(check) : [];
      if (names.length !== 1)
        this.#report(`${path}.entity_checks`, 'each entry must name exactly one entity check');
      else if (FUNCTION_ATTRIBUTES.includes(names[0]!))
        this.#report(`${path}.entity_checks.${names[0]}`, 'expected a function');
      else if (!ENTITY_CHECK_NAMES.includes(names[0]!))
        this.#report(`${path}.entity_checks.${names[0]}`, 'unknown field');
    }
  }

  /** A default is a value of its own field and is held to the same rules. */
  #defaults(schema: JsonTable): void {
    if (this.#problems.length > 0) return;
    const visit = (fields: readonly FieldEntry[], path: string): void => {
      for (const field of fields) {
        const [name, definition] = entryOf(field);
        const at = path === '' ? name : `${path}.${name}`;
        if (definition.default !== undefined) {
          const probe = { name: 'probe', fields: [{ config: { type: 'record', fields: [field] } }] };
          const { errors } = processConfig(probe, { [name]: definition.default });
          for (const error of errors) this.#report(`${at}.default`, error.replace(/^[^:]*: /, ''));
        }
        if (definition.fields) visit(definition.fields, at);
      }
    };
    visit((schema as unknown as PluginSchema).fields, '');
  }
}

const KIND_ERRORS: Record<ValueKind, string> = {
  string: 'expected a string',
  boolean: 'expected a boolean',
  number: 'expected a number',
  integer: 'expected an integer',
  list: 'expected an array',
  any: 'expected a value',
};

function isOfKind(kind: ValueKind, value: unknown): boolean {
  switch (kind) {
    case 'any':
      return true;
    case 'list':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === kind;
  }
}

/** The first plugin of a dump that Kong would load. */
export function describePlugin(dump: unknown, source: string): PluginDescription {
  const problems = checkDump(dump, '3.9');
  if (problems.length > 0) throw new ConfigurationError(`${source}: ${problems.join('; ')}`);
  const plugin = pluginsOf(dump)![0] as {
    Name: string;
    Version: string;
    Priority: number;
    Phases: string[];
    Schema: PluginSchema;
  };
  return {
    name: plugin.Name,
    version: plugin.Version,
    priority: plugin.Priority,
    phases: plugin.Phases,
    // A missing or misspelt protocol means the older one, without a word.
    protocol: isObject(dump) && dump.Protocol === 'ProtoBuf:1' ? 'ProtoBuf:1' : 'MsgPack:1',
    schema: plugin.Schema,
  };
}

export function loadDump(file: string): PluginDescription {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`cannot read the plugin dump ${file}: ${(error as Error).message}`);
  }
  let dump: unknown;
  try {
    dump = JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`${file} is not JSON, so it is no plugin dump: ${(error as Error).message}`);
  }
  return describePlugin(dump, file);
}
