/** The gateway against what a real Kong 3.9.3 said over ProtoBuf:1. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Gateway, GatewayOptions } from '../../../dev/gateway/gateway';
import { decode, type MessageName } from '../../../dev/gateway/protobuf';
import { PROTOBUF_METHODS } from '../../../dev/gateway/protobuf-methods';
import { eventually, lines, send, type ClientRequest } from '../../support/gateway-client';
import {
  accessPhase,
  payloadOf,
  recording,
  RECORDINGS_MISSING,
  type Recorded,
} from '../../support/gateway-recordings';
import { startLab, type Lab } from '../../support/gateway-lab';
import type { ScriptedServer } from '../../support/gateway-scripted-server';

const lab = (t: TestContext, options: Partial<GatewayOptions> = {}): Promise<Lab> =>
  startLab(t, 'ProtoBuf:1', options);

const CURL = ['User-Agent', 'curl/7.88.1', 'Accept', '*/*'];
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];

function mode(name: string, more: Partial<ClientRequest> = {}, headers: string[] = []): ClientRequest {
  return { path: '/a', ...more, headers: [...CURL, 'x-mode', name, ...headers] };
}

/** Every frame of the gateway says what Kong's said, but for what is bound to differ between two runs. */
function assertSameFrames(server: ScriptedServer): void {
  assert.equal(server.left, 0, 'the conversation was not played to its end');
  for (const { expected, payload } of server.heard) {
    const [wanted, got] = [payloadOf(expected), payload].map((bytes) => readable(expected, bytes));
    assert.deepEqual(got, wanted, `${expected.kind} at ${expected.t}`);
  }
}

function readable(item: Recorded, payload: Buffer): unknown {
  if (item.kind === 'RpcCall') return rpcCall(payload);
  const { method } = item.dec as { method: string };
  const type: MessageName = PROTOBUF_METHODS[method]!.output;
  const reply = payload.length === 0 ? 'nothing' : decode(type, payload);
  return masked(method, structuredClone(reply));
}

function rpcCall(payload: Buffer): unknown {
  const call = decode('RpcCall', payload);
  const start = call.cmd_start_instance as { config: Buffer; name: string } | undefined;
  if (!start) return { ...call, sequence: 'any' };
  const settings = JSON.parse(start.config.toString()) as Record<string, unknown>;
  assert.match(String(settings.__plugin_id), /^[0-9a-f-]{36}$/);
  assert.match(String(settings.__key__), /^plugins:lab-a:[0-9a-f-]{36}::::[0-9a-f-]{36}$/);
  for (const name of ['__plugin_id', '__key__', '__seq__', 'route_id', '__ws_id']) settings[name] = 'any';
  return { name: start.name, settings };
}

function masked(method: string, reply: unknown): unknown {
  if (reply === 'nothing') return reply;
  const message = reply as Record<string, unknown>;
  if (method === 'kong.request.get_headers') {
    const { fields } = message as { fields: Record<string, unknown> };
    fields.host = 'any';
    // node's client sends this one by itself.
    delete fields.connection;
    return { ...fields };
  }
  if (method === 'kong.nginx.get_var') return { v: String(message.v).length > 5 ? 32 : 'pid' };
  if (method === 'kong.router.get_route')
    return { ...message, id: 36, service: 36, created_at: 0, updated_at: 0 };
  if ('body_filepath' in message)
    return { body_filepath: /client_body_temp\/\d{10}$/.test(String(message.body_filepath)) };
  if ('content' in message) return { bytes: (message.content as Buffer).length };
  return reply;
}

