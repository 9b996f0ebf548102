/**
 * An Avro schema as a tree, or rather a graph: names are resolved, and what refers to itself does so here too. The
 * specification is 1.12's; what it says about attributes that do not matter for data (doc, order) is passed over.
 */
import { isJsonObject, UnusableSchema } from './codec';
import type { SchemaText } from '../registered-schema';
import { referencesOf } from '../registered-schema';

export const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type Primitive = (typeof PRIMITIVES)[number];

/** What a value of the type means; unknown ones, and those that do not fit their type, count as not there. */
export type Logical =
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly name: 'date' | 'uuid' }
  | { readonly name: 'time' | 'timestamp' | 'local-timestamp'; readonly perSecond: number };

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** As JSON: undefined where there is none. */
  readonly default: unknown;
}

export type AvroType =
  | { readonly kind: 'primitive'; readonly type: Primitive; readonly logical: Logical | undefined }
  | {
      readonly kind: 'fixed';
      readonly name: string;
      readonly size: number;
      readonly logical: Logical | undefined;
    }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord;

export interface AvroRecord {
  readonly kind: 'record';
  readonly name: string;
  /** Filled in after the record has its name, which its fields may mention. */
  readonly fields: AvroField[];
}

/** The name by which a union's JSON tells the type of its value. */
export function branchName(type: AvroType): string {
  switch (type.kind) {
    case 'primitive':
      return type.type;
    case 'record':
    case 'enum':
    case 'fixed':
      return type.name;
    default:
      return type.kind;
  }
}

/** A schema of a megabyte could make the parser's stack overflow otherwise. */
const MAX_SCHEMA_DEPTH = 200;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
/** No decimal of more digits is in use anywhere. */
const MAX_PRECISION = 1000;

/** @throws UnusableSchema */
export function parseAvroSchema(schema: SchemaText): AvroType {
  const parser = new Parser();
  for (const reference of referencesOf(schema)) parser.parse(json(reference.schema.text), '', 0);
  return parser.parse(json(schema.text), '', 0);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The short form of a primitive type, which some registries give without its quotes.
    if (PRIMITIVES.some((primitive) => primitive === text.trim())) return text.trim();
    throw new UnusableSchema('it is not JSON');
  }
}

class Parser {
  readonly #named = new Map<string, AvroType>();

