/** How to reach a cluster: rows and rules that mean the same in both plugins, and what they become. */
import type { ConnectionOptions, SaslOptions, TlsOptions } from '../kafka/connection';
import { CLIENT_PROPERTY_NAMES } from '../kafka/client-properties';
import { demands, IS_SET, IS_UNSET, requires, type Match } from './entity-checks';
import type { ConfigOf, Field, OptionTable, TextPattern } from './fields';
import type { CrossRule } from './parse';
import { pemText } from './pem';
import { tlsComplaint } from './tls-material';

export const CERTIFICATE_PEM: TextPattern = {
  lua: '%-%-%-%-%-BEGIN [%u%d ]*CERTIFICATE%-%-%-%-%-.+%-%-%-%-%-END [%u%d ]*CERTIFICATE%-%-%-%-%-',
  regex: '-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^]+-----END [A-Z0-9 ]*CERTIFICATE-----',
  meaning: 'PEM text from BEGIN CERTIFICATE to END CERTIFICATE',
};
export const KEY_PEM: TextPattern = {
  lua: '%-%-%-%-%-BEGIN [%u%d ]*PRIVATE KEY%-%-%-%-%-.+%-%-%-%-%-END [%u%d ]*PRIVATE KEY%-%-%-%-%-',
  regex: '-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^]+-----END [A-Z0-9 ]*PRIVATE KEY-----',
  meaning: 'PEM text from BEGIN PRIVATE KEY to END PRIVATE KEY',
};

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

/**
 * One connection stays busy anyway, with metadata every 30 seconds. A shorter idle time would close and open it again
 * and again, and refuse requests in between.
 */
const SHORTEST_KEEPALIVE_MS = 40_000;

const NO_DELEGATION_TOKENS =
  'authentication.tokenauth: must be false, because the Kafka client library cannot log in with delegation tokens; use SCRAM or OAUTHBEARER';
const NO_EXTENSIONS =
  'authentication.oauthbearer.extensions: must be empty, because the Kafka client library has no way to send them';
const KEEPALIVE_TOO_SHORT = `keepalive: must be at least ${SHORTEST_KEEPALIVE_MS} with keepalive_enabled, because brokers are asked for news every 30 seconds only`;