describe('a conversation recorded from a real Kong over ProtoBuf:1', { skip: RECORDINGS_MISSING }, () => {
  it('01: the first request starts an instance and reads everything there is', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-01-first-request')));
    const response = await send(
      gateway.url,
      mode('rec', { path: '/a?q=1&x=%20b&q=2', body: 'hello body' }, [
        ...FORM,
        'x-dup',
        'one',
        'x-dup',
        'two',
      ]),
    );
    assert.equal(response.status, 200);
    assert.deepEqual(lines(response, 'x-multi'), ['one', 'two']);
    assert.deepEqual(lines(response, 'x-hello'), ['1']);
    assert.match(lines(response, 'x-kong-request-id')[0]!, /^[0-9a-f]{32}$/);
    assertSameFrames(server);
    assert.equal(server.heard[0]!.payload.at(0), 0x08);
    assert.equal(decode('RpcCall', server.heard[0]!.payload).sequence, 2, 'Kong counts from 2');
    await eventually(() => server.gatewayCloses === 1);
  });

  it('02: a known instance is used again', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-02-second-request')));
    const response = await send(gateway.url, mode('hello'));
    assert.equal(response.status, 200);
    assert.equal(response.headers['x-hello'], 'from lab-a');
    assertSameFrames(server);
  });

  it('03: a handler that returns lets the request pass to the upstream', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-03-pass-through')));
    const response = await send(gateway.url, mode('pass'));
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'from upstream');
    assertSameFrames(server);
    assert.equal(server.gatewayCloses, 0, 'the connection stays after a return');
  });

  it('04: calls that come in one chunk are answered in order', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-04-pipelined')));
    const response = await send(gateway.url, mode('recpipe', { path: '/a?z=1', body: 'abc' }, FORM));
    assert.equal(response.body.toString(), '{"pipelined":1}');
    assertSameFrames(server);
  });

  it('05: exits with several header lines, without a body, and with every byte', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-05-exit-variants')));
    const multi = await send(gateway.url, mode('multi'));
    assert.deepEqual(lines(multi, 'set-cookie'), ['a=1', 'b=2']);
    assert.deepEqual(lines(multi, 'x-num'), ['5']);
    const empty = await send(gateway.url, mode('204'));
    assert.deepEqual([empty.status, empty.headers['x-after'], empty.body.length], [204, 'kept', 0]);
    const missing = await send(gateway.url, mode('404e'));
    assert.deepEqual([missing.status, missing.headers['x-after'], missing.body.length], [404, 'kept', 0]);
    const binary = await send(gateway.url, mode('bin'));
    assert.deepEqual([...binary.body], [...Array(256).keys()]);
    assertSameFrames(server);
  });

  it('06: a small body arrives as content', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-06-body-5k')));
    assert.equal((await send(gateway.url, mode('body', { body: 'x'.repeat(5000) }, FORM))).status, 200);
    assertSameFrames(server);
  });

  it('07: a bigger body arrives as the path of a file', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-07-body-20k')));
    assert.equal((await send(gateway.url, mode('body', { body: 'x'.repeat(20_480) }, FORM))).status, 200);
    assertSameFrames(server);
  });

  it('08: a reply body of 60 KB is passed on whole', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-08-exit-60k')));
    const response = await send(gateway.url, mode('big', {}, ['x-size', '60000']));
    assert.deepEqual([response.status, response.body.length], [200, 60_000]);
    assertSameFrames(server);
  });

  it('09: a Lua error in a PDK call is a 500 and ends the connection', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-09-pdk-error')));
    const response = await send(gateway.url, mode('pdkerr'));
    assert.equal(response.status, 500);
    const { message, request_id } = JSON.parse(response.body.toString()) as Record<string, string>;
    assert.deepEqual(
      [message, request_id],
      ['An unexpected error occurred', response.headers['x-kong-request-id']],
    );
    assertSameFrames(server);
    await eventually(() => server.gatewayCloses === 1);
  });

  it('10: an event whose connection the server closes runs again, with a new instance each time', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-10-server-error')));
    const response = await send(gateway.url, mode('destroy', {}, ['x-n', '2']));
    assert.equal(response.body.toString(), '{"attempts":3}');
    assertSameFrames(server);
    assert.deepEqual(gateway.counters.plugins['lab-a'], {
      events: 1,
      reruns: 2,
      startedInstances: 3,
      closedInstances: 0,
    });
  });

  it('11: a heartbeat keeps a waiting event alive beyond the read timeout', async (t) => {
    const { gateway, server } = await lab(t, { readTimeoutMs: 200 });
    server.play(accessPhase(recording('pb-11-wait-heartbeat')));
    const response = await send(gateway.url, mode('sleep', {}, ['x-ms', '3200', 'x-hb', '1000']));
    assert.equal(response.status, 200);
    assertSameFrames(server);
  });

  it('12: silence longer than the read timeout is a 500', async (t) => {
    const { gateway, server } = await lab(t, { readTimeoutMs: 200 });
    server.play(accessPhase(recording('pb-12-read-timeout')));
    const startedAtMs = Date.now();
    const response = await send(gateway.url, mode('sleep', {}, ['x-ms', '3000']));
    assert.equal(response.status, 500);
    assert.ok(Date.now() - startedAtMs >= 200);
    assertSameFrames(server);
    await eventually(() => server.gatewayCloses === 1);
  });

  it('13: a client that leaves is not noticed, and the exit is taken as ever', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('pb-13-client-abort')));
    await assert.rejects(send(gateway.url, mode('sleep', { abortAfterMs: 60 }, ['x-ms', '1500'])));
    assert.equal(server.gatewayCloses, 0);
    await eventually(() => server.gatewayCloses === 1);
    assertSameFrames(server);
  });

  it('14: an upstream that refuses is a 502', async (t) => {
    const { gateway, server } = await lab(t);
    const script = accessPhase(recording('pb-14-upstream-down'));
    server.play(script);
    const response = await send(gateway.url, { ...mode('pass'), path: '/adown' });
    assert.equal(response.status, 502);
    assert.match(response.body.toString(), /"An invalid response was received from the upstream server"/);
    assertSameFrames(server);
  });

  it('15: after a change of configuration the new instance starts, the old one closes, then the event runs', async (t) => {
    const { gateway, server, reloadWith } = await lab(t);
    await startInstance(server, gateway, 641003);
    reloadWith('A-new');
    server.play(accessPhase(recording('pb-15-config-change')));
    assert.equal((await send(gateway.url, mode('hello'))).status, 200);
    assertSameFrames(server);
    assert.deepEqual(gateway.counters.plugins['lab-a']?.closedInstances, 1);
  });

  it('17: while the server is gone 500, then a stale instance is replaced and the event runs again', async (t) => {
    const { gateway, server, reloadWith } = await lab(t);
    reloadWith('A-new');
    await startInstance(server, gateway, 641007);
    await server.stop();
    assert.equal((await send(gateway.url, mode('hello'))).status, 500);
    await server.listen();
    const script = accessPhase(recording('pb-17-server-restart'));
    server.play(script.slice(script.findIndex((item) => item.kind === 'RpcCall')));
    assert.equal((await send(gateway.url, mode('hello'))).status, 200);
    assertSameFrames(server);
  });
});

/** A first request whose handler returns at once, so that the gateway knows this instance. */
async function startInstance(server: ScriptedServer, gateway: Gateway, instanceId: number): Promise<void> {
  server.play([]);
  server.instanceId = instanceId;
  assert.equal((await send(gateway.url, { path: '/a' })).status, 200);
}
