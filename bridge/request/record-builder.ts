/** HTTP request -> Kafka record: everything a configuration decides about it, worked out once. */
import type { OutgoingRecord } from '../kafka/records';
import { decodedRequest } from './decoded-body';
import { compileHeaderRules, rememberedByName } from './header-rules';
import type { HttpRequest, RequestNeeds } from './http-request';
import { recordHeaders, type HeaderOptions } from './record-headers';
import { mayHaveFields, recordKey, type KeyOptions } from './record-key';
import { recordTopic, type TopicOptions } from './record-topic';
import { jsonBody, type JsonBody } from './json-body';
import { recordValue, type RecordValue, type ValueOptions } from './record-value';
import type { EnvelopeOptions } from './envelope';
import { isCredential } from './reserved-headers';
import { parseUrlArgs, type UrlArgs } from './url-args';

export interface RecordOptions {
  readonly topic: TopicOptions;
  readonly key: KeyOptions;
  readonly value: Omit<ValueOptions, 'envelope'> & {
    readonly envelope: Omit<EnvelopeOptions, 'showsHeader'>;
  };
  readonly headers: HeaderOptions;
  /** With which values and keys are written; undefined: as they are. */
  readonly schemas?: RecordSchemas | undefined;
}

/** What is needed of the schemas of a configuration. */
export interface RecordSchemas {
  readonly writesValues: boolean;
  readonly writesKeys: boolean;
  /** Undefined, and no promise, when there is nothing to wait for. Rejects with GatewayError not_ready. */
  whenReady(): Promise<void> | undefined;
  /** @throws GatewayError schema_mismatch */
  value(topic: string, json: JsonBody): { readonly bytes: Buffer; readonly contentType: string };
  /** @throws GatewayError schema_mismatch */
  key(topic: string, key: string): Buffer;
}

export interface RecordBuilder {
  /** What has to be known of a request. */
  readonly needs: RequestNeeds;
  /**
   * For `build`, where the record depends on what is in an encoded body, or on schemas that are not here yet; undefined,
   * and no promise, where there is nothing to wait for. Rejects with GatewayError request_invalid, request_too_large,
   * unsupported_media_type, not_ready.
   * @param maxBytes the decoded body may have
   */
  decoded(request: HttpRequest, maxBytes: number): Promise<HttpRequest> | undefined;
  /**
   * @param nowMs milliseconds since 1970
   * @throws GatewayError request_invalid, unsupported_media_type, headers_too_large
   */
  build(request: HttpRequest, correlationId: string, nowMs?: number): OutgoingRecord;
}

const NO_ARGS: UrlArgs = new Map();

export function recordBuilder(options: RecordOptions): RecordBuilder {
  const topicOf = recordTopic(options.topic);
  const keyOf = recordKey(options.key);
  const valueOf = recordValue({
    ...options.value,
    envelope: { ...options.value.envelope, showsHeader: showsInEnvelope(options.headers) },
  });
  const headersOf = recordHeaders(options.headers);
  const needs = requestNeeds(options);
  const readsArgs = options.topic.queryArg !== undefined || options.key.source === 'query';

  const { schemas } = options;
  const readsBody = schemas?.writesValues === true || looksIntoBody(options.value);
  const readsKey = options.key.source === 'body_field';

  const decoded = (request: HttpRequest, maxBytes: number) =>
    readsBody || (readsKey && mayHaveFields(request)) ? decodedRequest(request, maxBytes) : undefined;
  const valueIn: ValueIn = schemas?.writesValues
    ? (topic, request, value) => encodedValue(schemas, topic, request, value)
    : (_topic, _request, value) => value;
  const keyIn: KeyIn = schemas?.writesKeys ? (topic, key) => schemas.key(topic, key) : (_topic, key) => key;

  return {
    needs,
    decoded: schemas
      ? (request, maxBytes) => withSchemas(schemas, request, decoded(request, maxBytes))
      : decoded,
    build: (request, correlationId, nowMs = Date.now()) => {
      const args = readsArgs ? parseUrlArgs(request.rawQuery ?? '') : NO_ARGS;
      const topic = topicOf(args);
      const key = keyOf(request, args, correlationId);
      const shaped = valueOf(request, { correlationId, key, nowMs });
      const written = valueIn(topic, request, shaped);
      return {
        topic,
        key: key === undefined ? null : keyIn(topic, key),
        value: written.value,
        headers: headersOf(request, correlationId, nowMs, written),
      };
    },
  };
}

/** What is left to do when it is known where a record goes. */
type ValueIn = (topic: string, request: HttpRequest, value: RecordValue) => RecordValue;
type KeyIn = (topic: string, key: string) => Buffer | string;

/** A body that is as it was sent may be in another charset, and be no JSON; what a format has made is neither. */
function encodedValue(
  schemas: RecordSchemas,
  topic: string,
  request: HttpRequest,
  { isAsSent, value, headers }: RecordValue,
): RecordValue {
  const json = isAsSent ? jsonBody(request) : jsonOf(value);
  const { bytes, contentType } = schemas.value(topic, json);
  return { value: bytes, contentType, ...(headers && { headers }) };
}

function jsonOf(bytes: Buffer): JsonBody {
  const text = bytes.toString();
  return { bytes, text, value: JSON.parse(text) as unknown };
}

function withSchemas(
  schemas: RecordSchemas,
  request: HttpRequest,
  decoding: Promise<HttpRequest> | undefined,
): Promise<HttpRequest> | undefined {
  const ready = schemas.whenReady();
  return ready ? Promise.all([decoding ?? request, ready]).then(([decoded]) => decoded) : decoding;
}

/** False where the value has the bytes of the body as they are, or nothing of it. */
function looksIntoBody({ format, envelope }: RecordOptions['value']): boolean {
  switch (format) {
    case 'raw':
    case 'cloudevents_binary':
      return false;
    case 'envelope':
      return envelope.body;
    case 'body_with_correlation_id':
    case 'cloudevents_structured':
      return true;
  }
}

function requestNeeds({ topic, key, value, headers }: RecordOptions): RequestNeeds {
  const { format } = value;
  const envelopeUri = format === 'envelope' && value.envelope.uri;
  return {
    method: headers.methodAndPath || (format === 'envelope' && value.envelope.method),
    body: format !== 'envelope' || value.envelope.body || key.source === 'body_field',
    query: envelopeUri || topic.queryArg !== undefined || key.source === 'query',
    uri: envelopeUri || headers.methodAndPath,
    scheme: headers.methodAndPath,
    captures: key.source === 'path',
    consumer: headers.consumer || key.source === 'consumer',
    route: format === 'cloudevents_binary' || format === 'cloudevents_structured',
  };
}

/** In the envelope headers are data and steer nothing; only credentials stay out unless they are named. */
function showsInEnvelope(headers: HeaderOptions): (httpName: string) => boolean {
  const { isExcluded, isIncludedByName } = compileHeaderRules(headers);
  return rememberedByName((name) => !isExcluded(name) && (isIncludedByName(name) || !isSecret(name)));
}

function isSecret(httpName: string): boolean {
  return isCredential(httpName) || /^proxy[-_]authorization$/i.test(httpName);
}
