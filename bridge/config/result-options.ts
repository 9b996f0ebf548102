/** The rows of replies that are asked for later: who is let go before the reply is there, and how it is asked for. */
import { CLIENTS_ID, ROUTED, SHARED } from '../results/accepting';
import type { KeepBounds } from '../results/kept-replies';
import { demands, requires, type EntityCheck } from './entity-checks';
import type { ConfigOf, OptionTable, StringType } from './fields';
import type { MODE } from './mode-option';
import type { CrossRule } from './parse';

const LOCATION = {
  type: 'string',
  minLength: 4,
  maxLength: 1024,
  pattern: {
    lua: '^[!-z|~]*{id}[!-z|~]*$',
    regex: '^[!-z|~]*\\{id\\}[!-z|~]*$',
    meaning: 'a path or an address in printable ASCII with {id} in it once',
  },
} as const satisfies StringType;

/** Whoever knows it can make ids. */
export const SECRET = {
  type: 'string',
  minLength: 16,
  maxLength: 1024,
  referenceable: true,
  secret: true,
} as const satisfies StringType;

/** How much is kept. */
export const KEEP_FIELDS = [
  {
    name: 'count',
    type: 'integer',
    between: [0, 10_000_000],
    default: 10_000,
    description: 'Replies at most; one more puts out the oldest. Default 10000.',
  },
  {
    name: 'bytes',
    type: 'integer',
    between: [0, 17_179_869_184],
    default: 67_108_864,
    description:
      'Bytes at most, with 500 for each reply and 400 for each of its headers; more put out the oldest. Default 64 MiB.',
  },
] as const satisfies OptionTable;

export const TTL = { type: 'integer', between: [1, 86_400], default: 300 } as const;

export const RESULT_OPTIONS = [
  {
    name: 'on_timeout',
    type: 'string',
    oneOf: ['error', 'accepted'],
    default: 'error',
    description:
      'At the end of `timeout`: `error` (default) is 504. `accepted` is 202 with the `Location` of the reply, where a broker has the record; where none has confirmed it, 504 as before. Needs `reply_routing: broadcast` and `result_location`.',
  },
  {
    name: 'respond_async',
    type: 'boolean',
    default: false,
    description:
      'Whether a client may ask for its 202 at once, with `Prefer: respond-async` (RFC 7240). True: it gets it as soon as a broker has the record, or with `wait=<seconds>` beside it at the end of that time. Default false. Needs what `on_timeout: accepted` needs.',
  },
  {
    ...LOCATION,
    name: 'result_location',
    description:
      'Where the reply is asked for: `Location` of a 202, with its id in place of `{id}`. A path, such as /results/{id}, or a whole address. The route there has `mode: result`. Required with `on_timeout: accepted` and `respond_async`.',
  },
  {
    ...SECRET,
    name: 'result_secret',
    description:
      'Secret that signs the ids, at least 16 characters. Better a vault reference, such as `{vault://env/result-secret}`. The same on every gateway and on both routes; another one makes all ids unknown (404). With `mode: stream` every gateway that has it goes on with a stream of events that another one has begun, for a client that comes back with Last-Event-ID (docs/streams.md). Default: one that each gateway makes up, so that only the gateway that gave an id knows it, until it restarts.',
  },
  {
    ...TTL,
    name: 'result_ttl',
    description:
      'With `mode: result`: how long after its 202 a reply can be asked for, in seconds; then 410. Replies are kept in memory that long, and read back that far from the topic when the plugin server starts. Default 300.',
  },
  {
    name: 'keep_replies',
    type: 'record',
    description:
      'How many replies of the topic this process keeps. With `mode: result` one that is put out before its time is 410. With `mode: stream` and `result_secret` replies are kept for half a minute longer than `stream.resume_ms`, with `stream.sequence_header` for `timeout` more, and one that is put out before is a `gap` for a client that has missed it.',
    fields: KEEP_FIELDS,
  },
] as const satisfies OptionTable;

export type ResultConfig = ConfigOf<readonly [typeof MODE, ...typeof RESULT_OPTIONS]>;

export function keepBounds({ result_ttl, keep_replies: { count, bytes } }: ResultConfig): KeepBounds {
  return { ttlMs: result_ttl * 1000, count, bytes };
}

const NO_LOCATION = 'result_location: required with on_timeout: accepted and with respond_async';
const NOTHING_SENT = 'on_timeout: has no meaning with mode: result, where nothing is sent';
const NOTHING_PREFERRED = 'respond_async: has no meaning with mode: result, where nothing is sent';

