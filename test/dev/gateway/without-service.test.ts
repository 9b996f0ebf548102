/** A route without a service: Kong 3.9.3 was seen to proxy there all the same where `ngx.ctx.service` is set. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { LuaTable } from '../../../dev/gateway/lua-value';
import { startGateway } from '../../../dev/gateway/gateway';
import { eventually, send } from '../../support/gateway-client';
import { labConfig, labDump, startUpstream } from '../../support/gateway-lab';
import { keyValue, PluginServer, textIn, type PluginEvent } from '../../support/gateway-plugin-server';

const MADE_UP = { id: '6b6b6166-6b61-4000-8000-73747265616d', name: 'made-up', host: '127.0.0.1', port: 9 };

interface Entry {
  readonly service?: { readonly name: string };
  readonly tries: readonly { readonly port: number }[];
}

async function lab(t: TestContext, access: (event: PluginEvent, port: number) => Promise<void>) {
  const entries: Entry[] = [];
  const port = await startUpstream(t);
  const server = await PluginServer.start(t, async (event) => {
    if (event.phase === 'access') return access(event, port);
    entries.push(JSON.parse(textIn(await event.call('kong.log.serialize'))) as Entry);
  });
  const dump = labDump('ProtoBuf:1', 'lab-a', 740, ['access', 'log']);
  const gateway = await startGateway({
    config: labConfig('lab-a', 'a', port, 'x'),
    pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump }],
  });
  t.after(() => gateway.close());
  const ask = async (path: string) => {
    const { status, body } = await send(gateway.url, { path });
    await eventually(() => entries.length === 1);
    return { status, text: body.toString(), entry: entries[0]!, port };
  };
  return { ask };
}

const setService = (event: PluginEvent) => event.call('kong.nginx.set_ctx', keyValue('service', MADE_UP));

async function setTarget(event: PluginEvent, port: number): Promise<void> {
  await event.call('kong.service.set_target', { host: '127.0.0.1', port });
  await event.call('kong.service.request.set_scheme', { v: 'http' });
}

describe('on a route without a service', () => {
  it('a target alone leads nowhere', async (t) => {
    const { ask } = await lab(t, setTarget);
    const { status, text, entry } = await ask('/anone');
    assert.equal(status, 503);
    assert.match(text, /no Service found with those values/);
    assert.equal(entry.service, undefined);
  });

  it('a target and a service in ngx.ctx do, and the service is seen by others', async (t) => {
    let seen: LuaTable | undefined;
    const { ask } = await lab(t, async (event, port) => {
      assert.equal(textIn({ v: (await event.call('kong.router.get_service')).id }), '');
      await setService(event);
      await setTarget(event, port);
      seen = await event.call('kong.router.get_service');
    });
    const { status, text, entry, port } = await ask('/anone');
    assert.deepEqual([status, text], [200, 'from upstream']);
    assert.equal(textIn({ v: seen?.name }), 'made-up');
    assert.equal(entry.service?.name, 'made-up');
    assert.equal(entry.tries[0]?.port, port, 'it was not asked where to go');
  });

  it('a service in ngx.ctx alone says not where to go', async (t) => {
    const { ask } = await lab(t, async (event) => void (await setService(event)));
    assert.equal((await ask('/anone')).status, 500);
  });
});

it('a service in ngx.ctx changes nothing but what is told of it, where the route has one', async (t) => {
  const { ask } = await lab(t, async (event) => void (await setService(event)));
  const { status, text, entry } = await ask('/a');
  assert.deepEqual([status, text], [200, 'from upstream']);
  assert.equal(entry.service?.name, 'made-up');
});

it('an upgrade goes the same way', async (t) => {
  const upstream = createServer();
  new WebSocketServer({ server: upstream }).on('connection', (client) => client.send('hello'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  t.after(() => upstream.close());
  const { port } = upstream.address() as AddressInfo;
  const server = await PluginServer.start(t, async (event) => {
    await setService(event);
    await setTarget(event, port);
  });
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      routes: [{ name: 'none', paths: ['/'], plugins: [{ name: 'lab-a' }] }],
    },
    pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a') }],
  });
  t.after(() => gateway.close());
  const client = new WebSocket(gateway.url.replace('http', 'ws'));
  const [data] = (await once(client, 'message')) as [Buffer];
  assert.equal(data.toString(), 'hello');
  client.close();
  await once(client, 'close');
});
