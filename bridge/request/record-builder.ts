/** HTTP request -> Kafka record: everything a configuration decides about it, worked out once. */
import type { OutgoingRecord } from '../kafka/records';
import { decodedRequest } from './decoded-body';
import { compileHeaderRules, rememberedByName } from './header-rules';
import type { HttpRequest, RequestNeeds } from './http-request';
import { recordHeaders, type HeaderOptions } from './record-headers';
import { mayHaveFields, recordKey, type KeyOptions } from './record-key';
import { recordTopic, type TopicOptions } from './record-topic';
import { recordValue, type ValueOptions } from './record-value';
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
}

export interface RecordBuilder {
  /** What has to be known of a request. */
  readonly needs: RequestNeeds;
  /**
   * For `build`, where the record depends on what is in an encoded body; undefined, and no promise, where there is
   * nothing to decode. Rejects with GatewayError request_invalid, request_too_large, unsupported_media_type.
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

  const readsBody = looksIntoBody(options.value);
  const readsKey = options.key.source === 'body_field';

  return {
    needs,
    decoded: (request, maxBytes) =>
      readsBody || (readsKey && mayHaveFields(request)) ? decodedRequest(request, maxBytes) : undefined,
    build: (request, correlationId, nowMs = Date.now()) => {
      const args = readsArgs ? parseUrlArgs(request.rawQuery ?? '') : NO_ARGS;
      const topic = topicOf(args);
      const key = keyOf(request, args, correlationId);
      const shaped = valueOf(request, { correlationId, key, nowMs });
      return {
        topic,
        key: key ?? null,
        value: shaped.value,
        headers: headersOf(request, correlationId, nowMs, shaped),
      };
    },
  };
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
