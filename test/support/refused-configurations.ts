/**
 * Configurations that cannot work, each with the sentence of the plugin, and with what Kong says when somebody writes
 * it. Where Kong's schema language cannot say it, the reason stands in its place: those are found when an instance
 * starts, and are what the log, the status page and Kong's log have to tell an admin.
 */
import type { PluginName } from '../../common/plugins';
import { WAIT_OPTIONS } from '../../bridge/config/wait-options';
import { isCompressionBuiltIn } from '../../bridge/kafka/producer-settings';
import { CLIENT_PROPERTY_NAMES } from '../../bridge/kafka/client-properties';
import { encrypted, newKeyPair } from './key-pair';

export const SERVERS = [{ host: 'kafka', port: 9092 }];
export const LEAST = { bootstrap_servers: SERVERS, topic: 'orders' };
export const OWN = newKeyPair();
export const OTHER = newKeyPair();
export const OAUTH = {
  token_endpoint_url: 'https://idp.example/token',
  client_id: 'gateway',
  client_secret: 'planted-secret',
};

/** Why Kong's schema language cannot say it. */
export const UNSAYABLE = {
  compares: 'it would compare the values of two options, which Kong does only to keep them apart',
  contains: 'it would look for one option in the list of another',
  several: 'it holds for several options together, and a condition of Kong looks at one',
  parses: 'it takes more than a pattern to read the value',
  machine: 'it depends on the machine of the plugin server',
} as const;
export type Unsayable = keyof typeof UNSAYABLE;

export interface Refused {
  readonly plugin: PluginName;
  readonly what: string;
  readonly config: Record<string, unknown>;
  /** The sentence of the plugin. */
  readonly detail: string;
  /** In what Kong answers to the admin. */
  readonly kong: RegExp | Unsayable;
}

type Row = [what: string, options: object, detail: string, kong: RegExp | Unsayable];

const producer = (rows: Row[], base: object = LEAST): Refused[] =>
  rows.map(([what, options, detail, kong]) => ({
    plugin: 'custom_kafka_producer',
    what,
    config: { ...base, ...options },
    detail,
    kong,
  }));
const consumer = (rows: Row[]): Refused[] =>
  rows.map(([what, options, detail, kong]) => ({
    plugin: 'custom_kafka_consumer',
    what,
    config: { ...options },
    detail,
    kong,
  }));

/** The very sentence of the plugin, as Kong's own text. */
const same = (detail: string): RegExp => new RegExp(detail.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));

const MISSING = /required field missing/;
const TOPIC_NAME = 'must be a Kafka topic name (letters, digits, ".", "_", "-")';

const LISTS: Refused[] = producer([
  ['no servers', { bootstrap_servers: undefined }, 'bootstrap_servers: required option is missing', MISSING],
  ['no topic', { topic: undefined }, 'topic: required option is missing', MISSING],
  ['an empty list of servers', { bootstrap_servers: [] }, 'bootstrap_servers: must not be empty', /length must be at least 1/],
  ['a port out of range', { bootstrap_servers: [{ host: 'h', port: 70_000 }] }, 'bootstrap_servers.0.port: must be between 1 and 65535', /between 1 and 65535/],
  ['a server without a port', { bootstrap_servers: [{ host: 'h' }] }, 'bootstrap_servers.0.port: required option is missing', MISSING],
  ...['kafka:9092', '10.0.0.1:9092', '[::1]:9092'].map((host): Row => {
    const sentence = 'must not have the port in it, which has an option of its own';
    return [`the port in the host ${host}`, { bootstrap_servers: [{ host, port: 9092 }] }, `bootstrap_servers.0.host: ${sentence}`, same(sentence)];
  }),
  ['a URL for a host', { bootstrap_servers: [{ host: 'http://kafka', port: 9092 }] }, 'bootstrap_servers.0.host: must be a host name or an IP address', /must be a host name or an IP address/],
  ['an illegal topic name', { topic: 'a b' }, `topic: ${TOPIC_NAME}`, same(TOPIC_NAME)],
  ['a topic that Kafka has not', { topic: '..' }, 'topic: must not be "." or "..", which Kafka refuses', same('must not be "." or ".."')],
  ['an unknown option', { topci: 'x' }, 'topci: unknown option', /unknown field/],
  ['an unknown format', { message_format: 'xml' }, 'message_format: must be one of raw, envelope, body_with_correlation_id, cloudevents_binary, cloudevents_structured', /expected one of: raw/],
  ['an unknown dialect', { dialects: ['klingon'] }, 'dialects.0: must be one of plain, spring, nestjs, smallrye, zilla', /expected one of: plain/],
  ['a wrong type', { max_in_flight: 'many' }, 'max_in_flight: must be integer', /expected an integer/],
  ['one topic for both without a header to tell them apart', { reply_topic: 'orders', dialects: [] }, 'dialects: must name at least one when reply_topic and topic are the same, to tell requests from replies', 'compares'],
]); // prettier-ignore

