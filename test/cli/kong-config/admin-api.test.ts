import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { readAdminApi, readKongNode, readPluginSchema } from '../../../cli/kong-config/admin-api';

type Answers = (path: string, request: IncomingMessage) => unknown;

async function adminApi(t: TestContext, answers: Answers, headers: Record<string, string> = {}) {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answer = answers(request.url ?? '', request);
    const [status, body] = Array.isArray(answer) ? (answer as [number, unknown]) : [200, answer];
    response
      .writeHead(status, { 'content-type': 'application/json', server: 'kong/3.9.3' })
      .end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/default`);
  return { url, headers, signal: new AbortController().signal };
}

test('a token that no header can carry is not told', async (t) => {
  // A file of two lines. fetch quotes the whole of it.
  const api = await adminApi(t, () => assert.fail('it was sent'), { 'kong-admin-token': 'planted\nplanted' });
  await assert.rejects(readAdminApi(api), ({ message }: Error) => {
    assert.match(message, /cannot be asked: a header is none that HTTP can carry\.$/);
    return true;
  });
});

test('page by page, below the workspace, with the token', async (t) => {
  const asked: string[] = [];
  const api = await adminApi(
    t,
    (path, { headers }) => {
      asked.push(`${path} ${String(headers['kong-admin-token'])}`);
      if (path.startsWith('/default/services'))
        return { data: [{ id: 's1', name: 'backend', host: 'backend.internal' }] };
      if (path.includes('/routes') && !path.includes('offset'))
        return { data: [{ id: 'r1', name: 'one', service: { id: 's1' } }], offset: 'a b' };
      if (path.includes('/routes')) return { data: [{ id: 'r2', paths: ['/two'] }] };
      return {
        data: [
          { id: 'p', name: 'custom_kafka_log', enabled: true, route: { id: 'r2' }, config: { topic: 't' } },
        ],
      };
    },
    { 'kong-admin-token': 'token' },
  );
  const { services, routes, plugins } = await readAdminApi(api);
  assert.deepEqual(services, [{ id: 's1', name: 'backend', host: 'backend.internal' }]);
  assert.deepEqual(
    routes.map(({ id, name, serviceId }) => [id, name, serviceId]),
    [
      ['r1', 'one', 's1'],
      ['r2', '/two', undefined],
    ],
  );
  assert.deepEqual(
    plugins.map(({ name, routeId, config }) => [name, routeId, config]),
    [['custom_kafka_log', 'r2', { topic: 't' }]],
  );
  assert.deepEqual(asked, [
    '/default/services?size=1000 token',
    '/default/routes?size=1000 token',
    '/default/routes?size=1000&offset=a%20b token',
    '/default/plugins?size=1000 token',
  ]);
});

test('what Kong says of itself', async (t) => {
  const api = await adminApi(t, () => ({
    version: '3.9.1',
    plugins: { available_on_server: { custom_kafka_log: { version: '0.1.0', priority: 5 }, old: true } },
    configuration: {
      plugins: ['bundled', 'custom_kafka_log'],
      log_level: 'info',
      proxy_listen: {},
      anonymous_reports: true,
    },
  }));
  const node = await readKongNode(api);
  assert.equal(node.version, '3.9.1');
  assert.deepEqual(node.plugins.get('custom_kafka_log'), { version: '0.1.0', priority: 5 });
  assert.deepEqual(Object.fromEntries(node.settings), {
    plugins: 'bundled,custom_kafka_log',
    log_level: 'info',
    anonymous_reports: 'on',
  });
});

// Kong 3.9 with a managed plugin server answers so, and the rest of its Admin API works.
test('a root that fails is a fact', async (t) => {
  const api = await adminApi(t, () => [500, { message: 'An unexpected error occurred' }]);
  const node = await readKongNode(api);
  assert.deepEqual([node.version, node.failedWith], ['3.9.3', 500]);
  assert.equal(await readPluginSchema(api, 'custom_kafka_log'), undefined);
});

test('a token that is missing, something else that answers, nobody', async (t) => {
  await assert.rejects(
    readAdminApi(await adminApi(t, () => [401, {}])),
    /refuses to show services, with status 401.*KONG_ADMIN_TOKEN/,
  );
  await assert.rejects(readAdminApi(await adminApi(t, () => [404, {}])), /answers 404 for services/);
  const gone = { url: new URL('http://127.0.0.1:1'), headers: {}, signal: new AbortController().signal };
  await assert.rejects(
    readAdminApi(gone),
    /^CliError: The Admin API at http:\/\/127\.0\.0\.1:1 cannot be asked: .+\.$/,
  );
});

test('a token does not follow to another address', async (t) => {
  let leaked = false;
  const other = await adminApi(t, () => {
    leaked = true;
    return {};
  });
  const server = createServer((_request, response) =>
    response.writeHead(302, { location: other.url.href }).end(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await assert.rejects(
    readAdminApi({ url, headers: { 'kong-admin-token': 'planted' }, signal: new AbortController().signal }),
  );
  assert.equal(leaked, false);
});
