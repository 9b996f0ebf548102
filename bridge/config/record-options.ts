/** The options that say what a request becomes: topic, key, value and headers of its record. */
import { demands, IS_SET, IS_UNSET, requires } from './entity-checks';
import type { ConfigOf, OptionTable, StringType } from './fields';
import { anyName } from './name-patterns';
import type { CrossRule } from './parse';
import { HEADER_NAME, RECORD_HEADER_NAME, TOPIC_NAME } from './shared-options';
import { REPEATED_HEADERS } from '../request/header-rules';
import { parseJsonPointer } from '../request/json-pointer';
import type { RecordOptions } from '../request/record-builder';
import { KEY_SOURCES } from '../request/record-key';
import { MESSAGE_FORMATS } from '../request/record-value';
import { NEVER_RENAMED } from '../request/reserved-headers';
import type { B3Form } from '../telemetry/trace-context';
import type { DialectName } from '../reply/dialects';
import { isNodeTopic } from '../reply/reply-routing';

const NAME = { type: 'string', minLength: 1, maxLength: 249 } as const;

/** Kafka keeps its own data in topics with such names. */
const CHOSEN_TOPIC = {
  ...TOPIC_NAME,
  never: [
    ...TOPIC_NAME.never,
    { lua: '^__', regex: '^__', meaning: "begin with __, as Kafka's own topics do" },
  ],
} as const satisfies StringType;

const OF_THE_GATEWAY = anyName(
  NEVER_RENAMED.names,
  NEVER_RENAMED.beginnings,
  'be a name that the gateway alone may write',
);

