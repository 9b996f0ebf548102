/** The rows of which failed requests are kept, as what, and what their clients are told. */
import type { FailedRequestOptions } from '../failover/failed-request';
import type { ConfigOf, OptionTable } from './fields';
import { HEADER_NAME } from './shared-options';

export const FAILURE_STATUSES = [502, 503, 504] as const;
/** Of a request that is kept. Whatever says that it failed, nginx takes for "not kept". */
const ANSWER_STATUSES = [200, 201, 202] as const;
const CAPTURES = ['in_band', 'log'] as const;
/** Not CONNECT, which is no request to a service, and not TRACE. */
export const REQUEST_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export const FAILOVER_OPTIONS = [
  {
    name: 'statuses',
    type: 'array',
    minLength: 1,
    elements: { type: 'integer', oneOf: FAILURE_STATUSES },
    default: [...FAILURE_STATUSES],
    description:
      "Which failures are kept, by the status that the client would get from Kong. 502: upstream not reached or connection lost; 503: no upstream; 504: no answer in time. Default all three. An upstream's own 502, 503 or 504 is an answer, and passes.",
  },
  {
    name: 'methods',
    type: 'array',
    minLength: 1,
    elements: { type: 'string', oneOf: REQUEST_METHODS },
    default: ['POST', 'PUT', 'PATCH', 'DELETE'],
    description:
      "Methods of requests that are kept: of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS. Others get Kong's error as if the plugin were not there. Default POST, PUT, PATCH and DELETE: a client can repeat a GET itself.",
  },
  {
    name: 'max_request_bytes',
    type: 'integer',
    between: [0, 16_777_216],
    default: 1_048_576,
    description:
      "Largest body that is kept, in bytes. A larger request gets Kong's error. Default 1 MiB, at most 16 MiB; the topic's max.message.bytes must take it, headers and JSON included.",
  },
  {
    name: 'headers',
    type: 'record',
    description: 'Which request headers are kept.',
    fields: [
      {
        name: 'include_headers',
        type: 'array',
        elements: HEADER_NAME,
        default: [],
        description:
          'Credentials to keep, by their full name, such as authorization. All other headers are kept anyway, credentials never. Default none. Who can read the topic can use them.',
      },
      {
        name: 'exclude_headers',
        type: 'array',
        elements: HEADER_NAME,
        default: [],
        description: 'Further headers not to keep, by their full name. Default none.',
      },
    ],
  },
  {
    name: 'answer',
    type: 'record',
    description: 'What the client of a kept request is told, once a broker has its record.',
    fields: [
      {
        name: 'status',
        type: 'integer',
        oneOf: ANSWER_STATUSES,
        default: 202,
        description: 'HTTP status, 200, 201 or 202. Default 202: accepted, not carried out.',
      },
      {
        name: 'message',
        type: 'string',
        minLength: 1,
        maxLength: 500,
        default: 'The request was accepted and will be carried out later.',
        description:
          '`message` of the JSON body, or `title` for clients that prefer application/problem+json; the id of the record stands beside it.',
      },
      {
        name: 'retry_after',
        type: 'integer',
        between: [0, 86_400],
        default: 0,
        description:
          'Seconds for the header Retry-After. Default 0: no such header, as there is nothing to repeat.',
      },
    ],
  },
  {
    name: 'capture',
    type: 'string',
    oneOf: CAPTURES,
    default: 'in_band',
    description:
      "`in_band` (default): nginx brings the failed request, and its client is told that it is kept. Needs the two includes. `log`: for Kong where they cannot be. Every request is copied before it goes to its upstream, and kept when the log phase says that it failed; its client has had Kong's error by then. Needs `kong/custom_kafka_failover.with-log.json` as the plugin's dump, and costs every request a log event.",
  },
  {
    name: 'breaker',
    type: 'record',
    description:
      'Requests of a service that keeps failing are kept at once, without waiting for it to fail again: see docs/failover.md.',
    fields: [
      {
        name: 'failures',
        type: 'integer',
        between: [0, 1000],
        default: 0,
        description:
          'So many failures of a service within `window`, of those in `statuses`, open its breaker, if they are at least half of the requests of that time. Default 0: there is none, every request goes to its upstream.',
      },
      {
        name: 'window',
        type: 'integer',
        between: [1, 3600],
        default: 10,
        description: 'Seconds within which the failures must come. Default 10.',
      },
      {
        name: 'open_for',
        type: 'integer',
        between: [1, 300],
        default: 10,
        description:
          'Seconds after which the plugin server looks whether the service is back, and between two such looks. Then one request tries it, and all go to it when that has not failed. Default 10.',
      },
      {
        name: 'probe_path',
        type: 'string',
        minLength: 1,
        maxLength: 1000,
        pattern: { lua: '^/%g*$', regex: '^/[\\x21-\\x7e]*$', meaning: 'a path' },
        description:
          'The service is back when a GET of this path is answered with a status below 500. Default: when it takes a TCP connection. For services that take connections and do not answer.',
      },
    ],
  },
] as const satisfies OptionTable;

export type FailoverConfig = ConfigOf<typeof FAILOVER_OPTIONS>;

export function failedRequestOptions({ headers }: FailoverConfig): FailedRequestOptions {
  return { includeHeaders: headers.include_headers, excludeHeaders: headers.exclude_headers };
}
