/**
 * Raw configuration from Kong -> complete, frozen object, or one sentence naming the option and the reason.
 *
 * Kong has checked the same rules against the dump; this is for what reaches the plugin another way (the
 * stock server, an older dump) and for what a schema cannot express.
 */
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { createHash } from 'node:crypto';
import { GatewayError } from '../errors';
import type { EntityCheck } from './entity-checks';
import type {
  ArrayType,
  ConfigOf,
  Field,
  IntegerType,
  MapType,
  NumberType,
  OptionTable,
  RecordType,
  StringType,
} from './fields';

/** A rule across options. */
export interface CrossRule<Config> {
  /** One sentence that names the option and the reason, or undefined when the rule holds. */
  readonly complaint: (config: Config) => string | undefined;
  /** The same as Kong's schema can say it, so that the Admin API refuses already. Not every rule has such a form. */
  readonly kong?: readonly EntityCheck[];
}

/** Members that Kong adds to every plugin configuration; `__*` ones (`__seq__`, `__key__` …) come on top. */
const ADDED_BY_KONG = new Set([
  'route_id',
  'service_id',
  'consumer_id',
  'consumer_group_id',
  'plugin_instance_name',
]);

export interface ConfigParser<Config> {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  (raw: unknown): Config;
  /** All that is wrong, where a parse names the first; rules across options are looked at when each is right by itself. */
  complaintsAbout(raw: unknown): readonly string[];
}

export function configParser<const Table extends OptionTable>(
  table: Table,
  rules: readonly CrossRule<ConfigOf<Table>>[] = [],
): ConfigParser<ConfigOf<Table>> {
  let compiled: ValidateFunction | undefined;
  function* check(raw: unknown): Generator<string, ConfigOf<Table> | undefined> {
    // With the first configuration: a plugin that nobody uses costs neither time at the start nor memory.
    const validate = (compiled ??= compile(table));
    const given = asGiven(table, withoutKongMembers(raw));
    if (!validate(given)) {
      for (const error of validate.errors ?? [])
        // Says once more that a name is wrong.
        if (error.keyword !== 'propertyNames') yield explain(error, table);
      return undefined;
    }
    const config = inTableOrder(table, given) as ConfigOf<Table>;
    for (const rule of rules) {
      const complaint = rule.complaint(config);
      if (complaint !== undefined) yield complaint;
    }
    return config;
  }
  const parse = (raw: unknown): ConfigOf<Table> => {
    const { done, value } = check(raw).next();
    if (done === true && value !== undefined) return value;
    throw new GatewayError('misconfigured', typeof value === 'string' ? value : 'config: not valid');
  };
  return Object.assign(parse, { complaintsAbout: (raw: unknown) => [...new Set(check(raw))] });
}

/** One for all tables, made with the first configuration. */
let ajv: Ajv | undefined;

function compile(table: OptionTable): ValidateFunction {
  ajv ??= new Ajv({
    useDefaults: true,
    allErrors: true,
    strict: true,
    verbose: true,
    // A configuration is checked now and then: what makes that faster costs more than it saves, and so does checking
    // our own schema against that of all schemas.
    code: { optimize: false },
    meta: false,
    validateSchema: false,
  });
  return ajv.compile(jsonRecord(table));
}

/**
 * Names a configuration without revealing it: equal configurations get equal keys in every worker and route.
 * @param only the rows that count, e.g. those that decide the connection
 */
export function configKey(
  table: OptionTable,
  config: object,
  only: (row: Field) => boolean = () => true,
): string {
  const rows = table
    .filter(only)
    .map((row) => [row.name, (config as Record<string, unknown>)[row.name] ?? null]);
  return createHash('sha256').update(JSON.stringify(rows)).digest('base64url').slice(0, 22);
}

export const isConnectionRow = (row: Field): boolean => row.connection === true;

function withoutKongMembers(raw: unknown): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null) return {};
  const own = Object.entries(raw).filter(([name]) => !name.startsWith('__') && !ADDED_BY_KONG.has(name));
  return withoutReferences(Object.fromEntries(own)) as Record<string, unknown>;
}

/**
 * A copy without `$refs`: beside every value that came from a vault, at any depth, Kong notes in it where from.
 * The values themselves it has put in place.
 */
function withoutReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name]) => name !== '$refs');
  return Object.fromEntries(members.map(([name, member]) => [name, withoutReferences(member)]));
}

/**
 * What Kong means by it: null is how it says unset, and an empty Lua table is a list, a map and a record alike. `false`
 * for a record is one that is not there.
 */
function asGiven(fields: OptionTable, raw: Record<string, unknown>): Record<string, unknown> {
  const types = new Map(fields.map((field) => [field.name, field]));
  return Object.fromEntries(
    Object.entries(raw).flatMap(([name, value]) => {
      const field = types.get(name);
      if (value === null || (value === false && field?.type === 'record')) return [];
      return [[name, field ? valueAsGiven(field, value) : value]];
    }),
  );
}

function valueAsGiven(type: Field | ArrayType['elements'], value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  const isEmpty = Object.keys(value).length === 0;
  if (type.type === 'array') {
    if (isEmpty) return [];
    return isList ? value.map((element) => valueAsGiven(type.elements, element)) : value;
  }
  if (type.type === 'map') return isEmpty ? {} : value;
  if (type.type !== 'record') return value;
  if (isList && !isEmpty) return value;
  return asGiven(type.fields, value as Record<string, unknown>);
}

