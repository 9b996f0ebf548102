/** The gateway against what a real Kong 3.9.3 said over MsgPack:1. */
import { decode as unpack } from '@msgpack/msgpack';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Gateway, GatewayOptions } from '../../../dev/gateway/gateway';
import { eventually, lines, send, type ClientRequest } from '../../support/gateway-client';
import { startLab, type Lab } from '../../support/gateway-lab';
import { accessPhase, payloadOf, recording, RECORDINGS_MISSING } from '../../support/gateway-recordings';
import type { ScriptedServer } from '../../support/gateway-scripted-server';

const lab = (t: TestContext, options: Partial<GatewayOptions> = {}): Promise<Lab> =>
  startLab(t, 'MsgPack:1', options);

const CURL = ['User-Agent', 'curl/7.88.1', 'Accept', '*/*'];
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];

function mode(name: string, more: Partial<ClientRequest> = {}, headers: string[] = []): ClientRequest {
  return { path: '/m', ...more, headers: [...CURL, 'x-mode', name, ...headers] };
}

function assertSameFrames(server: ScriptedServer): void {
  assert.equal(server.left, 0, 'the conversation was not played to its end');
  for (const { expected, payload } of server.heard) {
    const wanted = comparable(unpack(payloadOf(expected)));
    assert.deepEqual(comparable(unpack(payload)), wanted, `at ${expected.t}`);
  }
}

type Table = Record<string, unknown>;

function comparable(message: unknown): unknown {
  const [type, , method, args] = message as [number, number, string, unknown[]];
  return { type, method, args: args.map((arg) => masked(method, arg)) };
}

/** What is bound to differ between two runs: ids, times, hosts, process ids. */
function masked(method: string, arg: unknown): unknown {
  if (typeof arg !== 'object' || arg === null) return arg;
  const table = { ...(arg as Table) };
  if (method === 'plugin.StartInstance') {
    const settings = JSON.parse(table.Config as string) as Table;
    assert.match(String(settings.__key__), /^plugins:lab-m:[0-9a-f-]{36}::::[0-9a-f-]{36}$/);
    for (const name of ['__plugin_id', '__key__', '__seq__', 'route_id', '__ws_id']) settings[name] = 'any';
    return { ...table, Config: settings };
  }
  if (method === 'plugin.StepRoute') {
    const names = ['id', 'service', 'created_at', 'updated_at', 'ws_id'];
    return {
      ...table,
      Data: { ...(table.Data as Table), ...Object.fromEntries(names.map((name) => [name, 0])) },
    };
  }
  if (method === 'plugin.StepMultiMap') {
    const headers: Table = { ...(table.Data as Table), host: ['any'] };
    delete headers.connection;
    return { ...table, Data: headers };
  }
  const { Data: data } = table;
  if (data instanceof Uint8Array) return { ...table, Data: data.length };
  if (typeof data === 'string' && /^[0-9a-f]{32}$/.test(data)) return { ...table, Data: 'request id' };
  if (
    typeof data === 'string' &&
    /^\d{3,7}$/.test(data) &&
    !['3200', '3000', '1500', '1000', '204'].includes(data)
  )
    return { ...table, Data: 'a process id or a size' };
  return table;
}

