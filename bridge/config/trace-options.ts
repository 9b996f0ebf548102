/** The rows of how a request is followed: through Kafka, in Kong's own traces and in its log entries. */
import { B3_FORMS } from '../telemetry/trace-context';
import type { Field, OptionTable } from './fields';

export const KONG_TRACES = ['off', 'join'] as const;

export const TRACE_OPTIONS = [
  {
    name: 'trace',
    type: 'record',
    description: 'How traces go on behind the gateway. See docs/tracing.md.',
    fields: [
      {
        name: 'b3',
        type: 'string',
        oneOf: B3_FORMS,
        default: 'off',
        description:
          "Zipkin's B3 beside `traceparent`, for responders that read nothing else. `single` adds the record header `b3`, `multi` adds `X-B3-TraceId`, `X-B3-SpanId` and `X-B3-Sampled`. Then a request without `traceparent` may bring its trace in B3, too. `off` (default): W3C only. No effect without `headers.forward_http_headers_as_record_headers`.",
      },
      {
        name: 'kong',
        type: 'string',
        oneOf: KONG_TRACES,
        default: 'off',
        description:
          "Whether Kong's own OpenTelemetry plugin goes on with the trace of the record. `join`: it exports its spans under the trace id that the record carries, where it would make one up, as these plugins answer before it has read the request. Costs one call more, and relies on an internal field of Kong (3.9). No effect in Kong's stock JavaScript server. `off` (default): not.",
      },
    ],
  },
] as const satisfies OptionTable;

export const LOG_FIELDS = {
  name: 'log_fields',
  type: 'boolean',
  default: false,
  description:
    "Adds `kafka` to the entry of Kong's log plugins (http-log, file-log …) for what this plugin answers. It has `code` (`ok` or that of the error), `topic`, `correlation_id`, `reply_topic`, and `partition` and `offset` of the reply. Costs one call more. Default false.",
} as const satisfies Field;
