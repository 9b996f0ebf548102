/**
 * The rows of a schema registry, under the names that Kong's Kafka Upstream and Kafka Consume have for them, and what
 * comes of them. Requests are written with schemas of subjects; replies name theirs.
 */
import type { Authentication } from '../schema-registry/authorization';
import { PAYLOAD_ENCODINGS } from '../schema-registry/payload-encoding';
import type { RegistryOptions } from '../schema-registry/registry-client';
import type { ReplySchemaOptions } from '../schema-registry/reply-schemas';
import type { RequestSchemaOptions, SubjectChoice } from '../schema-registry/request-schemas';
import { CERTIFICATE_PEM, KEY_PEM } from './connection-options';
import { demands, requires } from './entity-checks';
import type { ConfigOf, Field, OptionTable, StringType } from './fields';
import type { CrossRule } from './parse';
import { pemText } from './pem';
import { tlsComplaint } from './tls-material';

const TEXT = { type: 'string', minLength: 1, maxLength: 2048 } as const satisfies StringType;
const SECRET = { ...TEXT, secret: true } as const satisfies StringType;

const STRATEGIES = ['topic', 'record', 'topic_record', 'none'] as const;
const CLIENT_AUTH = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'none'] as const;

const AUTHENTICATION = {
  name: 'authentication',
  type: 'record',
  description: 'Who the gateway is to the registry.',
  fields: [
    {
      name: 'mode',
      type: 'string',
      oneOf: ['none', 'basic', 'bearer', 'oauth2'],
      default: 'none',
      description:
        'Who the gateway is to the registry. `none` (default): nobody; `basic`: user and password; `bearer`: a token that is given; `oauth2`: a token that is fetched, and fetched anew at 80 % of its life.',
    },
    {
      name: 'basic',
      type: 'record',
      description: 'For `mode: basic`.',
      fields: [
        {
          ...SECRET,
          name: 'username',
          description:
            'User name, or the API key of Confluent Cloud. Default: none. May be a vault reference, such as `{vault://env/registry-user}`.',
        },
        {
          ...SECRET,
          name: 'password',
          description:
            'Password, or the API secret of Confluent Cloud. Default: none. Better a vault reference, such as `{vault://env/registry-password}`.',
        },
      ],
    },
    {
      name: 'bearer',
      type: 'record',
      description: 'For `mode: bearer`.',
      fields: [
        {
          ...SECRET,
          name: 'token',
          maxLength: 8192,
          description:
            'The token, as it is. Default: none. Better a vault reference, such as `{vault://env/registry-token}`.',
        },
      ],
    },
    {
      name: 'oauth2',
      type: 'record',
      description: 'For `mode: oauth2`.',
      fields: [
        {
          ...TEXT,
          name: 'token_endpoint',
          pattern: { lua: '^https?://', regex: '^https?://', meaning: 'an http or https URL' },
          description: 'URL of the token endpoint. Default: none. Required with `mode: oauth2`.',
        },
        {
          ...SECRET,
          name: 'client_id',
          description:
            'Id of the gateway at the token endpoint. Default: none. May be a vault reference, such as `{vault://env/registry-client-id}`.',
        },
        {
          ...SECRET,
          name: 'client_secret',
          description:
            'Secret that goes with `client_id`. Default: none. Better a vault reference, such as `{vault://env/registry-client-secret}`.',
        },
        {
          name: 'grant_type',
          type: 'string',
          oneOf: ['client_credentials', 'password'],
          default: 'client_credentials',
          description:
            'How a token is asked for: `client_credentials` (default), or `password` with `username` and `password`.',
        },
        {
          name: 'scopes',
          type: 'array',
          elements: { type: 'string', minLength: 1 },
          default: ['openid'],
          description: 'Scopes to ask for. Default: openid. An empty list: none.',
        },
        {
          name: 'audience',
          type: 'array',
          elements: { type: 'string', minLength: 1 },
          default: [],
          description: 'Audiences to ask for. Default: none.',
        },
        {
          ...SECRET,
          name: 'username',
          description:
            'User name for `grant_type: password`. Default: none. May be a vault reference, such as `{vault://env/registry-grant-user}`.',
        },
        {
          ...SECRET,
          name: 'password',
          description:
            'Password for `grant_type: password`. Default: none. Better a vault reference, such as `{vault://env/registry-grant-password}`.',
        },
        {
          name: 'token_headers',
          type: 'map',
          keys: { type: 'string', minLength: 1 },
          values: { type: 'string' },
          default: {},
          description:
            'Further headers of the request for a token, such as `x-tenant` and its value. Default: none.',
        },
        {
          name: 'token_post_args',
          type: 'map',
          keys: { type: 'string', minLength: 1 },
          values: { type: 'string' },
          default: {},
          description:
            'Further fields of the form in the request for a token, such as `resource` and its value. Default: none.',
        },
      ],
    },
    {
      name: 'oauth2_client',
      type: 'record',
      description: 'How the gateway talks to the token endpoint.',
      fields: [
        {
          name: 'auth_method',
          type: 'string',
          oneOf: CLIENT_AUTH,
          default: 'client_secret_post',
          description:
            'How the gateway proves who it is. `client_secret_post` (default): id and secret in the form; `client_secret_basic`: in a header; `client_secret_jwt`: a signature with the secret; `none`: not at all.',
        },
        {
          name: 'client_secret_jwt_alg',
          type: 'string',
          oneOf: ['HS256', 'HS512'],
          default: 'HS512',
          description:
            'The algorithm of `auth_method: client_secret_jwt`, HS512 (default) or HS256. No effect otherwise.',
        },
        {
          name: 'timeout',
          type: 'integer',
          between: [100, 60_000],
          default: 2000,
          description: 'Milliseconds the token endpoint may take to answer. Default 2000.',
        },
        {
          ...TEXT,
          name: 'http_proxy',
          description: 'Refused: the gateway asks the token endpoint itself, without a proxy between them.',
        },
        {
          ...TEXT,
          name: 'https_proxy',
          description: 'Refused: the gateway asks the token endpoint itself, without a proxy between them.',
        },
      ],
    },
    {
      ...TEXT,
      name: 'identity_pool_id',
      pattern: { lua: '^%g+$', regex: '^[\\x21-\\x7e]+$', meaning: 'printable ASCII without blanks' },
      description:
        'Sent as the header Confluent-Identity-Pool-Id, which Confluent Cloud wants. Default: not sent.',
    },
    {
      ...TEXT,
      name: 'logical_cluster_id',
      pattern: { lua: '^%g+$', regex: '^[\\x21-\\x7e]+$', meaning: 'printable ASCII without blanks' },
      description:
        'Sent as the header target-sr-cluster, which Confluent Cloud wants with `mode: oauth2`. Default: not sent.',
    },
  ],
} as const satisfies Field;

