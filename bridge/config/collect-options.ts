/** The rows of how several replies make one answer. No defaults in the schema: older nodes of a cluster know none of it. */
import { COLLECTED_FORMS, type CollectRule } from '../collect/collect-rule';
import type { ConfigOf, Field } from './fields';
import type { CrossRule } from './parse';
import { RECORD_HEADER_NAME } from './shared-options';

const DEFAULT_MAX_COUNT = 1000;
const DEFAULT_MAX_BYTES = 4_194_304;

export const COLLECT = {
  name: 'collect',
  type: 'record',
  description:
    'Several replies to one request, answered together. On where `count`, `end_header` or `quiet_ms` is set; what comes first ends the wait. See docs/streams.md.',
  fields: [
    {
      name: 'count',
      type: 'integer',
      between: [1, 10_000],
      description: 'So many replies are all. Default: not counted.',
    },
    {
      ...RECORD_HEADER_NAME,
      name: 'end_header',
      description:
        'A reply with this record header is the last: `kafka_nest-is-disposed` for NestJS. Without a value it is the end alone, and no reply. Default: none.',
    },
    {
      name: 'quiet_ms',
      type: 'integer',
      between: [1, 300_000],
      description:
        'All have come when nothing more has for so many milliseconds after a reply. Default: never.',
    },
    {
      name: 'on_timeout',
      type: 'string',
      oneOf: ['error', 'partial'],
      description:
        'At the deadline: `error` (default), 504 reply_timeout; `partial`, what has come, with `X-Collected: partial`. Where nothing has come it is 504.',
    },
    {
      name: 'as',
      type: 'string',
      oneOf: COLLECTED_FORMS,
      description:
        'Form of the answer. `array` (default): a JSON array; `ndjson`: one JSON value on each line; `multipart`: multipart/mixed, where each part has the headers of its reply. In JSON a reply that is text and no JSON becomes a string.',
    },
    {
      ...RECORD_HEADER_NAME,
      name: 'sequence_header',
      description:
        'Record header with the place of a reply, in digits. The answer is in that order, a place that comes twice is dropped, and an end that has one waits for those before it. Default: none, the order in which they come.',
    },
    {
      name: 'sequence_start',
      type: 'integer',
      oneOf: [0, 1],
      description: 'The place of the first reply: 0 or 1. Default 1.',
    },
    {
      name: 'max_count',
      type: 'integer',
      between: [1, 10_000],
      description: `Most replies to one request. One more is 502 reply_too_large. Default ${DEFAULT_MAX_COUNT}.`,
    },
    {
      name: 'max_bytes',
      type: 'integer',
      between: [1024, 67_108_864],
      description: `Most bytes that the replies to one request may hold, 500 added for each and 400 for each header. Above it 502 reply_too_large. Default 4 MiB (${DEFAULT_MAX_BYTES}).`,
    },
  ],
} as const satisfies Field;

export type CollectConfig = ConfigOf<readonly [typeof COLLECT]>;

const NO_END = 'needs count, end_header or quiet_ms, as nothing else says when all replies are there';

export const COLLECT_RULES: readonly CrossRule<CollectConfig>[] = [
  {
    complaint: ({ collect }) => {
      if (collects(collect)) return undefined;
      const useless = Object.entries(collect).find(([, value]) => value !== undefined);
      return useless && `collect.${useless[0]}: ${NO_END}`;
    },
  },
  {
    complaint: ({ collect: { count, max_count = DEFAULT_MAX_COUNT } }) =>
      count !== undefined && count > max_count
        ? `collect.count: must not be above max_count, which is ${max_count}`
        : undefined,
  },
];

/** Undefined: the first reply is the answer. */
export function collectRule({ collect }: CollectConfig): CollectRule | undefined {
  if (!collects(collect)) return undefined;
  return {
    count: collect.count,
    endHeader: collect.end_header,
    quietMs: collect.quiet_ms,
    sequenceHeader: collect.sequence_header,
    sequenceStart: collect.sequence_start ?? 1,
    isPartialAnswered: collect.on_timeout === 'partial',
    form: collect.as ?? 'array',
    maxCount: collect.max_count ?? DEFAULT_MAX_COUNT,
    maxBytes: collect.max_bytes ?? DEFAULT_MAX_BYTES,
  };
}

export function collects({ count, end_header, quiet_ms }: CollectConfig['collect']): boolean {
  return count !== undefined || end_header !== undefined || quiet_ms !== undefined;
}
