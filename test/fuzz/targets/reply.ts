/** Records from responders: the answer they become, and the request they belong to. */
import assert from 'node:assert/strict';
import { withoutMark } from '../../../bridge/byte-order-mark';
import { isContentCoding } from '../../../bridge/content-coding';
import { GatewayError } from '../../../bridge/errors';
import { correlationIdOf, isRequest, MAX_ID_BYTES } from '../../../bridge/reply/dialects';
import { errorStatusOf, readErrorMark } from '../../../bridge/reply/error-mark';
import { isNeverForwarded } from '../../../bridge/reply/forwarded-headers';
import { REPLY_FORMATS, responseMapper } from '../../../bridge/reply/http-response';
import { matchRule } from '../../../bridge/reply/match-rule';
import { readEnvelope } from '../../../bridge/reply/reply-envelope';
import { sample } from '../http-text';
import { replyRecordIn } from '../reply-record';
import { unlessRefused, type FuzzTarget } from '../target';

const isInvalidReply = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'reply_invalid' && error.status === 502;
const isAnswer = (error: unknown): boolean =>
  error instanceof GatewayError &&
  ['reply_invalid', 'responder_error', 'reply_too_large'].includes(error.code) &&
  error.status >= 400 &&
  error.status <= 599;

const ENVELOPE_TOKENS = [
  '"status":',
  '"headers":{',
  '"body":',
  '"body_base64":"AA=="',
  'null',
  '{',
  '}',
  '[',
  '"',
  '\\',
  ',',
];

export const REPLY_ENVELOPE: FuzzTarget = {
  name: 'reply-envelope',
  samples: [
    '{"status":201,"headers":{"x-order":"7","link":["<a>","<b>"]},"body":{"accepted":true,"n":1.50}}',
    '{"body_base64":"AAEC","headers":null,"status":null}',
    ' { "body" : [ 1 , "]}" ] , "correlation-id" : "x" , "body" : "last" } ',
    '{"body":"text","headers":{"__proto__":"p","a":[]}}',
  ].map((text) => Buffer.from(text)),
  tokens: ENVELOPE_TOKENS,
  run: (input) => {
    const envelope = unlessRefused(() => readEnvelope(input), isInvalidReply);
    if (envelope === undefined) return;
    const { status, body, bodyType } = envelope;
    assert.ok(status === undefined || (Number.isInteger(status) && status >= 200 && status <= 599));
    const given = JSON.parse(withoutMark(input).toString('utf8')) as { body?: unknown };
    if (bodyType === 'application/json')
      assert.deepStrictEqual(JSON.parse(body.toString('utf8')), given.body);
    else if (bodyType !== undefined)
      assert.ok(Buffer.from(given.body as string).equals(body), 'text is its bytes');
  },
};

const MAPPERS = REPLY_FORMATS.map((format) =>
  responseMapper({
    format,
    statusHeaders: ['status', 'http_status'],
    errorHeaders: ['kafka_nest-err', 'error'],
    errorStatus: 502,
    include: ['*'],
    exclude: ['x-internal-*'],
    maxReplyBytes: 20_000,
  }),
);

export const REPLY: FuzzTarget = {
  name: 'reply',
  samples: [
    sample({ status: '201', 'content-type': 'application/json', 'correlation-id': 'a' }, '{"a":1}'),
    sample({ 'kafka_nest-err': '{"status":404,"message":"no"}', kafka_correlationId: 'x'.repeat(36) }, ''),
    sample({ error: 'failed', http_status: '503', connection: 'x-a, x-b', 'x-a': 'caf\xe9' }, 'text'),
    sample(
      { REPLY_CORRELATION_ID: '\x01\x02\x03'.repeat(5) + 'x', 'set-cookie': 'a=b' },
      '{"status":200,"body":"b"}',
    ),
    sample({ 'x-internal-a': '1', Content_Length: '3', 'x-kong-a': '1' }, '{"correlation-id":"id"}'),
  ],
  tokens: [
    ...ENVELOPE_TOKENS,
    'content-length: 1\n',
    'content-encoding: gzip\n',
    'Content_Encoding: br, identity\n',
    'transfer_encoding: x\n',
    'status: 200\n',
    '\r\n',
    '\0',
    'kafka_correlationId: \n',
    '__proto__: x\n',
    '{"status":"404","message":',
  ],
  run: (input) => {
    const record = replyRecordIn(input, 40);
    for (const map of MAPPERS) {
      const answer = unlessRefused(() => map(record), isAnswer);
      if (answer === undefined) continue;
      assert.ok(Number.isInteger(answer.status) && answer.status >= 200 && answer.status <= 599);
      assert.ok(![408, 444, 499].includes(answer.status), 'nginx would cut the connection');
      for (const [name, value] of Object.entries(answer.headers)) {
        assert.match(name, /^[!#$%&'*+.^`|~0-9a-z-]+$/);
        assert.ok(!isNeverForwarded(name), name);
        if (name === 'content-encoding') assert.ok(isContentCoding(String(value)), String(value));
        for (const text of [value].flat()) assert.match(text, /^[\t\x20-\x7e\x80-\xff]*$/);
      }
    }
    isRequest(record);
    for (const id of [correlationIdOf(record), matchRule('key', undefined).correlationIdOf(record)])
      assert.ok(id === undefined || (id.length > 0 && id.length <= MAX_ID_BYTES));
    const inBody = matchRule('body_field', undefined).correlationIdOf(record);
    assert.ok(inBody === undefined || typeof inBody === 'string');
    for (const [, value] of record.headers) {
      const { status, message } = readErrorMark(value);
      assert.ok(status === undefined || errorStatusOf(status) === status);
      assert.ok(message.length <= 500);
    }
  },
};
