import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../bridge/log-entry/entry';
import { recordShape, type ShapeOptions } from '../../../bridge/log-entry/record-shape';
import type { OutgoingRecord } from '../../../bridge/kafka/records';
import { entryBytes, logEntry, UNTOUCHED, type EntryParts } from '../../support/log-entries';

function recordOf(options: Partial<ShapeOptions>, bytes: Buffer): OutgoingRecord {
  const record = recordShape({ ...UNTOUCHED, ...options }).ofBytes(bytes);
  if (typeof record === 'string') assert.fail(`left out: ${record}`);
  return record;
}

function shaped(options: Partial<ShapeOptions>, parts?: EntryParts): JsonObject {
  return JSON.parse(recordOf(options, entryBytes(parts)).value!.toString()) as JsonObject;
}

test('where no option looks into the entry, the value is its bytes, however they are spelled', () => {
  const spelled = Buffer.from('{ "request" : {"size":1.0,"id":12345678901234567890} }');
  assert.equal(recordOf({}, spelled).value, spelled);
});

test('an entry that is not UTF-8 becomes JSON that is, byte for byte where it was', () => {
  const latin1 = Buffer.from('{"request":{"headers":{"x-name":"J\xe9r\xf4me","x-city":"Zürich"}}}', 'latin1');
  const value = recordOf({}, latin1).value!;
  const text = new TextDecoder('utf-8', { fatal: true }).decode(value);
  assert.deepEqual(JSON.parse(text), { request: { headers: { 'x-name': 'Jérôme', 'x-city': 'Zürich' } } });
});

test('one header in latin1 does not garble another in UTF-8', () => {
  const mixed = Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xe9]),
    Buffer.from('","b":"'),
    Buffer.from('Zürich'),
    Buffer.from('"}'),
  ]);
  assert.deepEqual(JSON.parse(recordOf({}, mixed).value!.toString()), { a: 'é', b: 'Zürich' });
});

test('what is no JSON object is unreadable, not an error', () => {
  const shape = recordShape({ ...UNTOUCHED, entities: 'ids' });
  for (const text of ['', 'null', '[]', '"x"', '{"a":', '\xff'])
    assert.equal(shape.ofBytes(Buffer.from(text, 'latin1')), 'unreadable');
});

test('entities are their ids and names, or whole', () => {
  const consumer = { id: 'c1', username: 'jo', custom_id: 'J', tags: ['x'] };
  const { route, service, consumer: shortConsumer } = shaped({ entities: 'ids' }, { more: { consumer } });
  assert.deepEqual(route, { id: 'f3ef8bde', name: 'orders-route' });
  assert.deepEqual(service, { id: 'dea4c45f', name: 'orders' });
  assert.deepEqual(shortConsumer, { id: 'c1', username: 'jo', custom_id: 'J' });
  assert.deepEqual(shaped({ entities: 'full', exclude: ['/x'] }).route, logEntry().route);
});

test('only the statuses that are asked for are written', () => {
  const { ofBytes } = recordShape({ ...UNTOUCHED, onlyStatus: ['404', '500-599'] });
  const kept = [200, 399, 404, 405, 499, 500, 503, 599].filter(
    (status) => ofBytes(entryBytes({ status })) !== 'not_wanted',
  );
  assert.deepEqual(kept, [404, 500, 503, 599]);
});

/** An object with a `toString` of its own threw, and whoever had posted the batch never got an answer. */
test('an entry without a status is not one of them', () => {
  const { ofBytes } = recordShape({ ...UNTOUCHED, onlyStatus: ['500-599'] });
  for (const text of ['{}', '{"response":{"status":"many"}}', '{"response":{"status":{"toString":"500"}}}'])
    assert.equal(ofBytes(Buffer.from(text)), 'not_wanted');
});

