import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordHeaders, type HeaderOptions } from '../../../bridge/request/record-headers';
import { httpRequest } from '../../support/requests';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const W3C = { traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'user=7' };

const OPTIONS: HeaderOptions = {
  forward: true,
  forwardAll: false,
  include: [],
  exclude: [],
  rename: {},
  repeated: 'concatenate_by_comma',
  dialects: [],
  replyTopic: undefined,
  correlationHeader: 'Kong-Request-ID',
  methodAndPath: false,
  consumer: false,
  deadlineAfterMs: 0,
  b3: 'off',
};

/** Without what every record has. */
function traced(headers: Record<string, string | string[]>, options: Partial<HeaderOptions> = {}) {
  return recordHeaders({ ...OPTIONS, ...options })(httpRequest({ headers }), 'id', 0).slice(2);
}

test('the trace of the client goes on in W3C form', () => {
  assert.deepEqual(traced(W3C), Object.entries(W3C));
  assert.deepEqual(traced({ baggage: 'user=7' }), [['baggage', 'user=7']], 'baggage needs no trace');
  assert.deepEqual(traced({}), []);
});

test('what is malformed is left out, and the request goes on', () => {
  assert.deepEqual(traced({ ...W3C, traceparent: '00-1' }), [['baggage', 'user=7']]);
  assert.deepEqual(traced({ ...W3C, tracestate: 'A' }), [
    ['traceparent', TRACEPARENT],
    ['baggage', 'user=7'],
  ]);
  assert.deepEqual(traced({ ...W3C, baggage: 'user="7"' }), [
    ['traceparent', TRACEPARENT],
    ['tracestate', 'a=1'],
  ]);
  assert.deepEqual(traced({ tracestate: 'a=1' }), [], 'of no trace');
  assert.deepEqual(traced({ traceparent: '', tracestate: '', baggage: '' }), []);
});

/** As any header that is forwarded, 9 KB of baggage were a 431. */
test('too much of it is no error', () => {
  const much = { tracestate: `a=${'1'.repeat(9000)}`, baggage: `a=1,b=${'1'.repeat(9000)}` };
  assert.deepEqual(traced({ ...W3C, ...much }), [
    ['traceparent', TRACEPARENT],
    ['baggage', 'a=1'],
  ]);
});

test('of several traceparents none is true, the lists are one list', () => {
  assert.deepEqual(traced({ ...W3C, traceparent: [TRACEPARENT, TRACEPARENT] }), [['baggage', 'user=7']]);
  assert.deepEqual(
    traced({ traceparent: [TRACEPARENT], tracestate: ['a=1', 'b=2'], baggage: ['c=3', 'd=4'] }),
    [
      ['traceparent', TRACEPARENT],
      ['tracestate', 'a=1,b=2'],
      ['baggage', 'c=3,d=4'],
    ],
  );
});

test('it comes once, whatever else is forwarded, and not where it is excluded', () => {
  assert.deepEqual(traced(W3C, { forwardAll: true, include: ['*'] }), Object.entries(W3C));
  assert.deepEqual(traced(W3C, { forward: false }), []);
  assert.deepEqual(traced(W3C, { exclude: ['baggage'] }), Object.entries(W3C).slice(0, 2));
  assert.deepEqual(traced(W3C, { exclude: ['trace*'] }), [['baggage', 'user=7']]);
});

test('B3 is written beside it where it is asked for', () => {
  const { traceparent } = W3C;
  assert.deepEqual(traced({ traceparent }, { b3: 'single' }), [
    ['traceparent', TRACEPARENT],
    ['b3', `${TRACE}-${SPAN}-1`],
  ]);
  assert.deepEqual(traced({ traceparent }, { b3: 'multi' }), [
    ['traceparent', TRACEPARENT],
    ['X-B3-TraceId', TRACE],
    ['X-B3-SpanId', SPAN],
    ['X-B3-Sampled', '1'],
  ]);
});

test('then a client may bring its trace in B3, and W3C wins', () => {
  const own = `${TRACE}-${SPAN}-0`;
  const other = `${SPAN}${SPAN}-${SPAN}-1`;
  assert.deepEqual(traced({ b3: own, tracestate: 'a=1' }, { b3: 'single' }), [
    ['traceparent', `00-${TRACE}-${SPAN}-00`],
    ['b3', own],
  ]);
  const both = { b3: other, 'x-b3-traceid': SPAN, 'x-b3-spanid': SPAN, traceparent: TRACEPARENT };
  assert.deepEqual(traced(both, { b3: 'single', forwardAll: true }), [
    ['traceparent', TRACEPARENT],
    ['b3', `${TRACE}-${SPAN}-1`],
  ]);
  assert.deepEqual(traced({ b3: own }, { b3: 'single', exclude: ['b3'] }), []);
  assert.deepEqual(traced({ b3: own }), [], 'without the option it is a header as any other');
});