const sasl = (more: object) => ({ authentication: { strategy: 'sasl', ...more } });
const bearer = (more: object) => sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, ...more } });
const tls = (more: object) => ({ security: { ssl: true, ...more } });
const broken = (pem: string) => pem.replace(/\n[^\n]{20}/, '\n');
const junk = (label: string) => `-----BEGIN ${label}-----\nplantedkeyplantedkey\n-----END ${label}-----\n`;
const needed = (option: string, condition: string) => `${option}: required with ${condition}`;
const idle = (option: string, needs: string) => `${option}: has no meaning without ${needs}`;
const NO_TLS = (option: string) =>
  `security.ssl: must be true together with security.${option}, which has no effect without TLS`;
/** A row whose sentence is the same on both sides. */
const both = (what: string, options: object, detail: string): Row => [what, options, detail, same(detail)];

const CONNECTION: Refused[] = producer([
  both('a strategy without a mechanism', sasl({}), needed('authentication.mechanism', 'authentication.strategy: sasl')),
  both('a mechanism without a strategy', { authentication: { mechanism: 'PLAIN', user: 'u', password: 'planted-secret' } }, needed('authentication.strategy', 'authentication.mechanism: PLAIN')),
  both('PLAIN without a user', sasl({ mechanism: 'PLAIN', password: 'planted-secret' }), needed('authentication.user', 'authentication.mechanism: PLAIN')),
  both('SCRAM without a password', sasl({ mechanism: 'SCRAM-SHA-256', user: 'u' }), needed('authentication.password', 'authentication.mechanism: SCRAM-SHA-256')),
  ['a password that is empty, as a vault reference without a value is', sasl({ mechanism: 'PLAIN', user: 'u', password: '' }), 'authentication.password: must not be empty', /length must be at least 1/],
  both('OAUTHBEARER without an endpoint', bearer({ token_endpoint_url: undefined }), needed('authentication.oauthbearer.token_endpoint_url', 'authentication.mechanism: OAUTHBEARER')),
  both('OAUTHBEARER without a secret', bearer({ client_secret: undefined }), needed('authentication.oauthbearer.client_secret', 'authentication.mechanism: OAUTHBEARER')),
  ['an endpoint that is no URL', bearer({ token_endpoint_url: 'idp.example' }), 'authentication.oauthbearer.token_endpoint_url: must be an http or https URL', /must be an http or https URL/],
  ['a scope with a blank', bearer({ scopes: ['a b'] }), 'authentication.oauthbearer.scopes.0: must be a scope without blanks', /a scope without blanks/],
  both('a user who never logs in', { authentication: { user: 'u' } }, idle('authentication.user', 'authentication.mechanism')),
  both('a password that is never sent', { authentication: { password: 'planted-secret' } }, idle('authentication.password', 'authentication.mechanism')),
  both('a client id that is never sent', { authentication: { oauthbearer: { client_id: 'c' } } }, idle('authentication.oauthbearer.client_id', 'authentication.mechanism')),
  both('extensions', bearer({ extensions: { logicalCluster: 'planted-secret' } }), 'authentication.oauthbearer.extensions: must be empty, because the Kafka client library has no way to send them'),
  both('delegation tokens', sasl({ mechanism: 'SCRAM-SHA-256', user: 'u', password: 'planted-secret', tokenauth: true }), 'authentication.tokenauth: must be false, because the Kafka client library cannot log in with delegation tokens; use SCRAM or OAUTHBEARER'),
  ['a certificate without a key', tls({ certificate: OWN.certificate }), 'security.certificate, security.key: required together', /all or none of these fields must be set: 'security.certificate', 'security.key'/],
  ['a key without a certificate', tls({ key: OWN.key }), 'security.certificate, security.key: required together', /all or none/],
  both('a password for no key', tls({ key_password: 'planted-secret' }), idle('security.key_password', 'security.key')),
  both('authorities without TLS', { security: { ca_certificate: OWN.certificate } }, NO_TLS('ca_certificate')),
  both('a certificate without TLS', { security: OWN }, NO_TLS('certificate')),
  ['a key that is no PEM text', tls({ ...OWN, key: 'planted-secret' }), 'security.key: must be PEM text from BEGIN PRIVATE KEY to END PRIVATE KEY', /must be PEM text from BEGIN PRIVATE KEY/],
  ['a key in the place of a certificate', tls({ ca_certificate: OWN.key }), 'security.ca_certificate: must be PEM text from BEGIN CERTIFICATE to END CERTIFICATE', /must be PEM text from BEGIN CERTIFICATE/],
  ['a certificate that is cut', tls({ ca_certificate: broken(OWN.certificate) }), 'security.ca_certificate: the certificate in it cannot be read; a part of the text may be missing', 'parses'],
  ['one bad certificate of several', tls({ ca_certificate: OTHER.certificate + junk('CERTIFICATE') }), 'security.ca_certificate: number 2 of the certificates in it cannot be read; a part of the text may be missing', 'parses'],
  ['a certificate for another purpose', tls({ ca_certificate: OWN.certificate.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE') }), 'security.ca_certificate: has no certificate in it', 'parses'],
  ['a key that is cut', tls({ ...OWN, key: broken(OWN.key) }), 'security.key: the key in it cannot be read; a part of the text may be missing', 'parses'],
  ["another certificate's key", tls({ certificate: OWN.certificate, key: OTHER.key }), 'security.key: is not the key of security.certificate', 'compares'],
  ['an encrypted key without a password', tls({ ...OWN, key: encrypted(OWN.key, 'pkcs8', 'planted-password') }), 'security.key_password: required, because security.key is encrypted', 'parses'],
  ['a wrong password', tls({ ...OWN, key: encrypted(OWN.key, 'pkcs8', 'planted-password'), key_password: 'planted-wrong' }), 'security.key_password: does not open security.key', 'parses'],
  ['a wrong password of an older form', tls({ ...OWN, key: encrypted(OWN.key, 'sec1', 'planted-password'), key_password: 'planted-wrong' }), 'security.key_password: does not open security.key', 'parses'],
  both('a keepalive too short to be quiet', { keepalive_enabled: true, keepalive: 39_999 }, 'keepalive: must be at least 40000 with keepalive_enabled, because brokers are asked for news every 30 seconds only'),
  ['a keepalive out of range', { keepalive: 999 }, 'keepalive: must be between 1000 and 86400000', /between 1000 and 86400000/],
  ['a client property that is not for admins', { client_properties: { 'group.id': 'planted-secret' } }, `client_properties: the name "group.id" must be one of ${CLIENT_PROPERTY_NAMES.join(', ')}`, /expected one of: batch\.num\.messages/],
  ['a timeout out of range', { timeout: 999 }, 'timeout: must be between 1000 and 300000', /between 1000 and 300000/],
]); // prettier-ignore

const PRODUCE: Refused[] = producer([
  ['acks of two', { producer_request_acks: 2 }, 'producer_request_acks: must be one of -1, 0, 1', /expected one of: -1, 0, 1/],
  both('an early answer to a request that waits', { producer_async: true, reply_topic: 'replies' }, 'producer_async: only without reply_topic, because a request that waits for its reply is never answered early'),
  ['an unknown compression', { compression_type: 'brotli' }, 'compression_type: must be one of none, gzip, snappy, lz4, zstd', /expected one of: none/],
  ...(isCompressionBuiltIn('zstd') ? [] : [
    ['a compression that is not built in', { compression_type: 'zstd' }, 'compression_type: the Kafka client library of this gateway was built without zstd', 'machine'] as Row,
  ]),
  ['a request timeout too short', { producer_request_timeout: 10 }, 'producer_request_timeout: must be between 100 and 300000', /between 100 and 300000/],
]); // prettier-ignore

const NAMED = 'query, header, path, body_field';
const POINTER = 'key_name: must be a JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"';
const RESERVED = 'be a name that the gateway alone may write';
const mapped = (from: string, to: string) => ({ headers: { name_mappings: { [from]: to } } });

const RECORD: Refused[] = producer([
  ['topics for clients without a list', { topics_query_arg: 't' }, 'allowed_topics: required together with topics_query_arg, which would let clients write to any topic', /all or none of these fields must be set: 'topics_query_arg', 'allowed_topics'/],
  ['a list of topics that nobody can name', { allowed_topics: ['a'] }, 'allowed_topics: has no meaning without topics_query_arg', /all or none/],
  ['an empty list of topics', { topics_query_arg: 't', allowed_topics: [] }, 'allowed_topics: must not be empty', /length must be at least 1/],
  ['an illegal topic for clients', { topics_query_arg: 't', allowed_topics: ['a b'] }, `allowed_topics.0: ${TOPIC_NAME}`, same(TOPIC_NAME)],
  ["Kafka's own topic for clients", { topics_query_arg: 't', allowed_topics: ['__consumer_offsets'] }, "allowed_topics.0: must not begin with __, as Kafka's own topics do", /must not begin with __/],
  ['replies by clients', { topics_query_arg: 't', allowed_topics: ['replies'], reply_topic: 'replies' }, 'allowed_topics: must not name reply_topic, where clients could write replies', 'contains'],
  both('two sources of the key', { key_query_arg: 'k', key_source: 'consumer' }, 'key_query_arg: cannot be combined with key_source, use one of the two'),
  both('a source without a name', { key_source: 'header' }, `key_name: required with key_source ${NAMED}`),
  both('a name without a source', { key_name: 'x' }, `key_name: has no meaning without key_source ${NAMED}`),
  both('a name for a source that has none', { key_source: 'consumer', key_name: 'x' }, `key_name: has no meaning without key_source ${NAMED}`),
  both('a JSON pointer that ends too early', { key_source: 'body_field', key_name: '/a~' }, POINTER),
  both('a JSON pointer with a wrong escape', { key_source: 'body_field', key_name: '/a~2/b' }, POINTER),
  ...['forward_method', 'forward_uri', 'forward_headers'].map((name) =>
    both(`${name} without an envelope`, { [name]: true }, `${name}: needs message_format: envelope`)),
  both('no body without an envelope', { forward_body: false }, 'forward_body: false needs message_format: envelope'),
  ['an envelope with nothing in it', { message_format: 'envelope', forward_body: false }, 'forward_body: one of forward_method, forward_uri, forward_headers and forward_body must be true', 'several'],
  ['a header that steers replies', mapped('x-a', 'Kafka-ReplyTopic'), `headers.name_mappings.x-a: must not ${RESERVED}`, same(`must not ${RESERVED}`)],
  ['the header of the correlation id', mapped('x-a', 'kong-request-id'), 'headers.name_mappings: x-a must not become kong-request-id, which the gateway alone may write', 'compares'],
  ['a header that has its own meaning', mapped('Content_Type', 'type'), `headers.name_mappings: the name "Content_Type" must not ${RESERVED}`, same(`must not ${RESERVED}`)],
  ['no name of a header', mapped('a b', 'type'), 'headers.name_mappings: the name "a b" must be a header name', /must be a header name/],
  ['a type of events with a blank', { cloudevents_type: 'a b' }, 'cloudevents_type: must be printable ASCII without blanks', /must be printable ASCII without blanks/],
]); // prettier-ignore

const REPLIES = { ...LEAST, reply_topic: 'replies' };
const NO_TOPIC_NAME = 'must be a Kafka topic name (letters, digits, ".", "_", "-"), or one with {node} in it';
const MUTE =
  /dialects: only plain and nestjs can be used with reply_routing: partition, as requests of the others cannot name one/;

const ROUTING: Refused[] = producer([
  both('routing of no replies', { reply_topic: undefined, reply_routing: 'partition', dialects: ['plain'] }, 'reply_routing: has no meaning without reply_topic'),
  both('a partition without its routing', { reply_partition: 1 }, 'reply_partition: needs reply_routing: partition'),
  ['a partition below zero', { reply_routing: 'partition', dialects: ['plain'], reply_partition: -1 }, 'reply_partition: must be between 0 and 65535', /between 0 and 65535/],
  both('one topic of its own for all', { reply_routing: 'topic' }, 'reply_topic: must hold {node} with reply_routing: topic, or all gateways would share it'),
  both('a template without its routing', { reply_topic: 'r.{node}' }, 'reply_topic: {node} needs reply_routing: topic'),
  ['a template of something else', { reply_topic: 'r.{host}', reply_routing: 'topic' }, `reply_topic: ${NO_TOPIC_NAME}`, /must hold \{node\}/],
  ['a template twice', { reply_topic: '{node}.{node}', reply_routing: 'topic' }, `reply_topic: ${NO_TOPIC_NAME}`, same(NO_TOPIC_NAME)],
  ['a template too long for this node', { reply_routing: 'topic', reply_topic: `${'r'.repeat(240)}.{node}` }, "reply_topic: has # characters with this node's id in it, which is more than the 249 that Kafka allows", 'machine'],
  ['dialects by default, which cannot name a partition', { reply_routing: 'partition' }, 'dialects: spring cannot be used with reply_routing: partition, because its partition header holds four raw bytes, which the Kafka client library cannot send in a header; use plain or nestjs, or reply_routing: topic', MUTE],
  ['a dialect without partitions', { reply_routing: 'partition', dialects: ['zilla'] }, 'dialects: zilla cannot be used with reply_routing: partition, which it has no header for; use plain or nestjs, or reply_routing: topic', MUTE],
  both('no dialect for partitions', { reply_routing: 'partition', dialects: [] }, 'dialects: must name plain or nestjs with reply_routing: partition, or no request would name the partition'),
  both('no dialect for topics', { reply_topic: 'r.{node}', reply_routing: 'topic', dialects: [] }, 'dialects: must name at least one with reply_routing: topic, or no request would name the topic'),
  both('orphans of no replies', { reply_topic: undefined, orphan_topic: 'o' }, 'orphan_topic: has no meaning without reply_topic'),
  ['orphans that come back', { orphan_topic: 'replies' }, 'orphan_topic: must not be reply_topic, where every orphan would be one more reply', /values of these fields must be distinct: 'reply_topic', 'orphan_topic'/],
  ["orphans in a gateway's own topic", { reply_topic: 'r.{node}', reply_routing: 'topic', orphan_topic: 'r.gateway-kong-1' }, 'orphan_topic: must not be reply_topic, where every orphan would be one more reply', 'compares'],
  ['orphans as requests', { orphan_topic: 'orders' }, 'orphan_topic: must not be a topic of requests, where replies would be answered', /values of these fields must be distinct: 'topic', 'orphan_topic'/],
  ["orphans as clients' requests", { topics_query_arg: 't', allowed_topics: ['bills'], orphan_topic: 'bills' }, 'orphan_topic: must not be a topic of requests, where replies would be answered', 'contains'],
], REPLIES); // prettier-ignore

const CEILING = 'timeout_ceiling: must be 0 or at least 1000, because a client asks in whole seconds';
const OF_THE_GATEWAY = "be a header of the gateway's own answer, such as content-length or x-kong-*";
const HEADER_PATTERN = 'must be a header name, or the beginning of one followed by *';
const without = (option: string) =>
  `${option}: has no effect without bootstrap_servers, as the connection is the producer's then`;

const LOCATION = 'must be a path or an address in printable ASCII with {id} in it once';
const NO_LOCATION = 'result_location: required with on_timeout: accepted and with respond_async';
const LATER = { result_location: '/results/{id}' };
const BY_KEY = { match: 'key' };
const STATES = { field: '/status', values: { DONE: '200' } };
const NOT_LATER =
  'wait_for: cannot be combined with on_timeout: accepted, respond_async or mode: result, whose ids are those of replies';

// prettier-ignore
const WAITS: Row[] = [
  both('202 without a place to ask', { on_timeout: 'accepted' }, NO_LOCATION),
  both('202 by preference without a place to ask', { respond_async: true }, NO_LOCATION),
  ['a place without an id', { result_location: '/results' }, `result_location: ${LOCATION}`, same(LOCATION)],
  ['a place with a line break', { result_location: '/r\r\nplanted: {id}' }, `result_location: ${LOCATION}`, same(LOCATION)],
  ['a secret of results that is too short', { result_secret: 'planted' }, 'result_secret: must be longer, at least 16', /length must be at least 16/],
  both('a state without values', { ...BY_KEY, wait_for: { field: '/status' } }, 'wait_for.values: required with wait_for.field'),
  both('values without a field', { ...BY_KEY, wait_for: { values: { DONE: '200' } } }, 'wait_for.field: required with wait_for.values'),
  ['a state at a broken pointer', { ...BY_KEY, wait_for: { ...STATES, field: '/a~' } }, 'wait_for.field: is not a JSON pointer; ~ is written ~0 in one, and / in a name ~1', 'parses'],
  ['a state with no status', { ...BY_KEY, wait_for: { ...STATES, values: { DONE: '99' } } }, 'wait_for.values.DONE: must be an HTTP status from 200 to 599', /must be an HTTP status from 200 to 599/],
  ['a state with an order for nginx', { ...BY_KEY, wait_for: { ...STATES, values: { DONE: '444' } } }, 'wait_for.values.DONE: must not be 408, 444, 499, which nginx takes for orders to close the connection', /must not be 408, 444, 499/],
  both('events found by a header', { wait_for: STATES }, 'match: must be key or body_field with wait_for, because events carry no correlation id of a request'),
  both('a state and 202', { ...BY_KEY, ...LATER, wait_for: STATES, on_timeout: 'accepted' }, NOT_LATER),
];

const CONSUMER: Refused[] = consumer([
  ...WAITS,
  ['a timeout of nothing', { timeout: 0 }, 'timeout: must be between 1 and 300000', /between 1 and 300000/],
  both('a name that has no meaning', { match: 'key', match_name: 'x' }, 'match_name: has no meaning with match: key, where the whole key is the correlation id'),
  both('servers without a topic', { bootstrap_servers: SERVERS }, 'topic: required together with bootstrap_servers'),
  ['a nested unknown option', { error_handling: { verbose: true } }, 'error_handling.verbose: unknown option', /unknown field/],
  both('a login to nowhere', sasl({ mechanism: 'PLAIN', user: 'u', password: 'planted-secret' }), without('authentication')),
  both('TLS to nowhere', tls({}), without('security.ssl')),
  both('properties of no client', { client_properties: { 'client.rack': 'a' } }, without('client_properties')),
  both('idle connections to nowhere', { keepalive_enabled: true }, without('keepalive_enabled')),
  both('a name for no cluster', { cluster_name: 'c' }, without('cluster_name')),
  both('a ceiling below a second', { timeout_ceiling: 500 }, CEILING),
  ['a ceiling below the timeout', { timeout: 5000, timeout_ceiling: 4000 }, 'timeout_ceiling: must be 0 or at least timeout, because the wait without a wish of the client is no longer than the longest', 'compares'],
  ['a ceiling too high', { timeout_ceiling: 300_001 }, 'timeout_ceiling: must be between 0 and 300000', /between 0 and 300000/],
  ['a ceiling below zero', { timeout_ceiling: -1 }, 'timeout_ceiling: must be between 0 and 300000', /between 0 and 300000/],
  ['an unknown format', { reply_format: 'xml' }, 'reply_format: must be one of raw, envelope', /expected one of: raw, envelope/],
  ['an error status below 400', { error_status: 399 }, 'error_status: must be between 400 and 599', /between 400 and 599/],
  ['an error status above 599', { error_status: 600 }, 'error_status: must be between 400 and 599', /between 400 and 599/],
  both('an error status that nginx never sends', { error_status: 444 }, 'error_status: must not be 408, 444, 499, which nginx takes for orders to close the connection without an answer'),
  ['an error header that is a status header', { error_headers: ['x-status-code'] }, 'error_headers: x-status-code is also in status_headers, so that every reply with a status would be an error', 'contains'],
  ['an error header without a name', { error_headers: [''] }, 'error_headers.0: must not be empty', /length must be at least 1/],
  ...['x-a b', 'x*y', 'x:y', 'x-**', 'é'].map((name): Row =>
    [`the header ${name}`, { forward_headers: { include: [name] } }, `forward_headers.include.0: ${HEADER_PATTERN}`, same(HEADER_PATTERN)]),
  ...['Content-Length', 'transfer_encoding', 'X-Kong-*', 'x_kong_proxy', 'proxy-*', 'Via'].map((name): Row =>
    [`the header ${name}`, { forward_headers: { include: ['x-*', name] } }, `forward_headers.include.1: must not ${OF_THE_GATEWAY}`, same(`must not ${OF_THE_GATEWAY}`)]),
  ['a header taken and given', { forward_headers: { include: ['X_A'], exclude: ['x-a'] } }, 'forward_headers.exclude: X_A is also in forward_headers.include, where it would have no effect', 'contains'],
  ['a word for a boolean', { problem_details: 'yes' }, 'problem_details: must be boolean', /expected a boolean/],
]); // prettier-ignore

const AT = 'schema_registry.confluent';
const registry = (confluent: object) => ({
  schema_registry: { confluent: { url: 'http://registry:8081', ...confluent } },
});
const CREDENTIALS_MISSING = (option: string, mode: string) =>
  `${AT}.authentication.${option}: required with ${AT}.authentication.mode: ${mode}`;
const NO_PROXY = `${AT}.authentication.oauth2_client.http_proxy: not supported, the gateway asks the token endpoint itself`;
const REGISTRY_URL =
  'must be an http or https URL without user, query and fragment, or several with commas between them';

// prettier-ignore
const ANY_REGISTRY: Row[] = [
  ['a registry that is no URL', registry({ url: 'registry:8081' }), `${AT}.url: ${REGISTRY_URL}`, same(REGISTRY_URL)],
  ['a registry with a login in its URL', registry({ url: 'http://u:planted@registry:8081' }), `${AT}.url: ${REGISTRY_URL}`, 'parses'],
  ['a registry whose port is none', registry({ url: 'http://registry:99999' }), `${AT}.url: one of its URLs cannot be read`, 'parses'],
  ['basic without a user', registry({ authentication: { mode: 'basic', basic: { password: 'planted' } } }), CREDENTIALS_MISSING('basic.username', 'basic'), same(CREDENTIALS_MISSING('basic.username', 'basic'))],
  ['basic without a password', registry({ authentication: { mode: 'basic', basic: { username: 'u' } } }), CREDENTIALS_MISSING('basic.password', 'basic'), same(CREDENTIALS_MISSING('basic.password', 'basic'))],
  ['bearer without a token', registry({ authentication: { mode: 'bearer' } }), CREDENTIALS_MISSING('bearer.token', 'bearer'), same(CREDENTIALS_MISSING('bearer.token', 'bearer'))],
  ['oauth2 without an endpoint', registry({ authentication: { mode: 'oauth2' } }), CREDENTIALS_MISSING('oauth2.token_endpoint', 'oauth2'), same(CREDENTIALS_MISSING('oauth2.token_endpoint', 'oauth2'))],
  ['a proxy in front of the token endpoint', registry({ authentication: { oauth2_client: { http_proxy: 'http://proxy' } } }), NO_PROXY, same(NO_PROXY)],
  ['a certificate without its key', registry({ certificate: OWN.certificate }), `${AT}.key: required together with ${AT}.certificate`, same(`${AT}.key: required together with ${AT}.certificate`)],
  ['the key of another certificate', registry({ certificate: OWN.certificate, key: OTHER.key }), `${AT}.key: is not the key of ${AT}.certificate`, 'compares'],
];
const HEADER_FRAMING = `${AT}.framing: header cannot be written, because the client library sends header values as text and a GUID is bytes; use confluent`;
const REGISTRY: Refused[] = [
  ...consumer(ANY_REGISTRY),
  ...producer([
    ...ANY_REGISTRY,
    ['framing in a header', registry({ framing: 'header' }), HEADER_FRAMING, same(HEADER_FRAMING)],
    ['records without a name', registry({ subject_name_strategy: 'record' }), `${AT}.value_schema.record_name: required with subject_name_strategy record`, 'several'],
    ['keys without a name', registry({ subject_name_strategy: 'topic_record', value_schema: { record_name: 'a' }, key_schema: { schema_version: '1' } }), `${AT}.key_schema.record_name: required with subject_name_strategy topic_record`, 'several'],
    ['a version that is none', registry({ value_schema: { schema_version: 'newest1' } }), `${AT}.value_schema.schema_version: must be a version number, or latest`, 'parses'],
    ['CloudEvents with a schema', { ...registry({}), message_format: 'cloudevents_binary' }, `${AT}: values are written with a schema only where message_format is raw, envelope, body_with_correlation_id`, 'several'],
  ]),
]; // prettier-ignore

const SECRET = 'planted-secret-of-16';
const SENT = { ...LEAST, reply_topic: 'replies' };
const NO_OTHER =
  'with partition and topic only the gateway that sent a request sees its reply, and another one could not answer for it';
const FOR_ALL = `needs reply_routing: broadcast, because ${NO_OTHER}`;
const RESULT_SOURCE = 'topic: required with mode: result, together with bootstrap_servers';
const PARTITION = { reply_routing: 'partition', dialects: ['plain'] };
const ONE_SEES =
  'idempotency: needs reply_routing: broadcast, because with partition and topic a reply is seen by one gateway only';
const OWN_IDS = 'idempotency: needs correlation: generated, because it makes the id of a request itself';
const one = (rows: Row[]): Refused[] =>
  producer(rows, SENT).map((row) => ({ ...row, plugin: 'custom_kafka_request_reply' }));

const RESULTS: Refused[] = [
  ...consumer([
    both('results from nowhere', { mode: 'result' }, RESULT_SOURCE),
    both('results of one gateway', { mode: 'result', bootstrap_servers: SERVERS, topic: 'r.{node}' }, `mode: ${FOR_ALL}`),
    both('results that are 202', { mode: 'result', bootstrap_servers: SERVERS, topic: 'r', on_timeout: 'accepted', ...LATER }, 'on_timeout: has no meaning with mode: result, where nothing is sent'),
    both('results by preference', { mode: 'result', bootstrap_servers: SERVERS, topic: 'r', respond_async: true, ...LATER }, 'respond_async: has no meaning with mode: result, where nothing is sent'),
  ]),
  ...one([
    both('202 where one gateway sees the reply', { ...PARTITION, reply: { on_timeout: 'accepted', ...LATER } }, `reply.on_timeout: ${FOR_ALL}`),
    both('202 by preference, likewise', { ...PARTITION, reply: { respond_async: true, ...LATER } }, `reply.respond_async: ${FOR_ALL}`),
    both('results of one partition', { ...PARTITION, reply: { mode: 'result' } }, `reply.mode: ${FOR_ALL}`),
    both('202 for ids of clients', { correlation: 'client', reply: { on_timeout: 'accepted', ...LATER } }, 'reply.on_timeout: needs correlation: generated, because ids that clients choose are not unique'),
    ['202 on the topic of requests', { reply_topic: 'orders', reply: { on_timeout: 'accepted', ...LATER } }, 'reply.on_timeout: needs a reply_topic other than topic, because whoever is asked for a result could take the request for its reply', 'compares'],
    both('a state that one gateway sees', { ...PARTITION, key_source: 'consumer', reply: { ...BY_KEY, wait_for: STATES } }, 'reply.wait_for: needs reply_routing: broadcast, because services write their events for everybody, and every gateway has to see them'),
    both('a state of repeated requests', { idempotency: 'join', key_source: 'consumer', reply: { ...BY_KEY, wait_for: STATES } }, 'reply.wait_for: cannot be combined with idempotency, whose requests share a reply and not an event'),
    ['the state of nothing', { reply: { ...BY_KEY, wait_for: STATES } }, 'key_source: must not be none with reply.wait_for, where the key says whose state is waited for', 'several'],
  ]),
  ...producer([
    both('repetitions of requests without a reply', { reply_topic: undefined, idempotency: 'join' }, 'idempotency: has no meaning without reply_topic, where there is no reply to share'),
    both('repetitions where one gateway sees the reply', { ...PARTITION, idempotency: 'replay', idempotency_secret: SECRET }, ONE_SEES),
    both('repetitions with ids of clients', { correlation: 'client', idempotency: 'join' }, OWN_IDS),
    ['a secret of repetitions that is too short', { idempotency_secret: 'planted' }, 'idempotency_secret: must be longer, at least 16', /length must be at least 16/],
  ], SENT),
]; // prettier-ignore

const NO_LUA =
  'message_by_lua_functions: must be empty, because this plugin runs no Lua; transformer plugins on the route can change request and answer';
const NO_EXPRESSIONS =
  'expressions: must be empty, because options of this plugin are fixed; an instance of its own for a route or a consumer can have others';
// prettier-ignore
const CODE: Row[] = [
  both('code that shapes messages', { message_by_lua_functions: ['return planted'] }, NO_LUA),
  both('options that are computed', { expressions: { topic: 'request.headers.planted' } }, NO_EXPRESSIONS),
];

const WAIT_NAMES: readonly string[] = WAIT_OPTIONS.map(({ name }) => name);

/** The options of the reply are those of the consumer, one level down. */
const REQUEST_REPLY: Refused[] = CONSUMER.filter(({ config }) =>
  Object.keys(config).every((name) => WAIT_NAMES.includes(name)),
).map((row) => ({
  ...row,
  plugin: 'custom_kafka_request_reply',
  config: { ...LEAST, reply_topic: 'replies', reply: row.config },
  detail: `reply.${row.detail}`,
}));

const NO_REPLY_TOPIC: Refused = {
  plugin: 'custom_kafka_request_reply',
  what: 'a configuration without reply_topic',
  config: LEAST,
  detail: 'reply_topic: required option is missing',
  kong: /reply_topic: required field missing/,
};

const log = (rows: Row[]): Refused[] => producer(rows).map((row) => ({ ...row, plugin: 'custom_kafka_log' }));

const A_POINTER = 'must be a JSON pointer such as /request/headers/host';
const A_STATUS = 'must be a status such as 404, or a range such as 500-599';

const LOG: Refused[] = log([
  ...ANY_REGISTRY,
  ['no topic', { topic: undefined }, 'topic: required option is missing', MISSING],
  both('code', { custom_fields_by_lua: { secret: 'return "planted"' } }, 'custom_fields_by_lua: must be empty, because this plugin runs no Lua; custom_fields has fixed text, values of the entry and removal'),
  both('two keys', { key_query_arg: 'a', key_pointer: '/b' }, 'key_query_arg: cannot be combined with key_pointer, use one of the two'),
  ['any topic', { topic_template: 'logs.$(/service/name)' }, 'allowed_topics: required together with topic_template, which would let clients write to any topic', /all or none of these fields must be set: 'topic_template', 'allowed_topics'/],
  ['topics that nothing leads to', { allowed_topics: ['a'] }, 'allowed_topics: has no meaning without topic_template', /all or none/],
  ['a template with a name for a pointer', { topic_template: 'logs.$(service.name)', allowed_topics: ['a'] }, 'topic_template: has $(service.name), and between the brackets must be a JSON pointer such as /request/id', 'parses'],
  ['a template that does not end', { custom_fields: { a: 'x$(/b' } }, 'custom_fields.a: has a $( without its )', 'parses'],
  ['a field of the whole entry', { custom_fields: { a: '$()' } }, 'custom_fields.a: has $(), and between the brackets must be a JSON pointer such as /request/id', 'parses'],
  ['a field without a name', { custom_fields: { 'a..b': 'x' } }, 'custom_fields: a..b has an empty name in its path', 'parses'],
  ['a path of dots for a pointer', { include: ['request.id'] }, `include.0: ${A_POINTER}`, same(A_POINTER)],
  ['a pointer with a lone tilde', { exclude: ['/a~'] }, 'exclude: /a~ is no JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"', 'parses'],
  ['a key by such a pointer', { key_pointer: '/a~2' }, 'key_pointer: /a~2 is no JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"', 'parses'],
  ...['5xx', '99', '600', '500-', '200-600'].map((status): Row => [`the status ${status}`, { only_status: [status] }, `only_status.0: ${A_STATUS}`, same(A_STATUS)]),
  ['a share above all', { sample_rate: 1.5 }, 'sample_rate: must be between 0 and 1', /between 0 and 1/],
  ['a share in words', { sample_rate: 'half' }, 'sample_rate: must be number', /expected a number/],
  ['records of nothing', { max_record_bytes: 10 }, 'max_record_bytes: must be between 1024 and 10000000', /between 1024 and 10000000/],
  ['an unknown shape', { log_format: 'gelf' }, 'log_format: must be one of kong, ecs', /expected one of: kong, ecs/],
  both('requests that wait', { producer_async: false }, 'producer_async: must be true, as no request waits for its log entry'),
  both('a sink without a secret', { sink: { name: 'main' } }, 'sink.secret: required together with sink.name, or everybody could write to the topic'),
  both('a secret of no sink', { sink: { secret: 'planted-secret-of-16' } }, 'sink.secret: has no meaning without sink.name'),
  ['a secret that is too short', { sink: { name: 'main', secret: 'planted' } }, 'sink.secret: must be longer, at least 16', /length must be at least 16/],
  ['a sink with a path for a name', { sink: { name: 'a/b', secret: 'planted-secret-of-16' } }, 'sink.name: must be a name of letters, digits, ".", "_", "-"', /must be a name of letters/],
]); // prettier-ignore

const FAILOVER: Refused[] = producer([
  ['a failure that is an answer', { statuses: [500] }, 'statuses.0: must be one of 502, 503, 504', /expected one of: 502, 503, 504/],
  ['a method that is none of a service', { methods: ['CONNECT'] }, 'methods.0: must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS', /expected one of: GET/],
  ['bodies beyond what a broker takes', { max_request_bytes: 16_777_217 }, 'max_request_bytes: must be between 0 and 16777216', /between 0 and 16777216/],
  ['an answer by which nginx knows a failure', { answer: { status: 503 } }, 'answer.status: must be one of 200, 201, 202', /expected one of: 200, 201, 202/],
]).map((row) => ({ ...row, plugin: 'custom_kafka_failover' })); // prettier-ignore

export const REFUSED: readonly Refused[] = [
  ...FAILOVER,
  ...LOG,
  NO_REPLY_TOPIC,
  ...REQUEST_REPLY,
  ...LISTS,
  ...CONNECTION,
  ...PRODUCE,
  ...RECORD,
  ...ROUTING,
  ...CONSUMER,
  ...REGISTRY,
  ...RESULTS,
  ...consumer(CODE),
  ...producer(CODE),
];
