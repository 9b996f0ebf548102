/** Rows that mean the same in both plugins. */
import type { Field, StringType, TextPattern } from './fields';

const NOT_DOTS: TextPattern = {
  lua: '^%.%.?$',
  regex: '^\\.\\.?$',
  meaning: 'be "." or "..", which Kafka refuses',
};

/** Legal names as the broker checks them: letters, digits, `.`, `_`, `-`, up to 249 characters. */
export const TOPIC_NAME = {
  type: 'string',
  minLength: 1,
  maxLength: 249,
  pattern: {
    lua: '^[%w%._%-]+$',
    regex: '^[A-Za-z0-9._-]+$',
    meaning: 'a Kafka topic name (letters, digits, ".", "_", "-")',
  },
  never: [NOT_DOTS],
} as const satisfies StringType;

/** A topic name that may hold `{node}` once; whether it makes sense there is another rule's business. */
export const TOPIC_TEMPLATE = {
  ...TOPIC_NAME,
  pattern: {
    lua: ['^[%w%._%-]+$', '^[%w%._%-]*{node}[%w%._%-]*$'],
    regex: '^[A-Za-z0-9._-]*(\\{node\\}[A-Za-z0-9._-]*)?$',
    meaning: 'a Kafka topic name (letters, digits, ".", "_", "-"), or one with {node} in it',
  },
} as const satisfies StringType;

/** An RFC 9110 token, which is what an HTTP header name must be. */
export const HEADER_NAME = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  pattern: {
    lua: "^[%w!#$%%&'*+%-.^_`|~]+$",
    regex: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    meaning: 'a header name',
  },
} as const satisfies StringType;

/** A record header name may also have a colon (`:status`, `zilla:reply-to`) or a blank; never a NUL. */
export const RECORD_HEADER_NAME = {
  type: 'string',
  minLength: 1,
  maxLength: 249,
  pattern: { lua: '^[%g ]+$', regex: '^[\\x20-\\x7e]+$', meaning: 'a record header name in printable ASCII' },
} as const satisfies StringType;

export const BOOTSTRAP_SERVER_LIST = {
  type: 'array',
  minLength: 1,
  connection: true,
  elements: {
    type: 'record',
    fields: [
      {
        name: 'host',
        type: 'string',
        required: true,
        minLength: 1,
        maxLength: 253,
        pattern: {
          lua: '^[%w%.:_%-%[%]]+$',
          regex: '^[A-Za-z0-9.:_\\[\\]-]+$',
          meaning: 'a host name or an IP address',
        },
        never: [
          {
            // IPv6 addresses have more than one colon.
            lua: ['^[^:/]*:[^:/]*$', '%]:'],
            regex: '^[^:/]*:[^:/]*$|\\]:',
            meaning: 'have the port in it, which has an option of its own',
          },
        ],
        description: 'Host name or IP address of a broker, without the port.',
      },
      {
        name: 'port',
        type: 'integer',
        required: true,
        between: [1, 65535],
        description: 'Port of the broker, 1 to 65535.',
      },
    ],
  },
} as const;

export const ERROR_HANDLING = {
  name: 'error_handling',
  type: 'record',
  description: 'What an error answer tells the client.',
  fields: [
    {
      name: 'return_error_message',
      type: 'boolean',
      default: false,
      description:
        'Adds the cause to all error answers as "error". Default false: only what is wrong with the request itself is told, because other causes name topics and brokers. None holds secrets.',
    },
  ],
} as const satisfies Field;
