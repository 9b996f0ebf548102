import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Metrics } from '../../bridge/telemetry/metrics';
import { Overload } from '../../pluginserver/overload';
import { PluginProcesses } from '../../pluginserver/process-hooks';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { collectStatus, statusRequests, type StatusSources } from '../../pluginserver/status';
import { askHolder } from '../../pluginserver/status-holder';
import { MAX_CONNECTIONS, StatusPort } from '../../pluginserver/status-port';
import { takeOver } from '../../pluginserver/take-over';
import { FakeClock } from '../support/fake-clock';
import { captureLog, eventually, temporaryFolder } from './support/serving';

const HOST = '127.0.0.1';

async function taken(t: TestContext, server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function statusPort(t: TestContext, port: number, clock = new FakeClock()): StatusPort {
  const made = new StatusPort({ port, host: HOST, clock, onRequest: (_, response) => response.end('mine') });
  t.after(() => made.close());
  return made;
}

const textAt = async (port: number | undefined): Promise<string> =>
  (await fetch(`http://${HOST}:${port}/`)).text();

describe('a status port', () => {
  it('that is taken is tried again, less and less often, and served when it is free', async (t) => {
    const logged = captureLog(t);
    const other = createTcpServer((socket) => socket.destroy());
    const port = await taken(t, other);
    const clock = new FakeClock();
    const page = statusPort(t, port, clock);
    await page.keepTrying();
    assert.equal(page.isListening, false);
    assert.deepEqual(
      logged.map(({ level, message, held_by }) => [level, message, held_by]),
      [
        [
          'warn',
          'the status port is taken; requests are served, and it is tried again',
          { kind: 'something else' },
        ],
      ],
    );
    for (const delayMs of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      clock.advance(delayMs - 1);
      assert.equal(clock.pendingTimers, 1, `not yet after ${delayMs - 1} ms`);
      clock.advance(1);
      await eventually(() => clock.pendingTimers === 1, 'no further attempt is planned');
    }
    assert.equal(logged.length, 1, 'it is said once');
    other.close();
    await once(other, 'close');
    clock.advance(30_000);
    await eventually(() => page.isListening, 'it is not served');
    assert.equal(logged.at(-1)?.message, 'the status page is served now');
    assert.equal(await textAt(port), 'mine');
    assert.equal(clock.pendingTimers, 0);
  });

  it('on an address that cannot be listened on is an error in the log, and no more', async (t) => {
    const logged = captureLog(t);
    const page = new StatusPort({
      port: 0,
      host: '192.0.2.1',
      clock: new FakeClock(),
      onRequest: () => undefined,
    });
    await page.keepTrying();
    page.close();
    assert.deepEqual([logged.length, logged[0]?.level], [1, 'error']);
    assert.equal(page.isListening, false);
  });

  it('is given up for a successor that wants it, and kept from one that wants another', async (t) => {
    captureLog(t);
    const page = statusPort(t, 0);
    await page.tryToListen();
    const port = page.boundPort as number;
    const idle = connect(port, HOST);
    await once(idle, 'connect');
    await page.yieldTo(port + 1);
    assert.equal(await textAt(port), 'mine');
    await page.yieldTo(port);
    await once(idle, 'close');
    const successor = statusPort(t, port);
    assert.equal(await successor.tryToListen(), undefined, 'the port is free when yieldTo has resolved');
    assert.ok(successor.isListening && !page.isListening);
  });

  it('that is closed while it tries again stays closed', async (t) => {
    captureLog(t);
    const clock = new FakeClock();
    const page = statusPort(t, await taken(t, createServer()), clock);
    await page.keepTrying();
    page.close();
    assert.equal(clock.pendingTimers, 0);
    assert.equal(await page.tryToListen(), undefined);
    assert.equal(page.isListening, false);
  });

  // Each connection held a descriptor for as long as it liked; with all of them gone every request was a 500.
  it('has a few connections, of which the oldest makes room, and goes on answering', async (t) => {
    const page = statusPort(t, 0);
    await page.tryToListen();
    const port = page.boundPort as number;
    const sockets: Socket[] = [];
    let open = 0;
    for (let count = 0; count < 10 * MAX_CONNECTIONS; count++) {
      const socket = connect(port, HOST).on('error', () => undefined);
      await once(socket, 'connect');
      open++;
      socket.once('close', () => open--);
      sockets.push(socket.resume());
    }
    await eventually(
      () => open <= MAX_CONNECTIONS,
      () => `${open} connections are open`,
    );
    assert.equal(await textAt(port), 'mine');
    for (const socket of sockets) socket.destroy();
  });
});

describe('who has the port', () => {
  it('is a plugin server when it says so, and something else whatever it says', async (t) => {
    const answers = [
      '{"pid":7,"version":"1.2.3","state":"draining","plugins":{}}',
      '{"pid":7}',
      'hello',
      'null',
    ];
    const server = createServer((_, response) => response.end(answers.shift()));
    const port = await taken(t, server);
    assert.deepEqual(await askHolder(HOST, port), {
      kind: 'plugin server',
      pid: 7,
      version: '1.2.3',
      state: 'draining',
    });
    for (let rest = 0; rest < 3; rest++)
      assert.deepEqual(await askHolder(HOST, port), { kind: 'something else' });
  });

  it('is not waited for', async (t) => {
    const sockets: Socket[] = [];
    const mute = createTcpServer((socket) => sockets.push(socket));
    const port = await taken(t, mute);
    assert.deepEqual(await askHolder(HOST, port, undefined, 50), { kind: 'something else' });
    for (const socket of sockets) socket.destroy();
  });
});

describe('readiness', () => {
  const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');
  const sourcesOf = (server: PluginServer, draining = false): StatusSources => ({
    version: '1',
    servers: [server],
    processes: new PluginProcesses([plugin]),
    overload: new Overload(),
    metrics: new Metrics([]),
    lifecycle: { draining, unhandledErrors: { rejections: 0, exceptions: 0 } },
  });
  const answers = async (t: TestContext, sources: StatusSources): Promise<unknown[]> => {
    const page = new StatusPort({ port: 0, host: HOST, onRequest: statusRequests(sources) });
    t.after(() => page.close());
    await page.tryToListen();
    const seen: unknown[] = [];
    for (const path of ['/ready', '/live']) {
      const response = await fetch(`http://${HOST}:${page.boundPort}${path}`);
      seen.push(response.status, ((await response.json()) as { state: string }).state);
    }
    page.close();
    return seen;
  };

  // Whoever waited for the new process at an upgrade was told 200 by the old one.
  it('is that of the process with the sockets: not before it has them, and not after', async (t) => {
    captureLog(t);
    const socketPath = join(temporaryFolder(t), 'p.sock');
    const old = new PluginServer({ plugin, socketPath });
    const successor = new PluginServer({ plugin, socketPath });
    t.after(() => [old, successor].forEach((server) => server.close()));
    assert.deepEqual(await answers(t, sourcesOf(old)), [503, 'starting', 200, 'starting']);
    await takeOver([old]);
    assert.deepEqual(await answers(t, sourcesOf(old)), [200, 'serving', 200, 'serving']);
    await successor.bind();
    assert.deepEqual(await answers(t, sourcesOf(successor)), [503, 'starting', 200, 'starting']);
    successor.close();
    const next = new PluginServer({ plugin, socketPath });
    t.after(() => next.close());
    await takeOver([next]);
    assert.deepEqual(await answers(t, sourcesOf(old)), [503, 'replaced', 503, 'replaced']);
    assert.deepEqual(await answers(t, sourcesOf(next)), [200, 'serving', 200, 'serving']);
    assert.deepEqual(await answers(t, sourcesOf(next, true)), [503, 'draining', 503, 'draining']);
    assert.equal(collectStatus(sourcesOf(next)).state, 'serving');
  });
});
