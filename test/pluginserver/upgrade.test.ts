/** Another process takes the sockets while requests come in, as at an upgrade in external mode. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { startGateway } from '../../dev/gateway/gateway';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { TakeBack } from '../../pluginserver/take-back';
import { takeOver } from '../../pluginserver/take-over';
import { ask } from '../support/stack';
import { FakeKong } from './support/fake-kong';
import { pair } from './support/pair';
import { captureLog, eventually, temporaryFolder } from './support/serving';

describe('a process that takes over', () => {
  // With the renames alone, requests of that moment had their first event in one process and their second in the
  // other, and those on Kong's pooled connections got the 503 of a process that drains.
  it('loses no request, and none is answered with an error', async (t) => {
    const { start, gateway: options } = pair(t);
    const errors: string[] = [];
    const gateway = await startGateway({
      ...options,
      onLog: ({ level, message }) => level === 'err' && errors.push(message),
    });
    t.after(() => gateway.close());

    let running = true;
    const servedBy = new Map<string, number>();
    const failures: string[] = [];
    const client = async (): Promise<void> => {
      while (running) {
        const { status, body } = await ask(gateway.url);
        if (status !== 200) failures.push(`${status} ${String(body)}`);
        else servedBy.set(String(body), (servedBy.get(String(body)) ?? 0) + 1);
      }
    };
    const servedSome = async (pid: number | undefined): Promise<void> => {
      while ((servedBy.get(String(pid)) ?? 0) < 100) {
        assert.deepEqual(failures, [], errors.join('\n'));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };

    let serving = await start();
    const clients = Array.from({ length: 20 }, client);
    await servedSome(serving.pid);
    for (let upgrade = 0; upgrade < 3; upgrade++) {
      const successor = await start();
      const exit = once(serving, 'exit');
      serving.kill('SIGTERM');
      await servedSome(successor.pid);
      assert.deepEqual(await exit, [0, null], 'the old process ends when Kong has let go of it');
      serving = successor;
    }
    running = false;
    await Promise.all(clients);
    assert.deepEqual(failures, [], errors.join('\n'));
    const reruns = Object.values(gateway.counters.plugins).reduce((sum, plugin) => sum + plugin.reruns, 0);
    t.diagnostic(`${[...servedBy.values()].join(', ')} requests were answered, ${reruns} events ran again`);
    serving.kill('SIGTERM');
    assert.deepEqual(await once(serving, 'exit'), [0, null]);
  });

  // A plugin that sends and waits by itself has events that are open for minutes. It stands between the two of a pair, and
  // was waited for as if the second of them went on with its requests: two seconds in which nobody was served.
  it('waits for nothing of a plugin with whose requests no other goes on', async (t) => {
    const folder = temporaryFolder(t);
    const logged = captureLog(t);
    const serversOf = () =>
      (
        [
          ['first', 740, undefined],
          ['alone', 735, undefined],
          ['second', 730, 'first'],
        ] as const
      ).map(([Name, Priority, Continues]) => {
        const Plugin = class {
          access = () => new Promise(() => undefined);
        };
        const server = new PluginServer({
          plugin: toPlugin({ Plugin, Name, Priority, Continues }, '/'),
          socketPath: join(folder, `${Name}.sock`),
        });
        t.after(() => server.close());
        return server;
      });
    const before = serversOf();
    await takeOver(before);
    const kong = await FakeKong.connect(join(folder, 'alone.sock'));
    kong.handleEvent(await kong.startInstance('alone'));
    await eventually(() => before[1]!.openEventCount === 1, 'the event is not open');
    const after = serversOf();
    // Never, if it had to wait.
    await takeOver(after, { answerTimeoutMs: 2 ** 31 - 1 });
    assert.ok(after.every((server) => server.isServing));
    assert.equal(before[1]!.openEventCount, 1, 'the event goes on where it is');
    assert.ok(logged.every(({ level }) => level !== 'warn'));
    await kong.close();
  });

  // A process that hangs, and whatever else may listen there.
  it('does not wait for ever for one that does not answer, and lets calls wait meanwhile', async (t) => {
    const socketPath = join(temporaryFolder(t), 'p.sock');
    const logged = captureLog(t);
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const server = new PluginServer({
      plugin: toPlugin({ Plugin: class {}, Name: 'demo' }, '/'),
      socketPath,
    });
    t.after(() => server.close());
    const takenOver = takeOver([server], { answerTimeoutMs: 1000 });
    await eventually(() => server.isHolding && server.status().socket_owned, 'the name is not taken');
    const kong = await FakeKong.connect(socketPath);
    let answered = false;
    const instance = kong.startInstance('demo').finally(() => (answered = true));
    await eventually(() => server.status().connections === 1, 'the connection was not accepted');
    assert.ok(!answered && server.isHolding);
    await takenOver;
    assert.ok((await instance) > 0);
    assert.ok(logged.some(({ level }) => level === 'warn'));
    await kong.close();
  });

  // Five plugins were five times two seconds, in which every request waited.
  it('does not wait as long for each socket of one that does not answer', async (t) => {
    captureLog(t);
    const folder = temporaryFolder(t);
    const sockets: Socket[] = [];
    const servers: PluginServer[] = [];
    for (const name of ['first', 'second', 'third', 'fourth']) {
      const socketPath = join(folder, `${name}.sock`);
      const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
      await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
      t.after(() => silent.close());
      servers.push(new PluginServer({ plugin: toPlugin({ Plugin: class {}, Name: name }, '/'), socketPath }));
    }
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    });
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    t.mock.method(globalThis, 'setTimeout', (callback: () => void, delayMs: number) =>
      setImmediate(() => {
        nowMs += delayMs;
        callback();
      }),
    );
    await takeOver(servers, { answerTimeoutMs: 2000 });
    assert.ok(nowMs >= 2000 && nowMs < 3000, `requests waited for ${nowMs} ms`);
    assert.ok(servers.every((server) => server.status().socket_owned));
  });

  it('does not wait at all for one that is gone', async (t) => {
    const socketPath = join(temporaryFolder(t), 'p.sock');
    captureLog(t);
    writeFileSync(
      `${socketPath}.js`,
      `require('net').createServer().listen('${socketPath}', () => process.kill(process.pid, 9))`,
    );
    await once(spawn(process.execPath, [`${socketPath}.js`]), 'exit');
    const server = new PluginServer({
      plugin: toPlugin({ Plugin: class {}, Name: 'demo' }, '/'),
      socketPath,
    });
    t.after(() => server.close());
    // The timeout is longer than the test may take.
    await takeOver([server], { answerTimeoutMs: 3_600_000 });
    assert.ok(server.status().socket_owned && !server.isHolding);
  });
});

// It began nothing for as long as it ran, and nobody else did: every request was a 500 until a new version came up.
it('a process that was replaced serves again when the one that took its sockets dies, unless it drains', async (t) => {
  const socketPath = join(temporaryFolder(t), 'p.sock');
  captureLog(t);
  const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');
  const server = new PluginServer({ plugin, socketPath });
  t.after(() => server.close());
  await server.listen();
  let draining = true;
  let takenBack = 0;
  const takeBack = new TakeBack({
    servers: [server],
    isDraining: () => draining,
    onTakenBack: () => takenBack++,
  });
  const successor = new PluginServer({ plugin, socketPath });
  await takeOver([successor]);
  takeBack.onTick();
  draining = false;
  for (let tick = 0; tick < 3; tick++) await takeBack.look();
  assert.ok(server.isReplaced, 'the successor lives');

  // As kill -9 does: nobody listens any more, and the name stays.
  const name = `${socketPath}.kept`;
  linkSync(socketPath, name);
  successor.close();
  renameSync(name, socketPath);
  await takeBack.look();
  assert.ok(server.isReplaced, 'it may be on its way back');
  await takeBack.look();
  assert.deepEqual([server.isReplaced, server.isServing, takenBack], [false, true, 1]);
  const kong = await FakeKong.connect(socketPath);
  const sequence = kong.handleEvent(await kong.startInstance('demo'), 'log');
  assert.equal(await kong.readEventReturn(), sequence);
  await kong.close();
});

/** The name of the second socket was still its own, and answered: the first one was left to nobody for good. */
it('takes back what it has lost when its successor dies between two sockets', async (t) => {
  const folder = temporaryFolder(t);
  captureLog(t);
  const servers = ['first', 'second'].map((Name) => {
    const plugin = toPlugin({ Plugin: class {}, Name }, '/');
    return new PluginServer({ plugin, socketPath: join(folder, `${Name}.sock`) });
  });
  t.after(() => servers.forEach((server) => server.close()));
  for (const server of servers) await server.listen();
  const [first, second] = servers as [PluginServer, PluginServer];
  const successor = new PluginServer({ plugin: first.plugin, socketPath: first.socketPath });
  await takeOver([successor]);
  successor.close();
  const takeBack = new TakeBack({ servers, isDraining: () => false, onTakenBack: () => undefined });
  await takeBack.look();
  await takeBack.look();
  assert.deepEqual([first.isReplaced, first.isServing, second.isServing], [false, true, true]);
});

