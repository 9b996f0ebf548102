/** Whole requests of clients, made into records under every format and kind of key. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import { toNativeHeaders } from '../../../bridge/kafka/record-conversion';
import type { HttpRequest } from '../../../bridge/request/http-request';
import { recordBuilder, type RecordBuilder } from '../../../bridge/request/record-builder';
import { KEY_SOURCES } from '../../../bridge/request/record-key';
import { MESSAGE_FORMATS } from '../../../bridge/request/record-value';
import { isForbidden } from '../../../bridge/request/reserved-headers';
import { httpText, sample } from '../http-text';
import { unlessRefused, type FuzzTarget } from '../target';

const WIRE_ID = 'wire-id';
const JSON_FORMATS = ['envelope', 'cloudevents_structured', 'body_with_correlation_id'];

interface Built {
  readonly format: string;
  readonly builder: RecordBuilder;
}

const BUILDERS: Built[] = MESSAGE_FORMATS.flatMap((format) =>
  KEY_SOURCES.map((source) => ({
    format,
    builder: recordBuilder({
      topic: { topic: 'orders', queryArg: 't', allowed: ['bills'] },
      key: { source, name: source === 'body_field' ? '/a/0' : 'k' },
      value: {
        format,
        envelope: { method: true, uri: true, headers: true, body: true },
        correlationBodyField: 'correlation_id',
        cloudEventsType: 'type',
      },
      headers: {
        forward: true,
        forwardAll: true,
        include: ['*'],
        exclude: ['x-secret'],
        rename: { 'x-a': 'renamed' },
        repeated: 'concatenate_by_comma',
        dialects: ['plain', 'spring', 'smallrye', 'zilla'],
        replyTopic: 'replies',
        correlationHeader: 'Kong-Request-ID',
        methodAndPath: false,
        consumer: false,
        deadlineAfterMs: 0,
        b3: 'single',
      },
    }),
  })),
);

/** The first line is the query. */
function requestIn(input: Buffer): HttpRequest {
  const { headers: lines, body } = httpText(input);
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of lines) {
    const before = headers[name.toLowerCase()];
    if (Array.isArray(before)) before.push(value);
    else headers[name.toLowerCase()] = before === undefined ? value : [before, value];
  }
  const query = lines[0]?.[0] ?? '';
  return {
    id: 'r1',
    method: 'POST',
    headers,
    body,
    rawQuery: query,
    uri: `/p?${query}`,
    captures: { k: query },
  };
}

const isRefusal = (error: unknown): boolean =>
  error instanceof GatewayError && error.status >= 400 && error.status < 500;

export const REQUEST: FuzzTarget = {
  name: 'request',
  samples: [
    sample(
      { 't=bills&k=1': '', 'content-type': 'application/json', k: 'key', 'x-a': 'caf\xe9' },
      '{"a":["key"]}',
    ),
    sample(
      { 'k=%ff': '', 'content-type': 'application/x-www-form-urlencoded', connection: 'x-b, k' },
      'a=1&b=%20',
    ),
    sample(
      { 'k=1': '', 'content-type': 'multipart/form-data; boundary=XX', kafka_replyTopic: 'mine' },
      '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--XX--',
    ),
    sample(
      {
        '': '',
        'content-type': 'text/plain',
        traceparent: '00-a',
        tracestate: 'a=1',
        baggage: 'a=1;b',
        b3: '0',
        ce_source: 'me',
        __TypeId__: 'x',
      },
      'text',
    ),
  ],
  tokens: [
    'kafka_replyTopic: x',
    'correlation-id: x',
    'REPLY_TOPIC: x',
    '\n',
    '\n\n',
    ': ',
    '__proto__: x',
    '\0',
    '\r',
  ],
  shortCases: 30,
  run: (input) => {
    const request = requestIn(input);
    for (const { format, builder } of BUILDERS) {
      const record = unlessRefused(() => builder.build(request, WIRE_ID, 1000), isRefusal);
      if (record === undefined) continue;
      assert.ok(['orders', 'bills'].includes(record.topic), record.topic);
      for (const [name, value] of record.headers) {
        assert.doesNotMatch(value, /[\0\r\n]/);
        const isOwn = [WIRE_ID, 'replies'].includes(value) || name.startsWith('ce_');
        assert.ok(!isForbidden(name) || isOwn, `${name} is a client's`);
      }
      toNativeHeaders(record);
      if (JSON_FORMATS.includes(format)) JSON.parse(record.value!.toString());
    }
  },
};
