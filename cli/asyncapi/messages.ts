/** What stands in the records of a route: headers, key, value, and where the correlation id is. */
import type { WaitConfig } from '../../bridge/config/wait-options';
import { addressHeaders, headerRanks, REQUEST_ID_HEADER } from '../../bridge/reply/dialects';
import { CONSUMER_HEADERS } from '../../bridge/request/reserved-headers';
import type { ProducerConfig } from '../../plugins/custom_kafka_producer/config';
import type { RequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import type { Json } from './json';

export type RequestConfig = ProducerConfig | RequestReplyConfig;

const TEXT = { type: 'string' } as const;
const CLIENTS_ID = 'The id by which the client knows its request.';
const described = (description: string): Json => ({ ...TEXT, description });

/** The client chooses the correlation ids. */
const isOfClients = ({ correlation, reply_topic }: RequestConfig): boolean =>
  correlation === 'client' && reply_topic !== undefined;
const idText = (config: RequestConfig) =>
  config.correlation === 'client' ? TEXT : ({ ...TEXT, format: 'uuid' } as const);

/** @param payload by a schema registry; undefined: what the message format says */
export function requestMessage(config: RequestConfig, route: string, payload: Json | undefined): Json {
  const correlation = correlationOfRequest(config);
  const key = keyOf(config);
  return {
    name: `${route}Request`,
    title: `Request of the route ${route}`,
    contentType: contentTypeOf(config),
    ...(correlation !== undefined && {
      correlationId: {
        location: correlation,
        description: config.reply_topic === undefined ? CLIENTS_ID : 'Copy it into the reply.',
      },
    }),
    headers: { type: 'object', properties: requestHeaders(config) },
    payload: payload ?? payloadOf(config),
    ...(key !== undefined && { bindings: { kafka: { key: described(key), bindingVersion: '0.5.0' } } }),
  };
}

export function replyMessage(
  wait: WaitConfig,
  config: RequestConfig,
  route: string,
  payload: Json | undefined,
): Json {
  const location = correlationOfReply(wait, config);
  return {
    name: `${route}Reply`,
    title: `Reply for the route ${route}`,
    ...(location === undefined
      ? {
          bindings: {
            kafka: { key: described('The correlation id of the request.'), bindingVersion: '0.5.0' },
          },
        }
      : { correlationId: { location, description: 'That of the request.' } }),
    headers: { type: 'object', properties: replyHeaders(wait, config) },
    payload: payload ?? replyPayload(wait),
  };
}

function correlationOfRequest({
  dialects,
  message_format,
  correlation_body_field,
  correlation_header,
  reply_topic,
}: RequestConfig): string | undefined {
  const [dialect] = dialects;
  if (reply_topic !== undefined && dialect !== undefined)
    return `$message.header#/${pointerToken(addressHeaders(dialect).correlationId)}`;
  if (message_format === 'body_with_correlation_id')
    return `$message.payload#/${pointerToken(correlation_body_field)}`;
  return reply_topic === undefined ? `$message.header#/${pointerToken(correlation_header)}` : undefined;
}

/** No runtime expression leads to a record's key. */
function correlationOfReply(
  { match, match_name }: WaitConfig,
  { dialects }: RequestConfig,
): string | undefined {
  if (match === 'key') return undefined;
  if (match === 'body_field') return `$message.payload#/${pointerToken(match_name ?? 'correlation-id')}`;
  const [dialect = 'plain'] = dialects;
  return `$message.header#/${pointerToken(match_name ?? addressHeaders(dialect).correlationId)}`;
}

const pointerToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function requestHeaders(config: RequestConfig): Record<string, Json> {
  const { headers, dialects, reply_topic, correlation_header, forward_consumer, message_format } = config;
  const properties: Record<string, Json> = {
    [correlation_header]: described(CLIENTS_ID),
    'content-type': described('Of the value.'),
    'idempotency-key': described('The same when the gateway sends a request again.'),
  };
  if (reply_topic !== undefined)
    for (const dialect of dialects) {
      const { correlationId, replyTopic, replyPartition } = addressHeaders(dialect);
      properties[correlationId] = { ...idText(config), description: 'The correlation id.' };
      properties[replyTopic] = described('The topic that the reply is waited for on.');
      if (config.reply_routing === 'partition' && replyPartition !== undefined)
        properties[replyPartition] = described('The partition that the reply is waited for on.');
    }
  if (isOfClients(config))
    properties[REQUEST_ID_HEADER] = described('Of the gateway. Copy it into the reply.');
  if (headers.forward_http_headers_as_record_headers) {
    properties.traceparent = described('W3C trace context.');
    for (const name of headers.include_headers)
      if (!name.endsWith('*'))
        properties[headers.name_mappings[name] ?? name.toLowerCase()] = described('Of the HTTP request.');
  }
  if (headers.deadline_after > 0) {
    properties.deadline = described('Milliseconds since 1970 after which the client is gone.');
    properties.ttl = described('Milliseconds until then.');
  }
  if (headers.method_and_path)
    for (const name of [':method', ':path', ':scheme', ':authority'])
      properties[name] = described('Of the HTTP request.');
  if (forward_consumer)
    for (const name of Object.values(CONSUMER_HEADERS))
      properties[name] = described('Of the consumer that Kong has authenticated.');
  if (message_format === 'cloudevents_binary')
    for (const name of ['ce_id', 'ce_source', 'ce_specversion', 'ce_type', 'ce_time'])
      properties[name] = described('CloudEvents attribute.');
  return properties;
}

function replyHeaders(wait: WaitConfig, config: RequestConfig): Record<string, Json> {
  const { dialects } = config;
  const properties: Record<string, Json> = {};
  if (wait.match === 'header') {
    const names =
      dialects.length > 0
        ? dialects.map((dialect) => addressHeaders(dialect).correlationId)
        : headerRanks().keys();
    for (const name of wait.match_name === undefined ? names : [wait.match_name, ...names])
      properties[name] = { ...TEXT, description: 'The correlation id; one of these headers is enough.' };
  }
  if (isOfClients(config))
    properties[REQUEST_ID_HEADER] = described(
      'That of the request: then the reply reaches no other under its id.',
    );
  for (const name of wait.status_headers)
    properties[name] = described('HTTP status of the answer, 200 to 599; the first of its kind wins.');
  for (const name of wait.error_headers) properties[name] = described('Its presence makes an error reply.');
  if (wait.reply_format === 'raw')
    for (const name of wait.forward_headers.include)
      if (!name.endsWith('*')) properties[name.toLowerCase()] = described('Becomes a header of the answer.');
  return properties;
}

function keyOf({ key_source, key_name, key_query_arg }: RequestConfig): string | undefined {
  if (key_query_arg !== undefined) return `The query argument ${key_query_arg} of the request.`;
  switch (key_source) {
    case 'none':
      return undefined;
    case 'consumer':
      return "The id of Kong's consumer.";
    case 'query':
      return `The query argument ${key_name ?? ''} of the request.`;
    case 'header':
      return `The header ${key_name ?? ''} of the request.`;
    case 'path':
      return `The part ${key_name ?? ''} of the path of the request.`;
    case 'body_field':
      return `The field ${key_name ?? ''} of the body of the request.`;
    default:
      return 'The key.';
  }
}

function contentTypeOf({ message_format }: RequestConfig): string | undefined {
  switch (message_format) {
    case 'envelope':
    case 'body_with_correlation_id':
      return 'application/json';
    case 'cloudevents_structured':
      return 'application/cloudevents+json';
    case 'raw':
    case 'cloudevents_binary':
      return undefined;
  }
}

function payloadOf(config: RequestConfig): Json {
  switch (config.message_format) {
    case 'raw':
    case 'cloudevents_binary':
      return { description: 'The body of the HTTP request, byte for byte.' };
    case 'body_with_correlation_id':
      return {
        type: 'object',
        description: 'The JSON body of the HTTP request with the correlation id in it.',
        properties: { [config.correlation_body_field]: idText(config) },
        required: [config.correlation_body_field],
      };
    case 'cloudevents_structured':
      return {
        type: 'object',
        description: 'A CloudEvent 1.0; the body of the HTTP request is its data.',
        properties: {
          specversion: TEXT,
          id: TEXT,
          source: TEXT,
          type: TEXT,
          time: TEXT,
          datacontenttype: TEXT,
          data: {},
          data_base64: TEXT,
        },
        required: ['specversion', 'id', 'source', 'type'],
      };
    case 'envelope':
      return {
        type: 'object',
        description: 'The HTTP request as JSON.',
        properties: {
          ...(config.forward_method && { method: TEXT }),
          ...(config.forward_uri && { uri: TEXT, uri_args: { type: 'object' } }),
          ...(config.forward_headers && { headers: { type: 'object' } }),
          ...(config.forward_body && { body: TEXT, body_args: {}, body_base64: { type: 'boolean' } }),
        },
      };
  }
}

function replyPayload({ reply_format, match, match_name }: WaitConfig): Json {
  if (reply_format === 'envelope')
    return {
      type: 'object',
      description: 'The answer as JSON.',
      properties: {
        status: { type: 'integer', minimum: 200, maximum: 599 },
        headers: { type: 'object' },
        body: {},
        body_base64: TEXT,
      },
    };
  if (match === 'body_field') {
    const field = match_name ?? 'correlation-id';
    return {
      type: 'object',
      description: 'The body of the answer.',
      properties: { [field]: TEXT },
      required: [field],
    };
  }
  return { description: 'The body of the answer, byte for byte.' };
}
