/** The server behind a gateway that misbehaves as a real Kong does: what each surprise there must not become here. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { startGateway, type GatewayOptions } from '../../dev/gateway/gateway';
import { send } from '../support/gateway-client';
import { labDump } from '../support/gateway-lab';
import { eventually, serve, type Kong } from './support/serving';

async function behindGateway(
  t: TestContext,
  access: (kong: Kong) => unknown,
  options: Partial<GatewayOptions> = {},
) {
  const serving = await serve(t, { name: 'lab-a', access });
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      routes: [{ name: 'all', paths: ['/'], plugins: [{ name: 'lab-a' }] }],
    },
    pluginServers: [{ name: 'lab-a', socketPath: serving.path, dump: labDump('ProtoBuf:1', 'lab-a') }],
    onLog: () => undefined,
    ...options,
  });
  t.after(() => gateway.close());
  return { ...serving, gateway };
}

// A server with a strict UTF-8 decoder closed the connection at this byte, and Kong ran the event again without end:
// 1.5 million attempts in ten minutes, from one request.
it('a header byte that is not UTF-8 is one event, and comes back as it was', async (t) => {
  const { gateway, server } = await behindGateway(t, async (kong) => {
    const { 'x-name': name } = await kong.request.getHeaders();
    void kong.response.exit(200, Buffer.from(name!, 'latin1'), { 'x-name': name });
  });
  const answer = await send(gateway.url, { path: '/', headers: ['x-name', 'caf\xe9'] });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-name'], 'caf\xe9');
  assert.deepEqual([...answer.body], [0x63, 0x61, 0x66, 0xe9]);
  assert.equal(server.status().events, 1);
  await eventually(() => server.openEventCount === 0, 'the event is left open');
});

// Kong runs an event again when its connection closes: right for an id it has from an earlier process, as long as
// nothing has happened yet.
it('an instance that is not there is started anew, and no event runs twice', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  let runs = 0;
  const { gateway, server, connect } = await behindGateway(t, (kong) =>
    kong.response.exit(200, String(++runs)),
  );
  assert.equal((await send(gateway.url, { path: '/' })).body.toString(), '1');
  // Ids follow each other, so the one before ours is the gateway's.
  const kong = await connect();
  const ours = await kong.startInstance('lab-a');
  kong.call({ cmd_close_instance: { v: ours - 1 } });
  await kong.readReturn();
  t.mock.timers.tick(10_001);
  server.onTick();
  assert.equal(server.status().instances, 1);
  assert.equal((await send(gateway.url, { path: '/' })).body.toString(), '2');
  assert.equal(runs, 2);
  assert.equal(server.status().instances, 2);
});

// A null became the text "NULL_VALUE" for whoever read it, and for a client where it was a header.
it('a null in the shared context is nothing, and text is text', async (t) => {
  const { gateway } = await behindGateway(t, async (kong) => {
    void kong.ctx.shared.set('null', null);
    void kong.ctx.shared.set('text', 'caf\xe9');
    const read = await Promise.all([kong.ctx.shared.get('null'), kong.ctx.shared.get('text')]);
    void kong.response.exit(200, JSON.stringify(read), { 'x-null': null, 'x-list': ['a', null] });
  });
  const { body, headers } = await send(gateway.url, { path: '/' });
  assert.equal(body.toString(), '[null,"caf\xe9"]');
  assert.equal(headers['x-null'], undefined);
  assert.equal(headers['x-list'], 'a');
});

// A server that let the connection break for a handler's bug had the event run again, with the bug.
it('a handler that throws is one 500 and one event', async (t) => {
  const { gateway, server } = await behindGateway(t, () => {
    throw new Error('a bug');
  });
  assert.equal((await send(gateway.url, { path: '/' })).status, 500);
  assert.equal(server.status().events, 1);
});

// A trace id is 16 bytes of any value, inside tables: as text in UTF-8 it would be another one.
it('bytes inside a table reach the context of the request, and fields its log entry', async (t) => {
  const raw = Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex').toString('latin1');
  const trace = { trace_id: { raw, formatted: {} }, unlinked_spans: {} };
  const found: { context: Map<string, unknown>; logFields: Map<string, unknown> }[] = [];
  const { gateway } = await behindGateway(
    t,
    (kong) => {
      void kong.nginx.setCtx('TRACING_CONTEXT', trace);
      void kong.log.setSerializeValue('kafka', { code: 'ok', partition: 2, topic: undefined });
      return kong.response.exit(200, '');
    },
    { onLogPhase: (request) => found.push(request) },
  );
  assert.equal((await send(gateway.url, { path: '/' })).status, 200);
  await eventually(() => found.length === 1, 'no log phase');
  const { context, logFields } = found[0]!;
  assert.deepEqual(plain(context.get('TRACING_CONTEXT')), trace);
  assert.deepEqual(plain(logFields.get('kafka')), { code: 'ok', partition: 2 });
});

/** As an object of any other. */
function plain(table: unknown): unknown {
  return JSON.parse(JSON.stringify(table));
}
