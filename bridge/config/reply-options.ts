/** The rows of how a reply becomes the answer of the client, and of who may choose how long that takes. */
import { NEVER_FORWARDED, normalHeaderName } from '../reply/forwarded-headers';
import { REPLY_FORMATS, type ReplyOptions } from '../reply/http-response';
import { UNSENDABLE_STATUSES } from '../reply/reply-status';
import { demands, IS_UNSET } from './entity-checks';
import type { ConfigOf, Field, OptionTable, StringType } from './fields';
import { anyName } from './name-patterns';
import type { CrossRule } from './parse';
import { RECORD_HEADER_NAME } from './shared-options';

/** Most a client may be held, and with it Kong's connection to it. */
const MAX_WAIT_MS = 300_000;
/** A client asks in whole seconds. */
const MIN_CEILING_MS = 1000;

/** A header name, or the beginning of one before a `*`; `*` alone stands for every name. */
const HEADER_PATTERN = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  pattern: {
    lua: "^[%w!#$%%&'+%-.^_`|~]*%*?$",
    regex: "^[A-Za-z0-9!#$%&'+.^_`|~-]*\\*?$",
    meaning: 'a header name, or the beginning of one followed by *',
  },
} as const satisfies StringType;

const OF_THE_GATEWAY = anyName(
  NEVER_FORWARDED.names,
  NEVER_FORWARDED.beginnings,
  "be a header of the gateway's own answer, such as content-length or x-kong-*",
);

export const TIMEOUT_CEILING = {
  name: 'timeout_ceiling',
  type: 'integer',
  between: [0, MAX_WAIT_MS],
  default: 0,
  description:
    'Longest wait a client may choose with `Prefer: wait=<seconds>` (RFC 7240), in milliseconds; longer wishes are cut to it. Default 0: `timeout` holds for everybody. Else at least `timeout` and 1000.',
} as const satisfies Field;

export const REPLY_OPTIONS = [
  {
    name: 'reply_format',
    type: 'string',
    oneOf: REPLY_FORMATS,
    default: 'raw',
    description:
      '`raw` (default): the value is the body. `envelope`: the value is JSON with `status`, `headers`, and `body` (text or JSON) or `body_base64`; record headers are not forwarded, and anything else is 502 reply_invalid.',
  },
  {
    name: 'status_headers',
    type: 'array',
    elements: RECORD_HEADER_NAME,
    default: [':status', 'status', 'x-status-code', 'http-status'],
    description:
      'Reply headers that may carry the HTTP status: the first with an integer from 200 to 599 wins. Headers present but none such: 502.',
  },
  {
    name: 'forward_headers',
    type: 'record',
    description: 'Which headers of a reply the client gets.',
    fields: [
      {
        name: 'include',
        type: 'array',
        elements: { ...HEADER_PATTERN, never: [OF_THE_GATEWAY] },
        default: ['content-type', 'x-*'],
        description:
          'Names, or beginnings followed by `*`, in any letter case, `_` for `-`. `set-cookie` and headers the gateway reads only by their full name; connection, framing and `x-kong-*` never. Default: content-type and x-*.',
      },
      {
        name: 'exclude',
        type: 'array',
        elements: HEADER_PATTERN,
        default: [],
        description:
          'Names, or beginnings followed by `*`, taken away from `include`. `content-encoding`, without which nobody can read the body, always passes unless its full name is here. Default none.',
      },
    ],
  },
  {
    name: 'error_headers',
    type: 'array',
    elements: RECORD_HEADER_NAME,
    default: ['kafka_nest-err', 'REPLY_ERROR'],
    description:
      'Reply headers whose presence makes an error reply. Without a value the client gets responder_error, else the value; the status is 400 to 599. Default: those of NestJS and SmallRye.',
  },
  {
    name: 'error_status',
    type: 'integer',
    between: [400, 599],
    default: 502,
    description:
      'HTTP status of an error reply that names none, neither in a status header nor as `status` of a JSON object in the error header. Default 502. No effect where `error_headers` is empty.',
  },
  {
    name: 'max_reply_bytes',
    type: 'integer',
    between: [0, 16_777_216],
    default: 1_048_576,
    description:
      'Largest reply in bytes, as it is in Kafka. Above it 502 reply_too_large. Default 1 MiB, at most 16 MiB. The JSON of a reply that is read with a schema may be four times as long.',
  },
  {
    name: 'problem_details',
    type: 'boolean',
    default: true,
    description:
      'Errors as application/problem+json (RFC 9457) for clients whose Accept header prefers it to plain JSON. Default true; false: plain JSON for everybody.',
  },
] as const satisfies OptionTable;

type ReplyConfig = ConfigOf<typeof REPLY_OPTIONS>;

const CEILING_TOO_LOW = `timeout_ceiling: must be 0 or at least ${MIN_CEILING_MS}, because a client asks in whole seconds`;

export const TIMEOUT_CEILING_RULES: CrossRule<{
  readonly timeout: number;
  readonly timeout_ceiling: number;
}>[] = [
  {
    complaint: ({ timeout_ceiling }) =>
      timeout_ceiling > 0 && timeout_ceiling < MIN_CEILING_MS ? CEILING_TOO_LOW : undefined,
    kong: [
      demands(
        'timeout_ceiling',
        { ne: 0 },
        'timeout_ceiling',
        { between: [MIN_CEILING_MS, MAX_WAIT_MS] },
        CEILING_TOO_LOW,
      ),
    ],
  },
  {
    // Kong's schema cannot compare two options.
    complaint: ({ timeout, timeout_ceiling }) =>
      timeout_ceiling > 0 && timeout_ceiling < timeout
        ? 'timeout_ceiling: must be 0 or at least timeout, because the wait without a wish of the client is no longer than the longest'
        : undefined,
  },
];

const ERROR_STATUS_UNSENDABLE = `error_status: must not be ${UNSENDABLE_STATUSES.join(', ')}, which nginx takes for orders to close the connection without an answer`;

export const REPLY_RULES: CrossRule<ReplyConfig>[] = [
  {
    complaint: ({ error_status }) =>
      UNSENDABLE_STATUSES.includes(error_status) ? ERROR_STATUS_UNSENDABLE : undefined,
    // No value that has come so far is unset.
    kong: [
      demands(
        'error_status',
        { one_of: UNSENDABLE_STATUSES },
        'error_status',
        IS_UNSET,
        ERROR_STATUS_UNSENDABLE,
      ),
    ],
  },
  {
    complaint: ({ forward_headers: { include, exclude } }) => {
      const names = new Set(exclude.map(normalHeaderName));
      const both = include.find((name) => names.has(normalHeaderName(name)));
      return both === undefined
        ? undefined
        : `forward_headers.exclude: ${both} is also in forward_headers.include, where it would have no effect`;
    },
  },
  {
    complaint: ({ error_headers, status_headers }) => {
      const both = error_headers.find((name) => status_headers.includes(name));
      return both === undefined
        ? undefined
        : `error_headers: ${both} is also in status_headers, so that every reply with a status would be an error`;
    },
  },
];

export function replyOptions(config: ReplyConfig): ReplyOptions {
  return {
    format: config.reply_format,
    statusHeaders: config.status_headers,
    errorHeaders: config.error_headers,
    errorStatus: config.error_status,
    include: config.forward_headers.include,
    exclude: config.forward_headers.exclude,
    maxReplyBytes: config.max_reply_bytes,
  };
}
