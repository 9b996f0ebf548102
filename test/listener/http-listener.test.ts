import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { HttpListener } from '../../listener/http-listener';
import { answerJson, type HttpRoute } from '../../listener/http-route';
import { FakeClock } from '../support/fake-clock';
import { captureLog } from '../pluginserver/support/serving';

const HOST = '127.0.0.1';
const route = (prefix: string): HttpRoute => ({
  prefix,
  handle: (_, response, rest) => answerJson(response, 200, { prefix, rest }),
});

async function listener(t: TestContext, routes: readonly HttpRoute[], port = 0, clock = new FakeClock()) {
  const logged = captureLog(t);
  const http = new HttpListener({ address: { host: HOST, port }, routes, clock });
  t.after(() => http.serve(false));
  await http.serve(true);
  return { http, clock, logged, url: `http://${HOST}:${http.boundPort}` };
}

test('a room gets what is below its prefix, as it was sent; all else is 404', async (t) => {
  const { url } = await listener(t, [route('/log/'), route('/other/')]);
  assert.deepEqual(await (await fetch(`${url}/log/a%2Fb?x=1`)).json(), { prefix: '/log/', rest: 'a%2Fb' });
  assert.deepEqual(await (await fetch(`${url}/other/`)).json(), { prefix: '/other/', rest: '' });
  for (const path of ['/', '/log', '/logs/x', '/status']) assert.equal((await fetch(url + path)).status, 404);
});

test('a room that fails answers 500, and the next request is served', async (t) => {
  const bad: HttpRoute = {
    prefix: '/bad/',
    handle: () => {
      throw new Error('a bug');
    },
  };
  const { url } = await listener(t, [bad, route('/log/')]);
  assert.equal((await fetch(`${url}/bad/`)).status, 500);
  assert.equal((await fetch(`${url}/log/`)).status, 200);
});

test('a port that another process has is tried again until it is free', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, HOST, resolve));
  const { port } = other.address() as AddressInfo;
  const { http, clock, logged } = await listener(t, [route('/log/')], port);
  assert.equal(http.boundPort, undefined);
  assert.equal(logged.filter(({ level }) => level === 'warn').length, 1);
  await new Promise((resolve) => other.close(resolve));
  clock.advance(500);
  for (let turns = 0; http.boundPort === undefined && turns < 1000; turns++)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(http.boundPort, port);
});

test('it gives the port up and takes it again', async (t) => {
  const { http, url } = await listener(t, [route('/log/')]);
  await fetch(`${url}/log/`);
  await http.serve(false);
  await assert.rejects(fetch(`${url}/log/`));
  await http.serve(true);
  assert.equal((await fetch(`http://${HOST}:${http.boundPort}/log/`)).status, 200);
});