const CONNECTION = [
  {
    ...TEXT,
    name: 'url',
    pattern: {
      lua: '^https?://[^%s@?#,]+',
      regex: '^https?://[^\\s@?#,]+(\\s*,\\s*https?://[^\\s@?#,]+)*$',
      meaning: 'an http or https URL without user, query and fragment, or several with commas between them',
    },
    description:
      'Base URL of the schema registry, such as `http://registry:8081`; several with commas between them are tried in turn. Default: no registry, and values are as they are.',
  },
  {
    name: 'ssl_verify',
    type: 'boolean',
    default: true,
    description:
      "Whether the registry's certificate, and that of the token endpoint, must be valid. Default true. false is for tests: anybody could pose as the registry.",
  },
  {
    name: 'ca_certificate',
    type: 'string',
    referenceable: true,
    pattern: CERTIFICATE_PEM,
    description:
      "PEM text of the authorities that may sign the registry's certificate. Default: those that Node.js trusts. Line breaks may be lost, or written as `\\n`; a vault reference such as `{vault://env/registry-ca}` keeps them.",
  },
  {
    name: 'certificate',
    type: 'string',
    referenceable: true,
    pattern: CERTIFICATE_PEM,
    description:
      'PEM text of the client certificate, for mutual TLS. Default: none. Together with `key`. A vault reference keeps line breaks: `{vault://env/registry-certificate}`.',
  },
  {
    name: 'key',
    type: 'string',
    secret: true,
    pattern: KEY_PEM,
    description:
      'PEM text of the private key of `certificate`. Default: none. A vault reference keeps line breaks: `{vault://env/registry-key}`.',
  },
  {
    ...SECRET,
    name: 'key_password',
    description:
      'Password of `key` where that is encrypted. Default: none. Better a vault reference, such as `{vault://env/registry-key-password}`.',
  },
  {
    name: 'timeout',
    type: 'integer',
    between: [100, 60_000],
    default: 2000,
    description:
      'Milliseconds the registry may take for one answer; all attempts for a schema together take twice that at most. Default 2000.',
  },
  AUTHENTICATION,
] as const satisfies OptionTable;

