/** Log entries: Kong's, in which clients choose headers and addresses, and whatever else is posted to a sink. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { isDeeperThan, MAX_JSON_DEPTH } from '../../../bridge/json-depth';
import { readEntry } from '../../../bridge/log-entry/entry';
import { recordShape, type ShapeOptions } from '../../../bridge/log-entry/record-shape';
import { REDACTED_BY_DEFAULT } from '../../../bridge/log-entry/redaction';
import { entryBytes, UNTOUCHED } from '../../support/log-entries';
import type { FuzzTarget } from '../target';

const MAX_BYTES = 2048;
const TOPICS = ['logs', 'logs.orders'];

const SHAPES: readonly ShapeOptions[] = [
  { ...UNTOUCHED, maxRecordBytes: MAX_BYTES },
  { ...UNTOUCHED, maxRecordBytes: MAX_BYTES, entities: 'ids', redact: REDACTED_BY_DEFAULT },
  {
    ...UNTOUCHED,
    maxRecordBytes: MAX_BYTES,
    format: 'ecs',
    redact: REDACTED_BY_DEFAULT,
    topicTemplate: 'logs.$(/service/name)',
    allowedTopics: ['logs.orders'],
    keyPointer: '/request/id',
  },
  {
    ...UNTOUCHED,
    maxRecordBytes: MAX_BYTES,
    include: ['/request', '/tries'],
    exclude: ['/request/headers'],
    customFields: { 'request.a.b': '$(/request)', __proto__: 'x', tries: '$(/client_ip)', route: '' },
    keyQueryArg: 'tenant',
    sampleRate: 0.9,
    onlyStatus: ['200-599'],
  },
];

export const LOG_ENTRY: FuzzTarget = {
  name: 'log-entry',
  samples: [
    entryBytes(),
    entryBytes({
      uri: '/a?apikey=x&b=%20#token=y',
      querystring: { apikey: 'x', tenant: ['a', true] },
      requestHeaders: { cookie: 'a=b', referer: 'https://shop/?access_token=z' },
      more: { consumer: { id: 'c', username: 'jo' }, trace_id: { w3c: '4bf92f' } },
    }),
    Buffer.from('{"request":{"headers":{"x":"J\xe9r\xf4me"}},"response":{"status":"200"}}', 'latin1'),
  ],
  tokens: [
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ',',
    ':',
    '"__proto__":',
    '"request":',
    '"headers":',
    '"uri":',
    'null',
    '1e999',
    '\xe9',
    '?token=',
  ],
  run: (input) => {
    for (const options of SHAPES) {
      const record = recordShape(options).ofBytes(Buffer.from(input));
      if (record === 'unreadable')
        assert.ok(
          readEntry(input) === undefined || isDeeperThan(input, MAX_JSON_DEPTH),
          'an entry that can be read',
        );
      if (typeof record === 'string') continue;
      const { value, topic, key } = record;
      assert.ok(value !== null && value.length <= MAX_BYTES, 'the size of a record');
      assert.ok(TOPICS.includes(topic), 'the topic of a record');
      assert.ok(key === undefined || key === null || key.length > 0, 'the key of a record');
      assert.ok(isUtf8(value), 'a record is UTF-8');
      if (options !== SHAPES[0]) JSON.parse(value.toString());
    }
    assert.equal(({} as Record<string, unknown>).x, undefined, 'a prototype');
  },
};
