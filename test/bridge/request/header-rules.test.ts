import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileHeaderRules, type HeaderRules } from '../../../bridge/request/header-rules';

function named(name: string, rules: Partial<HeaderRules>): string | undefined {
  return compileHeaderRules({
    forward: true,
    forwardAll: false,
    include: [],
    exclude: [],
    rename: {},
    repeated: 'take_first',
    ...rules,
  }).recordName(name);
}

test('by default nothing is forwarded, and never what has a form of its own', () => {
  assert.equal(named('x-a', {}), undefined);
  for (const name of ['traceparent', 'tracestate', 'baggage']) {
    assert.equal(named(name, { forwardAll: true, include: [name], rename: { [name]: 'x' } }), undefined);
    assert.equal(named('x-a', { forwardAll: true, rename: { 'x-a': name } }), undefined);
  }
});

test('include names headers in any letter case, or how they begin', () => {
  assert.equal(named('x-tenant', { include: ['X-Tenant'] }), 'x-tenant');
  assert.equal(named('x_tenant', { include: ['x-tenant'] }), undefined, 'another header');
  assert.equal(named('x-b3-traceid', { include: ['X-B3-*'] }), 'x-b3-traceid');
});

test('exclude wins, also over another spelling of the name', () => {
  assert.equal(named('x-a', { include: ['x-a'], exclude: ['X-A'] }), undefined);
  assert.equal(named('x_secret', { forwardAll: true, exclude: ['x-secret'] }), undefined);
  assert.equal(named('x-internal-1', { forwardAll: true, exclude: ['x-internal-*'] }), undefined);
  assert.equal(named('x-other', { forwardAll: true, exclude: ['x-internal-*'] }), 'x-other');
});

test('credentials go along only when named in full', () => {
  for (const name of ['authorization', 'cookie', 'apikey']) {
    assert.equal(named(name, { forwardAll: true }), undefined);
    assert.equal(named(name, { include: ['*'] }), undefined);
    assert.equal(named(name, { include: [name] }), name);
  }
});

test('a header is renamed, but not to a name that steers responders', () => {
  assert.equal(named('x-a', { include: ['x-a'], rename: { 'X-A': 'Tenant' } }), 'Tenant');
  assert.equal(named('x-a', { rename: { 'x-a': 'tenant' } }), undefined, 'renaming does not forward');
  for (const target of [
    'kafka_replyTopic',
    'Kafka-ReplyTopic',
    '__TypeId__',
    ':status',
    'content-type',
    'a\0',
  ]) {
    assert.equal(named('x-a', { forwardAll: true, rename: { 'x-a': target } }), undefined);
  }
});

test('no rule forwards what is forbidden', () => {
  const forbidden = [
    'kafka_correlationId',
    'kong-kafka-request-id',
    'Kong_Kafka_Request_Id',
    'KAFKA-REPLYTOPIC',
    'REPLY_TOPIC',
    'reply-to',
    'spring_json_header_types',
    'springDeserializerExceptionValue',
    '__TypeId__',
    '--typeid--',
    '__value_schema_id',
    'ce_type',
    'ce-source',
    'rig-correlation',
    'x-plt-kafka-hooks-correlation-id',
    'x_status_code',
    'Status',
    'http_status',
    'connection',
    'transfer_encoding',
    'proxy-authorization',
    'content-length',
    'X-Consumer-ID',
  ];
  for (const name of forbidden) {
    assert.equal(named(name, { forwardAll: true, include: [name, '*'] }), undefined, name);
  }
});

test('a name that is no token is not forwarded', () => {
  for (const name of ['a b', 'a\0', 'a\n', 'é', '', ' ', 'a:b', 'x'.repeat(200)]) {
    assert.equal(named(name, { forwardAll: true }), undefined);
  }
});

test('thousands of names from clients are decided and do not change the decisions', () => {
  const rules = compileHeaderRules({
    forward: true,
    forwardAll: true,
    include: [],
    exclude: ['x-no-*'],
    rename: {},
    repeated: 'take_first',
  });
  for (let index = 0; index < 3000; index++) {
    assert.equal(rules.recordName(`x-${index}`), `x-${index}`);
    assert.equal(rules.recordName(`x-no-${index}`), undefined);
  }
  assert.equal(rules.recordName('x-2999'), 'x-2999');
});