export const RECORD_OPTIONS = [
  {
    ...NAME,
    name: 'topics_query_arg',
    description:
      'Query argument in which a client may name the topic instead of `topic`; needs `allowed_topics`. Any other topic: 400.',
  },
  {
    name: 'allowed_topics',
    type: 'array',
    minLength: 1,
    elements: CHOSEN_TOPIC,
    description:
      'Topics that `topics_query_arg` may name, besides `topic` itself. Only with `topics_query_arg`.',
  },
  {
    ...NAME,
    name: 'key_query_arg',
    description:
      "Query argument whose value becomes the record's key: the same as `key_source: query` with `key_name`, under the name Kafka Upstream has for it.",
  },
  {
    name: 'key_source',
    type: 'string',
    oneOf: KEY_SOURCES,
    default: 'none',
    description:
      "Where the record's key comes from; equal keys share a partition and keep their order. `query`, `header`, `path` (a named capture of the route's path) and `body_field` (of the JSON body): `key_name` says which. `consumer`: the id of Kong's consumer. `correlation_id`: that of the request. Missing or empty: no key. Over 4096 bytes: 400. Default `none`.",
  },
  {
    ...NAME,
    name: 'key_name',
    description:
      'Name for `key_source` query, header, path or body_field; required there. For body_field a field, or with a slash in front a JSON pointer such as `/order/id`.',
  },
  {
    name: 'message_format',
    type: 'string',
    oneOf: MESSAGE_FORMATS,
    default: 'raw',
    description:
      "The record's value. `raw` (default): the body bytes as they are. `envelope`: the JSON object of Kong's Kafka Upstream, as `forward_*` says. `body_with_correlation_id`: the body must be a JSON object and gets the correlation id as a field. `cloudevents_binary`, `cloudevents_structured`: CloudEvents 1.0, attributes as `ce_` headers, or the whole event as JSON. All but `raw` and `cloudevents_binary` decode a compressed body.",
  },
  {
    name: 'forward_method',
    type: 'boolean',
    default: false,
    description: 'Puts `method` into the envelope. Default false. Needs `message_format: envelope`.',
  },
  {
    name: 'forward_uri',
    type: 'boolean',
    default: false,
    description:
      'Puts `uri` (path and query as sent) and `uri_args` into the envelope. Default false. Needs `message_format: envelope`.',
  },
  {
    name: 'forward_headers',
    type: 'boolean',
    default: false,
    description:
      'Puts the request headers into the envelope. Left out are `headers.exclude_headers`, and credentials (authorization, cookie, apikey …) unless `headers.include_headers` names them. Default false. Needs `message_format: envelope`.',
  },
  {
    name: 'forward_body',
    type: 'boolean',
    default: true,
    description:
      'Puts `body`, `body_args` (parsed form, multipart or JSON; 400 if it does not parse) and, for what is not text, `body_base64` into the envelope. Default true. False only with `message_format: envelope`.',
  },
  {
    name: 'correlation_body_field',
    type: 'string',
    minLength: 1,
    maxLength: 249,
    default: 'correlation_id',
    description:
      'Field that `body_with_correlation_id` adds to the JSON body, replacing one of that name. No effect in other formats.',
  },
  {
    ...NAME,
    name: 'cloudevents_type',
    pattern: { lua: '^%g+$', regex: '^[\\x21-\\x7e]+$', meaning: 'printable ASCII without blanks' },
    default: 'kong.http.request',
    description:
      'The `type` of CloudEvents, by convention a reversed domain name of yours in front. Default `kong.http.request`. No effect in other formats.',
  },
  {
    name: 'headers',
    type: 'record',
    description: 'What becomes of the request headers.',
    fields: [
      {
        name: 'forward_http_headers_as_record_headers',
        type: 'boolean',
        default: true,
        description:
          'Whether the trace context and the headers that the other options choose become record headers. True (default): they do; malformed ones of traceparent, tracestate and baggage are left out. False: none of them. content-type, content-encoding and idempotency-key go along either way, unless excluded.',
      },
      {
        name: 'forward_all_by_default',
        type: 'boolean',
        default: false,
        description:
          'True: every request header is forwarded, except `exclude_headers` and credentials. False (default): only `include_headers`. Headers that steer replies, decoding or connections are never forwarded. No effect without `forward_http_headers_as_record_headers`.',
      },
      {
        name: 'include_headers',
        type: 'array',
        elements: HEADER_NAME,
        default: [],
        description:
          'Request headers to forward, besides the trace context; `x-*` stands for all that begin with `x-`. Credentials such as authorization only if named in full. Values with control characters are left out; bytes that are not UTF-8 are read as latin1. Without `forward_http_headers_as_record_headers` it only lets credentials into the envelope.',
      },
      {
        name: 'exclude_headers',
        type: 'array',
        elements: HEADER_NAME,
        default: [],
        description:
          'Request headers not to forward, whatever else says so; `x-*` stands for all that begin with `x-`, and `_` and `-` are alike. Default none.',
      },
      {
        name: 'name_mappings',
        type: 'map',
        keys: { ...HEADER_NAME, never: [OF_THE_GATEWAY] },
        values: { ...RECORD_HEADER_NAME, never: [OF_THE_GATEWAY] },
        default: {},
        description:
          'Request header and the name of its record header, such as `x-tenant` and `tenant`. Renames what is forwarded and forwards nothing more; no effect where nothing is. Default: the name in lower case.',
      },
      {
        name: 'repeated_headers_behavior',
        type: 'string',
        oneOf: REPEATED_HEADERS,
        default: 'concatenate_by_comma',
        description:
          'What becomes of a request header that comes several times. `retain_duplicates`: as many record headers; `concatenate_by_comma` (default): one, joined by ", "; `take_first`: the first. No effect without `forward_http_headers_as_record_headers`.',
      },
      {
        name: 'method_and_path',
        type: 'boolean',
        default: false,
        description:
          "Adds the record headers `:method`, `:path` (with the query), `:scheme` and `:authority` (Zilla's names). Default false.",
      },
      {
        name: 'deadline_after',
        type: 'integer',
        between: [0, 300_000],
        default: 0,
        description:
          'Milliseconds after which the client is gone: set it to the `timeout` of custom_kafka_consumer, which the producer cannot see, or to `reply.timeout`. Adds the record headers `deadline` (milliseconds since 1970) and `ttl` (milliseconds), so that a late responder can skip the work. 0 (default): none.',
      },
    ],
  },
  {
    name: 'forward_consumer',
    type: 'boolean',
    default: false,
    description:
      'Adds the record headers x-consumer-id, x-consumer-username and x-consumer-custom-id of the consumer that Kong has authenticated. What a client sends under these names never gets into a record. Default false.',
  },
] as const satisfies OptionTable;

/** With the rows of other parts of the table that the rules and the builder look at. */
export interface RecordConfig extends ConfigOf<typeof RECORD_OPTIONS> {
  readonly topic: string;
  readonly reply_topic: string | undefined;
  readonly dialects: readonly DialectName[];
  readonly correlation_header: string;
  readonly trace: { readonly b3: B3Form };
}

const NAMED_SOURCES = ['query', 'header', 'path', 'body_field'] as const;
const isNamedSource = (source: string) => NAMED_SOURCES.some((named) => named === source);

const NEEDS_ENVELOPE = (name: string) => `${name}: needs message_format: envelope`;
const WITHOUT_BODY = 'forward_body: false needs message_format: envelope';
const TWO_KEYS = 'key_query_arg: cannot be combined with key_source, use one of the two';
const NAME_MISSING = `key_name: required with key_source ${NAMED_SOURCES.join(', ')}`;
const NAME_OF_NOTHING = `key_name: has no meaning without key_source ${NAMED_SOURCES.join(', ')}`;
const NO_POINTER = 'key_name: must be a JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"';