const ENCODING = {
  name: 'payload_encoding',
  type: 'string',
  oneOf: PAYLOAD_ENCODINGS,
  default: 'avro_json',
  description:
    'How Avro looks as JSON. `avro_json` (default): as its specification says, `{"string":"a"}` for a union, numbers for dates. `simple_json`: plain values, base64 for bytes, text for dates, times and decimals. No effect with other types.',
} as const satisfies Field;

const SUBJECT_ROWS = [
  {
    ...TEXT,
    maxLength: 512,
    name: 'subject_name',
    description: 'Subject of the schema, whatever `subject_name_strategy` says. Default: by that strategy.',
  },
  {
    type: 'string',
    minLength: 1,
    maxLength: 10,
    name: 'schema_version',
    pattern: { lua: '^%l*%d*$', regex: '^(latest|[1-9][0-9]*)$', meaning: 'a version number, or latest' },
    description:
      'Version of the subject: a number, or `latest`, which is looked up anew every `ttl`. Default latest.',
  },
  {
    ...TEXT,
    maxLength: 512,
    name: 'record_name',
    description:
      'Full name of the type, such as `shop.Order`. For Protobuf the message of the file that is written (default: the first); part of the subject with `subject_name_strategy` record and topic_record, which need it.',
  },
  ENCODING,
] as const satisfies OptionTable;

/** Where requests are written with a schema. */
export const REQUEST_SCHEMA_REGISTRY = {
  name: 'schema_registry',
  type: 'record',
  description:
    'The schema registry with whose schemas values and keys are written, and what is to know of it.',
  fields: [
    {
      name: 'confluent',
      type: 'record',
      description: 'A registry with the REST interface of Confluent: also Apicurio, Karapace and Redpanda.',
      fields: [
        ...CONNECTION,
        {
          name: 'ttl',
          type: 'integer',
          between: [1, 3600],
          default: 300,
          description:
            'Seconds after which the latest version of a subject is looked up anew; until it is there, the one before is used. Default 300. What an id stands for is kept for ever.',
        },
        {
          name: 'subject_name_strategy',
          type: 'string',
          oneOf: STRATEGIES,
          default: 'topic',
          description:
            'The subject where none is named. `topic` (default): the topic with -value or -key behind it; `record`: `record_name`; `topic_record`: the topic, a hyphen and `record_name`. `none`: nothing is written with a schema unless a subject is named.',
        },
        {
          name: 'framing',
          type: 'string',
          oneOf: ['confluent', 'header'],
          default: 'confluent',
          description:
            "Where the schema's id goes: `confluent` (default), in front of the value. `header` is refused: the client library writes headers as text, and a GUID is none. Replies are read in both forms.",
        },
        {
          name: 'value_schema',
          type: 'record',
          description: 'The schema of values.',
          fields: SUBJECT_ROWS,
        },
        {
          name: 'key_schema',
          type: 'record',
          description:
            'The schema of keys. They are written with one where `subject_name`, `schema_version` or `record_name` is set here.',
          fields: SUBJECT_ROWS,
        },
      ],
    },
  ],
} as const satisfies Field;