export const CONNECTION_OPTIONS = [
  {
    name: 'cluster_name',
    type: 'string',
    minLength: 1,
    maxLength: 128,
    connection: true,
    description:
      'Name of the cluster in logs and on the status page. Default: none, only its brokers are named. No effect on the connection.',
  },
  {
    name: 'authentication',
    type: 'record',
    connection: true,
    description: 'How the gateway logs in to the brokers. Default: not at all.',
    fields: [
      {
        name: 'strategy',
        type: 'string',
        oneOf: ['sasl'],
        description: '`sasl`: log in with `mechanism`. Default: unset, no login.',
      },
      {
        name: 'mechanism',
        type: 'string',
        oneOf: MECHANISMS,
        description:
          'SASL mechanism, required with `strategy: sasl`: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. PLAIN sends the password as it is: use it with `security.ssl` only.',
      },
      {
        name: 'user',
        type: 'string',
        minLength: 1,
        referenceable: true,
        description:
          'User name for PLAIN and SCRAM. Required there, no effect with OAUTHBEARER. May be a vault reference, such as `{vault://env/kafka-user}`.',
      },
      {
        name: 'password',
        type: 'string',
        minLength: 1,
        secret: true,
        description:
          'Password for PLAIN and SCRAM. Required there, no effect with OAUTHBEARER. Better a vault reference, such as `{vault://env/kafka-password}`.',
      },
      {
        name: 'tokenauth',
        type: 'boolean',
        default: false,
        description:
          'Cannot be used: must stay false (default). Delegation tokens of Kafka Upstream; the Kafka client library cannot log in with them.',
      },
      {
        name: 'oauthbearer',
        type: 'record',
        description:
          'Where tokens for OAUTHBEARER come from: a client-credentials grant, renewed after 80 % of the life of each token.',
        fields: [
          {
            name: 'token_endpoint_url',
            type: 'string',
            referenceable: true,
            pattern: { lua: '^https?://[^%s]+$', regex: '^https?://\\S+$', meaning: 'an http or https URL' },
            description:
              'URL that issues tokens, http or https. Required with OAUTHBEARER, no effect with another mechanism. May be a vault reference, such as `{vault://env/token-url}`.',
          },
          {
            name: 'client_id',
            type: 'string',
            minLength: 1,
            referenceable: true,
            description:
              'Client id at the token endpoint, sent as HTTP Basic. Required with OAUTHBEARER, no effect with another mechanism. May be a vault reference, such as `{vault://env/kafka-client-id}`.',
          },
          {
            name: 'client_secret',
            type: 'string',
            minLength: 1,
            secret: true,
            description:
              'Client secret at the token endpoint, sent as HTTP Basic. Required with OAUTHBEARER, no effect with another mechanism. Better a vault reference, such as `{vault://env/kafka-client-secret}`.',
          },
          {
            name: 'scopes',
            type: 'array',
            elements: {
              type: 'string',
              minLength: 1,
              pattern: {
                lua: '^[!#-Z%[%]^-~]+$',
                regex: '^[!#-\\[\\]-~]+$',
                meaning: 'a scope without blanks',
              },
            },
            default: [],
            description:
              'Scopes to ask for. Default: none, the endpoint decides. No effect without OAUTHBEARER.',
          },
          {
            name: 'extensions',
            type: 'map',
            keys: { type: 'string' },
            values: { type: 'string' },
            default: {},
            description:
              'Cannot be used: must stay empty (default). SASL extensions of Kafka Upstream; the Kafka client library has no way to send them.',
          },
          {
            name: 'token_endpoint_tls_verify',
            type: 'boolean',
            default: true,
            description:
              "Whether the token endpoint's certificate must be valid. Default true. false is for tests: anybody could pose as the endpoint. No effect without OAUTHBEARER.",
          },
        ],
      },
    ],
  },
  {
    name: 'security',
    type: 'record',
    connection: true,
    description: 'TLS to the brokers. Default: none.',
    fields: [
      {
        name: 'ssl',
        type: 'boolean',
        default: false,
        description: 'Whether connections use TLS. Default false.',
      },
      {
        name: 'ssl_verify',
        type: 'boolean',
        default: true,
        description:
          "Whether a broker's certificate must be valid and name its host. Default true. false is for tests: anybody could pose as the broker. No effect without `ssl`.",
      },
      {
        name: 'ca_certificate',
        type: 'string',
        referenceable: true,
        pattern: CERTIFICATE_PEM,
        description:
          "PEM text of the authorities that may sign brokers' certificates. Default: those the operating system trusts. Line breaks may be lost, or written as `\\n`; a vault reference such as `{vault://env/kafka-ca}` keeps them. Needs `ssl`.",
      },
      {
        name: 'certificate',
        type: 'string',
        referenceable: true,
        pattern: CERTIFICATE_PEM,
        description:
          "PEM text of the gateway's own certificate, for brokers that ask for one (mTLS). Default: none. Line breaks may be lost, or written as `\\n`; a vault reference such as `{vault://env/kafka-certificate}` keeps them. Needs `ssl` and `key`.",
      },
      {
        name: 'key',
        type: 'string',
        secret: true,
        pattern: KEY_PEM,
        description:
          'PEM text of the private key of `certificate`. Default: none. Line breaks may be lost, or written as `\\n`; a vault reference such as `{vault://env/kafka-key}` keeps them. Needs `ssl`.',
      },
      {
        name: 'key_password',
        type: 'string',
        minLength: 1,
        secret: true,
        description:
          'Password of `key` where that is encrypted. Default: none. Better a vault reference, such as `{vault://env/kafka-key-password}`.',
      },
    ],
  },
  {
    name: 'keepalive_enabled',
    type: 'boolean',
    default: false,
    connection: true,
    description:
      'Whether connections without traffic are closed after `keepalive`. Default false: they stay until the broker closes them.',
  },
  {
    name: 'keepalive',
    type: 'integer',
    between: [1000, 86_400_000],
    default: 60_000,
    connection: true,
    description:
      'Milliseconds without traffic after which a connection is closed. Default 60000, with `keepalive_enabled` at least 40000. No effect without it.',
  },
  {
    name: 'client_properties',
    type: 'map',
    keys: { type: 'string', oneOf: CLIENT_PROPERTY_NAMES },
    values: { type: 'string', minLength: 1, maxLength: 256 },
    default: {},
    connection: true,
    description:
      'Properties of librdkafka for fine tuning, which win over ours. Default: none. Only harmless ones can be set, such as `linger.ms`, `fetch.wait.max.ms` or `socket.keepalive.enable`; the reference page of this plugin lists all, and so does the refusal of another. A value that librdkafka refuses shows as the reason of 503 not_ready.',
  },
] as const satisfies OptionTable;

