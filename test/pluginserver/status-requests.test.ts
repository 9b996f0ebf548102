/** Who is answered what by the status port. */
import assert from 'node:assert/strict';
import { request, type IncomingHttpHeaders } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { Metrics } from '../../bridge/telemetry/metrics';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { Overload } from '../../pluginserver/overload';
import { PluginProcesses } from '../../pluginserver/process-hooks';
import { PluginServer } from '../../pluginserver/server';
import { statusRequests } from '../../pluginserver/status';
import { StatusPages } from '../../pluginserver/status-pages';
import { StatusPort } from '../../pluginserver/status-port';
import type { AccessOptions } from '../../status/access';

const HOST = '127.0.0.1';

async function serve(t: TestContext, access: Partial<AccessOptions> = {}) {
  const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');
  const sources = {
    version: '1',
    servers: [new PluginServer({ plugin, socketPath: '/nowhere' })],
    processes: new PluginProcesses([plugin]),
    overload: new Overload(),
    metrics: new Metrics([]),
    lifecycle: { draining: false, unhandledErrors: { rejections: 0, exceptions: 0 } },
  };
  const onRequest = statusRequests(sources, { host: HOST, allowedHosts: [], token: undefined, ...access });
  const page = new StatusPort({ port: 0, host: HOST, onRequest });
  t.after(() => page.close());
  await page.tryToListen();
  return (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }>(
      (resolve, reject) => {
        const { boundPort: port } = page;
        const sent = request({ host: HOST, port, path, headers, method, agent: false }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
        });
        sent.on('error', reject).end();
      },
    );
}

describe('the status port', () => {
  it('has a page for people, its guide, and the facts', async (t) => {
    const ask = await serve(t);
    assert.match((await ask('/')).body, /<h1>Starting/);
    assert.match((await ask('/troubleshooting')).body, /<h2 id="not_ready-503">/);
    assert.equal((JSON.parse((await ask('/status?x=1')).body) as { version: string }).version, '1');
    assert.equal((await ask('/else')).status, 404);
  });

  it('tells browsers to run nothing, frame nothing, guess nothing and keep nothing', async (t) => {
    const ask = await serve(t);
    for (const path of ['/', '/status', '/metrics', '/troubleshooting', '/else']) {
      const { headers } = await ask(path);
      assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
      assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|script/);
      assert.deepEqual(
        [headers['x-content-type-options'], headers['x-frame-options'], headers['cache-control']],
        ['nosniff', 'DENY', 'no-store'],
      );
    }
  });

  it('can be read and nothing else', async (t) => {
    const ask = await serve(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await ask('/status', {}, method);
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    }
    const { status, body } = await ask('/', {}, 'HEAD');
    assert.deepEqual([status, body], [200, '']);
  });

  // A page in the browser of an admin that makes its own name lead to 127.0.0.1.
  it('answers to no name that is not its own, but probes by any', async (t) => {
    const ask = await serve(t, { allowedHosts: ['status.example'] });
    for (const path of ['/', '/status', '/metrics', '/troubleshooting', '/else']) {
      const { status, body } = await ask(path, { host: 'evil.example' });
      assert.equal(status, 421);
      assert.doesNotMatch(body, /version/);
      assert.notEqual((await ask(path, { host: 'status.example' })).status, 421);
    }
    for (const path of ['/ready', '/live']) assert.notEqual((await ask(path, { host: 'pod-7' })).status, 421);
  });

  it('wants its token for everything but probes', async (t) => {
    const ask = await serve(t, { token: 'planted-token' });
    for (const path of ['/', '/status', '/metrics', '/troubleshooting', '/else']) {
      for (const headers of [{}, { authorization: 'Bearer planted-tokem' }] as Record<string, string>[]) {
        const { status, headers: answered, body } = await ask(path, headers);
        assert.equal(status, 401);
        assert.match(answered['www-authenticate'] ?? '', /^Basic /);
        assert.doesNotMatch(body, /planted/);
      }
      assert.notEqual((await ask(path, { authorization: 'Bearer planted-token' })).status, 401);
    }
    for (const path of ['/ready', '/live']) assert.notEqual((await ask(path)).status, 401);
  });

  it('makes the page once a second, however many ask', async () => {
    let nowMs = 0;
    let made = 0;
    const pages = new StatusPages(
      () => ({ made: made++ }),
      () => nowMs,
    );
    for (let asked = 0; asked < 1000; asked++) await pages.status();
    assert.equal(made, 1);
    nowMs = 1000;
    await pages.status();
    assert.equal(made, 2);
  });
});
