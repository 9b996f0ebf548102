/** Another process takes the sockets while requests come in, as at an upgrade in external mode. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { startGateway } from '../../dev/gateway/gateway';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { takeOver } from '../../pluginserver/take-over';
import { labDump } from '../support/gateway-lab';
import { ask } from '../support/stack';
import { FakeKong } from './support/fake-kong';
import { MAIN } from './support/process';
import { captureLog, eventually, temporaryFolder } from './support/serving';

/** The first event leaves a note in the memory of its process, the second needs it: as a wait for a reply is. */
const NOTES = `
const notes = new Map();
exports.first = async (kong) => {
  const id = await kong.nginx.getVar('kong_request_id');
  notes.set(id, Date.now());
};
exports.second = async (kong) => {
  const id = await kong.nginx.getVar('kong_request_id');
  if (!notes.delete(id)) return kong.response.exit(500, 'the note is in another process');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await kong.response.exit(200, String(process.pid));
};
exports.Process = { drain() {}, between: () => notes.size, async idle() {} };`;

const PLUGINS = [
  ['first', 20],
  ['second', 10],
] as const;

function pluginSource(name: 'first' | 'second', priority: number): string {
  return `const notes = require('../notes');
exports.Name = '${name}'; exports.Version = '1.0.0'; exports.Priority = ${priority};
exports.Process = notes.Process; exports.Continues = ${name === 'second'};
exports.Plugin = class { access(kong) { return notes.${name}(kong); } };`;
}

function pair(t: TestContext) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'notes.js'), NOTES);
  const socketOf = (name: string) => join(folder, `${name}.sock`);
  const flags: string[] = [];
  for (const [name, priority] of PLUGINS) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'index.js'), pluginSource(name, priority));
    flags.push('--plugin', `${join(folder, name)}=${socketOf(name)}`);
  }
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'inherit', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += String(chunk)));
    await eventually(() => log.includes('"serving"'), 'the server does not serve');
    return child;
  };
  return { start, socketOf };
}

describe('a process that takes over', () => {
  // With the renames alone, requests of that moment had their first event in one process and their second in the
  // other, and those on Kong's pooled connections got the 503 of a process that drains.
  it('loses no request, and none is answered with an error', async (t) => {
    const { start, socketOf } = pair(t);
    const errors: string[] = [];
    const gateway = await startGateway({
      config: {
        _format_version: '3.0',
        routes: [{ name: 'all', paths: ['/'], plugins: [{ name: 'first' }, { name: 'second' }] }],
      },
      pluginServers: PLUGINS.map(([name, priority]) => ({
        name,
        socketPath: socketOf(name),
        dump: labDump('ProtoBuf:1', name, priority),
      })),
      workers: 2,
      poolIdleMs: 300,
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
    const takenOver = takeOver([server], 1000);
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
    await takeOver([server], 3_600_000);
    assert.ok(server.status().socket_owned && !server.isHolding);
  });
});
