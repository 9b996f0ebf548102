/**
 * JSON Schema, drafts 4 to 2020-12: a value is checked and stays as it was sent, to the byte.
 *
 * ajv compiles a schema to a function, and quotes all that it takes from it. What takes more than linear time is ours:
 * `uniqueItems` looks each item up, V8 goes over to its linear engine for regular expressions that backtrack too much, and
 * references are counted, as alternatives that lead to themselves are looked at twice as often with every level of a value.
 */
import { isUtf8 } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import draft6 from 'ajv/dist/refs/json-schema-draft-06.json';
import Ajv, { type ErrorObject, type Options } from 'ajv';
import addFormats from 'ajv-formats';
import { isDeeperThan } from '../../json-depth';
import { atPointer, parseJsonPointer } from '../../request/json-pointer';
import { referencesOf, type SchemaText } from '../registered-schema';
import {
  isJsonObject,
  kindOf,
  MAX_JSON_DEPTH,
  Mismatch,
  Undecodable,
  UnusableSchema,
  type Codec,
} from './codec';

setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

/** ajv writes, and V8 compiles, some ten times as much code. */
const MAX_BYTES = 262_144;

/** How often references of a schema may be followed for one value: each once for each part of it, and some for its own. */
const FREE_REFERENCES = 1000;
const REFERENCES_PER_CHARACTER = 2;

/** @throws UnusableSchema */
export async function jsonSchemaCodec(schema: SchemaText): Promise<Codec> {
  const check = await checker(schema);
  return {
    encode: ({ text, value }) => {
      const mismatch = check(value, text.length);
      if (mismatch) throw mismatch;
      return Buffer.from(text);
    },
    decode: (bytes) => {
      const text = jsonText(bytes);
      const mismatch = check(JSON.parse(text), text.length);
      if (mismatch) throw new Undecodable(`at "${mismatch.pointer}" ${mismatch.message}`);
      return text;
    },
  };
}

function jsonText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Undecodable('it is not UTF-8');
  if (isDeeperThan(bytes, MAX_JSON_DEPTH))
    throw new Undecodable(`it is nested deeper than ${MAX_JSON_DEPTH} levels`);
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch {
    throw new Undecodable('it is not JSON');
  }
  return text;
}

type Check = (value: unknown, characters: number) => Mismatch | undefined;

async function checker(schema: SchemaText): Promise<Check> {
  const references = referencesOf(schema);
  const bytes = [schema, ...references.map((reference) => reference.schema)].reduce(
    (sum, { text }) => sum + Buffer.byteLength(text),
    0,
  );
  if (bytes > MAX_BYTES) throw new UnusableSchema(`it has more than ${MAX_BYTES} bytes`);
  const root = parsed(schema.text);
  try {
    const ajv = await ajvOf(root);
    for (const { name, schema: referred } of references)
      ajv.addSchema(parsed(referred.text), addressOf(name, root));
    const validate = ajv.compile(root);
    return (value, characters) => {
      referencesLeft = FREE_REFERENCES + REFERENCES_PER_CHARACTER * characters;
      try {
        return validate(value) ? undefined : mismatchOf(validate.errors ?? [], value);
      } catch (error) {
        if (error !== TOO_MANY_REFERENCES) throw error;
        return new Mismatch('a value whose alternatives are told apart sooner', kindOf(value));
      }
    };
  } catch (error) {
    if (error instanceof UnusableSchema) throw error;
    // Its own error quotes the schema.
    const isMissing = (error as Error).constructor.name === 'MissingRefError';
    throw new UnusableSchema(
      isMissing ? 'it refers to a schema that is not among its references' : 'it is no JSON Schema',
    );
  }
}

function parsed(text: string): Record<string, unknown> | boolean {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    throw new UnusableSchema('it is not JSON');
  }
  if (typeof schema !== 'boolean' && !isJsonObject(schema))
    throw new UnusableSchema('it is neither an object nor a boolean');
  countReferences(schema);
  return schema;
}

/** No schema has a keyword of this name. */
const COUNTED = 'kong-kafka-counted';
const REFERENCES = ['$ref', '$dynamicRef', '$recursiveRef'];
/** What these hold is no schema, and what those hold are schemas by any name. */
const DATA = new Set(['const', 'enum', 'default', 'examples']);
const BY_NAME = new Set(['properties', 'patternProperties', 'definitions', '$defs', 'dependencies', 'dependentSchemas']); // prettier-ignore

/** Of the value that is being checked. */
let referencesLeft = 0;
const TOO_MANY_REFERENCES = new Error('too many references');

function countReference(): boolean {
  if (--referencesLeft < 0) throw TOO_MANY_REFERENCES;
  return true;
}

/** Marks each reference of a schema, so that it is counted before it is followed. */
function countReferences(schema: unknown, isByName = false): void {
  if (Array.isArray(schema)) for (const inner of schema as unknown[]) countReferences(inner);
  if (!isJsonObject(schema)) return;
  for (const [name, inner] of Object.entries(schema))
    if (isByName || !DATA.has(name)) countReferences(inner, !isByName && BY_NAME.has(name));
  if (!isByName && REFERENCES.some((name) => typeof schema[name] === 'string')) schema[COUNTED] = true;
}

