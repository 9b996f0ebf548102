/** The log phase as Kong 3.9.3 was seen to run it for an external plugin. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { startGateway, type LogLine } from '../../../dev/gateway/gateway';
import { eventually, send } from '../../support/gateway-client';
import { labConfig, labDump, startUpstream } from '../../support/gateway-lab';
import { PluginServer, textIn, type Handler, type PluginEvent } from '../../support/gateway-plugin-server';
import { recording, RECORDINGS_MISSING } from '../../support/gateway-recordings';

type Entry = Record<string, Record<string, unknown>>;

async function lab(t: TestContext, handler: Handler, phases = ['access', 'log']) {
  const server = await PluginServer.start(t, handler);
  const lines: LogLine[] = [];
  const gateway = await startGateway({
    config: labConfig('lab-a', 'a', await startUpstream(t), 'x'),
    pluginServers: [
      { name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a', 740, phases) },
    ],
    onLog: (line) => lines.push(line),
  });
  t.after(() => gateway.close());
  return { gateway, server, lines };
}

/** @param access what the plugin does in the access phase */
function entriesOf(entries: Entry[], access: Handler = () => undefined): Handler {
  return async (event) => {
    if (event.phase !== 'log') return access(event);
    const answer = await event.call('kong.log.serialize');
    entries.push(JSON.parse(Buffer.from(textIn(answer), 'latin1').toString()) as Entry);
    return undefined;
  };
}

const exits = (event: PluginEvent): void => event.exit(202, '{}', { 'content-type': 'application/json' });

describe('the log phase', () => {
  it('runs after the answer, also where the access phase exited, and its connection is kept', async (t) => {
    const entries: Entry[] = [];
    const { gateway, server } = await lab(t, entriesOf(entries, exits));
    for (let count = 1; count <= 2; count++) {
      assert.equal((await send(gateway.url, { path: '/a' })).status, 202);
      await eventually(() => entries.length === count);
    }
    assert.equal(entries[0]!.response!.status, 202);
    assert.equal(entries[0]!.source, 'kong');
    assert.equal(entries[0]!.latencies!.proxy, -1);
    await eventually(() => server.opened - server.ended === 1);
  });

  it('has the answer of the upstream, and where it was asked', async (t) => {
    const entries: Entry[] = [];
    const { gateway } = await lab(t, entriesOf(entries));
    await send(gateway.url, {
      path: '/a/b?q=1&q=2&flag',
      headers: ['Authorization', 'Bearer x', 'X-A', 'b'],
    });
    await eventually(() => entries.length === 1);
    const [entry] = entries as [Entry];
    assert.equal(entry.source, 'upstream');
    assert.equal(entry.upstream_status, '200');
    assert.equal(entry.upstream_uri, '/b?q=1&q=2&flag');
    assert.deepEqual(entry.request!.querystring, { q: ['1', '2'], flag: true });
    assert.equal(entry.request!.uri, '/a/b?q=1&q=2&flag');
    assert.equal((entry.request!.headers as Entry).authorization, 'REDACTED');
    assert.equal(entry.service!.name, 'up');
  });

  it('runs for a refused upstream, with Kong as the source', async (t) => {
    const entries: Entry[] = [];
    const { gateway } = await lab(t, entriesOf(entries));
    assert.equal((await send(gateway.url, { path: '/adown' })).status, 502);
    await eventually(() => entries.length === 1);
    assert.equal(entries[0]!.response!.status, 502);
    assert.equal(entries[0]!.source, 'kong');
  });

  it('delays nobody: the answer is there while the event is not over', async (t) => {
    let goOn = (): void => undefined;
    const { gateway } = await lab(t, async ({ phase }) => {
      if (phase === 'log') await new Promise<void>((resolve) => (goOn = resolve));
    });
    assert.equal((await send(gateway.url, { path: '/a' })).status, 200);
    assert.equal((await send(gateway.url, { path: '/a' })).status, 200);
    goOn();
  });

  it('is no place to ask for the request, or to exit', async (t) => {
    for (const method of ['kong.request.get_method', 'kong.request.get_path', 'kong.request.get_raw_body']) {
      const { gateway, lines } = await lab(t, async (event) => {
        if (event.phase === 'log') await event.call(method);
      });
      assert.equal((await send(gateway.url, { path: '/a' })).status, 200);
      await eventually(() => lines.some(({ message }) => message.includes('API disabled')));
    }
  });

  it('is the only place for the entry', async (t) => {
    const { gateway, lines } = await lab(t, async (event) => {
      if (event.phase === 'access') await event.call('kong.log.serialize');
    });
    assert.equal((await send(gateway.url, { path: '/a' })).status, 500);
    assert.match(lines.map(({ message }) => message).join(), /only in: log/);
  });

  it('is not run for plugins that do not have it, nor the access phase for those that have only this', async (t) => {
    const phases: string[] = [];
    const note: Handler = ({ phase }) => void phases.push(phase);
    const only = await lab(t, note, ['log']);
    await send(only.gateway.url, { path: '/a' });
    await eventually(() => phases.length === 1);
    const none = await lab(t, note, ['access']);
    await send(none.gateway.url, { path: '/a' });
    await send(none.gateway.url, { path: '/a' });
    assert.deepEqual(phases, ['log', 'access', 'access']);
  });

  it('has the members that a real Kong has', { skip: RECORDINGS_MISSING }, async (t) => {
    const real = recording('pb-01-first-request').find(({ dec }) =>
      JSON.stringify(dec ?? '').includes('upstream_uri'),
    );
    const entries: Entry[] = [];
    const { gateway } = await lab(t, entriesOf(entries, exits));
    await send(gateway.url, { path: '/a?q=1' });
    await eventually(() => entries.length === 1);
    const recorded = JSON.parse((real!.dec as { value: string }).value) as Entry;
    const names = (entry: Entry) => Object.keys(entry).sort();
    assert.deepEqual(names(entries[0]!), names(recorded));
    for (const part of ['request', 'response', 'latencies'])
      assert.deepEqual(names(entries[0]![part] as Entry), names(recorded[part] as Entry), part);
  });
});