describe('a conversation recorded from a real Kong over MsgPack:1', { skip: RECORDINGS_MISSING }, () => {
  it('01: the first request starts an instance and reads everything there is', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-01-first-request')));
    const response = await send(
      gateway.url,
      mode('rec', { path: '/m?q=1&x=%20b&q=2', body: 'hello body' }, [
        ...FORM,
        'x-dup',
        'one',
        'x-dup',
        'two',
      ]),
    );
    assert.equal(response.status, 200);
    assert.deepEqual(lines(response, 'x-multi'), ['one', 'two']);
    assertSameFrames(server);
    assert.equal(server.gatewayCloses, 0, 'the connection stays, also after an exit');
  });

  it('02: a known instance is used again', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-02-second-request')));
    assert.equal((await send(gateway.url, mode('hello'))).headers['x-hello'], 'from lab-m');
    assertSameFrames(server);
  });

  it('03: a handler that returns lets the request pass to the upstream', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-03-pass-through')));
    assert.equal((await send(gateway.url, mode('pass'))).body.toString(), 'from upstream');
    assertSameFrames(server);
  });

  it('05: exits with several header lines, without a body, and with every byte', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-05-exit-variants')));
    assert.deepEqual(lines(await send(gateway.url, mode('multi')), 'set-cookie'), ['a=1', 'b=2']);
    const empty = await send(gateway.url, mode('204'));
    assert.deepEqual([empty.status, empty.headers['x-after']], [204, 'kept']);
    const missing = await send(gateway.url, mode('404e'));
    assert.deepEqual([missing.status, missing.headers['x-after'], missing.body.length], [404, 'kept', 0]);
    assert.deepEqual([...(await send(gateway.url, mode('bin'))).body], [...Array(256).keys()]);
    assertSameFrames(server);
  });

  it('06: a small body arrives as bytes', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-06-body-5k')));
    assert.equal((await send(gateway.url, mode('body', { body: 'x'.repeat(5000) }, FORM))).status, 200);
    assertSameFrames(server);
  });

  it('07: a bigger body cannot be handed over: 500, and the connection goes', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-07-body-20k')));
    assert.equal((await send(gateway.url, mode('body', { body: 'x'.repeat(20_480) }, FORM))).status, 500);
    assertSameFrames(server);
  });

  it('08: a reply body of 60 KB is passed on whole', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-08-exit-60k')));
    assert.equal((await send(gateway.url, mode('big', {}, ['x-size', '60000']))).body.length, 60_000);
  });

  it('09: a Lua error in a PDK call is a 500', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-09-pdk-error')));
    assert.equal((await send(gateway.url, mode('pdkerr'))).status, 500);
    assertSameFrames(server);
  });

  it('10: an error text and a closed connection let the request pass to the upstream', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-10-server-error')));
    const [first, second] = [
      recordedModes('mp-10-server-error')[0]!,
      recordedModes('mp-10-server-error')[1]!,
    ];
    assert.equal((await send(gateway.url, mode(first))).body.toString(), 'from upstream');
    assert.equal((await send(gateway.url, mode(second))).body.toString(), 'from upstream');
    assertSameFrames(server);
  });

  it('11: notifications keep a waiting event alive beyond the read timeout', async (t) => {
    const { gateway, server } = await lab(t, { readTimeoutMs: 200 });
    server.play(accessPhase(recording('mp-11-wait-heartbeat')));
    const response = await send(gateway.url, mode('sleep', {}, ['x-ms', '3200', 'x-hb', '1000']));
    assert.equal(response.status, 200);
    assert.match(response.body.toString(), /"slept":3200/);
    assertSameFrames(server);
  });

  it('12: silence longer than the read timeout lets the request pass to the upstream', async (t) => {
    const { gateway, server } = await lab(t, { readTimeoutMs: 200 });
    server.play(accessPhase(recording('mp-12-read-timeout')));
    const response = await send(gateway.url, mode('sleep', {}, ['x-ms', '3000']));
    assert.equal(response.body.toString(), 'from upstream');
    assertSameFrames(server);
    // The late answer comes on a connection that lies in the pool: it goes.
    await eventually(() => server.gatewayCloses === 1);
  });

  it('14: an upstream that refuses is a 502', async (t) => {
    const { gateway, server } = await lab(t);
    server.play(accessPhase(recording('mp-14-upstream-down')));
    assert.equal((await send(gateway.url, { ...mode('pass'), path: '/mdown' })).status, 502);
    assertSameFrames(server);
  });

  it('15: after a change of configuration the new instance starts, the old one closes, then the event runs', async (t) => {
    const { gateway, server, reloadWith } = await lab(t);
    await startInstance(server, gateway, 641005);
    reloadWith('M-new');
    server.play(accessPhase(recording('mp-15-config-change')).filter((item) => item.entry === 'lab-m'));
    assert.equal((await send(gateway.url, mode('hello'))).status, 200);
    assertSameFrames(server);
  });

  it('17: while the server is gone the request passes, then a stale instance is replaced', async (t) => {
    const { gateway, server, reloadWith } = await lab(t);
    reloadWith('M-new');
    await startInstance(server, gateway, 641008);
    await server.stop();
    assert.equal((await send(gateway.url, mode('hello'))).body.toString(), 'from upstream');
    await server.listen();
    const script = accessPhase(recording('mp-17-server-restart'));
    server.play(script.slice(script.findIndex((item) => item.kind === 'Request')));
    assert.equal((await send(gateway.url, mode('hello'))).status, 200);
    assertSameFrames(server);
  });
});

/** The values of `x-mode` that a recording's gateway read, in order. */
function recordedModes(name: string): string[] {
  const items = accessPhase(recording(name));
  return items.flatMap((item, index) => {
    if (!JSON.stringify(items[index - 1]?.dec ?? '').includes('"x-mode"')) return [];
    const [{ Data: value }] = (item.dec as [number, number, string, [{ Data: string }]])[3];
    return [value];
  });
}

/** A first request whose handler returns at once, so that the gateway knows this instance. */
async function startInstance(server: ScriptedServer, gateway: Gateway, instanceId: number): Promise<void> {
  server.play([]);
  server.instanceId = instanceId;
  assert.equal((await send(gateway.url, { path: '/m' })).status, 200);
}
