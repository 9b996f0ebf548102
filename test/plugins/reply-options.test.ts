/** Options of the consumer that decide how long a client waits and what it gets, through both handlers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setLogSink } from '../../bridge/telemetry/log';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, route, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

/** Sends a request and holds its client. */
async function held(consumer: object, request: FakeRequest = {}) {
  const parts = route({ consumer });
  await parts.producer.access(new FakeKong(request));
  parts.kafka.produced[0]!.onDelivery(undefined);
  const kong = new FakeKong(request);
  const end = parts.consumer.access(kong);
  await settled();
  return { ...parts, kong, end };
}

const asking = (prefer: string | string[]): FakeRequest => ({ headers: { prefer } });

/** Kong's read timeout is 60 s; the wait itself must not care. */
test('a reply after 70 seconds is delivered', async () => {
  const { clock, kafka, kong, end, nothingPending } = await held({ timeout: 90_000 });
  clock.advance(70_000);
  await settled();
  assert.equal(kong.exits.length, 0);
  kafka.arrive(replyTo(kafka, 0, 'at last'));
  await end;
  assert.equal(kong.exits[0]!.body.toString(), 'at last');
  nothingPending();
});

test('a client may choose a shorter wait, and the 504 says which', async () => {
  const { clock, kong, end, nothingPending } = await held({ timeout_ceiling: 30_000 }, asking('wait=2'));
  clock.advance(1990);
  await settled();
  assert.equal(kong.exits.length, 0);
  clock.advance(40);
  await end;
  assert.equal(kong.answer.status, 504);
  assert.equal(kong.exits[0]!.headers['preference-applied'], 'wait=2');
  assert.equal(kong.exits[0]!.headers.vary, 'Prefer');
  nothingPending();
});

test('a client may choose a longer wait, and gets its reply', async () => {
  const { clock, kafka, kong, end, nothingPending } = await held(
    { timeout_ceiling: 30_000 },
    asking('wait=20'),
  );
  clock.advance(19_000);
  await settled();
  kafka.arrive(replyTo(kafka, 0, 'x'));
  await end;
  assert.equal(kong.exits[0]!.status, 200);
  assert.equal(kong.exits[0]!.headers['preference-applied'], 'wait=20');
  nothingPending();
});

test('no client waits longer than the ceiling', async () => {
  const { clock, kong, end } = await held({ timeout_ceiling: 7000 }, asking('wait=3600'));
  clock.advance(6980);
  await settled();
  assert.equal(kong.exits.length, 0);
  clock.advance(50);
  await end;
  assert.equal(kong.answer.status, 504);
  assert.equal(kong.exits[0]!.headers['preference-applied'], 'wait=7');
});

test('repeated Prefer headers are one list', async () => {
  const { clock, kong, end } = await held(
    { timeout_ceiling: 30_000 },
    asking(['respond-async', 'handling=lenient; x="a, b"', 'wait="3"']),
  );
  clock.advance(3050);
  await end;
  assert.equal(kong.exits[0]!.headers['preference-applied'], 'wait=3');
});

for (const [what, consumer, request] of [
  ['without a ceiling', {}, asking('wait=1')],
  ['without a wish', { timeout_ceiling: 30_000 }, {}],
  ['with a wish that is none', { timeout_ceiling: 30_000 }, asking('wait=soon')],
] as [string, object, FakeRequest][]) {
  test(`the timeout holds ${what}`, async () => {
    const { clock, kong, end } = await held(consumer, request);
    clock.advance(4980);
    await settled();
    assert.equal(kong.exits.length, 0);
    clock.advance(50);
    await end;
    assert.equal(kong.answer.status, 504);
    assert.equal('preference-applied' in kong.exits[0]!.headers, false);
    assert.equal('vary' in kong.exits[0]!.headers, false);
  });
}

