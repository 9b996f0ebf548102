/** The rows of how a client is held until the reply to its request comes, and of what it is answered then. */
import { COLLECT, COLLECT_RULES } from './collect-options';
import { demands, IS_UNSET } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import { MODE } from './mode-option';
import type { CrossRule } from './parse';
import { REPLY_OPTIONS, REPLY_RULES, TIMEOUT_CEILING, TIMEOUT_CEILING_RULES } from './reply-options';
import { RESULT_OPTIONS, RESULT_RULES } from './result-options';
import { ON_INVALID_REPLY } from './schema-registry-options';
import { SEVERAL_REPLIES_RULES } from './several-replies-rules';
import { STATE_RULES, WAIT_FOR } from './state-options';
import { RECORD_HEADER_NAME } from './shared-options';
import { STREAM, STREAM_RULES } from './stream-options';

export const WAIT_OPTIONS = [
  {
    name: 'timeout',
    type: 'integer',
    between: [1, 300_000],
    default: 5000,
    description:
      'How long the client is held, in milliseconds from the moment the request came in. Default 5000. After it 504, or 202 (`on_timeout`).',
  },
  TIMEOUT_CEILING,
  {
    name: 'match',
    type: 'string',
    oneOf: ['header', 'key', 'body_field'],
    default: 'header',
    description:
      'Where a reply carries the correlation id. `header` (default): a record header of any dialect; `key`: the record key; `body_field`: a field of its JSON value. Letter case counts neither in a UUID nor, where no header has the exact name, in header names.',
  },
  {
    ...RECORD_HEADER_NAME,
    name: 'match_name',
    description:
      'With `match: header` a header looked at before those of the dialects; with `body_field` the field, default `correlation-id`. Not with `key`.',
  },
  ...REPLY_OPTIONS,
  ON_INVALID_REPLY,
  MODE,
  ...RESULT_OPTIONS,
  WAIT_FOR,
  COLLECT,
  STREAM,
] as const satisfies OptionTable;

export type WaitConfig = ConfigOf<typeof WAIT_OPTIONS>;

const NAME_OF_KEY = 'match_name: has no meaning with match: key, where the whole key is the correlation id';

export const WAIT_RULES: readonly CrossRule<WaitConfig>[] = [
  {
    complaint: (config) =>
      config.match === 'key' && config.match_name !== undefined ? NAME_OF_KEY : undefined,
    kong: [demands('match', { eq: 'key' }, 'match_name', IS_UNSET, NAME_OF_KEY)],
  },
  ...TIMEOUT_CEILING_RULES,
  ...REPLY_RULES,
  ...RESULT_RULES,
  ...STATE_RULES,
  ...COLLECT_RULES,
  ...STREAM_RULES,
  ...SEVERAL_REPLIES_RULES,
];
