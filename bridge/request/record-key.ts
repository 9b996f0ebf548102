/** The record's key, from the part of the request the configuration names. */
import { GatewayError } from '../errors';
import { contentOf, headerOf, type HttpRequest } from './http-request';
import { jsonBody } from './json-body';
import { atPointer, parseJsonPointer } from './json-pointer';
import { textFromKong } from './kong-text';
import { essenceOf, isJson } from './media-type';
import { firstArg, type UrlArgs } from './url-args';

export const KEY_SOURCES = [
  'none',
  'query',
  'header',
  'path',
  'body_field',
  'consumer',
  'correlation_id',
] as const;
export type KeySource = (typeof KEY_SOURCES)[number];

export interface KeyOptions {
  readonly source: KeySource;
  /** Query argument, header, capture of the route's path, or field of the JSON body; "" where no name is needed. */
  readonly name: string;
}

/** A key is a name, not a document; every replica keeps it. */
const MAX_KEY_BYTES = 4096;

export type RecordKey = (request: HttpRequest, args: UrlArgs, correlationId: string) => string | undefined;

/**
 * @returns the key of a request; undefined when what it is taken from is missing or empty. It throws GatewayError
 *   `request_invalid` for a key that is too long or not text
 */
export function recordKey(options: KeyOptions): RecordKey {
  const find = finder(options);
  return (request, args, correlationId) => {
    const key = find(request, args, correlationId);
    if (key === undefined || key === '') return undefined;
    if (Buffer.byteLength(key) > MAX_KEY_BYTES)
      throw invalid(options, `is longer than ${MAX_KEY_BYTES} bytes`);
    return key;
  };
}

function finder(options: KeyOptions): RecordKey {
  const { source, name } = options;
  const fromKong = (value: unknown) => (typeof value === 'string' ? textFromKong(value) : undefined);
  switch (source) {
    case 'none':
      return () => undefined;
    case 'query':
      return (_request, args) => {
        const value = firstArg(args, name);
        // Several broken values would become one key.
        if (value?.includes('\ufffd')) throw invalid(options, 'is not UTF-8');
        return value;
      };
    case 'header': {
      const header = name.toLowerCase();
      return (request) => fromKong(headerOf(request, header));
    }
    case 'path':
      return ({ captures = {} }) => fromKong(Object.hasOwn(captures, name) ? captures[name] : undefined);
    case 'body_field': {
      const tokens = bodyFieldTokens(name);
      return (request) => bodyField(request, tokens, options);
    }
    case 'consumer':
      return ({ consumer }) => fromKong(consumer?.id);
    case 'correlation_id':
      return (_request, _args, correlationId) => correlationId;
  }
}

/** A plain name is a field of the body; a name with a slash in front is a JSON pointer. */
export function bodyFieldTokens(name: string): readonly string[] {
  return (name.startsWith('/') ? parseJsonPointer(name) : undefined) ?? [name];
}

/** False for a body that says it is not JSON: its record has no key, and nobody looks into it for one. */
export function mayHaveFields(request: HttpRequest): boolean {
  const contentType = headerOf(request, 'content-type');
  return contentType === undefined || isJson(essenceOf(contentType));
}

function bodyField(request: HttpRequest, tokens: readonly string[], options: KeyOptions): string | undefined {
  if (contentOf(request).length === 0 || !mayHaveFields(request)) return undefined;
  const value = atPointer(jsonBody(request).value, tokens);
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    case 'number':
      // Beyond this, different numbers of the client become the same one here.
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
        throw invalid(options, 'is a number too large to be exact; send it as a string');
      return String(value);
    default:
      if (value === undefined || value === null) return undefined;
      throw invalid(options, 'is neither text nor a number');
  }
}

function invalid({ source, name }: KeyOptions, why: string): GatewayError {
  return new GatewayError('request_invalid', `the key (${source}${name === '' ? '' : ` ${name}`}) ${why}`);
}
