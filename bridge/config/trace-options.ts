/** The rows of how a request is followed. */
import { B3_FORMS } from '../telemetry/trace-context';
import type { OptionTable } from './fields';

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
          "Zipkin's B3 beside `traceparent`, for responders that read nothing else: `single` adds the record header `b3`, `multi` adds `X-B3-TraceId`, `X-B3-SpanId` and `X-B3-Sampled`. Then a request without `traceparent` may bring its trace in B3, too. `off` (default): W3C only. No effect without `headers.forward_http_headers_as_record_headers`.",
      },
    ],
  },
] as const satisfies OptionTable;