/** Its queue of connections was full, which is EAGAIN, and that was taken for its death. */
it('takes nothing back from a successor that lives and is too busy to accept', async (t) => {
  const socketPath = join(temporaryFolder(t), 'p.sock');
  captureLog(t);
  await busyProcess(t, socketPath);
  const server = { isReplaced: true, socketPath, bindAgain: async () => undefined, claim: () => undefined };
  let takenBack = 0;
  const takeBack = new TakeBack({
    servers: [server],
    isDraining: () => false,
    onTakenBack: () => takenBack++,
  });
  for (let tick = 0; tick < 3; tick++) await takeBack.look();
  assert.equal(takenBack, 0);
});

/** The new one found nobody, told nobody, and held up no request: the old one went on to begin events on its own. */
it('tells a predecessor that is too busy to accept, when it accepts again', async (t) => {
  const socketPath = join(temporaryFolder(t), 'p.sock');
  captureLog(t);
  const predecessor = await busyProcess(t, socketPath, 300);
  const server = new PluginServer({ plugin: toPlugin({ Plugin: class {}, Name: 'demo' }, '/'), socketPath });
  t.after(() => server.close());
  let said = '';
  predecessor.stdout.on('data', (text) => (said += String(text)));
  // The timeout is longer than the test may take.
  await takeOver([server], { answerTimeoutMs: 3_600_000 });
  await eventually(() => said === 'told', 'the predecessor was not told');
  assert.ok(server.status().socket_owned && !server.isHolding);
});

/** Listens, and accepts nothing for so long; its queue of connections is full. Then it answers whatever it is told. */
async function busyProcess(t: TestContext, socketPath: string, busyMs = Infinity) {
  const program = `
    const server = require('net').createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        process.stdout.write('told');
        socket.end('yes');
      });
    });
    server.listen({ path: '${socketPath}', backlog: 1 }, () => {
      process.stdout.write('listening');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${busyMs});
    })`;
  const child = spawn(process.execPath, ['-e', program]);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const connections: Socket[] = [];
  t.after(() => connections.forEach((connection) => connection.destroy()));
  for (let isFull = false; !isFull;) {
    const connection = connect(socketPath);
    connections.push(connection);
    await once(connection, 'connect').catch((error: NodeJS.ErrnoException) => {
      isFull = error.code === 'EAGAIN';
    });
    connection.on('error', () => undefined);
  }
  return child;
}