/** Only in the producer: in the consumer `timeout` is how long a client is held. */
export const SOCKET_TIMEOUT = {
  name: 'timeout',
  type: 'integer',
  between: [1000, 300_000],
  default: 10_000,
  connection: true,
  description:
    "Broker timeout, not the client's: milliseconds a broker may take to answer before the connection counts as dead. Default 10000. How long a client is held is an option of custom_kafka_consumer.",
} as const satisfies Field;

export type ConnectionConfig = ConfigOf<typeof CONNECTION_OPTIONS>;

const OAUTH_REQUIRED = ['token_endpoint_url', 'client_id', 'client_secret'] as const;

const CREDENTIALS = [
  'authentication.user',
  'authentication.password',
  ...OAUTH_REQUIRED.map((name) => `authentication.oauthbearer.${name}`),
];

export const CONNECTION_RULES: CrossRule<ConnectionConfig>[] = [
  needs('authentication.strategy', 'sasl', 'authentication.mechanism'),
  ...MECHANISMS.map((mechanism) => needs('authentication.mechanism', mechanism, 'authentication.strategy')),
  ...MECHANISMS.flatMap((mechanism) =>
    (mechanism === 'OAUTHBEARER'
      ? OAUTH_REQUIRED.map((name) => `authentication.oauthbearer.${name}`)
      : ['authentication.user', 'authentication.password']
    ).map((option) => needs('authentication.mechanism', mechanism, option)),
  ),
  ...CREDENTIALS.map((option) => hasNoEffectWithout('authentication.mechanism', option)),
  {
    complaint: ({ authentication }) => (authentication.tokenauth ? NO_DELEGATION_TOKENS : undefined),
    kong: [
      demands(
        'authentication.tokenauth',
        { eq: true },
        'authentication.tokenauth',
        { ne: true },
        NO_DELEGATION_TOKENS,
      ),
    ],
  },
  {
    complaint: ({ authentication }) =>
      Object.keys(authentication.oauthbearer.extensions).length > 0 ? NO_EXTENSIONS : undefined,
    kong: [
      demands(
        'authentication.oauthbearer.extensions',
        IS_SET,
        'authentication.oauthbearer.extensions',
        { len_max: 0 },
        NO_EXTENSIONS,
      ),
    ],
  },
  {
    complaint: ({ security: { certificate, key } }) =>
      (certificate === undefined) === (key === undefined)
        ? undefined
        : 'security.certificate, security.key: required together',
    kong: [{ mutually_required: ['security.certificate', 'security.key'] }],
  },
  hasNoEffectWithout('security.key', 'security.key_password'),
  ...(['ca_certificate', 'certificate', 'key'] as const).map((name): CrossRule<ConnectionConfig> => {
    const sentence = `security.ssl: must be true together with security.${name}, which has no effect without TLS`;
    return {
      complaint: ({ security }) => (!security.ssl && security[name] !== undefined ? sentence : undefined),
      kong: [demands('security.ssl', { ne: true }, `security.${name}`, IS_UNSET, sentence)],
    };
  }),
  // No pattern can tell.
  { complaint: ({ security }) => tlsComplaint(security) },
  {
    complaint: ({ keepalive, keepalive_enabled }) =>
      keepalive_enabled && keepalive < SHORTEST_KEEPALIVE_MS ? KEEPALIVE_TOO_SHORT : undefined,
    kong: [
      demands(
        'keepalive_enabled',
        { eq: true },
        'keepalive',
        { gt: SHORTEST_KEEPALIVE_MS - 1 },
        KEEPALIVE_TOO_SHORT,
      ),
    ],
  },
];

/** For the consumer, whose brokers are optional: the rest of a connection means nothing without them. */
export const CONNECTION_WITHOUT_SERVERS: CrossRule<
  ConnectionConfig & { readonly bootstrap_servers: unknown }
