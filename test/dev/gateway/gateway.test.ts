/** What a client and a plugin server get from the gateway when all goes well. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { startGateway } from '../../../dev/gateway/gateway';
import { fromStruct } from '../../../dev/gateway/protobuf';
import type { LuaTable } from '../../../dev/gateway/lua-value';
import { eventually, lines, send } from '../../support/gateway-client';
import { labDump } from '../../support/gateway-lab';
import { keyValue, PluginServer, textIn, type Handler } from '../../support/gateway-plugin-server';
import { setup } from '../../support/gateway-setup';

function json(body: Buffer): Record<string, string> {
  return JSON.parse(body.toString()) as Record<string, string>;
}

describe('a request', () => {
  it('without a route is a 404 in the words of Kong', async (t) => {
    const { gateway } = await setup(t, () => undefined, { route: { paths: ['/only-this'] } });
    const response = await send(gateway.url, { path: '/other' });
    assert.equal(response.status, 404);
    assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(json(response.body).message, 'no Route matched with those values');
    assert.equal(json(response.body).request_id, response.headers['x-kong-request-id']);
    assert.equal(response.headers.server, 'kong/stand-in');
    assert.match(String(response.headers['x-kong-response-latency']), /^\d+$/);
  });

  it('that no plugin answers on a route without a service is a 503', async (t) => {
    const { gateway } = await setup(t, () => undefined);
    const response = await send(gateway.url);
    assert.equal(response.status, 503);
    assert.equal(json(response.body).message, 'no Service found with those values');
  });

  it('shows its id alike in the variable and in the response header', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      const { v } = await event.call('kong.nginx.get_var', { v: 'kong_request_id' });
      event.exit(200, v as string);
    });
    const response = await send(gateway.url);
    assert.match(response.body.toString(), /^[0-9a-f]{32}$/);
    assert.equal(response.body.toString(), response.headers['x-kong-request-id']);
  });

  it('keeps header bytes, underscores, empty values and repeated lines apart', async (t) => {
    let headers: LuaTable = {};
    const { gateway } = await setup(t, async (event) => {
      headers = fromStruct(await event.call('kong.request.get_headers', { v: 1000 }));
      const first = await event.call('kong.request.get_header', { v: 'x-dup' });
      event.exit(200, first.v as string);
    });
    const response = await send(gateway.url, {
      headers: ['x_name', 'low', 'x-name', 'dash', 'x-dup', '', 'x-dup', 'b', 'x-latin', 'caf\xe9'],
    });
    assert.equal(response.body.toString(), '', 'the first line of x-dup is empty');
    assert.deepEqual(
      [headers['x_name'], headers['x-name'], headers['x-dup'], headers['x-latin']],
      ['low', 'dash', ['', 'b'], 'caf\xe9'],
    );
  });

  it('with a header line over 8 KB is a 400 before any plugin runs', async (t) => {
    const { gateway } = await setup(t, (event) => event.exit(200));
    const response = await send(gateway.url, { headers: ['x-long', 'x'.repeat(9000)] });
    assert.equal(response.status, 400);
    assert.equal((await send(gateway.url, { headers: ['x-long', 'x'.repeat(8000)] })).status, 200);
    assert.equal((await send(gateway.url, { headers: ['x-long', 'x'.repeat(60_000)] })).status, 400);
    assert.equal(gateway.counters.plugins['lab-a']?.events, 1);
  });

  it('that is no HTTP is answered with 400 and closed', async (t) => {
    const { gateway } = await setup(t, () => undefined);
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /);
  });

  it('has a normalised path and the path as it was sent', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      const path = await event.call('kong.request.get_path');
      const raw = await event.call('kong.request.get_path_with_query');
      event.exit(200, `${textIn(path)} ${textIn(raw)}`);
    });
    const response = await send(gateway.url, { path: '/a%20b//c/../%2fd?x=%20' });
    assert.equal(response.body.toString(), '/a b/%2Fd /a%20b//c/../%2fd?x=%20');
  });

  it('has query arguments as OpenResty reads them', async (t) => {
    let query: LuaTable = {};
    const { gateway } = await setup(t, async (event) => {
      query = fromStruct(await event.call('kong.request.get_query', { v: 100 }));
      event.exit(200);
    });
    await send(gateway.url, { path: '/?a=1&a=b+c&flag&empty=&%C3%A9=x' });
    assert.deepEqual({ ...query }, { a: ['1', 'b c'], flag: true, empty: '', '\xc3\xa9': 'x' });
  });

  it('has the captures of a regex path', async (t) => {
    let captures: LuaTable = {};
    const route = { paths: ['~/orders/(?<order>[^/]+)/items/(\\d+)$'] };
    const { gateway } = await setup(
      t,
      async (event) => {
        captures = await event.call('kong.request.get_uri_captures');
        event.exit(200);
      },
      { route },
    );
    assert.equal((await send(gateway.url, { path: '/orders/o-1/items/42' })).status, 200);
    assert.equal((captures.named as Record<string, Buffer>).order?.toString(), 'o-1');
    assert.deepEqual((captures.unnamed as Buffer[]).map(String), ['o-1', '42']);
    assert.equal((await send(gateway.url, { path: '/orders/o-1/items/no' })).status, 404);
  });

  it('knows no consumer, no credential and no unknown variable', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      const consumer = await event.call('kong.client.get_consumer');
      const credential = await event.call('kong.client.get_credential');
      const variable = await event.call('kong.nginx.get_var', { v: 'nosuch' });
      event.exit(200, JSON.stringify([consumer.id, credential.id, textIn(variable)]));
    });
    assert.equal((await send(gateway.url)).body.toString(), '["","",""]');
  });

  it('loses false and keeps text in kong.ctx.shared', async (t) => {
    let values: LuaTable[] = [];
    const { gateway } = await setup(t, async (event) => {
      await event.call('kong.ctx.shared.set', keyValue('no', false));
      await event.call('kong.ctx.shared.set', keyValue('text', 'caf\xe9'));
      values = [
        await event.call('kong.ctx.shared.get', { v: 'no' }),
        await event.call('kong.ctx.shared.get', { v: 'text' }),
      ];
      event.exit(200);
    });
    await send(gateway.url);
    assert.deepEqual(values, [{ null_value: 1 }, { string_value: 'caf\xe9' }]);
  });

  it('writes its log lines to the hook, with the request id', async (t) => {
    const { gateway, log } = await setup(t, async (event) => {
      const values = [
        { string_value: 'n=' },
        { number_value: 5 },
        { bool_value: true },
        { list_value: { values: [] } },
      ];
      await event.call('kong.log.warn', { values });
      event.exit(200);
    });
    const response = await send(gateway.url);
    const line = log.find(({ level }) => level === 'warn');
    assert.equal(line?.message, 'n=5truetable: 0x0');
    assert.equal(line?.requestId, response.headers['x-kong-request-id']);
  });
});

describe('a request body', () => {
  it('over 8 KB is a file of this user only, and gone right after the response', async (t) => {
    let filePath = '';
    let mode = 0;
    let size = 0;
    const { gateway } = await setup(t, async (event) => {
      const body = await event.call('kong.request.get_raw_body');
      filePath = body.body_filepath as string;
      mode = statSync(filePath).mode & 0o777;
      size = readFileSync(filePath).length;
      const variable = await event.call('kong.nginx.get_var', { v: 'request_body_file' });
      assert.equal(variable.v, filePath);
      event.exit(200);
    });
    assert.equal((await send(gateway.url, { body: 'y'.repeat(300_000) })).status, 200);
    assert.deepEqual([mode, size], [0o600, 300_000]);
    await eventually(() => !existsSync(filePath));
  });

  it('without a length is read to its end, and an empty one is empty content', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      const { content } = await event.call('kong.request.get_raw_body');
      event.exit(200, `got ${(content as Buffer).toString()}`);
    });
    assert.equal((await send(gateway.url)).body.toString(), 'got ');
    const chunked = await fetch(gateway.url, {
      method: 'POST',
      body: new Blob(['in ', 'parts']).stream(),
      duplex: 'half',
    });
    assert.equal(await chunked.text(), 'got in parts');
  });

  it('that nobody reads does not hinder the next request on the connection', async (t) => {
    const { gateway } = await setup(t, (event) => event.exit(200, 'ok'));
    for (let i = 0; i < 3; i += 1) {
      const response = await fetch(gateway.url, { method: 'POST', body: 'z'.repeat(200_000) });
      assert.equal(await response.text(), 'ok');
    }
  });
});

describe('an exit', () => {
  it('sends header values safely and keeps Kong its own headers', async (t) => {
    const { gateway } = await setup(t, (event) =>
      event.exit(200, 'x', {
        'x-split': 'a\r\nset-cookie: b',
        x_under: 'u',
        'x sp': 's',
        'x-empty': '',
        'x-list': ['1', '2'],
        'content-type': ['a/b', 'c/d'],
        server: 'mine',
        'x-kong-request-id': 'mine',
        'transfer-encoding': 'chunked',
        'x-null': null,
        'x-latin': 'caf\xe9',
      }),
    );
    const response = await send(gateway.url);
    assert.deepEqual(lines(response, 'x-split'), ['a%0D%0Aset-cookie: b']);
    assert.deepEqual(lines(response, 'x-under'), ['u']);
    assert.deepEqual(lines(response, 'x%20sp'), ['s']);
    assert.deepEqual(lines(response, 'x-list'), ['1', '2']);
    assert.deepEqual(lines(response, 'content-type'), ['c/d']);
    assert.deepEqual(lines(response, 'server'), ['kong/stand-in']);
    assert.deepEqual(lines(response, 'x-latin'), ['caf\xe9']);
    assert.match(lines(response, 'x-kong-request-id').join(), /^[0-9a-f]{32}$/);
    // Kong's codec turns a null inside a header map into the name of the enum.
    assert.deepEqual(lines(response, 'x-null'), ['NULL_VALUE']);
    assert.equal(response.headers['content-length'], '1');
  });

  it('believes a content-length of the plugin, as Kong does, and says so in the log', async (t) => {
    const { gateway, log } = await setup(t, (event) =>
      event.exit(200, '123456789', { 'content-length': '3' }),
    );
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    assert.match(text, /content-length: 3\r\n/);
    assert.match(text, /\r\n\r\n123456789$/);
    assert.ok(log.some(({ level, message }) => level === 'warn' && message.includes('content-length to 3')));
  });

  it('to HEAD, with 204 and with 304 sends no body', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      const { v } = await event.call('kong.request.get_header', { v: 'x-status' });
      event.exit(Number(v), 'hello', { 'x-kept': '1' });
    });
    for (const status of [200, 404]) {
      const head = await send(gateway.url, { method: 'HEAD', headers: ['x-status', String(status)] });
      assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [status, '5', 0]);
    }
    for (const status of [204, 304]) {
      const response = await send(gateway.url, { headers: ['x-status', String(status)] });
      assert.deepEqual([response.status, response.headers['x-kept'], response.body.length], [status, '1', 0]);
    }
  });

  it('with a 1xx status leaves the client without a final response', async (t) => {
    const { gateway } = await setup(t, (event) => event.exit(101, ''));
    await assert.rejects(send(gateway.url), /socket hang up|ECONNRESET/);
  });

  for (const status of [408, 444, 499]) {
    it(`with ${status} leaves the client without an answer, as nginx takes it for its own`, async (t) => {
      const { gateway } = await setup(t, (event) => event.exit(status, '{"a":"body"}'));
      await assert.rejects(send(gateway.url), /socket hang up|ECONNRESET/);
    });
  }

  it('keeps headers set before, unless it sets them itself', async (t) => {
    const { gateway } = await setup(t, async (event) => {
      await event.call('kong.response.set_header', keyValue('x-early', 'kept'));
      await event.call('kong.response.set_header', keyValue('x-both', 'early'));
      event.exit(200, '', { 'x-both': 'late' });
    });
    const response = await send(gateway.url);
    assert.deepEqual([lines(response, 'x-early'), lines(response, 'x-both')], [['kept'], ['late']]);
  });
});

describe('a plugin', () => {
  it('gets its configuration with defaults, without nulls, and with the members Kong adds', async (t) => {
    const { gateway, server } = await setup(t, (event) => event.exit(200));
    await send(gateway.url);
    const {
      __seq__: seq,
      __plugin_id: id,
      __key__: key,
      __ws_id,
      route_id,
      ...config
    } = server.startedConfigs[0]!;
    assert.deepEqual(config, { timeout: 1000 });
    assert.match(String(id), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(key, `plugins:lab-a:${String(route_id)}::::${String(__ws_id)}`);
    assert.equal(typeof seq, 'number');
  });

  it('starts one instance for many requests at once, and one for every worker', async (t) => {
    const { gateway, server } = await setup(t, (event) => event.exit(200), { options: { workers: 3 } });
    server.startDelayMs = 20;
    const responses = await Promise.all(Array.from({ length: 30 }, () => send(gateway.url)));
    assert.ok(responses.every(({ status }) => status === 200));
    assert.equal(server.startedConfigs.length, 3);
    assert.equal(gateway.counters.plugins['lab-a']?.startedInstances, 3);
  });

  it('keeps its instances when a reload changes no plugin', async (t) => {
    const { gateway, server } = await setup(t, (event) => event.exit(200, String(event.config.tag)));
    const configOf = (paths: string[], tag: string): object => ({
      _format_version: '3.0',
      routes: [{ name: 'all', paths, plugins: [{ name: 'lab-a', config: { tag } }] }],
    });
    gateway.reload(configOf(['/'], 'one'));
    assert.equal((await send(gateway.url)).body.toString(), 'one');
    gateway.reload(configOf(['/new'], 'one'));
    assert.equal((await send(gateway.url, { path: '/new' })).body.toString(), 'one');
    assert.equal(server.startedConfigs.length, 1);
    gateway.reload(configOf(['/'], 'two'));
    assert.equal((await send(gateway.url)).body.toString(), 'two');
    assert.deepEqual([server.startedConfigs.length, server.closedInstances.length], [2, 1]);
    assert.throws(() => gateway.reload({ _format_version: '1.1' }), /expected "3.0", got "1.1"/);
    assert.equal((await send(gateway.url)).body.toString(), 'two', 'a bad configuration changes nothing');
  });

  it('runs before request-termination, which answers when the plugin does not', async (t) => {
    const plugins = [{ name: 'request-termination', config: { status_code: 503, message: 'guarded' } }];
    const handler: Handler = async (event) => {
      const { v } = await event.call('kong.request.get_header', { v: 'x-answer' });
      if (v === 'yes') event.exit(200, 'answered');
    };
    const { gateway } = await setup(t, handler, { plugins });
    assert.equal((await send(gateway.url, { headers: ['x-answer', 'yes'] })).body.toString(), 'answered');
    const guarded = await send(gateway.url);
    assert.deepEqual([guarded.status, json(guarded.body).message], [503, 'guarded']);
  });
});

describe('the way to the upstream', () => {
  it('carries the changed headers, the stripped path, the query and the body', async (t) => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const upstream = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ request, body });
        response.writeHead(201, ['x-up', '1', 'x-up', '2']);
        response.end('made');
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      upstream.closeAllConnections();
      upstream.close();
    });
    const server = await PluginServer.start(t, async (event) => {
      await event.call('kong.request.get_raw_body');
      await event.call('kong.service.request.set_header', keyValue('x-corr', 'v'));
      await event.call('kong.service.request.add_header', keyValue('x-corr2', 'p'));
      await event.call('kong.service.request.add_header', keyValue('x-corr2', 'q'));
    });
    const { port } = upstream.address() as AddressInfo;
    const gateway = await startGateway({
      config: {
        _format_version: '3.0',
        services: [
          {
            name: 'up',
            url: `http://127.0.0.1:${port}/base/`,
            routes: [{ paths: ['/strip'] }, { paths: ['/keep'], strip_path: false }],
            plugins: [{ name: 'lab-a' }],
          },
        ],
      },
      pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a') }],
    });
    t.after(() => gateway.close());
    const response = await send(gateway.url, { path: '/strip/a%20b?x=1', body: 'hello' });
    assert.deepEqual([response.status, response.body.toString()], [201, 'made']);
    assert.deepEqual(lines(response, 'x-up'), ['1', '2']);
    assert.match(String(response.headers['x-kong-upstream-latency']), /^\d+$/);
    await send(gateway.url, { path: '/keep/it', body: 'z'.repeat(50_000) });
    assert.deepEqual(
      seen.map(({ request }) => request.url),
      ['/base/a%20b?x=1', '/base/keep/it'],
    );
    assert.deepEqual([seen[0]?.body, seen[1]?.body.length], ['hello', 50_000]);
    const { headers } = seen[0]!.request;
    assert.deepEqual([headers['x-corr'], headers['x-corr2']], ['v', 'p, q']);
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-kong-request-id'], response.headers['x-kong-request-id']);
    assert.equal(headers.host, `127.0.0.1:${port}`);
  });
});

describe('closing the gateway', () => {
  it('ends idle clients, waiting events and pooled connections', async (t) => {
    const { gateway, server } = await setup(t, async (event) => {
      const { v } = await event.call('kong.request.get_header', { v: 'x-wait' });
      if (v === 'yes') await new Promise(() => undefined);
    });
    assert.equal((await fetch(gateway.url)).status, 503);
    const waiting = send(gateway.url, { headers: ['x-wait', 'yes'] });
    const ended = assert.rejects(waiting);
    await eventually(() => gateway.counters.plugins['lab-a']?.events === 2 && gateway.openConnections > 0);
    await Promise.all([gateway.close(), gateway.close()]);
    await ended;
    await eventually(() => server.ended === server.opened);
    assert.equal(gateway.openConnections, 0);
    await assert.rejects(send(gateway.url));
  });
});
