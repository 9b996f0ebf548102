/**
 * What Kong's own plugins are told of a request, so that their traces and log entries can be laid beside ours. Each is
 * one call that nobody waits for.
 */
import type { PhaseEvent } from '../phase';

/**
 * Kong's OpenTelemetry plugin reads the client's trace in its access phase, whose turn never comes: the request is
 * answered before. At the end it exports Kong's spans under an id that Kong has made up, unless one stands here. The field
 * is internal to Kong (kong/observability/tracing/tracing_context.lua, in 3.9); a version that knows none ignores it.
 *
 * @param traceId 32 hexadecimal digits
 */
export function joinKongTrace(event: PhaseEvent, traceId: string): void {
  event.tell('kong.nginx.set_ctx', 'TRACING_CONTEXT', {
    // Text to and from Kong is bytes, seen as latin1.
    trace_id: { raw: Buffer.from(traceId, 'hex').toString('latin1'), formatted: {} },
    unlinked_spans: {},
  });
}

/** Under `kafka` in the entry of each log plugin. Neither payload nor key. */
export interface LogFields {
  /** `ok`, or that of the error which the client got. */
  readonly code: string;
  readonly topic?: string | undefined;
  readonly correlation_id?: string | undefined;
  readonly reply_topic?: string | undefined;
  /** Of the reply. */
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
}

export function tellLogFields(event: PhaseEvent, fields: LogFields): void {
  event.tell('kong.log.set_serialize_value', 'kafka', { ...fields });
}
