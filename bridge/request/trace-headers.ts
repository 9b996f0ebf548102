/**
 * What of a client's trace goes into the record, so that the responder's spans join it. All of it is the client's word:
 * what is malformed is left out, and no request fails because of it.
 */
import {
  cleanBaggage,
  cleanTracestate,
  contextHeaders,
  parseB3,
  parseTraceparent,
  B3_NAMES,
  type B3Form,
  type TraceContext,
} from '../telemetry/trace-context';
import type { CompiledRules } from './header-rules';
import type { HttpRequest } from './http-request';
import type { RecordHeader, RecordHeaders } from './record-headers';

type Headers = HttpRequest['headers'];

const NONE: RecordHeaders = [];

/** @param b3 in which form to write the context beside W3C's; unless `off`, it is also read where W3C's is missing */
export function traceHeaders(rules: CompiledRules, b3: B3Form): (headers: Headers) => RecordHeaders {
  const contextOf = clientsContext(rules, b3);
  const hasState = rules.forwards('traceparent') && rules.forwards('tracestate');
  const hasBaggage = rules.forwards('baggage');
  const writtenB3 = passesB3(rules, b3) ? b3 : 'off';

  return (headers) => {
    const context = contextOf(headers);
    const baggage = hasBaggage ? listOf(headers.baggage, cleanBaggage) : undefined;
    if (context === undefined && baggage === undefined) return NONE;
    const out: RecordHeader[] = context === undefined ? [] : [...contextHeaders(context, writtenB3)];
    const state = hasState ? listOf(headers.tracestate, cleanTracestate) : undefined;
    // Without a traceparent of its own nobody knows what a tracestate belongs to.
    if (state !== undefined && w3cContext(headers) !== undefined) out.push(['tracestate', state]);
    if (baggage !== undefined) out.push(['baggage', baggage]);
    return out;
  };
}

/** The trace a client says it is in, as far as the configuration lets it have a say. */
export function clientsContext(
  rules: CompiledRules,
  b3: B3Form,
): (headers: Headers) => TraceContext | undefined {
  const readsW3c = rules.forwards('traceparent');
  const readsB3 = passesB3(rules, b3);
  return (headers) =>
    (readsW3c ? w3cContext(headers) : undefined) ?? (readsB3 ? b3Context(headers) : undefined);
}

function passesB3({ forwards }: CompiledRules, b3: B3Form): boolean {
  return b3 !== 'off' && B3_NAMES.every(forwards);
}

function w3cContext({ traceparent }: Headers): TraceContext | undefined {
  const text = onlyOne(traceparent);
  return text === undefined ? undefined : parseTraceparent(text);
}

function b3Context(headers: Headers): TraceContext | undefined {
  return parseB3((name) => onlyOne(headers[name]));
}

/** Of several nobody can know which is right. */
function onlyOne(value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return value.length === 1 ? value[0] : undefined;
}

function listOf(
  value: string | readonly string[] | undefined,
  clean: (text: string) => string | undefined,
): string | undefined {
  return value === undefined ? undefined : clean(String(value));
}
