/** An option table as the schema Kong reads from the plugin server's query command (a "dump"). */
import type { EntityCheck } from './entity-checks';
import type {
  ArrayType,
  Field,
  IntegerType,
  MapType,
  NumberType,
  OptionTable,
  RecordType,
  StringType,
  TextPattern,
} from './fields';
import { releasedOptions } from './released-options';

export interface PluginIdentity {
  readonly name: string;
  /** `x.y.z`: Kong loads no plugin with another form. */
  readonly version: string;
  /** A sentence or two for the reference page. */
  readonly purpose: string;
  readonly priority: number;
  readonly phases: readonly string[];
  /** A second dump, with a phase more, which Kong runs for every request of a route that has the plugin. */
  readonly otherPhases?: { readonly suffix: string; readonly phases: readonly string[] };
  /** Default false: a configuration for one consumer would split the request and reply halves of a route. */
  readonly mayBePerConsumer?: boolean;
}

/** All that Kong and the docs learn of a plugin: what its `config.ts` exports as `DEFINITION`. */
export interface PluginDefinition {
  readonly identity: PluginIdentity;
  readonly options: OptionTable;
  readonly rules: readonly { readonly kong?: readonly EntityCheck[] }[];
}

type SchemaNode = Record<string, unknown>;

const NOT_PER_CONSUMER: SchemaNode = { consumer: { type: 'foreign', reference: 'consumers', eq: null } };

/**
 * One plugin per dump, because Kong 3.9 takes only the first. Only attributes that Kong 3.4 knows; the
 * protocol is spelled out because Kong falls back to MsgPack:1 without a word when it is missing.
 */
export function kongDump({ identity: plugin, options, rules }: PluginDefinition): SchemaNode {
  const checks = rules.flatMap(({ kong }) => kong ?? []);
  return {
    Protocol: 'ProtoBuf:1',
    Plugins: [
      {
        Name: plugin.name,
        Version: plugin.version,
        Phases: plugin.phases,
        Priority: plugin.priority,
        Schema: {
          name: plugin.name,
          fields: [
            ...(plugin.mayBePerConsumer === true ? [] : [NOT_PER_CONSUMER]),
            {
              protocols: {
                type: 'set',
                required: true,
                default: ['http', 'https'],
                elements: { type: 'string', one_of: ['http', 'https'] },
                description: 'Protocols of the requests this plugin runs for.',
              },
            },
            {
              config: {
                type: 'record',
                required: true,
                fields: configFields(plugin, options),
                ...(checks.length > 0 && { entity_checks: checks }),
              },
            },
          ],
        },
      },
    ],
  };
}

/** The options of a plugin as Kong reads them. */
export function configFields({ name }: Pick<PluginIdentity, 'name'>, options: OptionTable): SchemaNode[] {
  return withoutNewDefaults(kongFields(options), releasedOptions(name));
}

function kongFields(table: OptionTable): SchemaNode[] {
  return table.map((field) => ({ [field.name]: kongField(field) }));
}

/** released-options.ts says why. */
function withoutNewDefaults(fields: SchemaNode[], released: ReadonlySet<string> | undefined): SchemaNode[] {
  if (released === undefined) return fields;
  const visit = (list: SchemaNode[], prefix: string): void => {
    for (const [name, node] of list.flatMap((entry) => Object.entries(entry)) as [string, SchemaNode][]) {
      if (!released.has(prefix + name)) delete node.default;
      const elements = node.elements as SchemaNode | undefined;
      const inner = (node.fields ?? elements?.fields) as SchemaNode[] | undefined;
      if (inner) visit(inner, `${prefix}${name}.`);
    }
  };
  visit(fields, '');
  return fields;
}

function kongField(field: Field): SchemaNode {
  const node = kongType(field);
  // A record without `required` is null in Kong when it is not given; with it, it is filled with defaults.
  if (field.required === true || field.type === 'record') node.required = true;
  if ('default' in field && !isEmptyMap(field)) node.default = field.default;
  node.description = field.description;
  return node;
}

/**
 * Kong tells an empty Lua table as `[]` where it shows its schema and as `{}` where it shows a configuration. decK fills
 * in the one and is given the other: it would change all our plugins at every sync, and Kong start all their instances
 * anew. What is missing becomes the default when the plugin gets its configuration (parse.ts). Lists are `[]` in both.
 */
function isEmptyMap(field: Field): boolean {
  return field.type === 'map' && Object.keys(field.default ?? {}).length === 0;
}

type AnyType = StringType | IntegerType | NumberType | { type: 'boolean' } | ArrayType | MapType | RecordType;

function kongType(type: AnyType): SchemaNode {
  switch (type.type) {
    case 'string':
      return {
        type: 'string',
        ...(type.oneOf && { one_of: type.oneOf }),
        ...(type.minLength !== undefined && { len_min: type.minLength }),
        ...(type.maxLength !== undefined && { len_max: type.maxLength }),
        ...(type.never && { match_none: type.never.flatMap(forbidden) }),
        ...(type.pattern && matching(type.pattern)),
        ...((type.referenceable === true || type.secret === true) && { referenceable: true }),
        ...(type.secret === true && { encrypted: true }),
      };
    case 'integer':
      return {
        type: 'integer',
        ...(type.oneOf && { one_of: type.oneOf }),
        ...(type.between && { between: type.between }),
      };
    case 'number':
      return { type: 'number', ...(type.between && { between: type.between }) };
    case 'boolean':
      return { type: 'boolean' };
    case 'array':
      return {
        type: 'array',
        elements: kongType(type.elements),
        ...(type.minLength !== undefined && { len_min: type.minLength }),
      };
    case 'map':
      return { type: 'map', keys: kongType(type.keys), values: kongType(type.values) };
    case 'record':
      return { type: 'record', fields: kongFields(type.fields) };
  }
}

function matching({ lua, meaning }: TextPattern): SchemaNode {
  const err = `must be ${meaning}`;
  if (typeof lua !== 'string') return { match_any: { patterns: lua, err } };
  return { match_all: [{ pattern: lua, err }] };
}

function forbidden({ lua, meaning }: TextPattern): SchemaNode[] {
  return [lua].flat().map((pattern) => ({ pattern, err: `must not ${meaning}` }));
}