function jsonRecord(fields: OptionTable): object {
  return {
    type: 'object',
    additionalProperties: false,
    required: fields.filter((field) => field.required === true).map((field) => field.name),
    properties: Object.fromEntries(fields.map((field) => [field.name, jsonField(field)])),
  };
}

function jsonField(field: Field): object {
  // Records are always there, so that a default deep inside one applies without the record being given.
  if (field.type === 'record') return { ...jsonType(field), default: {} };
  return { ...jsonType(field), ...('default' in field && { default: field.default }) };
}

type AnyType = StringType | IntegerType | NumberType | { type: 'boolean' } | ArrayType | MapType | RecordType;

function jsonType(type: AnyType): object {
  switch (type.type) {
    case 'string':
      return {
        type: 'string',
        ...(type.oneOf && { enum: type.oneOf }),
        ...(type.minLength !== undefined && { minLength: type.minLength }),
        ...(type.maxLength !== undefined && { maxLength: type.maxLength }),
        ...(type.pattern && { pattern: type.pattern.regex }),
        ...(type.never && {
          allOf: type.never.map(({ regex }) => ({ not: { type: 'string', pattern: regex } })),
        }),
      };
    case 'integer':
      return {
        type: 'integer',
        ...(type.oneOf && { enum: type.oneOf }),
        ...(type.between && { minimum: type.between[0], maximum: type.between[1] }),
      };
    case 'number':
      return {
        type: 'number',
        ...(type.between && { minimum: type.between[0], maximum: type.between[1] }),
      };
    case 'boolean':
      return { type: 'boolean' };
    case 'array':
      return {
        type: 'array',
        items: jsonType(type.elements),
        ...(type.minLength !== undefined && { minItems: type.minLength }),
      };
    case 'map':
      return {
        type: 'object',
        propertyNames: jsonType(type.keys),
        additionalProperties: jsonType(type.values),
      };
    case 'record':
      return jsonRecord(type.fields);
  }
}

/** One order for equal configurations, whatever order Kong sent, and frozen all the way down. */
function inTableOrder(fields: OptionTable, given: Record<string, unknown>): object {
  const ordered: Record<string, unknown> = {};
  for (const field of fields) ordered[field.name] = valueInOrder(field, given[field.name]);
  return Object.freeze(ordered);
}

function valueInOrder(type: Field | ArrayType['elements'], value: unknown): unknown {
  if (value === undefined) return undefined;
  if (type.type === 'record') return inTableOrder(type.fields, value as Record<string, unknown>);
  if (type.type === 'map') {
    const entries = Object.entries(value as Record<string, string>);
    return Object.freeze(Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1))));
  }
  if (type.type === 'array') {
    return Object.freeze((value as unknown[]).map((element) => valueInOrder(type.elements, element)));
  }
  return value;
}

function explain(error: ErrorObject, table: OptionTable): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const params = error.params as Record<string, unknown>;
  if (error.propertyName !== undefined) {
    const must =
      error.keyword === 'enum'
        ? `must be one of ${(params.allowedValues as string[]).join(', ')}`
        : mustOf(error, stringTypeAt(table, path, 'keys'));
    return `${path}: the name ${JSON.stringify(error.propertyName)} ${must}`;
  }
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  switch (error.keyword) {
    case 'required':
      return `${inside(String(params.missingProperty))}: required option is missing`;
    case 'additionalProperties':
      return `${inside(String(params.additionalProperty))}: unknown option`;
    case 'enum':
      return `${path}: must be one of ${(params.allowedValues as string[]).join(', ')}`;
    case 'pattern':
    case 'not':
      return `${path}: ${mustOf(error, stringTypeAt(table, path))}`;
    case 'minimum':
    case 'maximum': {
      const { minimum, maximum } = error.parentSchema as { minimum: number; maximum: number };
      return `${path}: must be between ${minimum} and ${maximum}`;
    }
    case 'minItems':
    case 'minLength':
      return params.limit === 1
        ? `${path}: must not be empty`
        : `${path}: must be longer, at least ${String(params.limit)}`;
    default:
      return `${path}: ${error.message ?? 'not valid'}`;
  }
}

/** Of text that does not fit its pattern, or one of those it must not fit. */
function mustOf(error: ErrorObject, type: StringType | undefined): string {
  if (error.keyword !== 'not') return `must be ${type?.pattern?.meaning ?? 'of another form'}`;
  const { pattern } = error.schema as { pattern: string };
  return `must not ${type?.never?.find(({ regex }) => regex === pattern)?.meaning ?? 'be of this form'}`;
}

function stringTypeAt(
  fields: OptionTable,
  path: string,
  ofMap: 'keys' | 'values' = 'values',
): StringType | undefined {
  let here: OptionTable = fields;
  let found: StringType | undefined;
  for (const part of path.split('.')) {
    const field = here.find((candidate) => candidate.name === part);
    if (!field) continue; // an index into an array, a name in a map
    const type = field.type === 'array' ? field.elements : field.type === 'map' ? field[ofMap] : field;
    if (type.type === 'record') here = type.fields;
    if (type.type === 'string') found = type;
  }
  return found;
}