/** Where replies are read. */
export const REPLY_SCHEMA_REGISTRY = {
  name: 'schema_registry',
  type: 'record',
  description: 'The schema registry whose schemas replies are written with.',
  fields: [
    {
      name: 'confluent',
      type: 'record',
      description: 'A registry with the REST interface of Confluent: also Apicurio, Karapace and Redpanda.',
      fields: [
        ...CONNECTION,
        { name: 'value_schema', type: 'record', description: 'How values are read.', fields: [ENCODING] },
        {
          name: 'key_schema',
          type: 'record',
          description: 'How keys are read, with `match: key`.',
          fields: [ENCODING],
        },
      ],
    },
  ],
} as const satisfies Field;

export const ON_INVALID_REPLY = {
  name: 'on_invalid_reply',
  type: 'string',
  oneOf: ['error', 'raw'],
  default: 'error',
  description:
    'A reply that names a schema and cannot be read with it: `error` (default), 502 reply_invalid; `raw`, its bytes as they are. No effect without `schema_registry`.',
} as const satisfies Field;

type ConnectionConfig = ConfigOf<typeof CONNECTION>;
type RequestRegistry = ConfigOf<readonly [typeof REQUEST_SCHEMA_REGISTRY]>;
type ReplyRegistry = ConfigOf<readonly [typeof REPLY_SCHEMA_REGISTRY]>;
type Registry = { readonly schema_registry: { readonly confluent: ConnectionConfig } };

const PATH = 'schema_registry.confluent';
const FRAMING_HEADER = `${PATH}.framing: header cannot be written, because the client library sends header values as text and a GUID is bytes; use confluent`;
const NO_PROXY = (name: string) =>
  `${PATH}.authentication.oauth2_client.${name}: not supported, the gateway asks the token endpoint itself`;

const CONNECTION_RULES: readonly CrossRule<Registry>[] = [
  ...(
    [
      ['basic', 'basic.username'],
      ['basic', 'basic.password'],
      ['bearer', 'bearer.token'],
      ['oauth2', 'oauth2.token_endpoint'],
    ] as const
  ).map(([mode, option]): CrossRule<Registry> => {
    const sentence = `${PATH}.authentication.${option}: required with ${PATH}.authentication.mode: ${mode}`;
    return {
      complaint: ({ schema_registry: { confluent } }) =>
        confluent.authentication.mode === mode && valueOf(confluent, option) === undefined
          ? sentence
          : undefined,
      kong: [
        requires(`${PATH}.authentication.mode`, { eq: mode }, `${PATH}.authentication.${option}`, sentence),
      ],
    };
  }),
  ...(['http_proxy', 'https_proxy'] as const).map((name): CrossRule<Registry> => {
    const option = `${PATH}.authentication.oauth2_client.${name}`;
    return {
      complaint: ({ schema_registry: { confluent } }) =>
        confluent.authentication.oauth2_client[name] === undefined ? undefined : NO_PROXY(name),
      kong: [demands(option, { required: true }, option, { eq: null }, NO_PROXY(name))],
    };
  }),
  {
    complaint: ({ schema_registry: { confluent } }) =>
      confluent.certificate !== undefined && confluent.key === undefined
        ? `${PATH}.key: required together with ${PATH}.certificate`
        : undefined,
    kong: [
      requires(`${PATH}.certificate`, { required: true }, `${PATH}.key`, `${PATH}.key: required together with ${PATH}.certificate`), // prettier-ignore
    ],
  },
  { complaint: ({ schema_registry: { confluent } }) => tlsComplaint(confluent, PATH) },
  {
    // A pattern of Kong's cannot repeat a group.
    complaint: ({ schema_registry: { confluent } }) =>
      confluent.url?.split(',').every((url) => URL.canParse(url.trim())) === false
        ? `${PATH}.url: one of its URLs cannot be read`
        : undefined,
  },
];