test('a sample keeps about its share, and the same requests at every gateway', () => {
  const here = recordShape({ ...UNTOUCHED, sampleRate: 0.25 });
  const elsewhere = recordShape({ ...UNTOUCHED, sampleRate: 0.25, entities: 'ids' });
  let kept = 0;
  for (let index = 0; index < 4000; index++) {
    const id = (index * 2654435761).toString(16).padStart(32, '0');
    const bytes = Buffer.from(JSON.stringify({ request: { id } }));
    const isKept = here.ofBytes(bytes) !== 'not_wanted';
    assert.equal(elsewhere.ofBytes(bytes) !== 'not_wanted', isKept);
    if (isKept) kept++;
  }
  assert.ok(kept > 850 && kept < 1150, `${kept} of 4000`);
});

test('with a trace the requests of it are in or out together, in whichever format Kong names it', () => {
  const shape = recordShape({ ...UNTOUCHED, sampleRate: 0.5 });
  for (const trace of ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b700f067aa0ba902b7', 'abc']) {
    const results = ['r1', 'r2', 'r3', 'r4'].map((id) => {
      const entry = { trace_id: { w3c: trace }, request: { id } };
      return shape.ofBytes(Buffer.from(JSON.stringify(entry))) === 'not_wanted';
    });
    assert.equal(new Set(results).size, 1);
  }
});

test('a rate of 0 keeps nothing', () => {
  assert.equal(recordShape({ ...UNTOUCHED, sampleRate: 0 }).ofBytes(entryBytes()), 'not_wanted');
});

test('the key is a query argument, the first of several, or what a pointer leads to', () => {
  const querystring = { tenant: ['a', 'b'], flag: true, none: '' };
  const keyOf = (options: Partial<ShapeOptions>) => recordOf(options, entryBytes({ querystring })).key;
  assert.equal(keyOf({ keyQueryArg: 'tenant' }), 'a');
  assert.equal(keyOf({ keyQueryArg: 'flag' }), null);
  assert.equal(keyOf({ keyQueryArg: 'none' }), null);
  assert.equal(keyOf({ keyQueryArg: 'missing' }), null);
  assert.equal(keyOf({ keyPointer: '/service/host', entities: 'ids' }), 'orders.internal');
  assert.equal(keyOf({ keyPointer: '/response/status' }), '200');
  assert.equal(keyOf({ keyPointer: '/service' }), null);
});

test('the topic of a template is one of those that are allowed, or the plain one', () => {
  const options = { topicTemplate: 'logs.$(/service/name)', allowedTopics: ['logs.orders'] };
  assert.equal(recordOf(options, entryBytes()).topic, 'logs.orders');
  assert.equal(recordOf(options, entryBytes({ more: { service: { name: 'other' } } })).topic, 'logs');
  assert.equal(recordOf(options, Buffer.from('{}')).topic, 'logs');
});

test('include keeps parts, exclude leaves parts out, and own fields are written last', () => {
  assert.deepEqual(
    shaped({
      include: ['/request', '/response/status', '/missing'],
      exclude: ['/request/headers', '/request/querystring', '/request/url', '/request/uri'],
      customFields: { team: 'shop', 'request.size': '', 'took.ms': '$(/latencies/request)' },
    }),
    {
      request: { id: 'f652d94333c23a1f1a6859573376d516', method: 'POST' },
      response: { status: 200 },
      team: 'shop',
      took: { ms: 15 },
    },
  );
});

test('own fields read the entry as Kong made it, whatever is left out or comes first', () => {
  const record = shaped({
    entities: 'ids',
    exclude: ['/service'],
    customFields: {
      a: '$(/client_ip)',
      client_ip: 'hidden',
      upstream: '$(/service/host):$(/service/port)',
      'label.with\\.dot': '$(/route/name)',
      nobody: '$(/consumer/username)',
      half: 'user=$(/consumer/username)',
    },
  });
  assert.equal(record.a, '10.1.2.3');
  assert.equal(record.client_ip, 'hidden');
  assert.equal(record.upstream, 'orders.internal:9100');
  assert.deepEqual(record.label, { 'with.dot': 'orders-route' });
  assert.equal('nobody' in record, false);
  assert.equal(record.half, 'user=');
  assert.equal('service' in record, false);
});

