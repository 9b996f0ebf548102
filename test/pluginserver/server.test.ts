import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { SocketPathError } from '../../listener/socket-path';
import { frame } from './support/fake-kong';
import { encode } from './support/kong-schema';
import { captureLog, deferred, eventually, serve, temporaryFolder, type Kong } from './support/serving';

const PLUGIN = toPlugin({ Plugin: class {}, Name: 'demo' }, '/demo');

describe('instances', () => {
  it('answer at once with name, id and start only, never with the configuration', async (t) => {
    const created: unknown[] = [];
    const { connect, logged } = await serve(t, { onCreate: (config) => created.push(config) });
    const kong = await connect();
    const sequence = kong.call({ cmd_start_instance: { name: 'demo', config: '{"password":"s3cret"}' } });
    const { instance_status: status, ...rest } = await kong.readReturn();
    assert.deepEqual(rest, { sequence });
    assert.deepEqual(Object.keys(status as object).sort(), ['instance_id', 'name', 'started_at']);
    assert.deepEqual(created, [{ password: 's3cret' }]);
    assert.ok(!Buffer.concat(kong.chunks).includes('s3cret') && !JSON.stringify(logged).includes('s3cret'));
  });

  it('have ids of 31 bits that differ', async (t) => {
    const { connect } = await serve(t, {});
    const kong = await connect();
    const ids = [await kong.startInstance('demo'), await kong.startInstance('demo')];
    assert.equal(new Set(ids).size, 2);
    for (const id of ids) assert.ok(id > 0 && id < 2 ** 31);
  });

  it('whose constructor throws start all the same and answer every event 500 misconfigured', async (t) => {
    const { startEvent, logged } = await serve(t, {
      onCreate: () => {
        throw new GatewayError('misconfigured', 'no topic');
      },
    });
    for (const first of [true, false]) {
      const kong = await startEvent();
      if (first) {
        await kong.expectCall('kong.log.err');
        kong.answerNothing();
      }
      const { status, body } = await kong.readExit();
      assert.equal(status, 500);
      assert.equal((JSON.parse(body.toString()) as { code: string }).code, 'misconfigured');
    }
    assert.ok(logged.some(({ level, reason }) => level === 'error' && reason === 'no topic'));
  });

  it('of broken JSON or of another plugin are misconfigured, and nothing of the text is logged', async (t) => {
    const { connect, logged } = await serve(t, {});
    for (const [name, config] of [
      ['demo', '{"password":s3cret}'],
      ['other', '{}'],
    ]) {
      const kong = await connect();
      kong.call({ cmd_start_instance: { name, config } });
      const { instance_status: status } = (await kong.readReturn()) as {
        instance_status: { instance_id: number };
      };
      kong.handleEvent(status.instance_id);
      await kong.answerRequestId();
      let call = await kong.readCall();
      if (call?.method === 'kong.log.err') call = await kong.readCall();
      assert.equal(call?.method, 'kong.response.exit');
    }
    assert.ok(!JSON.stringify(logged).includes('s3cret'));
  });

  it('that Kong closes are told when they are idle, while their events in flight go on', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    const release = deferred();
    let closed = 0;
    const { connect, server } = await serve(t, {
      access: async (kong: Kong) => {
        await release.promise;
        void kong.response.exit(200, 'late');
      },
      onClose: () => closed++,
    });
    const [kong, other] = [await connect(), await connect()];
    const id = await kong.startInstance('demo');
    kong.handleEvent(id);
    await kong.answerRequestId();
    const sequence = other.call({ cmd_close_instance: { v: id } });
    assert.equal((await other.readReturn()).sequence, sequence);
    t.mock.timers.tick(10_001);
    server.onTick();
    assert.equal(closed, 0);
    release.resolve();
    assert.equal((await kong.readExit()).body.toString(), 'late');
    server.onTick();
    assert.deepEqual([closed, server.status().instances], [1, 0]);
    other.call({ cmd_close_instance: { v: id } });
    await other.readReturn();
    server.onTick();
    assert.equal(closed, 1);
  });

  // Anybody on the socket can name any id: with each one closed, no request of Kong's would have got anywhere.
  it('that Kong uses cannot be closed by somebody else', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    const { connect, server } = await serve(t, { log: () => undefined });
    const [kong, other] = [await connect(), await connect()];
    const id = await kong.startInstance('demo');
    for (let round = 0; round < 20; round++) {
      other.call({ cmd_close_instance: { v: id } });
      await other.readReturn();
      const sequence = kong.handleEvent(id, 'log');
      assert.equal(await kong.readEventReturn(), sequence);
      t.mock.timers.tick(9000);
      server.onTick();
    }
    assert.equal(server.status().instances, 1);
  });

  it('that do not exist close the connection before any effect', async (t) => {
    let runs = 0;
    const { connect, server } = await serve(t, { access: () => runs++ });
    const kong = await connect();
    kong.handleEvent((await kong.startInstance('demo')) ^ 1);
    await kong.closed();
    assert.equal(await kong.readFrame(), undefined);
    assert.equal(runs, 0);
    assert.equal(server.status().events, 0);
  });
});

