/**
 * The `kong` object of a handler: npm kong-pdk's shape (camelCase, every method returns a promise) over the
 * methods of Kong's ProtoBuf protocol. One row of the table per method.
 *
 * What differs from the stock server:
 * - a string result is bytes seen as latin1; decode it where text is wanted;
 * - absent and "" look the same on the wire: header, variable and query argument give undefined, others "";
 * - `request.getHeaders(max)` and its likes default to 1000, Kong's maximum, where Kong would cut at 100;
 * - `request.getRawBody(max)` refuses a larger body unread and reads a body that nginx keeps in a file;
 * - arguments that would be a Lua error, and so a 500 without a word, reject here instead;
 * - `kong.signal` (AbortSignal) fires when Kong has closed the event's connection or the server has answered it;
 *   `kong.onOver(callback)` tells the same and costs less;
 * - what the protocol does not have (`kong.vault`, `kong.plugin`, `kong.response.error`, …) is undefined.
 */

import { GatewayError } from '../bridge/errors';
import * as entities from './entities';
import { headerValue } from './exit-arguments';
import { frameOf } from './frames';
import * as messages from './messages';
import { bodyBytes } from './request-body';
import { toPdkValue, type PdkValue } from './values';

/** Carries out the calls of one event. */
export interface PdkCaller {
  readonly signal: AbortSignal;
  onOver(callback: () => void): void;
  call(method: PdkMethod, args: readonly unknown[]): Promise<unknown>;
}

/** Where bodies are counted while an event holds them. */
export interface PdkMemory {
  /** @throws GatewayError `overloaded` */
  reserveBytes(sizeBytes: number): void;
}

export interface PdkMethod {
  /** As Kong names it: `kong.request.get_header`. */
  readonly wireName: string;
  /** The frame that announces the call. */
  readonly nameFrame: Buffer;
  /** The frame with the arguments. @throws GatewayError for arguments Kong would fail on */
  readonly encode: (args: readonly unknown[]) => Buffer;
  readonly decode: (payload: Buffer, args: readonly unknown[], memory: PdkMemory) => unknown;
}

const MAX_ENTRIES = 1000;

// ---- Arguments -------------------------------------------------------------------------------------------

type Encoder = PdkMethod['encode'];

const nothing: Encoder = () => messages.EMPTY;
const string: Encoder = ([value]) => messages.encodeString(mustBeString(value));
const status: Encoder = ([value]) => messages.encodeInt(mustBeBetween(value, 100, 599));
const optionalFlag: Encoder = ([value]) => messages.encodeBool(value === true);
const bytes: Encoder = ([value]) =>
  messages.encodeBytes(typeof value === 'string' ? Buffer.from(value) : mustBeBytes(value));
const keyAndValue: Encoder = ([key, value]) => messages.encodeKeyValue(mustBeString(key), toPdkValue(value));
const header: Encoder = ([name, value]) => {
  const clean = headerValue(value);
  if (clean === undefined) throw refused('a header value is missing');
  return messages.encodeKeyValue(mustBeString(name), clean);
};
const struct: Encoder = ([value]) => messages.encodeStruct(mustBeObject(toPdkValue(value)));
const headers: Encoder = ([value]) => {
  const clean = Object.create(null) as Record<string, string | string[]>;
  for (const [name, item] of Object.entries(mustBeObject(value))) {
    const text = headerValue(item);
    if (text !== undefined) clean[name] = text;
  }
  return messages.encodeStruct(clean);
};
const upTo: Encoder = ([max = MAX_ENTRIES]) => messages.encodeInt(mustBeBetween(max, 1, MAX_ENTRIES));
const logParts: Encoder = (parts) => messages.encodeList(parts.map(logText));
const target: Encoder = ([host, port]) =>
  messages.encodeEntity({ host: mustBeString(host), port: mustBeBetween(port, 0, 65_535) }, entities.TARGET);
const consumerSpec: Encoder = ([id, byUsername]) =>
  messages.encodeEntity({ id: mustBeString(id), by_username: byUsername === true }, entities.CONSUMER_SPEC);
const authentication: Encoder = ([consumer, credential]) =>
  messages.encodeEntity(
    {
      consumer: (consumer ?? undefined) as entities.Entity,
      credential: (credential ?? undefined) as entities.Entity,
    },
    entities.AUTHENTICATE_ARGS,
  );

function mustBeString(value: unknown): string {
  if (typeof value === 'string') return value;
  throw refused(`a string is needed, got ${typeof value}`);
}

function mustBeBetween(value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  const got = typeof value === 'number' ? value : typeof value;
  throw refused(`an integer from ${min} to ${max} is needed, got ${got}`);
}

function mustBeBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw refused(`a string or bytes are needed, got ${typeof value}`);
}

function mustBeObject<T>(value: T): T & Record<string, PdkValue> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as T & Record<string, PdkValue>;
  }
  throw refused(`an object is needed, got ${Array.isArray(value) ? 'a list' : typeof value}`);
}

function refused(detail: string): GatewayError {
  return new GatewayError('internal', `Kong would refuse the call: ${detail}`);
}

/** Kong's log would print a table's address for an object, drop `false`, and print NULL_VALUE for null. */
function logText(part: unknown): string {
  if (typeof part === 'string') return part;
  if (part instanceof Error) return part.stack ?? part.message;
  if (typeof part !== 'object' || part === null) return String(part);
  try {
    return JSON.stringify(part);
  } catch {
    return '[object that is not JSON]';
  }
}

// ---- Results ---------------------------------------------------------------------------------------------

type Decoder = PdkMethod['decode'];

const ignored: Decoder = () => undefined;
const value: Decoder = (payload) => messages.decodeValue(payload) ?? undefined;
const entity =
  (fields: entities.MessageFields): Decoder =>
  (payload) =>
    messages.decodeEntity(payload, fields);
const receivedText = (item: PdkValue): string => (typeof item === 'object' ? '' : String(item));
const headerMap: Decoder = (payload) => {
  const map = messages.decodeStruct(payload);
  for (const name in map) {
    const item = map[name] as PdkValue;
    if (typeof item === 'string') continue;
    map[name] = Array.isArray(item) ? item.map(receivedText) : receivedText(item);
  }
  return map;
};
const rawBody: Decoder = (payload, [max], memory) => {
  const body = messages.decodeRawBody(payload);
  return bodyBytes(body, typeof max === 'number' ? max : undefined, (sizeBytes) =>
    memory.reserveBytes(sizeBytes),
  );
};

// ---- The table -------------------------------------------------------------------------------------------

type Row = readonly [wireName: string, encode: Encoder, decode: Decoder];

const { decodeString: text, decodeOptionalString: optionalText } = messages;
const { decodeInt: int, decodeNumber: number, decodeBool: bool } = messages;

const ROWS: readonly Row[] = [
  ['kong.client.get_ip', nothing, text],
  ['kong.client.get_forwarded_ip', nothing, text],
  ['kong.client.get_port', nothing, int],
  ['kong.client.get_forwarded_port', nothing, int],
  ['kong.client.get_credential', nothing, entity(entities.CREDENTIAL)],
  ['kong.client.load_consumer', consumerSpec, entity(entities.CONSUMER)],
  ['kong.client.get_consumer', nothing, entity(entities.CONSUMER)],
  ['kong.client.authenticate', authentication, ignored],
  ['kong.client.get_protocol', optionalFlag, optionalText],

  ['kong.ctx.shared.set', keyAndValue, ignored],
  ['kong.ctx.shared.get', string, value],

  ['kong.ip.is_trusted', string, bool],

  ['kong.log.alert', logParts, ignored],
  ['kong.log.crit', logParts, ignored],
  ['kong.log.err', logParts, ignored],
  ['kong.log.warn', logParts, ignored],
  ['kong.log.notice', logParts, ignored],
  ['kong.log.info', logParts, ignored],
  ['kong.log.debug', logParts, ignored],
  ['kong.log.set_serialize_value', keyAndValue, ignored],
  ['kong.log.serialize', nothing, text],

  ['kong.nginx.get_var', string, optionalText],
  ['kong.nginx.get_tls1_version_str', nothing, optionalText],
  ['kong.nginx.set_ctx', keyAndValue, ignored],
  ['kong.nginx.get_ctx', string, value],
  ['kong.nginx.req_start_time', nothing, number],
  ['kong.nginx.get_subsystem', nothing, text],

  ['kong.node.get_id', nothing, text],
  ['kong.node.get_memory_stats', nothing, entity(entities.MEMORY_STATS)],

  ['kong.request.get_scheme', nothing, text],
  ['kong.request.get_host', nothing, text],
  ['kong.request.get_port', nothing, int],
  ['kong.request.get_forwarded_scheme', nothing, text],
  ['kong.request.get_forwarded_host', nothing, text],
  ['kong.request.get_forwarded_port', nothing, int],
  ['kong.request.get_http_version', nothing, number],
  ['kong.request.get_method', nothing, text],
  ['kong.request.get_path', nothing, text],
  ['kong.request.get_path_with_query', nothing, text],
  ['kong.request.get_raw_query', nothing, text],
  ['kong.request.get_query_arg', string, optionalText],
  ['kong.request.get_query', upTo, messages.decodeStruct],
  ['kong.request.get_header', string, optionalText],
  ['kong.request.get_headers', upTo, headerMap],
  ['kong.request.get_raw_body', nothing, rawBody],
  ['kong.request.get_uri_captures', nothing, entity(entities.URI_CAPTURES)],

  ['kong.response.get_status', nothing, int],
  ['kong.response.get_header', string, optionalText],
  ['kong.response.get_headers', upTo, headerMap],
  ['kong.response.get_source', nothing, text],
  ['kong.response.set_status', status, ignored],
  ['kong.response.set_header', header, ignored],
  ['kong.response.add_header', header, ignored],
  ['kong.response.clear_header', string, ignored],
  ['kong.response.set_headers', headers, ignored],
  // The event encodes these arguments itself, because exit also ends it.
  ['kong.response.exit', nothing, ignored],

  ['kong.router.get_route', nothing, entity(entities.ROUTE)],
  ['kong.router.get_service', nothing, entity(entities.SERVICE)],

  ['kong.service.set_upstream', string, ignored],
  ['kong.service.set_target', target, ignored],

  ['kong.service.request.set_scheme', string, ignored],
  ['kong.service.request.set_path', string, ignored],
  ['kong.service.request.set_raw_query', string, ignored],
  ['kong.service.request.set_method', string, ignored],
  ['kong.service.request.set_query', struct, ignored],
  ['kong.service.request.set_header', header, ignored],
  ['kong.service.request.add_header', header, ignored],
  ['kong.service.request.clear_header', string, ignored],
  ['kong.service.request.set_headers', headers, ignored],
  ['kong.service.request.set_raw_body', bytes, ignored],

  ['kong.service.response.get_status', nothing, int],
  ['kong.service.response.get_header', string, optionalText],
  ['kong.service.response.get_headers', upTo, headerMap],
  ['kong.service.response.get_raw_body', nothing, messages.decodeBytes],
];

