/** The two plugins of Kong's that the gateway has itself. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { startGateway, type Gateway } from '../../../dev/gateway/gateway';
import { lines, send } from '../../support/gateway-client';
import { labDump, startUpstream } from '../../support/gateway-lab';
import { PluginServer } from '../../support/gateway-plugin-server';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function gatewayWith(t: TestContext, plugins: object[]): Promise<Gateway> {
  const gateway = await startGateway({
    config: { _format_version: '3.0', routes: [{ paths: ['/'], plugins }] },
  });
  t.after(() => gateway.close());
  return gateway;
}

describe('correlation-id', () => {
  const echo = { echo_downstream: true };

  it('counts up behind one UUID by default', async (t) => {
    const gateway = await gatewayWith(t, [{ name: 'correlation-id', config: echo }]);
    const ids: string[] = [];
    for (let i = 0; i < 2; i += 1) ids.push(lines(await send(gateway.url), 'kong-request-id').join());
    const [[firstUuid, first], [secondUuid, second]] = ids.map((id) => id.split('#')) as [string[], string[]];
    assert.match(firstUuid!, UUID);
    assert.deepEqual([secondUuid, first, second], [firstUuid, '1', '2']);
  });

  it('makes a UUID or a tracker when told to', async (t) => {
    const uuid = await gatewayWith(t, [{ name: 'correlation-id', config: { ...echo, generator: 'uuid' } }]);
    assert.match(lines(await send(uuid.url), 'kong-request-id').join(), UUID);
    const tracker = await gatewayWith(t, [
      { name: 'correlation-id', config: { ...echo, generator: 'tracker', header_name: 'X-Track' } },
    ]);
    const pattern = new RegExp(`^127\\.0\\.0\\.1-\\d+-${process.pid}-1-1-\\d+\\.\\d{3}$`);
    assert.match(lines(await send(tracker.url), 'x-track').join(), pattern);
  });

  it('keeps the id of the client', async (t) => {
    const gateway = await gatewayWith(t, [{ name: 'correlation-id', config: echo }]);
    const response = await send(gateway.url, { headers: ['kong-request-id', 'mine'] });
    assert.deepEqual(lines(response, 'kong-request-id'), ['mine']);
  });

  it('says nothing to the client unless told to, and shows the id to the plugins behind it', async (t) => {
    const seen: unknown[] = [];
    const server = await PluginServer.start(t, async (event) => {
      seen.push((await event.call('kong.request.get_header', { v: 'Kong-Request-ID' })).v);
      event.exit(200);
    });
    const gateway = await startGateway({
      config: {
        _format_version: '3.0',
        routes: [{ paths: ['/'], plugins: [{ name: 'lab-a' }] }],
        plugins: [{ name: 'correlation-id', config: { generator: 'uuid' } }],
      },
      pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a') }],
    });
    t.after(() => gateway.close());
    const response = await send(gateway.url);
    assert.deepEqual(lines(response, 'kong-request-id'), []);
    assert.match(String(seen[0]), UUID);
  });

  it('echoes on proxied responses, too', async (t) => {
    const gateway = await startGateway({
      config: {
        _format_version: '3.0',
        services: [{ url: `http://127.0.0.1:${await startUpstream(t)}`, routes: [{ paths: ['/'] }] }],
        plugins: [{ name: 'correlation-id', config: echo }],
      },
    });
    t.after(() => gateway.close());
    const response = await send(gateway.url, { headers: ['Kong-Request-ID', 'c-1'] });
    assert.deepEqual(
      [response.body.toString(), lines(response, 'kong-request-id')],
      ['from upstream', ['c-1']],
    );
  });

  it('refuses a generator it does not have', async () => {
    const plugins = [{ name: 'correlation-id', config: { generator: 'random' } }];
    await assert.rejects(
      startGateway({ config: { _format_version: '3.0', plugins } }),
      /plugins\[correlation-id\] config\.generator: expected one of: uuid, uuid#counter, tracker/,
    );
  });
});

describe('request-termination', () => {
  it('answers 503 with a message by default', async (t) => {
    const gateway = await gatewayWith(t, [{ name: 'request-termination' }]);
    const response = await send(gateway.url);
    assert.deepEqual([response.status, response.body.toString()], [503, '{"message":"Service unavailable"}']);
    assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  });

  it('answers with a status, a body and its type', async (t) => {
    const config = { status_code: 202, content_type: 'text/plain', body: 'später' };
    const gateway = await gatewayWith(t, [{ name: 'request-termination', config }]);
    const response = await send(gateway.url);
    assert.deepEqual(
      [response.status, response.headers['content-type'], response.body.toString()],
      [202, 'text/plain', 'später'],
    );
  });

  it('echoes the request, and only with the trigger if there is one', async (t) => {
    const config = { status_code: 200, echo: true, trigger: 'x-echo' };
    const gateway = await gatewayWith(t, [{ name: 'request-termination', config }]);
    assert.equal((await send(gateway.url)).status, 503);
    const response = await send(gateway.url, { path: '/?q=1', headers: ['x-echo', '1'], body: 'hi' });
    const { request } = JSON.parse(response.body.toString()) as { request: Record<string, unknown> };
    assert.deepEqual([request.raw_body, request.query, request.method], ['hi', { q: '1' }, 'POST']);
  });

  it('answers 400 and above without a message with the error page of Kong', async (t) => {
    const gateway = await gatewayWith(t, [{ name: 'request-termination', config: { status_code: 413 } }]);
    const response = await send(gateway.url);
    assert.match(response.body.toString(), /"message":"Payload too large",\n\s+"request_id":"[0-9a-f]{32}"/);
    const head = await send(gateway.url, { method: 'HEAD' });
    assert.equal(head.headers['content-length'], String(response.body.length));
    assert.deepEqual([head.status, head.body.length], [413, 0]);
  });

  it('refuses what excludes each other', async () => {
    for (const [config, message] of [
      [{ message: 'a', body: 'b' }, 'message cannot be used with content_type or body'],
      [{ content_type: 'a/b' }, 'content_type requires a body'],
      [{ echo: true, body: 'b' }, 'echo cannot be used with content_type and body'],
    ] as const) {
      const plugins = [{ name: 'request-termination', config }];
      await assert.rejects(
        startGateway({ config: { _format_version: '3.0', plugins } }),
        new RegExp(message),
      );
    }
  });
});
