import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { OauthOptions } from '../../../bridge/kafka/connection';
import { fetchOauthToken } from '../../../bridge/kafka/oauth-token';
import { makeCertificates } from '../../../dev/kafka/certificates';

const SECRET = 'planted secret+/%';

function options(url: string, more: Partial<OauthOptions> = {}): OauthOptions {
  return {
    tokenEndpointUrl: `${url}/token`,
    clientId: 'gate:way',
    clientSecret: SECRET,
    scopes: [],
    verifyTls: true,
    ...more,
  };
}

async function endpoint(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answering = (status: number, body: unknown): RequestListener => (_request, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }; // prettier-ignore

test('the grant is asked for as RFC 6749 says, and the token comes with its life', async (t) => {
  let seen: Record<string, unknown> = {};
  const url = await endpoint(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen = { method: request.method, body, authorization: request.headers.authorization };
    answering(200, { access_token: 'abc', expires_in: 60 })(request, response);
  });
  const token = await fetchOauthToken(options(url, { scopes: ['kafka', 'api://x'] }));
  assert.deepEqual(token, { value: 'abc', lifeMs: 60_000 });
  assert.equal(seen['method'], 'POST');
  assert.equal(seen['body'], 'grant_type=client_credentials&scope=kafka+api%3A%2F%2Fx');
  // Id and secret are form-encoded before they are joined, so that a colon in the id is no separator.
  const credentials = Buffer.from(String(seen['authorization']).replace('Basic ', ''), 'base64').toString();
  assert.equal(credentials, 'gate%3Away:planted+secret%2B%2F%25');
});

test('a life that the answer does not tell is read from the token', async (t) => {
  const exp = Math.floor(Date.now() / 1000) + 100;
  const jwt = `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.x`;
  const url = await endpoint(t, answering(200, { access_token: jwt }));
  const { lifeMs } = await fetchOauthToken(options(url));
  assert.ok(lifeMs > 90_000 && lifeMs <= 100_000, String(lifeMs));
});

test('a token without any known life counts as one of five minutes', async (t) => {
  const url = await endpoint(t, answering(200, { access_token: 'opaque', expires_in: null }));
  assert.equal((await fetchOauthToken(options(url))).lifeMs, 300_000);
});

const REFUSALS: [what: string, listener: RequestListener, reason: RegExp][] = [
  ['wrong credentials', answering(401, { error: 'invalid_client', error_description: SECRET }), /refused with status 401, invalid_client\.$/],
  ['an error without a code', answering(500, `<p>${SECRET}</p>`), /refused with status 500\.$/],
  ['a code that is no code', answering(400, { error: SECRET }), /refused with status 400\.$/],
  ['a redirect', (_request, response) => response.writeHead(302, { location: '/login' }).end(), /refused with status 302\.$/],
  ['an answer that is not JSON', answering(200, 'hello'), /holds no access_token\.$/],
  ['a token with a line break', answering(200, { access_token: 'a\nb' }), /holds no access_token\.$/],
  ['an endless answer', answering(200, 'x'.repeat(70_000)), /longer than 65536 bytes\.$/],
  ['a connection that is cut', (request) => request.socket.destroy(), /cannot be asked: .*\.$/],
  ['silence', () => undefined, /cannot be asked: no answer in time\.$/],
]; // prettier-ignore

for (const [what, listener, reason] of REFUSALS) {
  test(`told with endpoint and reason, without credentials: ${what}`, async (t) => {
    const url = await endpoint(t, listener);
    const withSecrets = url.replace('http://', `http://user:${encodeURIComponent(SECRET)}@`);
    const asked = fetchOauthToken(
      options(withSecrets, { tokenEndpointUrl: `${withSecrets}/token?key=planted` }),
      300,
    );
    const error = await asked.then(
      () => assert.fail('it was accepted'),
      (thrown: Error) => thrown,
    );
    assert.match(error.message, reason);
    assert.ok(error.message.includes(`${url}/token`));
    assert.doesNotMatch(`${error.message} ${error.stack}`, /planted/);
    assert.equal(error.cause, undefined);
  });
}

test('an endpoint that is not there is told as such', async () => {
  await assert.rejects(fetchOauthToken(options('http://127.0.0.1:1')), {
    message: 'The token endpoint http://127.0.0.1:1/token cannot be asked: connect ECONNREFUSED 127.0.0.1:1.',
  });
});

test('the certificate of the endpoint must be valid unless that is switched off', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  t.after(() => rm(folder, { recursive: true }));
  const { server: pair } = await makeCertificates(folder);
  const server = createHttpsServer(
    { cert: pair.certificate, key: pair.key },
    answering(200, { access_token: 'abc', expires_in: 60 }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(fetchOauthToken(options(url)), /unable to verify the first certificate/);
  assert.equal((await fetchOauthToken(options(url, { verifyTls: false }))).value, 'abc');
});
