/** The rows of requests that their clients call one. Of the plugin that sends: what is to be one gets one id. */
import type { KeepBounds } from '../results/kept-replies';
import { KEEP_NOTHING } from '../results/kept-replies';
import { demands, IS_UNSET } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';
import { KEEP_FIELDS, SECRET, TTL } from './result-options';
import { HEADER_NAME } from './shared-options';

export const IDEMPOTENCY_OPTIONS = [
  {
    name: 'idempotency',
    type: 'string',
    oneOf: ['off', 'join', 'replay'],
    default: 'off',
    description:
      'Whether requests of one consumer with the same `idempotency_header` and body are one. `off` (default): each is sent. `join`: the first is sent, and those that come while it is in flight get its reply, too. `replay`: also those that come within `idempotency_ttl`. Another body is 422. Needs `reply_routing: broadcast`; no effect without the header.',
  },
  {
    ...HEADER_NAME,
    name: 'idempotency_header',
    default: 'Idempotency-Key',
    description:
      'The request header with the key, 1 to 255 characters; a message of a WebSocket has it as `key`. Default Idempotency-Key.',
  },
  {
    ...SECRET,
    name: 'idempotency_secret',
    description:
      'Secret that makes the ids of requests from their keys, at least 16 characters. Better a vault reference, such as `{vault://env/idempotency-secret}`. The same on every gateway. Default: one that each gateway makes up, so that a repetition is known to the gateway that had the first, until it restarts.',
  },
  {
    ...TTL,
    name: 'idempotency_ttl',
    description:
      'With `replay`: for how long a reply is replayed, and a request that got none in time is not sent again, in seconds. Replies are read back that far from the topic when the plugin server starts. Default 300.',
  },
  {
    name: 'keep_replies',
    type: 'record',
    description:
      'With `idempotency: replay`: how many replies of the topic this process keeps. The repetition of a request whose reply was put out before its time is 410, and not sent.',
    fields: KEEP_FIELDS,
  },
] as const satisfies OptionTable;

export type IdempotencyConfig = ConfigOf<typeof IDEMPOTENCY_OPTIONS>;

/** What a route that knows repeated requests needs of the store of replies. */
export function idempotencyOf(
  config: IdempotencyConfig,
): { readonly ttlMs: number; readonly keep: KeepBounds } | undefined {
  switch (config.idempotency) {
    case 'off':
      return undefined;
    case 'join':
      return { ttlMs: 0, keep: KEEP_NOTHING };
    case 'replay': {
      const ttlMs = config.idempotency_ttl * 1000;
      return { ttlMs, keep: { ttlMs, ...config.keep_replies } };
    }
  }
}

interface IdempotentRequest extends IdempotencyConfig {
  readonly reply_topic: string | undefined;
  readonly reply_routing: string;
  readonly correlation: string;
}

const WITHOUT_REPLY = 'idempotency: has no meaning without reply_topic, where there is no reply to share';
const ROUTED =
  'idempotency: needs reply_routing: broadcast, because with partition and topic a reply is seen by one gateway only';
const CLIENTS_ID = 'idempotency: needs correlation: generated, because it makes the id of a request itself';

/** Kong knows no default of it (released-options.ts), and null passes everything else. */
const IS_ON = { required: true, one_of: ['join', 'replay'] };

export const IDEMPOTENCY_RULES: readonly CrossRule<IdempotentRequest>[] = [
  {
    complaint: ({ idempotency, reply_topic }) =>
      idempotency !== 'off' && reply_topic === undefined ? WITHOUT_REPLY : undefined,
    kong: [demands('reply_topic', IS_UNSET, 'idempotency', { one_of: ['off'] }, WITHOUT_REPLY)],
  },
  {
    complaint: ({ idempotency, reply_routing }) =>
      idempotency !== 'off' && reply_routing !== 'broadcast' ? ROUTED : undefined,
    kong: [demands('idempotency', IS_ON, 'reply_routing', { eq: 'broadcast' }, ROUTED)],
  },
  {
    complaint: ({ idempotency, correlation }) =>
      idempotency !== 'off' && correlation !== 'generated' ? CLIENTS_ID : undefined,
    kong: [demands('idempotency', IS_ON, 'correlation', { eq: 'generated' }, CLIENTS_ID)],
  },
];
