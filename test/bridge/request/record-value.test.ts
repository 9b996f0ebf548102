import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest } from '../../../bridge/request/http-request';
import { MESSAGE_FORMATS, recordValue, type MessageFormat } from '../../../bridge/request/record-value';
import { bodyOf } from '../../support/requests';

function shape(format: MessageFormat, request: HttpRequest) {
  return recordValue({
    format,
    envelope: { method: false, uri: false, headers: false, body: true, showsHeader: () => true },
    correlationBodyField: 'correlation_id',
    cloudEventsType: 'test.type',
  })(request, { correlationId: 'c1', key: undefined, nowMs: 0 });
}

test('raw passes the body bytes as they are, and leaves the media type to the client', () => {
  const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const request = { ...bodyOf(undefined, ''), body };
  assert.deepEqual(shape('raw', request), { value: body, isAsSent: true });
  assert.equal(shape('raw', request).value, body, 'not even a copy');
});

test('each format says what its value is', () => {
  const json = bodyOf('application/json', '{"a":1}');
  assert.equal(shape('envelope', json).contentType, 'application/json');
  assert.equal(shape('body_with_correlation_id', json).contentType, undefined);
  assert.equal(shape('cloudevents_binary', json).contentType, 'application/json');
  assert.equal(shape('cloudevents_structured', json).contentType, 'application/cloudevents+json');
});

test('the binary CloudEvent has the body as its value', () => {
  const request = bodyOf('image/png', Buffer.from([0, 255]));
  assert.equal(shape('cloudevents_binary', request).value, request.body);
});

test('only a value that is the body as it was sent says so: its content codings are those of the body', () => {
  const request = { ...bodyOf('application/json', 'compressed'), decodedBody: Buffer.from('{"a":1}') };
  const isAsSent = (format: MessageFormat) => shape(format, request).isAsSent ?? false;
  assert.deepEqual(
    MESSAGE_FORMATS.filter((format) => isAsSent(format)),
    ['raw', 'cloudevents_binary'],
  );
  for (const format of MESSAGE_FORMATS) {
    assert.equal(shape(format, request).value.includes('compressed'), isAsSent(format), format);
  }
});
