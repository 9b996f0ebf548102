import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { readRequest, type RequestNeeds } from '../../../bridge/request/http-request';
import { FakeKong } from '../../support/fake-kong';

const NOTHING: RequestNeeds = {
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
  assert.deepEqual(kong.reads, ['kong_request_id', 'getMethod', 'getHeaders']);
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

test('a refused body is the answer, whatever else was read', async () => {
  const kong = new FakeKong({ headers: { 'content-length': '101' } });
  kong.request.getRawBody = () => Promise.reject(new GatewayError('request_too_large', 'not read'));
  await assert.rejects(readRequest(kong, { ...NOTHING, body: true }, LIMIT), { status: 413 });
});

test('without a bounded read, and with a limit of nothing, the size is checked afterwards', async () => {
  for (const options of [
    { maxBodyBytes: 1, boundedRead: false },
    { maxBodyBytes: 0, boundedRead: true },
  ]) {
    const kong = new FakeKong({ body: 'xy' });
    await assert.rejects(readRequest(kong, { ...NOTHING, body: true }, options), {
      code: 'request_too_large',
    });
    assert.ok(kong.reads.includes('getRawBody(0)'));
  }
});
