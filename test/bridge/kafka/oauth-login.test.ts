import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OauthOptions } from '../../../bridge/kafka/connection';
import { OauthLogin } from '../../../bridge/kafka/oauth-login';
import { setLogSink } from '../../../bridge/telemetry/log';
import { FakeClock } from '../../support/fake-clock';

setLogSink(() => undefined);

const settled = () => new Promise((resolve) => setImmediate(resolve));

function login(lifeMs = 100_000) {
  const clock = new FakeClock();
  const endpoint = { asked: 0, failure: undefined as string | undefined };
  const taken: string[] = [];
  const client = { setOauthBearerToken: (token: string) => void taken.push(token) };
  const oauth = new OauthLogin(
    {} as OauthOptions,
    () => {
      endpoint.asked++;
      return endpoint.failure === undefined
        ? Promise.resolve({ value: `token ${endpoint.asked}`, lifeMs })
        : Promise.reject(new Error(endpoint.failure));
    },
    clock,
  );
  const advance = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { oauth, endpoint, taken, client, clock, advance };
}

test('a client has its token before it connects, and the next after 80 % of its life', async () => {
  const { oauth, taken, client, advance } = login();
  await oauth.prepare(client);
  assert.deepEqual(taken, ['token 1']);
  oauth.keep(client);
  await advance(79_999);
  assert.deepEqual(taken, ['token 1']);
  await advance(1);
  assert.deepEqual(taken, ['token 1', 'token 2']);
  await advance(80_000);
  assert.deepEqual(taken, ['token 1', 'token 2', 'token 3']);
});

test('an endpoint that fails is asked again with growing pauses, and the reason can be seen', async () => {
  const { oauth, endpoint, taken, client, advance } = login();
  await oauth.prepare(client);
  oauth.keep(client);
  endpoint.failure = 'it is away';
  await advance(80_000);
  assert.equal(oauth.failure, 'it is away');
  assert.equal(endpoint.asked, 2);
  await advance(500);
  assert.equal(endpoint.asked, 3);
  await advance(999);
  assert.equal(endpoint.asked, 3);
  await advance(1);
  assert.equal(endpoint.asked, 4);
  endpoint.failure = undefined;
  await advance(2000);
  assert.equal(oauth.failure, undefined);
  assert.deepEqual(taken, ['token 1', 'token 5']);
});

test('without a token a client does not connect', async () => {
  const { oauth, endpoint, client, taken } = login();
  endpoint.failure = 'it is away';
  await assert.rejects(oauth.prepare(client), { message: 'it is away' });
  assert.deepEqual(taken, []);
  assert.equal(oauth.failure, 'it is away');
});

test('a client that comes at once takes the token of the one before, a later one gets its own', async () => {
  const { oauth, client, taken, advance } = login();
  await oauth.prepare(client);
  await advance(5000);
  await oauth.prepare(client);
  await advance(1);
  await oauth.prepare(client);
  assert.deepEqual(taken, ['token 1', 'token 1', 'token 2']);
});

test('a token near its end is not handed on', async () => {
  const { oauth, client, taken, advance } = login(1000);
  await oauth.prepare(client);
  await advance(801);
  await oauth.prepare(client);
  assert.deepEqual(taken, ['token 1', 'token 2']);
});

test('a refused token is replaced, but not for each refusal', async () => {
  const { oauth, client, taken, advance } = login();
  await oauth.prepare(client);
  oauth.keep(client);
  oauth.rejected();
  await advance(4000);
  oauth.rejected();
  await advance(999);
  assert.deepEqual(taken, ['token 1']);
  await advance(1);
  assert.deepEqual(taken, ['token 1', 'token 2']);
  oauth.rejected();
  oauth.rejected();
  await advance(4999);
  assert.deepEqual(taken, ['token 1', 'token 2']);
  await advance(1);
  assert.deepEqual(taken, ['token 1', 'token 2', 'token 3']);
});

test('a client that is gone is not touched any more, also by an answer that is on its way', async () => {
  const { oauth, client, taken, clock } = login();
  await oauth.prepare(client);
  oauth.keep(client);
  clock.advance(80_000);
  oauth.forget();
  await settled();
  assert.deepEqual(taken, ['token 1']);
  assert.equal(clock.pendingTimers, 0);
});