test('apart: the consumer reads Accept and Prefer itself', async () => {
  const producing = route({ together: false });
  const { consumer, clock } = route({
    together: false,
    consumer: { bootstrap_servers: SERVERS, topic: 'replies', timeout_ceiling: 30_000 },
  });
  const request = { headers: { prefer: 'wait=1', accept: 'application/problem+json' } };
  const first = new FakeKong(request);
  await producing.producer.access(first);
  const kong = new FakeKong(request, first.shared);
  const end = consumer.access(kong);
  await settled();
  clock.advance(1050);
  await end;
  assert.equal(kong.answer.status, 504);
  assert.equal(kong.exits[0]!.headers['preference-applied'], 'wait=1');
  assert.equal(kong.exits[0]!.headers['content-type'], 'application/problem+json');
});

/** Its answer said `content-length: 0` where a GET has a body: the body was left out here, and Kong counts what it gets. */
for (const together of [true, false]) {
  test(`HEAD: Kong gets the body, to say how long it is and leave it out (together: ${together})`, async () => {
    const request = { method: 'HEAD' };
    const producing = route({ together });
    const consuming = together
      ? producing
      : route({ together, consumer: { bootstrap_servers: SERVERS, topic: 'replies' } });
    const first = new FakeKong(request);
    await producing.producer.access(first);
    consuming.kafka.arrive(replyTo(producing.kafka, 0, 'hello'));
    const kong = new FakeKong(request, first.shared);
    await consuming.consumer.access(kong);
    assert.equal(kong.exits[0]!.status, 200);
    assert.equal(kong.exits[0]!.body.toString(), 'hello');
  });
}

test('problem details are for clients that accept them, on routes that have them', async () => {
  const accept = { headers: { accept: ['application/json;q=0.5', 'application/problem+json'] } };
  for (const [consumer, type] of [
    [{}, /^application\/problem\+json$/],
    [{ problem_details: false }, /^application\/json/],
  ] as const) {
    const { clock, kong, end } = await held(consumer, accept);
    clock.advance(5050);
    await end;
    assert.match(String(kong.exits[0]!.headers['content-type']), type);
    assert.equal(kong.answer.json.code, 'reply_timeout');
  }
});

test('the options of the reply reach the answer', async () => {
  const { kafka, kong, end, requestReply } = await held({
    reply_format: 'envelope',
    forward_headers: { include: ['location', 'x-*'], exclude: ['x-secret'] },
  });
  const headers = { location: '/orders/7', 'x-secret': '1', 'x-bad': 'a\r\nb', 'set-cookie': 'a=b' };
  kafka.arrive(replyTo(kafka, 0, JSON.stringify({ status: 201, headers, body: { id: 7 } })));
  await end;
  const [exit] = kong.exits;
  assert.equal(exit!.status, 201);
  assert.deepEqual(exit!.headers, { location: '/orders/7', 'content-type': 'application/json' });
  assert.deepEqual(kong.answer.json, { id: 7 });
  assert.equal(requestReply.counters.dropped_reply_headers, 1);
});

test('an error reply has the status the route says, and 503 says when to come again', async () => {
  const { kafka, kong, end } = await held({ error_headers: ['x-failed'], error_status: 503 });
  kafka.arrive(replyTo(kafka, 0, null, { 'x-failed': 'maintenance' }));
  await end;
  assert.equal(kong.answer.status, 503);
  assert.equal(kong.answer.json.code, 'responder_error');
  assert.equal(kong.exits[0]!.headers['retry-after'], '1');
  assert.equal('error' in kong.answer.json, false, 'the words of the service are a cause');
});

test('an envelope may carry the correlation id of match: body_field', async () => {
  const { kafka, kong, end } = await held({ reply_format: 'envelope', match: 'body_field' });
  const id = Buffer.from(kafka.produced[0]!.record.headers.find(([name]) => name === 'correlation-id')![1]);
  const value = JSON.stringify({ 'correlation-id': id.toString(), body: 'done' });
  kafka.arrive(receivedRecord({ topic: 'replies', value }));
  await end;
  assert.equal(kong.exits[0]!.body.toString(), 'done');
});
