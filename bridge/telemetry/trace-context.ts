/**
 * The words in which a trace travels: W3C Trace Context, W3C Baggage and Zipkin's B3. Whoever sends them chooses the
 * bytes, so each is read by its grammar and its limits; what does not keep to them counts as not sent.
 */

export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** Of the span that asks, 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Two hexadecimal digits. */
  readonly flags: string;
}

const SAMPLED = '01';
const NOT_SAMPLED = '00';

export function isSampled({ flags }: TraceContext): boolean {
  return (parseInt(flags, 16) & 1) === 1;
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Of a later version only what version 00 has, as W3C wants it: nobody knows what the rest means. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || isZero(traceId) || isZero(spanId)) return undefined;
  if (version === '00') return more === undefined ? { traceId, spanId, flags } : undefined;
  return { traceId, spanId, flags: parseInt(flags, 16) & 1 ? SAMPLED : NOT_SAMPLED };
}

export function traceparentOf({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

function isZero(digits: string): boolean {
  return /^0+$/.test(digits);
}

/** W3C asks everybody to pass on as much; the first members are the newest. */
const TRACESTATE_LIMITS = { members: 32, chars: 512 };
const TRACESTATE_KEY = /^[a-z0-9][a-z0-9_*/@-]{0,255}$/;
const TRACESTATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** @returns as many whole members as the limits allow; undefined when one is malformed, or there is none */
export function cleanTracestate(text: string): string | undefined {
  const keys = new Set<string>();
  return cleanList(text, TRACESTATE_LIMITS, (member) => {
    const equals = member.indexOf('=');
    const key = member.slice(0, Math.max(equals, 0));
    if (keys.has(key) || !TRACESTATE_KEY.test(key)) return false;
    keys.add(key);
    return TRACESTATE_VALUE.test(member.slice(equals + 1));
  });
}

const BAGGAGE_LIMITS = { members: 64, chars: 8192 };
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const BAGGAGE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/** @returns as many whole members as W3C asks for at least; undefined when one is malformed, or there is none */
export function cleanBaggage(text: string): string | undefined {
  return cleanList(text, BAGGAGE_LIMITS, (member) =>
    member.split(';').every((part, index) => {
      const equals = part.indexOf('=');
      // What follows the value are properties, which may be a bare name.
      if (equals === -1) return index > 0 && TOKEN.test(trimmed(part));
      return (
        TOKEN.test(trimmed(part.slice(0, equals))) && BAGGAGE_VALUE.test(trimmed(part.slice(equals + 1)))
      );
    }),
  );
}

function cleanList(
  text: string,
  limits: { readonly members: number; readonly chars: number },
  isWellFormed: (member: string) => boolean,
): string | undefined {
  const kept: string[] = [];
  let chars = 0;
  for (const piece of text.split(',')) {
    const member = trimmed(piece);
    if (member === '') continue;
    chars += member.length + (kept.length === 0 ? 0 : 1);
    if (kept.length >= limits.members || chars > limits.chars) break;
    if (!isWellFormed(member)) return undefined;
    kept.push(member);
  }
  return kept.length === 0 ? undefined : kept.join(',');
}

/** Without blanks and tabs around it; `trim` would also take what is not allowed there. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(charCode: number): boolean {
  return charCode === 0x20 || charCode === 0x09;
}

/** `single`: one header `b3`. `multi`: the headers `X-B3-*`. */
export const B3_FORMS = ['off', 'single', 'multi'] as const;
export type B3Form = (typeof B3_FORMS)[number];

/** In lower case. */
export const B3_NAMES = [
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
] as const;

const B3_SINGLE = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/;
const B3_TRACE_ID = /^(?:[0-9a-f]{16}){1,2}$/;
const B3_SPAN_ID = /^[0-9a-f]{16}$/;

/** @param header value of a header by its name in lower case */
export function parseB3(
  header: (name: (typeof B3_NAMES)[number]) => string | undefined,
): TraceContext | undefined {
  const single = header('b3');
  if (single !== undefined) {
    const [, traceId, spanId, state] = B3_SINGLE.exec(single) ?? [];
    return b3Context(traceId, spanId, state === '1' || state === 'd');
  }
  const sampled = header('x-b3-sampled');
  return b3Context(
    matching(B3_TRACE_ID, header('x-b3-traceid')),
    matching(B3_SPAN_ID, header('x-b3-spanid')),
    sampled === '1' || sampled === 'true' || header('x-b3-flags') === '1',
  );
}

function b3Context(
  traceId: string | undefined,
  spanId: string | undefined,
  sampled: boolean,
): TraceContext | undefined {
  if (traceId === undefined || spanId === undefined || isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId: traceId.padStart(32, '0'), spanId, flags: sampled ? SAMPLED : NOT_SAMPLED };
}

function matching(pattern: RegExp, text: string | undefined): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}

type TraceHeaders = readonly (readonly [name: string, value: string])[];

/**
 * A context as record headers: always `traceparent`, and B3 in the spelling of its specification, as most libraries
 * that read it from records mind letter case.
 */
export function contextHeaders(context: TraceContext, b3: B3Form): TraceHeaders {
  const traceparent = ['traceparent', traceparentOf(context)] as const;
  if (b3 === 'off') return [traceparent];
  const { traceId, spanId } = context;
  const sampled = isSampled(context) ? '1' : '0';
  if (b3 === 'single') return [traceparent, ['b3', `${traceId}-${spanId}-${sampled}`]];
  return [traceparent, ['X-B3-TraceId', traceId], ['X-B3-SpanId', spanId], ['X-B3-Sampled', sampled]];
}

const CONTEXT_NAMES: ReadonlySet<string> = new Set([
  'traceparent',
  'b3',
  'X-B3-TraceId',
  'X-B3-SpanId',
  'X-B3-Sampled',
]);

/** Whether `contextHeaders` writes such a header: case counts. */
export function isContextHeader(name: string): boolean {
  return CONTEXT_NAMES.has(name);
}