/** Where `$ref` looks for a reference of that name: beside the schema that has an address. */
function addressOf(name: string, root: Record<string, unknown> | boolean): string {
  const base = typeof root === 'object' ? (root['$id'] ?? root['id']) : undefined;
  return typeof base === 'string' && URL.canParse(name, base) ? new URL(name, base).href : name;
}

async function ajvOf(root: Record<string, unknown> | boolean): Promise<Ajv> {
  const options: Options = {
    // Schemas of a registry carry words of other tools.
    strict: false,
    allErrors: false,
    logger: false,
    code: { regExp: Object.assign(boundedPattern, { code: 'undefined' }) },
  };
  const dialect = typeof root === 'object' ? root['$schema'] : undefined;
  const ajv = await dialectOf(typeof dialect === 'string' ? dialect : '', options);
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: hasUniqueItems, errors: false }); // prettier-ignore
  // The first of the words for references that the draft has.
  const before = ajv.getKeyword('$dynamicAnchor') ? '$dynamicAnchor' : '$ref';
  ajv.addKeyword({ keyword: COUNTED, before, validate: countReference, errors: false });
  addFormats(ajv);
  return ajv;
}

/**
 * No `$schema`: draft 7, as the serializers of registries have it. Each draft is loaded when the first schema of it comes,
 * because that takes the process tens of milliseconds.
 */
async function dialectOf(dialect: string, options: Options): Promise<Ajv> {
  if (dialect.includes('draft-04')) {
    const { default: draft4 } = await import('ajv-draft-04');
    return new draft4.default(options);
  }
  if (dialect.includes('2019-09')) {
    const { Ajv2019 } = await import('ajv/dist/2019.js');
    return new Ajv2019(options);
  }
  if (dialect.includes('2020-12')) {
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    return new Ajv2020(options);
  }
  const ajv = new Ajv(options);
  if (dialect.includes('draft-06')) ajv.addMetaSchema(draft6);
  return ajv;
}

/** What the linear engine does not know: looking around, references back, counts from ten, Unicode's properties. */
const NOT_LINEAR = /\(\?<?[=!]|\\[1-9]|\\k<|\{\d{2}|\{\d*,\d{2}|\\[pPu]\{/;
/** A group that is repeated, and repeats or chooses inside: its time may double with every character. */
const REPEATS_REPETITION = /[*+}|][^()]*\)[*+{]|\)[*+{][^()]*\)[*+{]/;
/** For the others, whose time grows with a power of the length. */
const MAX_CHARACTERS = 1000;

interface Pattern {
  test(text: string): boolean;
}

function boundedPattern(pattern: string): Pattern {
  if (!NOT_LINEAR.test(pattern)) return new RegExp(pattern);
  if (REPEATS_REPETITION.test(pattern))
    throw new UnusableSchema('one of its patterns repeats what is repeated in a way that may never end');
  const expression = new RegExp(pattern, /\\[pPu]\{/.test(pattern) ? 'u' : '');
  return { test: (text) => text.length <= MAX_CHARACTERS && expression.test(text) };
}

function hasUniqueItems(isWanted: boolean, items: unknown[]): boolean {
  return !isWanted || new Set(items.map(canonical)).size === items.length;
}

/** Equal for equal values: JSON with its members in order. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_name, member: unknown) =>
    isJsonObject(member) ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1))) : member, // prettier-ignore
  );
}

/** The last error is that of the outermost rule; messages of ajv say what the schema wants, and nothing of the value. */
function mismatchOf(errors: readonly ErrorObject[], value: unknown): Mismatch {
  const error = errors.at(-1);
  if (!error) return new Mismatch('another value', kindOf(value));
  const tokens = parseJsonPointer(error.instancePath) ?? [];
  const found = atPointer(value, tokens);
  const at = (mismatch: Mismatch, ...more: string[]) =>
    [...tokens, ...more].reduceRight((inner, token) => inner.inside(token), mismatch);
  const params = error.params as Record<string, unknown>;
  const own = (name: unknown) => (isJsonObject(found) ? found[String(name)] : undefined);
  switch (error.keyword) {
    case 'required':
    case 'dependencies':
      return at(new Mismatch('a value', 'nothing'), String(params['missingProperty']));
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      return at(new Mismatch('no such property', kindOf(own(name))), name);
    }
    case 'enum':
      return at(new Mismatch('one of the values of its enum', otherKind(found)));
    case 'const':
      return at(new Mismatch('the value of its const', otherKind(found)));
    default:
      return at(new Mismatch(wish(error), kindOf(found)));
  }
}

function otherKind(value: unknown): string {
  return typeof value === 'string' ? 'another string' : kindOf(value);
}

const MAX_WISH = 200;

function wish({ message = 'must be another value' }: ErrorObject): string {
  const text = message
    .replace(/^must be /, '')
    .replace(/^must (NOT )?/, (_, not) => (not ? 'it not to ' : 'it to '));
  return text.length > MAX_WISH ? `${text.slice(0, MAX_WISH)}…` : text;
}