/** By Kong's name. */
export const PDK_METHODS: ReadonlyMap<string, PdkMethod> = new Map(
  ROWS.map(([wireName, encode, decode]) => {
    const nameFrame = frameOf(Buffer.from(wireName));
    return [wireName, { wireName, nameFrame, encode, decode }];
  }),
);

export function pdkMethod(wireName: string): PdkMethod {
  const method = PDK_METHODS.get(wireName);
  if (method === undefined) throw new Error(`${wireName} is not in the table of PDK methods`);
  return method;
}

// ---- The kong object -------------------------------------------------------------------------------------

/** `get_tls1_version_str` is `getTls1VersionStr` in a handler. */
export function camelCase(snakeCase: string): string {
  return snakeCase.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const CALLER = Symbol('caller');

/**
 * A level of the `kong` tree. Members are getters on the prototype, so that an event costs one small object
 * and not ninety functions. There is no `then`, so awaiting one, or returning it from an async function, is harmless.
 */
interface Level {
  readonly [CALLER]: PdkCaller;
}
type LevelClass = new (caller: PdkCaller) => Level;

function levelClass(): LevelClass {
  return class implements Level {
    readonly [CALLER]: PdkCaller;
    constructor(caller: PdkCaller) {
      this[CALLER] = caller;
    }
  };
}

function defineMember(level: LevelClass, name: string, get: (caller: PdkCaller) => unknown): void {
  Object.defineProperty(level.prototype, name, {
    enumerable: true,
    get(this: Level) {
      return get(this[CALLER]);
    },
  });
}

function buildTree(): LevelClass {
  const levels = new Map<string, LevelClass>();
  const levelAt = (path: string): LevelClass => {
    let level = levels.get(path);
    if (level === undefined) {
      const created = (level = levelClass());
      levels.set(path, created);
      const dot = path.lastIndexOf('.');
      if (dot > 0)
        defineMember(levelAt(path.slice(0, dot)), path.slice(dot + 1), (caller) => new created(caller));
    }
    return level;
  };
  for (const method of PDK_METHODS.values()) {
    const dot = method.wireName.lastIndexOf('.');
    defineMember(
      levelAt(method.wireName.slice(0, dot)),
      camelCase(method.wireName.slice(dot + 1)),
      // A function of its own per use, so that it also works detached from its object, as in the stock server.
      (caller) =>
        (...args: unknown[]) =>
          caller.call(method, args),
    );
  }
  const root = levelAt('kong');
  defineMember(root, 'signal', (caller) => caller.signal);
  defineMember(root, 'onOver', (caller) => (callback: () => void) => caller.onOver(callback));
  return root;
}

const Kong = buildTree();

/** The `kong` argument of a phase method. */
export function createKong(caller: PdkCaller): object {
  return new Kong(caller);
}