>[] = [
  needsServers('authentication', ({ authentication }) => authentication.strategy !== undefined, [
    'authentication.strategy',
    IS_SET,
  ]),
  needsServers('security.ssl', ({ security }) => security.ssl, ['security.ssl', { eq: true }]),
  needsServers('client_properties', ({ client_properties }) => Object.keys(client_properties).length > 0, [
    'client_properties',
    { required: true, len_min: 1 },
  ]),
  needsServers('keepalive_enabled', ({ keepalive_enabled }) => keepalive_enabled, [
    'keepalive_enabled',
    { eq: true },
  ]),
  needsServers('cluster_name', ({ cluster_name }) => cluster_name !== undefined, ['cluster_name', IS_SET]),
];

/**
 * @param config what `configParser` made of a table with these rows
 * @param socketTimeoutMs default: that of the producer's option
 */
export function connectionOf(
  config: ConnectionConfig,
  bootstrapServers: readonly { readonly host: string; readonly port: number }[],
  socketTimeoutMs: number = SOCKET_TIMEOUT.default,
): ConnectionOptions {
  const sasl = saslOf(config.authentication);
  const tls = tlsOf(config.security);
  return {
    bootstrapServers: bootstrapServers.map(({ host, port }) => `${inUrl(host)}:${port}`),
    ...(config.cluster_name !== undefined && { clusterName: config.cluster_name }),
    ...(sasl && { sasl }),
    ...(tls && { tls }),
    socketTimeoutMs,
    ...(config.keepalive_enabled && { idleConnectionMs: config.keepalive }),
    clientProperties: config.client_properties,
  };
}

/** The colons of an IPv6 address and the one of the port must not be taken for each other. */
function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function saslOf(authentication: ConnectionConfig['authentication']): SaslOptions | undefined {
  const { mechanism, user, password, oauthbearer } = authentication;
  if (mechanism === undefined) return undefined;
  if (mechanism !== 'OAUTHBEARER') {
    // The rules have seen to it that nothing is missing.
    return { mechanism, user: user ?? '', password: password ?? '' };
  }
  return {
    mechanism,
    oauth: {
      tokenEndpointUrl: oauthbearer.token_endpoint_url ?? '',
      clientId: oauthbearer.client_id ?? '',
      clientSecret: oauthbearer.client_secret ?? '',
      scopes: oauthbearer.scopes,
      verifyTls: oauthbearer.token_endpoint_tls_verify,
    },
  };
}

function tlsOf(security: ConnectionConfig['security']): TlsOptions | undefined {
  if (!security.ssl) return undefined;
  return {
    verify: security.ssl_verify,
    caPem: security.ca_certificate && pemText(security.ca_certificate),
    certificatePem: security.certificate && pemText(security.certificate),
    keyPem: security.key && pemText(security.key),
    keyPassword: security.key_password,
  };
}

/** `option` must be given when `condition` has the value. Both are dotted paths. */
function needs(condition: string, value: string, option: string): CrossRule<ConnectionConfig> {
  const sentence = `${option}: required with ${condition}: ${value}`;
  return {
    complaint: (config) =>
      valueAt(config, condition) === value && valueAt(config, option) === undefined ? sentence : undefined,
    kong: [requires(condition, { eq: value }, option, sentence)],
  };
}

/** Both are dotted paths. */
function hasNoEffectWithout(needed: string, option: string): CrossRule<ConnectionConfig> {
  const sentence = `${option}: has no meaning without ${needed}`;
  return {
    complaint: (config) =>
      valueAt(config, option) !== undefined && valueAt(config, needed) === undefined ? sentence : undefined,
    kong: [requires(option, IS_SET, needed, sentence)],
  };
}

function needsServers(
  option: string,
  isUsed: (config: ConnectionConfig) => boolean,
  [path, match]: [path: string, match: Match],
): CrossRule<ConnectionConfig & { readonly bootstrap_servers: unknown }> {
  const sentence = `${option}: has no effect without bootstrap_servers, as the connection is the producer's then`;
  return {
    complaint: (config) => (config.bootstrap_servers === undefined && isUsed(config) ? sentence : undefined),
    kong: [requires(path, match, 'bootstrap_servers', sentence)],
  };
}

function valueAt(config: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((here, name) => (here as Record<string, unknown> | undefined)?.[name], config);
}