describe('calls of other kinds', () => {
  it('for names, information and status are answered', async (t) => {
    const { connect } = await serve(t, {});
    const kong = await connect();
    const id = await kong.startInstance('demo');
    kong.call({ cmd_get_plugin_names: {} });
    assert.deepEqual((await kong.readReturn()).plugin_names, { names: ['demo'] });
    kong.call({ cmd_get_plugin_info: { v: 'demo' } });
    assert.deepEqual((await kong.readReturn()).plugin_info, {
      name: 'demo',
      version: '1.2.3',
      priority: 7,
      phases: ['certificate', 'access', 'log'],
    });
    kong.call({ cmd_get_instance_status: { v: id } });
    assert.equal(((await kong.readReturn()).instance_status as { instance_id: number }).instance_id, id);
    const sequence = kong.call({});
    assert.deepEqual(await kong.readReturn(), { sequence });
  });

  it('several in one chunk are answered in order', async (t) => {
    const { connect } = await serve(t, {});
    const kong = await connect();
    const call = (sequence: number): Buffer =>
      frame(encode('RpcCall', { sequence, cmd_get_plugin_names: {} }));
    kong.socket.write(Buffer.concat([call(5), call(6), call(7)]));
    for (const sequence of [5, 6, 7]) assert.equal((await kong.readReturn()).sequence, sequence);
  });

  it('in single bytes are answered', async (t) => {
    const { connect } = await serve(t, {});
    const kong = await connect();
    for (const byte of frame(encode('RpcCall', { sequence: 5, cmd_get_plugin_names: {} }))) {
      await new Promise((resolve) => kong.socket.write(Buffer.from([byte]), resolve));
    }
    assert.equal((await kong.readReturn()).sequence, 5);
  });

  it('that are garbage or too large end their own connection only', async (t) => {
    const { connect, startEvent } = await serve(t, {
      access: (kong: Kong) => kong.request.getPath(),
    });
    const waiting = await startEvent();
    await waiting.expectCall('kong.request.get_path');
    for (const bytes of [frame(Buffer.from([0xff, 0xff])), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const kong = await connect();
      kong.socket.write(bytes);
      await kong.closed();
    }
    const truncated = await connect();
    truncated.socket.end(Buffer.from([10, 0, 0, 0, 1]));
    await truncated.closed();
    waiting.answerText('/');
    await waiting.readEventReturn();
  });

  // The event's name was looked up in the plugin's instance, so `close` closed it and `constructor` threw.
  it('of a name that is no phase reach nothing in the plugin', async (t) => {
    let closed = 0;
    const { connect, server } = await serve(t, { onClose: () => closed++ });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    for (const name of ['close', 'constructor', '__proto__', '']) {
      const sequence = kong.handleEvent(id, name);
      assert.equal(await kong.readEventReturn(), sequence);
    }
    assert.equal(closed, 0);
    assert.equal(server.status().handler_errors, 0);
  });

  it('of a phase the plugin does not have return at once', async (t) => {
    const { connect } = await serve(t, {});
    const kong = await connect();
    const sequence = kong.handleEvent(await kong.startInstance('demo'), 'rewrite');
    await kong.answerRequestId();
    assert.equal(await kong.readEventReturn(), sequence);
  });
});

describe('a server that ends', () => {
  it('answers new events 503, plugins without a drain of their own included', async (t) => {
    const { server, connect } = await serve(t, { access: () => assert.fail('a handler ran') });
    server.refuseNewEvents(new GatewayError('draining', 'ending'));
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'));
    assert.equal((await kong.readExit()).status, 503);
  });

  it('has written 503 to every open event when refuseOpenEvents returns, and releases their handlers', async (t) => {
    const aborted: unknown[] = [];
    const { startEvent, server } = await serve(t, {
      access: (kong: Kong) =>
        new Promise((_, reject) => {
          const signal = kong.signal;
          signal.addEventListener('abort', () => {
            aborted.push(signal.reason);
            reject(signal.reason as Error);
          });
        }),
    });
    const kongs = [await startEvent('a'), await startEvent('b'), await startEvent('c')];
    let idle = false;
    void server.whenIdle().then(() => (idle = true));
    assert.equal(server.openEventCount, 3);
    server.refuseOpenEvents(new GatewayError('draining', 'ending'));
    assert.equal(server.openEventCount, 0);
    for (const kong of kongs) assert.equal((await kong.readExit()).status, 503);
    assert.ok(idle);
    assert.deepEqual(
      aborted.map((error) => (error as GatewayError).code),
      ['draining', 'draining', 'draining'],
    );
    assert.equal(server.status().handler_errors, 0);
  });
});

describe('the socket', () => {
  it('is bound under another name and renamed, with mode 0660', async (t) => {
    const { path, folder } = await serve(t, {});
    assert.deepEqual(readdirSync(folder), ['plugin.sock']);
    assert.equal(statSync(path).mode & 0o777, 0o660);
  });

  it('replaces a stale one', async (t) => {
    const folder = temporaryFolder(t);
    captureLog(t);
    const socketPath = join(folder, 'p.sock');
    // A killed process leaves its socket behind.
    const listen = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', listen]);
    assert.ok(lstatSync(socketPath).isSocket());
    const server = new PluginServer({ plugin: PLUGIN, socketPath });
    await server.listen();
    assert.ok(server.status().socket_owned);
    server.close();
    assert.ok(!existsSync(socketPath));
  });

  it('is removed at the end, but not when another process has taken its name', async (t) => {
    const { server, path } = await serve(t, {});
    const successor = new PluginServer({ plugin: PLUGIN, socketPath: path });
    await successor.listen();
    assert.equal(server.status().socket_owned, false);
    server.close();
    assert.ok(lstatSync(path).isSocket());
    assert.ok(successor.status().socket_owned);
    successor.close();
    assert.ok(!existsSync(path));
  });

  it('keeps serving its connections after its name was taken', async (t) => {
    const { startEvent, path } = await serve(t, {
      access: (kong: Kong) => kong.request.getPath(),
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_path');
    const successor = new PluginServer({ plugin: PLUGIN, socketPath: path });
    await successor.listen();
    kong.answerText('/');
    await kong.readEventReturn();
    successor.close();
  });

  // Between binding and chmod everybody could connect, if the umask allowed it. What the kernel sees while it is bound
  // is a folder that only this user may enter.
  it('has no wider rights than 0660 at any moment, whatever the umask', async (t) => {
    const folder = temporaryFolder(t);
    captureLog(t);
    const server = new PluginServer({ plugin: PLUGIN, socketPath: join(folder, 's') });
    t.after(() => server.close());
    const umask = process.umask(0);
    try {
      await server.bind();
    } finally {
      process.umask(umask);
    }
    const modes = () =>
      readdirSync(folder).map((name) => [name, lstatSync(join(folder, name)).mode & 0o7777]);
    const [[name, mode] = []] = modes();
    assert.match(String(name), /^\.kkb-/);
    assert.equal(mode, 0o700);
    server.claim();
    assert.deepEqual(modes(), [['s', 0o660]]);
  });

  it('has a folder while it is bound, which is gone afterwards, and swept if its process was killed', async (t) => {
    const folder = temporaryFolder(t);
    captureLog(t);
    const [old, young, others] = ['.kkb-abcdef', '.kkb-ABCDEF', 'kkb-abcdef'];
    for (const name of [old, young, others]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, old, 's'), '');
    const anHourAgo = Date.now() / 1000 - 3600;
    for (const name of [old, others]) utimesSync(join(folder, name), anHourAgo, anHourAgo);
    const server = new PluginServer({ plugin: PLUGIN, socketPath: join(folder, 's') });
    await server.listen();
    assert.deepEqual(readdirSync(folder).sort(), [young, others, 's'].sort());
    server.close();
    const unused = new PluginServer({ plugin: PLUGIN, socketPath: join(folder, 's') });
    await unused.bind();
    unused.close();
    assert.deepEqual(readdirSync(folder).sort(), [young, others].sort());
  });

  const refusals: [string, (folder: string) => string, RegExp][] = [
    [
      'a folder',
      (folder) => {
        mkdirSync(join(folder, 'd'));
        return join(folder, 'd');
      },
      /^Cannot listen on .*: it is a folder\.$/,
    ],
    [
      'a file',
      (folder) => {
        writeFileSync(join(folder, 'f'), 'precious');
        return join(folder, 'f');
      },
      /a file that is not a socket is in its place\.$/,
    ],
    ['in a missing folder', (folder) => join(folder, 'no', 's'), /its folder does not exist\.$/],
    [
      'below a file',
      (folder) => {
        writeFileSync(join(folder, 'f'), '');
        return join(folder, 'f', 's');
      },
      /f is not a folder\.$/,
    ],
    ['too long', (folder) => join(folder, 'x'.repeat(120)), /longer than the \d+ bytes/],
  ];
  for (const [what, make, sentence] of refusals) {
    it(`path that is ${what} is refused with one sentence`, async (t) => {
      const folder = temporaryFolder(t);
      captureLog(t);
      const server = new PluginServer({ plugin: PLUGIN, socketPath: make(folder) });
      await assert.rejects(server.listen(), (error: Error) => {
        assert.ok(error instanceof SocketPathError);
        assert.match(error.message, sentence);
        return true;
      });
    });
  }

  it('takes a burst of connections above the backlog of node', async (t) => {
    const { connect, server } = await serve(t, {});
    await Promise.all(Array.from({ length: 800 }, connect));
    await eventually(() => server.status().connections === 800, 'not all connections were accepted');
  });

  it('is not disturbed by a name that another server has bound in the same folder', async (t) => {
    const { folder, server } = await serve(t, {});
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(join(folder, 'other.sock'), resolve));
    server.close();
    assert.ok(existsSync(join(folder, 'other.sock')));
    other.close();
  });
});
