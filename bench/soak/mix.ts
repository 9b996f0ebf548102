/** The requests of a soak: how many of which kind, what each needs on its route, and what must come back. */

export interface SoakTarget {
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[];
}

export interface RequestKind {
  /** Of a hundred requests. */
  readonly share: number;
  /** Options of the two halves: see dev/plugin-form.ts. */
  readonly request: object;
  readonly reply: object;
  /** Status, and the code of an error: one of these. */
  readonly expected: readonly string[];
  /** The client goes away after this time. */
  readonly leavesAfterMs?: number;
}

export const KIND_NAMES = [
  'reply',
  'silence',
  'refusal',
  'huge reply',
  'huge request',
  'client gone',
] as const;
export type KindName = (typeof KIND_NAMES)[number];

/** A request that nobody could answer any more. */
export const LEFT = 'left';

/** What the responder serves, in the words of its --serve option. */
export const SERVED = [
  'soak.requests',
  'soak.refused,error=true,status=422',
  // Long after the client has left, even where timers are late.
  'soak.slow,delay-ms=1000',
];
export const TOPICS = ['soak.requests', 'soak.refused', 'soak.slow', 'soak.silent', 'soak.replies'];

const MOST_BYTES = 100;

/** All replies arrive on one topic, so every configuration sees those of the others as well. */
const REPLIES = { reply_topic: 'soak.replies' };

const KINDS: Record<KindName, RequestKind> = {
  reply: {
    share: 90,
    request: { topic: 'soak.requests', ...REPLIES },
    reply: {},
    expected: ['200'],
  },
  silence: {
    share: 2,
    request: { topic: 'soak.silent', ...REPLIES },
    reply: { timeout: 500 },
    // The second where a busy machine takes as long to confirm the record.
    expected: ['504 reply_timeout', '504 produce_timeout'],
  },
  refusal: {
    share: 2,
    request: { topic: 'soak.refused', ...REPLIES },
    reply: {},
    expected: ['422'],
  },
  'huge reply': {
    share: 2,
    request: { topic: 'soak.requests', ...REPLIES },
    reply: { max_reply_bytes: MOST_BYTES },
    expected: ['502 reply_too_large'],
  },
  'huge request': {
    share: 2,
    request: { topic: 'soak.requests', ...REPLIES, max_request_bytes: MOST_BYTES },
    reply: {},
    expected: ['413 request_too_large'],
  },
  'client gone': {
    share: 2,
    request: { topic: 'soak.slow', ...REPLIES },
    reply: {},
    expected: [LEFT],
    leavesAfterMs: 20,
  },
};

/** Every hundred requests have the same mix, evenly spread. */
const PATTERN: readonly KindName[] = spread();

export function kindOf(requestNumber: number): KindName {
  return PATTERN[requestNumber % PATTERN.length] as KindName;
}

/** From one to the next all instances of one worker are renewed. */
export const REQUESTS_PER_UPDATE = 100;
/** Most updates bring back the same configurations, as in Kong, where any plugin's change renews all instances. */
const UPDATES_PER_NEW_CONFIG = 100;
const UPDATES_PER_NEW_CONNECTION = 500;

/** What Kong's configuration says after so many updates. */
export function requestKind(name: KindName, target: SoakTarget, updates: number): RequestKind {
  const kind = KINDS[name];
  return {
    ...kind,
    request: {
      ...kind.request,
      bootstrap_servers: target.bootstrapServers,
      max_in_flight: 10_000 + Math.floor(updates / UPDATES_PER_NEW_CONFIG),
      cluster_name: `soak-${Math.floor(updates / UPDATES_PER_NEW_CONNECTION)}`,
    },
  };
}

/** Each kind at its own distance, at the first place that is still free. */
function spread(): KindName[] {
  const pattern: (KindName | undefined)[] = Array.from({ length: 100 }, () => undefined);
  for (const name of KIND_NAMES) {
    if (name === 'reply') continue;
    for (let count = 0; count < KINDS[name].share; count++) {
      let at = Math.floor((count * pattern.length) / KINDS[name].share);
      while (pattern[at % pattern.length] !== undefined) at++;
      pattern[at % pattern.length] = name;
    }
  }
  return pattern.map((name) => name ?? 'reply');
}