export const RECORD_RULES: readonly CrossRule<RecordConfig>[] = [
  {
    complaint: ({ topics_query_arg, allowed_topics }) =>
      (topics_query_arg === undefined) === (allowed_topics === undefined)
        ? undefined
        : topics_query_arg === undefined
          ? 'allowed_topics: has no meaning without topics_query_arg'
          : 'allowed_topics: required together with topics_query_arg, which would let clients write to any topic',
    kong: [{ mutually_required: ['topics_query_arg', 'allowed_topics'] }],
  },
  {
    // Only for `topic` itself are requests and replies on one topic told apart.
    complaint: ({ allowed_topics = [], reply_topic, topic }) =>
      reply_topic !== undefined &&
      reply_topic !== topic &&
      allowed_topics.some((allowed) => allowed === reply_topic || isNodeTopic(reply_topic, allowed))
        ? 'allowed_topics: must not name reply_topic, where clients could write replies'
        : undefined,
  },
  {
    complaint: ({ key_query_arg, key_source }) =>
      key_query_arg !== undefined && key_source !== 'none' ? TWO_KEYS : undefined,
    kong: [demands('key_query_arg', IS_SET, 'key_source', { one_of: ['none'] }, TWO_KEYS)],
  },
  {
    complaint: ({ key_source, key_name }) =>
      isNamedSource(key_source) && key_name === undefined ? NAME_MISSING : undefined,
    kong: [requires('key_source', { required: true, one_of: NAMED_SOURCES }, 'key_name', NAME_MISSING)],
  },
  {
    complaint: ({ key_source, key_name }) =>
      !isNamedSource(key_source) && key_name !== undefined ? NAME_OF_NOTHING : undefined,
    kong: [demands('key_source', { not_one_of: NAMED_SOURCES }, 'key_name', IS_UNSET, NAME_OF_NOTHING)],
  },
  {
    complaint: ({ key_source, key_name = '' }) =>
      key_source === 'body_field' && key_name.startsWith('/') && parseJsonPointer(key_name) === undefined
        ? NO_POINTER
        : undefined,
    kong: [
      demands(
        'key_source',
        { eq: 'body_field' },
        'key_name',
        { match_none: ['^/.*~[^01]', '^/.*~$'].map((pattern) => ({ pattern, err: 'not a JSON pointer' })) },
        NO_POINTER,
      ),
    ],
  },
  {
    complaint: ({ forward_body, message_format }) =>
      !forward_body && message_format !== 'envelope' ? WITHOUT_BODY : undefined,
    kong: [demands('forward_body', { eq: false }, 'message_format', { eq: 'envelope' }, WITHOUT_BODY)],
  },
  {
    complaint: (config) =>
      config.forward_method || config.forward_uri || config.forward_headers || config.forward_body
        ? undefined
        : 'forward_body: one of forward_method, forward_uri, forward_headers and forward_body must be true',
  },
  ...(['forward_method', 'forward_uri', 'forward_headers'] as const).map((name): CrossRule<RecordConfig> => ({
    complaint: (config) =>
      config[name] && config.message_format !== 'envelope' ? NEEDS_ENVELOPE(name) : undefined,
    kong: [demands(name, { eq: true }, 'message_format', { eq: 'envelope' }, NEEDS_ENVELOPE(name))],
  })),
  {
    complaint: ({ headers, correlation_header }) => {
      const isCorrelation = (name: string) => name.toLowerCase() === correlation_header.toLowerCase();
      for (const [from, to] of Object.entries(headers.name_mappings)) {
        if (isCorrelation(from)) return `headers.name_mappings: ${from} cannot be renamed`;
        if (isCorrelation(to))
          return `headers.name_mappings: ${from} must not become ${to}, which the gateway alone may write`;
      }
      return undefined;
    },
  },
];

/** @param replyTopic that of this node, where `reply_topic` is a template */
export function recordOptions(config: RecordConfig, replyTopic = config.reply_topic): RecordOptions {
  const { headers } = config;
  return {
    topic: {
      topic: config.topic,
      queryArg: config.topics_query_arg,
      allowed: config.allowed_topics ?? [],
    },
    key:
      config.key_query_arg === undefined
        ? { source: config.key_source, name: config.key_name ?? '' }
        : { source: 'query', name: config.key_query_arg },
    value: {
      format: config.message_format,
      envelope: {
        method: config.forward_method,
        uri: config.forward_uri,
        headers: config.forward_headers,
        body: config.forward_body,
      },
      correlationBodyField: config.correlation_body_field,
      cloudEventsType: config.cloudevents_type,
    },
    headers: {
      forward: headers.forward_http_headers_as_record_headers,
      forwardAll: headers.forward_all_by_default,
      include: headers.include_headers,
      exclude: headers.exclude_headers,
      rename: headers.name_mappings,
      repeated: headers.repeated_headers_behavior,
      methodAndPath: headers.method_and_path,
      deadlineAfterMs: headers.deadline_after,
      b3: config.trace.b3,
      consumer: config.forward_consumer,
      dialects: config.dialects,
      replyTopic,
      correlationHeader: config.correlation_header,
    },
  };
}
