import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { RequestNeeds } from '../../../bridge/request/http-request';
import { FakeKong } from '../../support/fake-kong';
import { readRequest } from '../../support/read-request';

const NOTHING: RequestNeeds = {
  method: false,
  body: false,
  query: false,
  uri: false,
  scheme: false,
  captures: false,
  consumer: false,
  route: false,
};
const LIMIT = { maxBodyBytes: 100, boundedRead: true };

test('only what is needed is asked for', async () => {
  const kong = new FakeKong({ body: 'x' });
  const request = await readRequest(kong, NOTHING, LIMIT);
  assert.deepEqual(kong.reads, ['kong_request_id', 'getHeaders']);
  assert.equal(request.body.length, 0);
});

/** A second round trip would show as a read that is asked for only after others have been answered. */
test('everything is asked for at once', async () => {
  const kong = new FakeKong({ uri: '/a?b=1', body: 'x', route: { id: 'r' }, captures: { id: '7' } });
  const all = Object.fromEntries(Object.keys(NOTHING).map((name) => [name, true])) as unknown as RequestNeeds;
  const reading = readRequest(kong, all, LIMIT);
  assert.equal(kong.reads.length, 10);
  const request = await reading;
  assert.equal(kong.reads.length, 10);
  assert.equal(request.uri, '/a?b=1');
  assert.equal(request.rawQuery, 'b=1');
  assert.equal(request.route, 'r');
  assert.deepEqual(request.captures, { id: '7' });
});

test('the read of the body carries the limit, so that a larger one is refused unread', async () => {
  const kong = new FakeKong();
  await readRequest(kong, { ...NOTHING, body: true }, LIMIT);
  assert.ok(kong.reads.includes('getRawBody(100)'));
});

/** The answer had no request_id to quote, and was never in the form that the client accepts. */
test('a body that is refused leaves known whose request it was', async () => {
  const kong = new FakeKong({ headers: { accept: 'application/problem+json' } });
  const refusal = new GatewayError('request_too_large', 'not read');
  kong.request.getRawBody = () => Promise.reject(refusal);
  const request = await readRequest(kong, { ...NOTHING, body: true }, LIMIT);
  assert.equal(request.refusal, refusal);
  assert.equal(request.id, 'r1');
  assert.equal(request.headers.accept, 'application/problem+json');
});

test('a bug in the reading of the body refuses the request; without headers there is none', async () => {
  const bug = new TypeError('a bug');
  const kong = new FakeKong();
  kong.request.getRawBody = () => Promise.reject(bug);
  const { refusal } = await readRequest(kong, { ...NOTHING, body: true }, LIMIT);
  assert.equal(refusal?.code, 'internal');
  assert.equal(refusal.cause, bug);
  const closed = new GatewayError('internal', 'Kong closed the connection');
  kong.request.getHeaders = () => Promise.reject(closed);
  await assert.rejects(readRequest(kong, NOTHING, LIMIT), closed);
});

test('without a bounded read, and with a limit of nothing, the size is checked afterwards', async () => {
  for (const options of [
    { maxBodyBytes: 1, boundedRead: false },
    { maxBodyBytes: 0, boundedRead: true },
  ]) {
    const kong = new FakeKong({ body: 'xy' });
    const request = await readRequest(kong, { ...NOTHING, body: true }, options);
    assert.equal(request.refusal?.code, 'request_too_large');
    assert.equal(request.body.length, 0);
    assert.ok(kong.reads.includes('getRawBody(0)'));
  }
});
