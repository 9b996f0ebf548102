/** The rows of replies as a stream. No defaults in the schema: older nodes of a cluster know none of it. */
import type { StreamRule } from '../streams/stream-rule';
import type { ConfigOf, Field } from './fields';
import type { MODE } from './mode-option';
import type { CrossRule } from './parse';
import { RECORD_HEADER_NAME } from './shared-options';

const DEFAULTS = {
  maxLifeMs: 3_600_000,
  resumeMs: 30_000,
  bufferEvents: 256,
  bufferBytes: 1_048_576,
  maxInFlight: 32,
  messagesPerSecond: 100,
} as const;

export const STREAM = {
  name: 'stream',
  type: 'record',
  description: 'With `mode: stream`: when a stream ends, and its limits.',
  fields: [
    {
      ...RECORD_HEADER_NAME,
      name: 'end_header',
      description:
        'A reply with this record header is the last: `kafka_nest-is-disposed` for NestJS. Without a value it is the end alone, and no event. Default: none.',
    },
    {
      name: 'count',
      type: 'integer',
      between: [1, 1_000_000],
      description:
        'So many replies are all. Default: as many as come; to a message of a WebSocket 1, where there is no `end_header` either.',
    },
    {
      ...RECORD_HEADER_NAME,
      name: 'sequence_header',
      description:
        'Record header with the place of a reply, in digits. Replies are sent on in that order, a place that comes twice is dropped, and an end that has one waits for those before it. What comes before its turn is held, within `buffer` and `buffer_bytes`, above which it is an error, 502 reply_too_large; and for `timeout`, after which it is 504 reply_timeout. Default: none, the order in which they come.',
    },
    {
      name: 'sequence_start',
      type: 'integer',
      oneOf: [0, 1],
      description: 'The place of the first reply: 0 or 1. Default 1.',
    },
    {
      name: 'idle_ms',
      type: 'integer',
      between: [100, 3_600_000],
      description:
        'Nothing for so many milliseconds ends it: no reply, and on a WebSocket no message. Default: it goes on.',
    },
    {
      name: 'max_life_ms',
      type: 'integer',
      between: [1000, 86_400_000],
      description: `Longest life of a stream in milliseconds. An old worker of Kong stays until its streams have ended. Default one hour (${DEFAULTS.maxLifeMs}).`,
    },
    {
      name: 'resume_ms',
      type: 'integer',
      between: [0, 600_000],
      description: `How long a stream of events without a client goes on, and its last events are kept after its end, for one that comes back with Last-Event-ID. With \`result_secret\` that may be at any gateway. Default ${DEFAULTS.resumeMs}; 0: not at all.`,
    },
    {
      name: 'buffer',
      type: 'integer',
      between: [1, 100_000],
      description: `Events kept for a stream: a client that is further behind is disconnected, and one that comes back begins there. Default ${DEFAULTS.bufferEvents}.`,
    },
    {
      name: 'buffer_bytes',
      type: 'integer',
      between: [1024, 67_108_864],
      description: `The same in bytes. Default 1 MiB (${DEFAULTS.bufferBytes}).`,
    },
    {
      name: 'max_per_consumer',
      type: 'integer',
      between: [1, 1_000_000],
      description:
        'Streams of one consumer of Kong on this configuration at once; one more is 503 overloaded. Default: no limit but `max_in_flight`.',
    },
    {
      name: 'max_in_flight',
      type: 'integer',
      between: [1, 10_000],
      description: `Messages of one WebSocket that may wait for replies at once; further ones are not read until one has its reply. Default ${DEFAULTS.maxInFlight}.`,
    },
    {
      name: 'allowed_origins',
      type: 'array',
      elements: {
        type: 'string',
        minLength: 1,
        maxLength: 253,
        pattern: {
          lua: '^https?://[%w%.:_%-%[%]]+$',
          regex: '^https?://[A-Za-z0-9.:_\\[\\]-]+$',
          meaning: 'an origin such as https://shop.example, without a path',
        },
      },
      minLength: 1,
      description:
        'Pages of which origins may open a WebSocket; others get 400. For routes whose login is a cookie, which a browser sends for any page. Who sends no `Origin` is no browser, and may. Default: all.',
    },
    {
      name: 'messages_per_second',
      type: 'integer',
      between: [1, 100_000],
      description: `Messages of one WebSocket that are read in a second. Default ${DEFAULTS.messagesPerSecond}.`,
    },
    {
      name: 'without_service',
      type: 'boolean',
      description:
        'Streams on a route that has no service: Kong is told of a made-up one by an internal field of its own, so try it with each new version of Kong. No effect where the route has a service. Default: false, and Kong answers 503 on a route without one.',
    },
  ],
} as const satisfies Field;

type Stream = ConfigOf<readonly [typeof MODE, typeof STREAM]>;

export const STREAM_RULES: readonly CrossRule<Stream & { readonly collect: object }>[] = [
  {
    complaint: ({ mode, stream }) => {
      if (mode === 'stream') return undefined;
      const useless = Object.entries(stream).find(([, value]) => value !== undefined);
      return useless && `stream.${useless[0]}: has no effect without mode: stream`;
    },
  },
  {
    complaint: ({ mode, collect }) =>
      mode === 'stream' && Object.values(collect).some((value) => value !== undefined)
        ? 'collect: has no meaning with mode: stream, where each reply is sent on as it comes'
        : undefined,
  },
];

/** Undefined: there is one answer. */
export function streamRule({
  mode,
  stream,
  timeout,
}: Stream & { readonly timeout: number }): StreamRule | undefined {
  if (mode !== 'stream') return undefined;
  const { sequence_header: header, sequence_start: start = 1 } = stream;
  return {
    endHeader: stream.end_header,
    count: stream.count,
    sequence: header === undefined ? undefined : { header, start, gapMs: timeout },
    idleMs: stream.idle_ms,
    maxLifeMs: stream.max_life_ms ?? DEFAULTS.maxLifeMs,
    resumeMs: stream.resume_ms ?? DEFAULTS.resumeMs,
    bufferEvents: stream.buffer ?? DEFAULTS.bufferEvents,
    bufferBytes: stream.buffer_bytes ?? DEFAULTS.bufferBytes,
    maxPerConsumer: stream.max_per_consumer ?? Infinity,
    maxInFlight: stream.max_in_flight ?? DEFAULTS.maxInFlight,
    allowedOrigins: stream.allowed_origins?.map((origin) => origin.toLowerCase()),
    messagesPerSecond: stream.messages_per_second ?? DEFAULTS.messagesPerSecond,
    withoutService: stream.without_service === true,
  };
}
