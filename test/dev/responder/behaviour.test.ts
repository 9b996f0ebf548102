import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DEFAULT_BEHAVIOUR, replyTo, type Behaviour } from '../../../dev/responder/behaviour';
import { parseBehaviour, parseResponderArguments } from '../../../dev/responder/options';
import { receivedRecord } from '../../support/records';

const behaviour = (changes: Partial<Behaviour> = {}): Behaviour => ({
  ...DEFAULT_BEHAVIOUR,
  topic: 't',
  ...changes,
});

const REQUESTS = {
  plain: { 'correlation-id': 'id', 'reply-to': 'r' },
  spring: { kafka_correlationId: 'id', kafka_replyTopic: 'r' },
  smallrye: { REPLY_CORRELATION_ID: 'id', REPLY_TOPIC: 'r' },
  zilla: { 'zilla:correlation-id': 'id', 'zilla:reply-to': 'r' },
};

test('auto answers in whatever dialect the request carries', () => {
  for (const headers of Object.values(REQUESTS)) {
    const reply = replyTo(receivedRecord({ headers, value: 'body' }), behaviour());
    assert.equal(reply?.topic, 'r');
    assert.deepEqual(reply.headers, [[Object.keys(headers)[0], 'id']]);
    assert.equal(reply.value?.toString(), 'body');
  }
});

test('a request that names no way back is not answered', () => {
  assert.equal(replyTo(receivedRecord({ value: 'x' }), behaviour()), undefined);
  assert.equal(replyTo(receivedRecord({ headers: { kafka_correlationId: 'id' } }), behaviour()), undefined);
  assert.equal(
    replyTo(receivedRecord({ headers: REQUESTS.spring }), behaviour({ dialect: 'zilla' })),
    undefined,
  );
});

test('nestjs ends a stream, and sends an error in a header with no value', () => {
  const request = receivedRecord({ headers: REQUESTS.spring, value: 'no such order' });
  const fine = replyTo(request, behaviour({ dialect: 'nestjs' }));
  assert.deepEqual(fine?.headers.at(-1), ['kafka_nest-is-disposed', '1']);
  const failed = replyTo(request, behaviour({ dialect: 'nestjs', error: true }));
  assert.equal(failed?.value, null);
  assert.deepEqual(failed.headers.at(-1), ['kafka_nest-err', 'no such order']);
});

test('body reads correlation_id and writes correlation-id', () => {
  const request = receivedRecord({ value: '{"correlation_id":"id","a":1}' });
  const reply = replyTo(request, behaviour({ dialect: 'body', replyTopic: 'r' }));
  assert.deepEqual(JSON.parse(String(reply?.value)), { correlation_id: 'id', a: 1, 'correlation-id': 'id' });
});

test('key answers under the key of the request', () => {
  const reply = replyTo(
    receivedRecord({ key: 'id', value: 'x' }),
    behaviour({ dialect: 'key', replyTopic: 'r' }),
  );
  assert.equal(String(reply?.key), 'id');
});

test('an order is computed, and a wrong one refused with a reason', () => {
  const ask = (value: string) =>
    replyTo(receivedRecord({ headers: REQUESTS.plain, value }), behaviour({ mode: 'order' }));
  const reply = ask('{"item":"book","quantity":3}');
  assert.equal((JSON.parse(String(reply?.value)) as { total: string }).total, '29.85');
  for (const wrong of ['', '{}', '{"item":"book","quantity":0}', '{"item":"book","quantity":1.5}', 'null']) {
    assert.ok(ask(wrong)?.headers.some(([name, value]) => name === 'status' && value === '422'));
  }
});

test('a compressed request is read, and its echo says that it is compressed', () => {
  const headers = { ...REQUESTS.plain, 'content-encoding': 'gzip' };
  const ask = (value: Buffer, mode: Behaviour['mode']) =>
    replyTo(receivedRecord({ headers, value }), behaviour({ mode }));
  const order = gzipSync('{"item":"book","quantity":3}');
  assert.equal((JSON.parse(String(ask(order, 'order')?.value)) as { total: string }).total, '29.85');
  assert.match(String(ask(Buffer.from('no gzip'), 'order')?.value), /an order needs/);
  assert.equal(String(ask(gzipSync('x'), 'upper')?.value), 'X');
  const echo = ask(order, 'echo');
  assert.deepEqual(echo?.value, order);
  assert.deepEqual(echo.headers.at(-1), ['content-encoding', 'gzip']);
});

test('the command line names topics and how each is answered', () => {
  assert.deepEqual(
    parseBehaviour(
      'slow,mode=upper,dialect=spring,delay-ms=10,together=3,error=true,status=503,duplicates=2,header-x-a=b=c',
    ),
    {
      topic: 'slow',
      mode: 'upper',
      dialect: 'spring',
      delayMs: 10,
      error: true,
      status: 503,
      together: 3,
      duplicates: 2,
      replies: 1,
      everyMs: 0,
      headers: { 'x-a': 'b=c' },
    },
  );
});

const REFUSED: [string[], RegExp][] = [
  [[], /--bootstrap is missing/],
  [['--bootstrap', 'h:1'], /--serve is missing/],
  [['--bootstrap', 'h:1', '--serve', 'a b'], /begins with a topic name/],
  [['--bootstrap', 'h:1', '--serve', 't,mode=sing'], /mode is one of echo, upper, order, steps, not 'sing'/],
  [['--bootstrap', 'h:1', '--serve', 't,colour=red'], /no option 'colour'/],
  [['--bootstrap', 'h:1', '--serve', 't,delay-ms=soon'], /delay-ms is a whole number/],
  [['--bootstrap', 'h:1', '--serve', 't,dialect=body'], /needs reply-topic/],
  [['--bootstrap', 'h:1', '--serve', 't', '--colour'], /Unknown option '--colour'/],
];

for (const [args, message] of REFUSED) {
  test(`refused with one sentence: ${args.join(' ') || '(nothing)'}`, () => {
    assert.throws(() => parseResponderArguments(args), message);
  });
}
