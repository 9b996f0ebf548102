/** The rows of which failed requests are kept, as what, and what their clients are told. */
import type { FailedRequestOptions } from '../failover/failed-request';
import { UNSENDABLE_STATUSES } from '../reply/reply-status';
import { demands, IS_UNSET } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';
import { HEADER_NAME } from './shared-options';

export const FAILURE_STATUSES = [502, 503, 504] as const;
/** Of the listener, which nginx takes for "not kept". */
const REFUSALS: readonly number[] = [500, ...FAILURE_STATUSES];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export const FAILOVER_OPTIONS = [
  {
    name: 'statuses',
    type: 'array',
    minLength: 1,
    elements: { type: 'integer', oneOf: FAILURE_STATUSES },
    default: [...FAILURE_STATUSES],
    description:
      "Which failures are kept, by the status that the client would get from Kong: 502 upstream not reached or connection lost, 503 no upstream, 504 no answer in time. Default all three. An upstream's own 502, 503 or 504 is an answer, and passes.",
  },
  {
    name: 'methods',
    type: 'array',
    minLength: 1,
    elements: { type: 'string', oneOf: METHODS },
    default: ['POST', 'PUT', 'PATCH', 'DELETE'],
    description:
      "Methods of requests that are kept. Others get Kong's error as if the plugin were not there. Default POST, PUT, PATCH and DELETE: a client can repeat a GET itself.",
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
        between: [200, 599],
        default: 202,
        description: 'HTTP status. Default 202: accepted, not carried out.',
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
] as const satisfies OptionTable;

export type FailoverConfig = ConfigOf<typeof FAILOVER_OPTIONS>;

const STATUS_UNSENDABLE = `answer.status: must not be ${UNSENDABLE_STATUSES.join(', ')}, which nginx takes for orders to close the connection without an answer`;
const STATUS_IS_FAILURE = `answer.status: must not be ${REFUSALS.join(', ')}, by which Kong knows that the request was not kept`;

export const FAILOVER_RULES: readonly CrossRule<FailoverConfig>[] = [
  {
    complaint: ({ answer }) => (UNSENDABLE_STATUSES.includes(answer.status) ? STATUS_UNSENDABLE : undefined),
    kong: [
      demands('answer.status', { one_of: UNSENDABLE_STATUSES }, 'answer.status', IS_UNSET, STATUS_UNSENDABLE),
    ],
  },
  {
    complaint: ({ answer }) =>
      REFUSALS.some((status) => status === answer.status) ? STATUS_IS_FAILURE : undefined,
    kong: [demands('answer.status', { one_of: REFUSALS }, 'answer.status', IS_UNSET, STATUS_IS_FAILURE)],
  },
];

export function failedRequestOptions({ headers }: FailoverConfig): FailedRequestOptions {
  return { includeHeaders: headers.include_headers, excludeHeaders: headers.exclude_headers };
}