function valueOf({ authentication }: ConnectionConfig, option: string): unknown {
  const [record = '', name = ''] = option.split('.');
  return (authentication as unknown as Record<string, Record<string, unknown>>)[record]?.[name];
}

/** With the rows of other parts of the table that name topics. */
type WriteSchemaConfig = RequestRegistry & {
  readonly topic: string;
  readonly allowed_topics: readonly string[] | undefined;
};
type RequestSchemaConfig = WriteSchemaConfig & { readonly message_format: string };

const SCHEMA_FORMATS: readonly string[] = ['raw', 'envelope', 'body_with_correlation_id'];
const WRONG_FORMAT = `${PATH}: values are written with a schema only where message_format is ${SCHEMA_FORMATS.join(', ')}`;

/** Of everything that is written with a schema. */
export const WRITE_SCHEMA_RULES: readonly CrossRule<WriteSchemaConfig>[] = [
  ...CONNECTION_RULES,
  {
    complaint: ({ schema_registry: { confluent } }) =>
      confluent.framing === 'header' ? FRAMING_HEADER : undefined,
    kong: [
      demands(`${PATH}.framing`, { eq: 'header' }, `${PATH}.framing`, { eq: 'confluent' }, FRAMING_HEADER),
    ],
  },
  {
    complaint: ({ schema_registry: { confluent } }) => {
      const { subject_name_strategy: strategy, value_schema, key_schema } = confluent;
      if (confluent.url === undefined || (strategy !== 'record' && strategy !== 'topic_record'))
        return undefined;
      const lacksName = ({ subject_name, record_name }: typeof value_schema) =>
        subject_name === undefined && record_name === undefined;
      if (isWritten(confluent, 'value') && lacksName(value_schema))
        return `${PATH}.value_schema.record_name: required with subject_name_strategy ${strategy}`;
      return isWritten(confluent, 'key') && lacksName(key_schema)
        ? `${PATH}.key_schema.record_name: required with subject_name_strategy ${strategy}`
        : undefined;
    },
  },
];

export const REQUEST_SCHEMA_RULES: readonly CrossRule<RequestSchemaConfig>[] = [
  ...WRITE_SCHEMA_RULES,
  {
    complaint: ({ schema_registry: { confluent }, message_format }) =>
      confluent.url !== undefined && isWritten(confluent, 'value') && !SCHEMA_FORMATS.includes(message_format)
        ? WRONG_FORMAT
        : undefined,
  },
];

export const REPLY_SCHEMA_RULES: readonly CrossRule<ReplyRegistry>[] = CONNECTION_RULES;

type RequestConfluent = RequestRegistry['schema_registry']['confluent'];

function isWritten(confluent: RequestConfluent, half: 'value' | 'key'): boolean {
  const isNamed = ({ subject_name, schema_version, record_name }: RequestConfluent['value_schema']) =>
    [subject_name, schema_version, record_name].some((option) => option !== undefined);
  if (half === 'key') return isNamed(confluent.key_schema);
  if (confluent.subject_name_strategy === 'none') return confluent.value_schema.subject_name !== undefined;
  return isNamed(confluent.value_schema) || !isNamed(confluent.key_schema);
}

