import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cleanBaggage,
  cleanTracestate,
  contextHeaders,
  isContextHeader,
  isSampled,
  parseB3,
  parseTraceparent,
  traceparentOf,
} from '../../../bridge/telemetry/trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test('a traceparent of version 00 goes on as it came, with flags nobody knows yet', () => {
  for (const flags of ['00', '01', '03', 'ff']) {
    const text = `00-${TRACE}-${SPAN}-${flags}`;
    const context = parseTraceparent(text);
    assert.ok(context);
    assert.equal(traceparentOf(context), text);
    assert.equal(isSampled(context), flags !== '00');
  }
});

test('of a later version only what is known of it goes on', () => {
  for (const more of ['', '-', '-more-\xff of it']) {
    const context = parseTraceparent(`cc-${TRACE}-${SPAN}-ff${more}`);
    assert.equal(context && traceparentOf(context), `00-${TRACE}-${SPAN}-01`);
  }
});

for (const [why, text] of [
  ['nothing', ''],
  ['too short', '00-1'],
  ['a forbidden version', `ff-${TRACE}-${SPAN}-01`],
  ['version 00 with more', `00-${TRACE}-${SPAN}-01-more`],
  ['a later version that runs on', `cc-${TRACE}-${SPAN}-01x`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['no hexadecimal digits', `00-${TRACE.replace('4', 'g')}-${SPAN}-01`],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['two in one', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ['a line break', `00-${TRACE}-${SPAN}-01\n`],
  ['a NUL', `00-${TRACE}-${SPAN}-01\0`],
] as const) {
  test(`no traceparent: ${why}`, () => assert.equal(parseTraceparent(text), undefined));
}

test('a tracestate goes on without its blanks', () => {
  assert.equal(cleanTracestate('a=1'), 'a=1');
  assert.equal(cleanTracestate(' a=1 ,\t, t@v=x y!~,0-_*/=2'), 'a=1,t@v=x y!~,0-_*/=2');
});

for (const text of [
  '',
  ' , ',
  'a',
  '=1',
  'A=1',
  'a=',
  'a=b=c',
  'a=\xe9',
  'a=\0',
  'a b=1',
  'a=1,a=2',
  `${'k'.repeat(257)}=1`,
  `a=${'v'.repeat(257)}`,
  'a=1,B=2',
]) {
  test(`no tracestate: ${JSON.stringify(text.slice(0, 12))}`, () =>
    assert.equal(cleanTracestate(text), undefined));
}

test('of a long tracestate the newest members go on, whole', () => {
  const members = Array.from({ length: 40 }, (_, index) => `k${index}=1`);
  assert.equal(cleanTracestate(members.join(',')), members.slice(0, 32).join(','));
  const long = ['a', 'b', 'c'].map((key) => `${key}=${key.repeat(250)}`);
  assert.equal(cleanTracestate(long.join(',')), long.slice(0, 2).join(','));
  const exact = [`a=${'1'.repeat(253)}`, `b=${'1'.repeat(254)}`].join(',');
  assert.equal(exact.length, 512);
  assert.equal(cleanTracestate(exact), exact);
});

test('baggage goes on, with its properties', () => {
  assert.equal(cleanBaggage('a=1'), 'a=1');
  assert.equal(cleanBaggage('user=j%C3%B6rg ; secret;ttl = 5 , b='), 'user=j%C3%B6rg ; secret;ttl = 5,b=');
  assert.equal(cleanBaggage('A.b~c=x=y'), 'A.b~c=x=y');
});

for (const text of [
  '',
  ',',
  'a',
  '=1',
  'a b=1',
  'a=\xe9',
  'a=1;',
  'a=1;=2',
  'a=1;b c',
  'a="1"',
  'a=1 2',
  'a=\\',
  'a=1\x0b',
  '\xa0a=1',
  'a=1,b',
]) {
  test(`no baggage: ${JSON.stringify(text)}`, () => assert.equal(cleanBaggage(text), undefined));
}

test('of much baggage the first members go on, whole', () => {
  const members = Array.from({ length: 70 }, (_, index) => `k${index}=1`);
  assert.equal(cleanBaggage(members.join(',')), members.slice(0, 64).join(','));
  const heavy = ['a', 'b', 'c'].map((key) => `${key}=${key.repeat(4000)}`);
  assert.equal(cleanBaggage(heavy.join(',')), heavy.slice(0, 2).join(','));
  assert.equal(cleanBaggage(`a=${'1'.repeat(8191)}`), undefined, 'none fits');
});

/** With a pattern over the whole list, blanks before a wrong character were tried in every division. */
test('what a client sends is read in a moment, whatever it is', () => {
  const hostile = [
    `a=1${' ;'.repeat(8000)}`,
    `a=1;${' '.repeat(16_000)}"`,
    `a=1;b${' '.repeat(16_000)}=${' '.repeat(16_000)}"`,
    `${'a=1;b'.repeat(4000)}"`,
    `${' '.repeat(32_000)}"`,
    ','.repeat(32_000),
  ];
  const startedAt = performance.now();
  for (const text of hostile) {
    cleanBaggage(text);
    cleanTracestate(text);
    parseTraceparent(text);
    parseB3(() => text);
  }
  assert.ok(performance.now() - startedAt < 200);
});

const b3 = (headers: Record<string, string>) => parseB3((name) => headers[name]);
const multi = (traceId: string, spanId: string, more: Record<string, string> = {}) =>
  b3({ 'x-b3-traceid': traceId, 'x-b3-spanid': spanId, ...more });

test('B3 in one header', () => {
  assert.deepEqual(b3({ b3: `${TRACE}-${SPAN}-1` }), { traceId: TRACE, spanId: SPAN, flags: '01' });
  assert.equal(b3({ b3: `${TRACE}-${SPAN}-d-${SPAN}` })?.flags, '01', 'debug is sampled');
  assert.equal(b3({ b3: `${TRACE}-${SPAN}-0` })?.flags, '00');
  assert.equal(b3({ b3: `${TRACE}-${SPAN}` })?.flags, '00', 'not decided');
  assert.equal(b3({ b3: `${SPAN}-${SPAN}-1` })?.traceId, `${'0'.repeat(16)}${SPAN}`, 'a short trace id');
});

test('B3 in several headers', () => {
  assert.deepEqual(multi(TRACE, SPAN, { 'x-b3-sampled': '1' }), {
    traceId: TRACE,
    spanId: SPAN,
    flags: '01',
  });
  assert.equal(multi(TRACE, SPAN, { 'x-b3-sampled': 'true' })?.flags, '01');
  assert.equal(multi(TRACE, SPAN, { 'x-b3-flags': '1' })?.flags, '01');
  assert.equal(multi(TRACE, SPAN)?.flags, '00');
});

test('no B3', () => {
  for (const single of [
    '0',
    '1',
    '',
    TRACE,
    `${TRACE}-${SPAN}-2`,
    `${TRACE}-${SPAN}-1-`,
    `${TRACE}-${'0'.repeat(16)}-1`,
    `${'0'.repeat(32)}-${SPAN}-1`,
    `${TRACE.toUpperCase()}-${SPAN}-1`,
  ]) {
    assert.equal(b3({ b3: single }), undefined, single);
  }
  assert.equal(multi(TRACE, ''), undefined);
  assert.equal(multi(TRACE.slice(1), SPAN), undefined);
  assert.equal(b3({}), undefined);
});

test('a context as record headers', () => {
  const context = { traceId: TRACE, spanId: SPAN, flags: '03' };
  const traceparent = ['traceparent', `00-${TRACE}-${SPAN}-03`] as const;
  assert.deepEqual(contextHeaders(context, 'off'), [traceparent]);
  assert.deepEqual(contextHeaders(context, 'single'), [traceparent, ['b3', `${TRACE}-${SPAN}-1`]]);
  assert.deepEqual(contextHeaders({ ...context, flags: '00' }, 'multi').slice(1), [
    ['X-B3-TraceId', TRACE],
    ['X-B3-SpanId', SPAN],
    ['X-B3-Sampled', '0'],
  ]);
  for (const form of ['off', 'single', 'multi'] as const) {
    assert.ok(contextHeaders(context, form).every(([name]) => isContextHeader(name)));
  }
  assert.ok(!isContextHeader('tracestate') && !isContextHeader('x-b3-traceid'));
});
