/** The rows of what a log entry becomes: which are written, in what shape, under which key, to which topic. */
import { fieldPath } from '../log-entry/custom-fields';
import { CUT_FIELDS } from '../log-entry/cut';
import { ENTITY_FORMS, LOG_FORMATS, type ShapeOptions } from '../log-entry/record-shape';
import { REDACTED, REDACTED_BY_DEFAULT } from '../log-entry/redaction';
import { templateComplaint } from '../log-entry/template';
import { parseJsonPointer } from '../request/json-pointer';
import { demands, IS_SET, IS_UNSET } from './entity-checks';
import type { ConfigOf, OptionTable, StringType } from './fields';
import type { CrossRule } from './parse';
import { HEADER_NAME, TOPIC_NAME } from './shared-options';

/** RFC 6901, but for the pointer to everything; what Lua patterns cannot say a rule does. */
const POINTER = {
  type: 'string',
  minLength: 1,
  maxLength: 512,
  pattern: { lua: '^/', regex: '^/', meaning: 'a JSON pointer such as /request/headers/host' },
} as const satisfies StringType;

const STATUS_RANGE = {
  type: 'string',
  pattern: {
    lua: ['^[1-5]%d%d$', '^[1-5]%d%d%-[1-5]%d%d$'],
    regex: '^[1-5]\\d\\d(-[1-5]\\d\\d)?$',
    meaning: 'a status such as 404, or a range such as 500-599',
  },
} as const satisfies StringType;

export const LOG_ENTRY_OPTIONS = [
  {
    name: 'key_query_arg',
    type: 'string',
    minLength: 1,
    maxLength: 249,
    description:
      "Query argument of the request whose value becomes the record's key; equal keys keep their order. Missing or empty: no key. Default: no keys. One that `redact` names gives the same key to all.",
  },
  {
    ...POINTER,
    name: 'key_pointer',
    description:
      "JSON pointer into Kong's entry to the text or number that becomes the record's key, such as `/consumer/id`. Missing or empty: no key. Default: no keys. Not together with `key_query_arg`.",
  },
  {
    name: 'topic_template',
    type: 'string',
    minLength: 1,
    maxLength: 512,
    description:
      "Topic by what stands in Kong's entry, such as `logs.$(/service/name)`. A topic that `allowed_topics` does not name is not written to: its entries go to `topic`. Default: all go to `topic`.",
  },
  {
    name: 'allowed_topics',
    type: 'array',
    minLength: 1,
    elements: TOPIC_NAME,
    description:
      'Topics that `topic_template` may lead to, beside `topic`. Required together with it. Each must exist, or be made by the broker.',
  },
  {
    name: 'log_format',
    type: 'string',
    oneOf: LOG_FORMATS,
    default: 'kong',
    description:
      "Shape of a record. `kong` (default): the entry of Kong's logging plugins; `ecs`: the same under the names of the Elastic Common Schema, with the rest of it under `kong`.",
  },
  {
    name: 'entities',
    type: 'string',
    oneOf: ENTITY_FORMS,
    default: 'ids',
    description:
      'What a record says of route, service and consumer. `ids` (default): their ids and names; `full`: all, as the plugins of Kong do, which makes most records half as long again.',
  },
  {
    name: 'custom_fields',
    type: 'map',
    keys: { type: 'string', minLength: 1, maxLength: 249 },
    values: { type: 'string', minLength: 0, maxLength: 4096 },
    default: {},
    description:
      "Fields of the record by path (`a.b`, with `\\.` for a dot in a name). Each is fixed text, text with `$(/json/pointer)` into Kong's entry, or empty text, which removes the field. One pointer alone keeps its type. Written last, also beside `include`. Default: none.",
  },
  {
    name: 'custom_fields_by_lua',
    type: 'map',
    keys: { type: 'string', minLength: 1 },
    values: { type: 'string', minLength: 0 },
    default: {},
    description:
      "Cannot be used: must stay empty (default). Code of Kong's own logging plugins; `custom_fields` says the same without code.",
  },
  {
    name: 'include',
    type: 'array',
    elements: POINTER,
    default: [],
    description:
      'JSON pointers to the only parts of a record that are written, such as `/request/method`. Default: all. In the names of `log_format`.',
  },
  {
    name: 'exclude',
    type: 'array',
    elements: POINTER,
    default: [],
    description:
      'JSON pointers to parts of a record that are not written, such as `/tries`. Default: none. In the names of `log_format`.',
  },
  {
    name: 'redact',
    type: 'array',
    elements: { ...HEADER_NAME, pattern: { ...HEADER_NAME.pattern, meaning: 'a header or argument name' } },
    default: REDACTED_BY_DEFAULT,
    description: `Headers of request and response, and query arguments, whose values become \`${REDACTED}\`; also inside uri, url, upstream_uri, and addresses in them. Letter case does not count, nor \`_\` for \`-\`. An empty list keeps all but what Kong hides itself.`,
  },
  {
    name: 'sample_rate',
    type: 'number',
    between: [0, 1],
    default: 1,
    description:
      'Share of the entries that is written, 0 to 1. Default 1. Decided by the trace id, or else the request id: all gateways keep the same traces. A client that chooses its trace id can choose to be left out.',
  },
  {
    name: 'only_status',
    type: 'array',
    elements: STATUS_RANGE,
    default: [],
    description: 'Statuses of answers whose entries are written, such as `404` or `500-599`. Default: all.',
  },
  {
    name: 'max_record_bytes',
    type: 'integer',
    between: [1024, 10_000_000],
    default: 262_144,
    description: `Largest record in bytes. Default 256 KiB. From a longer one are taken, until it fits, ${CUT_FIELDS.map((field) => `\`${field}\``).join(', ')}, and \`truncated\` is true. What is still longer is dropped and counted.`,
  },
] as const satisfies OptionTable;