export const RESULT_RULES: readonly CrossRule<ResultConfig>[] = [
  {
    complaint: ({ on_timeout, respond_async, result_location }) =>
      (on_timeout === 'accepted' || respond_async) && result_location === undefined ? NO_LOCATION : undefined,
    kong: [
      requires('on_timeout', { eq: 'accepted' }, 'result_location', NO_LOCATION),
      requires('respond_async', { eq: true }, 'result_location', NO_LOCATION),
    ],
  },
  {
    complaint: ({ mode, on_timeout, respond_async }) =>
      mode !== 'result'
        ? undefined
        : on_timeout === 'accepted'
          ? NOTHING_SENT
          : respond_async
            ? NOTHING_PREFERRED
            : undefined,
    kong: [
      demands('mode', { eq: 'result' }, 'on_timeout', { ne: 'accepted' }, NOTHING_SENT),
      demands('mode', { eq: 'result' }, 'respond_async', { ne: true }, NOTHING_PREFERRED),
    ],
  },
];

interface RequestWithResult {
  readonly reply_routing: string;
  readonly correlation: string;
  readonly topic: string;
  readonly reply_topic: string;
  readonly reply: ResultConfig;
}

/** What only a plugin that has both halves can know beforehand; a pair finds out with its first request. */
export const RESULT_OF_REQUEST_RULES: readonly CrossRule<RequestWithResult>[] = (
  [
    ['on_timeout', 'accepted'],
    ['respond_async', true],
    ['mode', 'result'],
  ] as const
).flatMap(([name, value]) => {
  const isOn = ({ reply }: RequestWithResult): boolean => reply[name] === value;
  const option = `reply.${name}`;
  const [routed, clients] = [`${option}: ${ROUTED}`, `${option}: ${CLIENTS_ID}`];
  return [
    {
      complaint: (config: RequestWithResult) =>
        isOn(config) && config.reply_routing !== 'broadcast' ? routed : undefined,
      kong: [onlyWith(option, value, 'reply_routing', 'broadcast', routed)],
    },
    {
      complaint: (config: RequestWithResult) =>
        isOn(config) && config.topic === config.reply_topic ? `${option}: ${SHARED}` : undefined,
    },
    {
      complaint: (config: RequestWithResult) =>
        isOn(config) && name !== 'mode' && config.correlation !== 'generated' ? clients : undefined,
      kong: name === 'mode' ? [] : [onlyWith(option, value, 'correlation', 'generated', clients)],
    },
  ];
});

function onlyWith(
  option: string,
  value: string | boolean,
  other: string,
  needed: string,
  sentence: string,
): EntityCheck {
  return demands(option, { eq: value }, other, { eq: needed }, sentence);
}

/** A secret says that a stream is to go on at any gateway: then it has to be possible. */
const goesOn = ({ mode, result_secret }: ResultConfig): boolean =>
  mode === 'stream' && result_secret !== undefined;

const SECRET_OF_STREAMS = 'reply.result_secret: with mode: stream';

/** Kong cannot say a condition of two options. */
export const STREAM_OF_REQUEST_RULES: readonly CrossRule<RequestWithResult>[] = [
  {
    complaint: ({ reply, reply_routing, topic, reply_topic, correlation }) => {
      if (!goesOn(reply)) return undefined;
      if (reply_routing !== 'broadcast') return `${SECRET_OF_STREAMS} ${ROUTED}`;
      if (topic === reply_topic) return `${SECRET_OF_STREAMS} ${SHARED}`;
      return correlation === 'generated' ? undefined : `${SECRET_OF_STREAMS} ${CLIENTS_ID}`;
    },
  },
];

const NOWHERE_TO_READ = 'topic: required with mode: result, together with bootstrap_servers';
const NO_NODES_TOPIC = `mode: ${ROUTED}`;
const NOWHERE_TO_READ_STREAMS =
  'topic: required with mode: stream and result_secret, together with bootstrap_servers: from there a stream is continued that another gateway has begun';
const NO_NODES_STREAM = `result_secret: with mode: stream ${ROUTED}`;

interface ConsumerWithResult extends ResultConfig {
  readonly bootstrap_servers: unknown;
  readonly topic: string | undefined;
}

/** A consumer without a producer has to be told where the replies are. */
export const RESULT_OF_CONSUMER_RULES: readonly CrossRule<ConsumerWithResult>[] = [
  {
    complaint: ({ mode, topic, bootstrap_servers }) =>
      mode === 'result' && (topic === undefined || bootstrap_servers === undefined)
        ? NOWHERE_TO_READ
        : undefined,
    kong: [
      requires('mode', { eq: 'result' }, 'topic', NOWHERE_TO_READ),
      requires('mode', { eq: 'result' }, 'bootstrap_servers', NOWHERE_TO_READ),
    ],
  },
  {
    complaint: ({ mode, topic }) =>
      mode === 'result' && topic?.includes('{node}') === true ? NO_NODES_TOPIC : undefined,
    kong: [demands('mode', { eq: 'result' }, 'topic', { not_match: '{node}' }, NO_NODES_TOPIC)],
  },
  {
    complaint: (config) => {
      if (!goesOn(config)) return undefined;
      const { topic, bootstrap_servers } = config;
      if (topic === undefined || bootstrap_servers === undefined) return NOWHERE_TO_READ_STREAMS;
      return topic.includes('{node}') ? NO_NODES_STREAM : undefined;
    },
  },
];