// It was in itself, and could not be printed.
test('an object may be copied into itself, and is the one of before', () => {
  const record = shaped({ customFields: { 'service.copy': '$(/service)', 'service.name': 'other' } });
  const { copy, name } = record.service as JsonObject;
  assert.deepEqual(copy, logEntry().service);
  assert.equal(name, 'other');
});

test('a field named __proto__ is a field', () => {
  const record = recordOf({ customFields: { '__proto__.x': '1' } }, Buffer.from('{}'));
  assert.equal(record.value!.toString(), '{"__proto__":{"x":"1"}}');
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test('a record that is too long loses named fields until it fits, stays JSON and says so', () => {
  const parts = { requestHeaders: { 'x-long': 'x'.repeat(3000) }, uri: `/orders?q=${'y'.repeat(3000)}` };
  const { value } = recordOf({ maxRecordBytes: 2048 }, entryBytes(parts));
  assert.ok(value!.length <= 2048);
  const record = JSON.parse(value!.toString()) as {
    truncated: boolean;
    request: JsonObject;
    response: JsonObject;
  };
  assert.equal(record.truncated, true);
  assert.equal(record.request.id, 'f652d94333c23a1f1a6859573376d516');
  assert.equal(record.response.status, 200);
  assert.equal('headers' in record.request, false);
});

test('no more is taken from it than must be', () => {
  const { value } = recordOf({ maxRecordBytes: 2048 }, entryBytes({ querystring: { q: 'x'.repeat(2000) } }));
  const { request } = JSON.parse(value!.toString()) as { request: JsonObject };
  assert.equal('querystring' in request, false);
  assert.equal('headers' in request, true);
});

test('own fields are there after a cut as well', () => {
  const record = shaped(
    { maxRecordBytes: 1500, customFields: { team: 'shop', 'request.headers.x': 'y' } },
    { requestHeaders: { 'x-long': 'x'.repeat(3000) } },
  );
  assert.equal(record.team, 'shop');
  assert.equal(record.truncated, true);
});

test('what does not fit even then is no record', () => {
  const bytes = entryBytes({ more: { blob: 'x'.repeat(5000) } });
  assert.equal(recordShape({ ...UNTOUCHED, maxRecordBytes: 2048 }).ofBytes(bytes), 'too_large');
});

test('ECS: the names of the schema, the rest under kong, nothing empty', () => {
  const record = shaped(
    { format: 'ecs', entities: 'ids' },
    {
      uri: '/orders?a=1',
      status: 503,
      more: { consumer: { id: 'c1', username: 'jo' }, trace_id: { w3c: '4bf92f' } },
    },
  );
  assert.equal(record['@timestamp'], new Date(1795244145985).toISOString());
  assert.deepEqual(record.http, {
    request: { id: 'f652d94333c23a1f1a6859573376d516', method: 'POST', bytes: 211 },
    response: { status_code: 503, bytes: 324 },
  });
  assert.deepEqual(record.url, {
    original: '/orders?a=1',
    full: 'http://gateway:8000/orders?a=1',
    path: '/orders',
    query: 'a=1',
  });
  assert.deepEqual(record.user, { id: 'c1', name: 'jo' });
  assert.deepEqual(record.trace, { id: '4bf92f' });
  assert.deepEqual(record.service, { name: 'orders' });
  const event = record.event as JsonObject;
  assert.equal(event.outcome, 'failure');
  assert.equal(event.duration, 15_000_000);
  assert.equal('tls' in record, false);
  const kong = record.kong as JsonObject;
  assert.deepEqual(kong.route, { id: 'f3ef8bde', name: 'orders-route' });
  assert.equal(kong.upstream_status, '200');
  assert.equal('client_ip' in kong, false);
});

test('ECS: an entry in which everything is of another type is still a record', () => {
  const odd = { request: 5, response: [], latencies: 'x', started_at: 1e300, consumer: null, trace_id: 7 };
  const record = recordOf({ format: 'ecs' }, Buffer.from(JSON.stringify(odd)));
  assert.ok(JSON.parse(record.value!.toString()));
});
