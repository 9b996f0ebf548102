/**
 * Which headers of a reply reach the client. Compiled once per configuration.
 *
 * Names are normalised before every check: proxies treat `_` and `-` alike, so a check of the name as it came could
 * be walked around.
 */
import { DIALECT_HEADERS } from './dialects';

export interface ForwardRules {
  /** Names; one that ends in `*` stands for all that begin so. */
  readonly include: readonly string[];
  /** As `include`, and wins over it. */
  readonly exclude: readonly string[];
  /** Record headers that the gateway itself reads: the client sees one only where `include` has its very name. */
  readonly readByGateway: readonly string[];
}

export interface ForwardedHeaders {
  readonly headers: Record<string, string | string[]>;
  /** Headers that were meant for the client but unsafe or too many. */
  readonly droppedHeaders: number;
  /** What Content-Encoding says, joined where it comes several times; not among `headers`. See `contentCoding`. */
  readonly contentEncoding: string | undefined;
}

export type HeaderForwarder = (
  headers: readonly (readonly [name: string, value: Buffer])[],
) => ForwardedHeaders;

/** Caps that keep one reply from filling Kong's header buffers. Bytes. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_HEADERS_BYTES = 16_384;

/** RFC 9110 token, in lower case. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** CR, LF and NUL could end the header and begin something else; clients refuse the other control characters. */
const UNSAFE_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;

const CONNECTION = 'connection';
const CONTENT_TYPE = 'content-type';
/** Without it nobody can read the body, so no pattern decides about it: only its very name in `exclude`. */
const CONTENT_ENCODING = 'content-encoding';

/** What belongs to one connection, frames the answer, or is the gateway's own word. No configuration changes it. */
const NEVER: ReadonlySet<string> = new Set([
  CONNECTION,
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'date',
  'server',
  'via',
]);
const NEVER_BEGINNINGS = ['proxy-', 'x-kong-'];
/** For whoever writes a configuration. */
export const NEVER_FORWARDED = { names: NEVER, beginnings: NEVER_BEGINNINGS } as const;

/**
 * Not by a pattern, which is easily wider than meant: headers that log a browser in, that make a proxy before Kong
 * serve its own files, and the record headers of frameworks.
 */
const ONLY_BY_NAME = ['set-cookie', 'set-cookie2', 'x-sendfile', ...DIALECT_HEADERS];
const ONLY_BY_NAME_BEGINNINGS = [
  'x-accel-',
  'kafka-',
  'spring-',
  'springdeserializer',
  'reply-partition',
  '--',
];

/** Names come from responders, so the memory of decisions needs a bound. */
const MAX_REMEMBERED = 512;

/** For a name that is meant for the client, but no name of an HTTP header. */
const UNSAFE_NAME = '';

export function normalHeaderName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** @param pattern as in `ForwardRules` */
export function isNeverForwarded(pattern: string): boolean {
  const name = normalHeaderName(pattern);
  return NEVER.has(name) || beginsWith(name, NEVER_BEGINNINGS);
}

export function headerForwarder(rules: ForwardRules): HeaderForwarder {
  const include = namePatterns(rules.include);
  const exclude = namePatterns(rules.exclude);
  const onlyByName = new Set([...ONLY_BY_NAME, ...rules.readByGateway].map(normalHeaderName));

  /** The client's name for it; undefined when it is not for the client. */
  const decide = (rawName: string): string | undefined => {
    const name = normalHeaderName(rawName);
    if (name === CONNECTION) return CONNECTION;
    if (name === CONTENT_ENCODING) return exclude.names.has(name) ? undefined : CONTENT_ENCODING;
    if (isNeverForwarded(name) || exclude.matches(name)) return undefined;
    const byName = include.names.has(name);
    if (!byName && (onlyByName.has(name) || beginsWith(name, ONLY_BY_NAME_BEGINNINGS))) return undefined;
    if (!byName && !include.matches(name)) return undefined;
    return TOKEN.test(name) ? name : UNSAFE_NAME;
  };

  const remembered = new Map<string, string | undefined>();
  const clientName = (rawName: string): string | undefined => {
    const known = remembered.get(rawName);
    if (known !== undefined || remembered.has(rawName)) return known;
    const decided = decide(rawName);
    if (remembered.size < MAX_REMEMBERED) remembered.set(rawName, decided);
    return decided;
  };

  return (given) => {
    const headers = Object.create(null) as Record<string, string | string[]>;
    let count = 0;
    let bytes = 0;
    let droppedHeaders = 0;
    let listedByConnection: string[] | undefined;
    let contentEncoding: string | undefined;
    for (const [rawName, rawValue] of given) {
      const name = clientName(rawName);
      if (name === undefined) continue;
      const value = rawValue.toString('latin1');
      if (name === CONNECTION) {
        listedByConnection = [...(listedByConnection ?? []), ...value.split(',')];
        continue;
      }
      if (name === CONTENT_ENCODING) {
        contentEncoding = contentEncoding === undefined ? value : `${contentEncoding},${value}`;
        continue;
      }
      // Whoever guesses one would look into the body.
      if (name === CONTENT_TYPE && value.trim() === '') continue;
      const size = name.length + rawValue.length;
      const fits =
        count < MAX_HEADERS && rawValue.length <= MAX_HEADER_BYTES && bytes + size <= MAX_HEADERS_BYTES;
      if (!fits || name === UNSAFE_NAME || UNSAFE_VALUE.test(value)) {
        droppedHeaders++;
        continue;
      }
      count++;
      bytes += size;
      add(headers, name, value);
    }
    // RFC 9110 7.6.1: what Connection lists belongs to one connection as well.
    for (const name of listedByConnection ?? []) delete headers[normalHeaderName(name.trim())];
    return { headers, droppedHeaders, contentEncoding };
  };
}

function add(headers: Record<string, string | string[]>, name: string, value: string): void {
  const earlier = headers[name];
  if (earlier === undefined) headers[name] = value;
  else if (Array.isArray(earlier)) earlier.push(value);
  // A body has one media type; the first is as good as any.
  else if (name !== CONTENT_TYPE) headers[name] = [earlier, value];
}

function namePatterns(patterns: readonly string[]) {
  const normal = patterns.map(normalHeaderName);
  const names = new Set(normal.filter((pattern) => !pattern.endsWith('*')));
  const beginnings = normal.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return { names, matches: (name: string) => names.has(name) || beginsWith(name, beginnings) };
}

function beginsWith(name: string, beginnings: readonly string[]): boolean {
  return beginnings.some((beginning) => name.startsWith(beginning));
}