  parse(node: unknown, namespace: string, depth: number): AvroType {
    if (depth > MAX_SCHEMA_DEPTH)
      throw new UnusableSchema(`it is nested deeper than ${MAX_SCHEMA_DEPTH} levels`);
    if (typeof node === 'string') return this.#byName(node, namespace);
    if (Array.isArray(node)) return this.#union(node, namespace, depth);
    if (!isJsonObject(node))
      throw new UnusableSchema('one of its types is neither a name, a list nor an object');
    const { type } = node;
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(node, namespace, depth);
      case 'enum':
        return this.#enum(node, namespace);
      case 'fixed':
        return this.#fixed(node, namespace);
      case 'array':
        return { kind: 'array', items: this.parse(node.items, namespace, depth + 1) };
      case 'map':
        return { kind: 'map', values: this.parse(node.values, namespace, depth + 1) };
    }
    if (isPrimitive(type)) return { kind: 'primitive', type, logical: logicalOf(node, type, undefined) };
    return this.parse(type, namespace, depth + 1);
  }

  #byName(name: string, namespace: string): AvroType {
    if (isPrimitive(name)) return { kind: 'primitive', type: name, logical: undefined };
    const found = this.#named.get(fullName(name, namespace)) ?? this.#named.get(name);
    if (!found) throw new UnusableSchema('it names a type that is neither in it nor among its references');
    return found;
  }

  #union(branches: readonly unknown[], namespace: string, depth: number): AvroType {
    const types = branches.map((branch) => this.parse(branch, namespace, depth + 1));
    if (types.some(({ kind }) => kind === 'union'))
      throw new UnusableSchema('it has a union right in a union');
    if (new Set(types.map(branchName)).size < types.length)
      throw new UnusableSchema('it has a union with the same type twice');
    return { kind: 'union', branches: types };
  }

  #record(node: Record<string, unknown>, namespace: string, depth: number): AvroType {
    const { name, inner } = this.#name(node, namespace);
    const record: AvroRecord = { kind: 'record', name, fields: [] };
    this.#define(name, node, inner, record);
    if (!Array.isArray(node.fields)) throw new UnusableSchema('one of its records has no list of fields');
    const known = new Set<string>();
    for (const field of node.fields as unknown[]) {
      if (!isJsonObject(field) || typeof field.name !== 'string' || known.has(field.name))
        throw new UnusableSchema('one of its records has a field without a name of its own');
      known.add(field.name);
      record.fields.push({
        name: field.name,
        aliases: textsIn(field.aliases),
        type: this.parse(field.type, inner, depth + 1),
        default: field.default,
      });
    }
    return record;
  }

  #enum(node: Record<string, unknown>, namespace: string): AvroType {
    const { name, inner } = this.#name(node, namespace);
    const symbols = textsIn(node.symbols);
    if (symbols.length === 0 || new Set(symbols).size < symbols.length)
      throw new UnusableSchema('one of its enums has no symbols, or one of them twice');
    const type: AvroType = { kind: 'enum', name, symbols };
    this.#define(name, node, inner, type);
    return type;
  }

  #fixed(node: Record<string, unknown>, namespace: string): AvroType {
    const { name, inner } = this.#name(node, namespace);
    const { size } = node;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
      throw new UnusableSchema('one of its fixed types has no size');
    const type: AvroType = { kind: 'fixed', name, size, logical: logicalOf(node, 'fixed', size) };
    this.#define(name, node, inner, type);
    return type;
  }

  #name(node: Record<string, unknown>, namespace: string): { name: string; inner: string } {
    if (typeof node.name !== 'string' || !NAME.test(node.name))
      throw new UnusableSchema('one of its types has no name');
    const given = typeof node.namespace === 'string' ? node.namespace : namespace;
    const name = fullName(node.name, given);
    const dot = name.lastIndexOf('.');
    return { name, inner: dot < 0 ? '' : name.slice(0, dot) };
  }

  #define(name: string, { aliases }: Record<string, unknown>, namespace: string, type: AvroType): void {
    for (const alias of [name, ...textsIn(aliases).map((text) => fullName(text, namespace))]) {
      if (!this.#named.has(alias)) this.#named.set(alias, type);
    }
  }
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function isPrimitive(name: unknown): name is Primitive {
  return PRIMITIVES.some((primitive) => primitive === name);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

const PER_SECOND = { millis: 1e3, micros: 1e6, nanos: 1e9 } as const;

function logicalOf(
  node: Record<string, unknown>,
  type: Primitive | 'fixed',
  size: number | undefined,
): Logical | undefined {
  const { logicalType } = node;
  if (typeof logicalType !== 'string') return undefined;
  if (logicalType === 'decimal' && (type === 'bytes' || type === 'fixed')) {
    const { precision, scale = 0 } = node;
    const isValid =
      Number.isInteger(precision) && Number.isInteger(scale) && 0 <= Number(scale) && Number(scale) <= Number(precision); // prettier-ignore
    return isValid && Number(precision) <= MAX_PRECISION
      ? { name: 'decimal', precision: Number(precision), scale: Number(scale) }
      : undefined;
  }
  if (logicalType === 'date' && type === 'int') return { name: 'date' };
  if (logicalType === 'uuid' && (type === 'string' || size === 16)) return { name: 'uuid' };
  const [, name, unit] = /^(time|timestamp|local-timestamp)-(millis|micros|nanos)$/.exec(logicalType) ?? [];
  if (name === undefined || type !== (logicalType === 'time-millis' ? 'int' : 'long')) return undefined;
  return {
    name: name as 'time' | 'timestamp' | 'local-timestamp',
    perSecond: PER_SECOND[unit as keyof typeof PER_SECOND],
  };
}