export interface LogEntryConfig extends ConfigOf<typeof LOG_ENTRY_OPTIONS> {
  readonly topic: string;
}

const TWO_KEYS = 'key_query_arg: cannot be combined with key_pointer, use one of the two';
const NO_LUA =
  'custom_fields_by_lua: must be empty, because this plugin runs no Lua; custom_fields has fixed text, values of the entry and removal';
const LISTS_OF_POINTERS = ['include', 'exclude'] as const;

export const LOG_ENTRY_RULES: readonly CrossRule<LogEntryConfig>[] = [
  {
    complaint: ({ custom_fields_by_lua }) =>
      Object.keys(custom_fields_by_lua).length > 0 ? NO_LUA : undefined,
    kong: [demands('custom_fields_by_lua', IS_SET, 'custom_fields_by_lua', { len_max: 0 }, NO_LUA)],
  },
  {
    complaint: ({ key_query_arg, key_pointer }) =>
      key_query_arg !== undefined && key_pointer !== undefined ? TWO_KEYS : undefined,
    kong: [demands('key_query_arg', IS_SET, 'key_pointer', IS_UNSET, TWO_KEYS)],
  },
  {
    complaint: ({ topic_template, allowed_topics }) =>
      (topic_template === undefined) === (allowed_topics === undefined)
        ? undefined
        : topic_template === undefined
          ? 'allowed_topics: has no meaning without topic_template'
          : 'allowed_topics: required together with topic_template, which would let clients write to any topic',
    kong: [{ mutually_required: ['topic_template', 'allowed_topics'] }],
  },
  {
    complaint: ({ topic_template = '' }) => {
      const complaint = templateComplaint(topic_template);
      return complaint && `topic_template: ${complaint}`;
    },
  },
  {
    complaint: ({ custom_fields }) => {
      for (const [path, text] of Object.entries(custom_fields)) {
        if (fieldPath(path).includes('')) return `custom_fields: ${path} has an empty name in its path`;
        const complaint = templateComplaint(text);
        if (complaint !== undefined) return `custom_fields.${path}: ${complaint}`;
      }
      return undefined;
    },
  },
  ...LISTS_OF_POINTERS.map((list): CrossRule<LogEntryConfig> => ({
    complaint: (config) => notPointers(list, config[list]),
  })),
  { complaint: ({ key_pointer }) => notPointers('key_pointer', key_pointer ? [key_pointer] : []) },
];

function notPointers(option: string, pointers: readonly string[]): string | undefined {
  const bad = pointers.find((pointer) => parseJsonPointer(pointer) === undefined);
  return bad === undefined
    ? undefined
    : `${option}: ${bad} is no JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"`;
}

export function shapeOptions(config: LogEntryConfig): ShapeOptions {
  return {
    topic: config.topic,
    topicTemplate: config.topic_template,
    allowedTopics: config.allowed_topics ?? [],
    keyQueryArg: config.key_query_arg,
    keyPointer: config.key_pointer,
    format: config.log_format,
    entities: config.entities,
    customFields: config.custom_fields,
    include: config.include,
    exclude: config.exclude,
    redact: config.redact,
    sampleRate: config.sample_rate,
    onlyStatus: config.only_status,
    maxRecordBytes: config.max_record_bytes,
  };
}
