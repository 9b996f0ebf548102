/** The rows of waiting for a state instead of a reply. */
import { UNSENDABLE_STATUSES } from '../reply/reply-status';
import { NOT_IDEMPOTENT, ROUTED } from '../states/state-waits';
import { parseJsonPointer } from '../request/json-pointer';
import { demands, IS_SET, IS_UNSET, requires } from './entity-checks';
import type { ConfigOf, OptionTable, TextPattern } from './fields';
import type { CrossRule } from './parse';
import { KEEP_FIELDS } from './result-options';

const UNSENDABLE: TextPattern = {
  lua: UNSENDABLE_STATUSES.map((status) => `^${status}$`),
  regex: `^(${UNSENDABLE_STATUSES.join('|')})$`,
  meaning: `be ${UNSENDABLE_STATUSES.join(', ')}, which nginx takes for orders to close the connection`,
};

export const STATE_FIELDS = [
  {
    name: 'field',
    type: 'string',
    minLength: 1,
    maxLength: 256,
    description:
      'Where an event has its state: a JSON pointer into its value, such as `/status`, or the name of a field. Unset: the client gets the first reply. Set: replies are not waited for.',
  },
  {
    name: 'values',
    type: 'map',
    keys: { type: 'string', minLength: 1, maxLength: 256 },
    values: {
      type: 'string',
      pattern: { lua: '^[2-5]%d%d$', regex: '^[2-5][0-9]{2}$', meaning: 'an HTTP status from 200 to 599' },
      never: [UNSENDABLE],
    },
    description:
      'The states that end the wait, each with the HTTP status of the answer: `VALIDATED: "200"`, `REJECTED: "409"`. The body is the event.',
  },
  {
    name: 'others',
    type: 'string',
    oneOf: ['ignore', 'error'],
    default: 'ignore',
    description:
      'What an event in another state does: `ignore` (default) nothing, `error` 502 reply_invalid.',
  },
  {
    name: 'look_back',
    type: 'integer',
    between: [0, 86_400],
    default: 0,
    description:
      'How old, in seconds, the last event of the key may be when the request comes: a state that is reached already answers at once. Events are read back that far when the plugin server starts. Default 0: only what comes after the request.',
  },
  {
    name: 'keep_events',
    type: 'record',
    description: 'How many keys this process remembers the last event of.',
    fields: KEEP_FIELDS,
  },
] as const satisfies OptionTable;

export type StateConfig = ConfigOf<typeof STATE_FIELDS>;

export const WAIT_FOR = {
  name: 'wait_for',
  type: 'record',
  description:
    "Waits for a state that services report anyway, as events on the reply topic, instead of a reply. An event is found by the key of the request's record: with `match: key` it is the key of the event, with `body_field` a field of its value.",
  fields: STATE_FIELDS,
} as const;

interface WithStates {
  readonly wait_for: StateConfig;
  readonly match: string;
  readonly mode: string;
  readonly on_timeout: string;
  readonly respond_async: boolean;
}

const NO_VALUES = 'wait_for.values: required with wait_for.field';
const NO_FIELD = 'wait_for.field: required with wait_for.values';
const NO_POINTER = 'wait_for.field: is not a JSON pointer; ~ is written ~0 in one, and / in a name ~1';
const BY_HEADER =
  'match: must be key or body_field with wait_for, because events carry no correlation id of a request';
const NOT_LATER =
  'wait_for: cannot be combined with on_timeout: accepted, respond_async or mode: result, whose ids are those of replies';

export const STATE_RULES: readonly CrossRule<WithStates>[] = [
  {
    complaint: ({ wait_for: { field, values } }) =>
      field !== undefined && Object.keys(values ?? {}).length === 0 ? NO_VALUES : undefined,
    kong: [requires('wait_for.field', IS_SET, 'wait_for.values', NO_VALUES)],
  },
  {
    complaint: ({ wait_for: { field, values } }) =>
      field === undefined && values !== undefined && Object.keys(values).length > 0 ? NO_FIELD : undefined,
    kong: [requires('wait_for.values', IS_SET, 'wait_for.field', NO_FIELD)],
  },
  {
    complaint: ({ wait_for: { field } }) =>
      field?.startsWith('/') === true && parseJsonPointer(field) === undefined ? NO_POINTER : undefined,
  },
  {
    complaint: ({ wait_for, match }) =>
      wait_for.field !== undefined && match === 'header' ? BY_HEADER : undefined,
    kong: [demands('wait_for.field', IS_SET, 'match', { ne: 'header' }, BY_HEADER)],
  },
  {
    complaint: ({ wait_for, mode, on_timeout, respond_async }) =>
      wait_for.field !== undefined && (mode === 'result' || on_timeout === 'accepted' || respond_async)
        ? NOT_LATER
        : undefined,
    kong: [
      demands('mode', { eq: 'result' }, 'wait_for.field', IS_UNSET, NOT_LATER),
      demands('on_timeout', { eq: 'accepted' }, 'wait_for.field', IS_UNSET, NOT_LATER),
      demands('respond_async', { eq: true }, 'wait_for.field', IS_UNSET, NOT_LATER),
    ],
  },
];

interface RequestWithStates {
  readonly reply: WithStates;
  readonly reply_routing: string;
  readonly idempotency: string;
  readonly key_source: string;
  readonly key_query_arg: string | undefined;
}

const NO_KEY =
  'key_source: must not be none with reply.wait_for, where the key says whose state is waited for';

/** What only a plugin that has both halves can know beforehand. */
export const STATES_OF_REQUEST_RULES: readonly CrossRule<RequestWithStates>[] = [
  {
    complaint: ({ reply, reply_routing }) =>
      reply.wait_for.field !== undefined && reply_routing !== 'broadcast'
        ? `reply.wait_for: ${ROUTED}`
        : undefined,
    kong: [
      demands(
        'reply.wait_for.field',
        IS_SET,
        'reply_routing',
        { eq: 'broadcast' },
        `reply.wait_for: ${ROUTED}`,
      ),
    ],
  },
  {
    complaint: ({ reply, idempotency }) =>
      reply.wait_for.field !== undefined && idempotency !== 'off'
        ? `reply.wait_for: ${NOT_IDEMPOTENT}`
        : undefined,
    kong: [
      demands(
        'reply.wait_for.field',
        IS_SET,
        'idempotency',
        { one_of: ['off'] },
        `reply.wait_for: ${NOT_IDEMPOTENT}`,
      ),
    ],
  },
  {
    complaint: ({ reply, key_source, key_query_arg }) =>
      reply.wait_for.field !== undefined && key_source === 'none' && key_query_arg === undefined
        ? NO_KEY
        : undefined,
  },
];