/** Undefined where values and keys go out as they are. */
export function requestSchemaOptions(config: WriteSchemaConfig): RequestSchemaOptions | undefined {
  const { confluent } = config.schema_registry;
  const registry = registryOptions(confluent);
  const value = isWritten(confluent, 'value') ? subjectChoice(confluent, 'value') : undefined;
  const key = isWritten(confluent, 'key') ? subjectChoice(confluent, 'key') : undefined;
  if (!registry || (!value && !key)) return undefined;
  const topics = [config.topic, ...(config.allowed_topics ?? [])];
  return { registry, topics, value, key, ttlMs: confluent.ttl * 1000 };
}

/** The rows of other parts of the table that say what becomes of a reply. */
interface ReadReplyConfig {
  readonly on_invalid_reply: 'error' | 'raw';
  readonly max_reply_bytes: number;
}

/** Undefined where replies come in as they are. */
export function replySchemaOptions(
  { schema_registry: { confluent } }: RequestRegistry | ReplyRegistry,
  { on_invalid_reply, max_reply_bytes }: ReadReplyConfig,
): ReplySchemaOptions | undefined {
  const registry = registryOptions(confluent);
  if (!registry) return undefined;
  return {
    registry,
    valueEncoding: confluent.value_schema.payload_encoding,
    keyEncoding: confluent.key_schema.payload_encoding,
    onInvalid: on_invalid_reply,
    maxReplyBytes: max_reply_bytes,
  };
}

function subjectChoice(confluent: RequestConfluent, half: 'value' | 'key'): SubjectChoice {
  const { subject_name, record_name, schema_version, payload_encoding } = confluent[`${half}_schema`];
  const strategy = confluent.subject_name_strategy;
  return {
    subjectOf: (topic) => {
      if (subject_name !== undefined) return subject_name;
      if (record_name !== undefined && strategy === 'record') return record_name;
      if (record_name !== undefined && strategy === 'topic_record') return `${topic}-${record_name}`;
      return `${topic}-${half}`;
    },
    version: schema_version ?? 'latest',
    messageName: record_name,
    encoding: payload_encoding,
  };
}

function registryOptions(confluent: ConnectionConfig): RegistryOptions | undefined {
  if (confluent.url === undefined) return undefined;
  const { identity_pool_id, logical_cluster_id } = confluent.authentication;
  return {
    urls: confluent.url.split(',').map((url) => new URL(url.trim())),
    tls: {
      verify: confluent.ssl_verify,
      caPem: confluent.ca_certificate && pemText(confluent.ca_certificate),
      certificatePem: confluent.certificate && pemText(confluent.certificate),
      keyPem: confluent.key && pemText(confluent.key),
      keyPassword: confluent.key_password,
    },
    authentication: authenticationOf(confluent.authentication),
    headers: {
      ...(identity_pool_id !== undefined && { 'confluent-identity-pool-id': identity_pool_id }),
      ...(logical_cluster_id !== undefined && { 'target-sr-cluster': logical_cluster_id }),
    },
    timeoutMs: confluent.timeout,
  };
}

/** The rules have seen to it that what a mode needs is there. */
function authenticationOf(config: ConnectionConfig['authentication']): Authentication {
  const { mode, basic, bearer, oauth2, oauth2_client } = config;
  switch (mode) {
    case 'none':
      return { mode };
    case 'basic':
      return { mode, username: basic.username ?? '', password: basic.password ?? '' };
    case 'bearer':
      return { mode, token: bearer.token ?? '' };
    case 'oauth2':
      return {
        mode,
        tokenEndpoint: new URL(oauth2.token_endpoint ?? ''),
        grant: oauth2.grant_type,
        clientId: oauth2.client_id,
        clientSecret: oauth2.client_secret,
        clientAuth: oauth2_client.auth_method,
        jwtAlgorithm: oauth2_client.client_secret_jwt_alg,
        username: oauth2.username,
        password: oauth2.password,
        scopes: oauth2.scopes,
        audience: oauth2.audience,
        headers: oauth2.token_headers,
        postArgs: oauth2.token_post_args,
        timeoutMs: oauth2_client.timeout,
      };
  }
}
