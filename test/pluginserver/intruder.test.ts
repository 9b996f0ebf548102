/** Whoever may connect to a socket and is not Kong: it can do nothing worse than a client. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ConnectionLimit, maxConnections } from '../../pluginserver/connection-limit';
import { Instances } from '../../pluginserver/instances';
import { encodeHandOver } from '../../pluginserver/messages';
import { DEFAULT_LIMITS, Overload } from '../../pluginserver/overload';
import { MAX_SILENT_TICKS } from '../../pluginserver/peer';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { RareLog } from '../../pluginserver/rare-log';
import { PluginServer } from '../../pluginserver/server';
import { takeOver } from '../../pluginserver/take-over';
import { frame } from './support/fake-kong';
import { encode } from './support/kong-schema';
import { heapBytes } from './support/resources';
import { captureLog, deferred, eventually, serve, type Kong } from './support/serving';

describe('a call to hand over', () => {
  // One such call, and the server began no event any more, for good, while it said that it was ready.
  it('from somebody who has not taken the name changes nothing', async (t) => {
    const { server, connect, startEvent, logged } = await serve(t, {
      access: (kong: Kong) => kong.response.exit(200, 'served'),
    });
    const intruder = await connect();
    for (const isFollowed of [true, false]) {
      intruder.socket.write(encodeHandOver(1, isFollowed, 8900));
      assert.equal((await intruder.readReturn()).sequence, 1);
    }
    assert.ok(server.isServing && !server.isReplaced);
    assert.equal(String((await (await startEvent()).readExit()).body), 'served');
    assert.equal(logged.filter(({ message }) => String(message).startsWith('a call to hand over')).length, 2);
  });

  it('that says more than one thing at a time ends its connection, and costs one wait', async (t) => {
    const release = deferred();
    const { server, path, connect, startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        await release.promise;
        void kong.response.exit(200, 'late');
      },
    });
    const waiting = await startEvent();
    const successor = new PluginServer({
      plugin: toPlugin({ Plugin: class {}, Name: 'demo' }, '/'),
      socketPath: path,
    });
    t.after(() => successor.close());
    const intruder = await connect();
    await takeOver([successor]);
    assert.ok(server.isReplaced);
    intruder.socket.write(
      Buffer.concat(Array.from({ length: 1000 }, () => encodeHandOver(1, true, undefined))),
    );
    await intruder.closed();
    release.resolve();
    assert.equal(String((await waiting.readExit()).body), 'late');
  });
});

describe('instances', () => {
  const setUp = (maxInstances: number, maxConfigBytes: number) => {
    let nowMs = 0;
    const closed: string[] = [];
    class Plugin {
      constructor(private readonly config: { name: string }) {}
      close(): void {
        closed.push(this.config.name);
      }
    }
    const all = new Instances(toPlugin({ Plugin, Name: 'demo' }, '/'), () => nowMs++, new RareLog(), {
      maxInstances,
      maxConfigBytes,
    });
    const start = (name: string, padBytes = 0) =>
      all.start('demo', Buffer.from(JSON.stringify({ name, pad: 'x'.repeat(padBytes) })));
    return { all, start, closed };
  };

  // Each stayed for a day.
  it('without end push out those that were not used for longest, and none with events', (t) => {
    captureLog(t);
    const { all, start, closed } = setUp(10, 1_000_000);
    const [busy, used] = [start('busy'), start('used')];
    busy.eventsInFlight = 1;
    for (let number = 0; number < 8; number++) start(String(number));
    used.usedAtMs = 1_000_000;
    start('one too many');
    assert.deepEqual([all.size, closed], [10, ['0']]);
    for (let number = 0; number < 1000; number++) start('more');
    assert.ok(all.size <= 10);
    assert.ok(all.get(busy.id) !== undefined && all.get(used.id) !== undefined);
  });

  it('with large configurations push out others as well', (t) => {
    captureLog(t);
    const { all, start } = setUp(1000, 100_000);
    for (let number = 0; number < 100; number++) start(String(number), 10_000);
    assert.ok(all.size <= 10 && all.size > 5, `${all.size} are left`);
  });
});

describe('an instance that Kong has closed', () => {
  // Such a request made it one that is needed. Kong had closed it and never would again: it kept its Kafka clients for a
  // day, and a soak with 6000 changes of the configuration ended with 7000 instances and a client for each connection.
  it('goes when it is not used any more, whatever requests came late', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    let closes = 0;
    const { server, connect } = await serve(t, {
      access: (kong: Kong) => kong.response.exit(200, 'of the old configuration'),
      onClose: () => closes++,
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    kong.call({ cmd_close_instance: { v: id } });
    await kong.readReturn();
    for (let request = 0; request < 3; request++) {
      t.mock.timers.tick(9000);
      const late = await connect();
      late.handleEvent(id);
      await late.answerRequestId();
      assert.equal((await late.readExit()).status, 200);
      server.onTick();
      assert.equal(server.status().instances, 1);
    }
    t.mock.timers.tick(11_000);
    server.onTick();
    assert.equal(server.status().instances, 0);
    assert.equal(closes, 1);
  });
});

describe('connections', () => {
  it('that are idle make room for new ones, the oldest first, and those in use stay', async (t) => {
    const release = deferred();
    const overload = new Overload(DEFAULT_LIMITS, undefined, new ConnectionLimit(20));
    const { connect, startEvent, server } = await serve(t, {
      overload,
      access: async (kong: Kong) => {
        await release.promise;
        void kong.response.exit(200, 'kept');
      },
    });
    const waiting = [await startEvent('a'), await startEvent('b')];
    const first = await connect();
    for (let count = 0; count < 200; count++) await connect();
    await first.closed();
    await eventually(() => server.status().connections <= 20, 'idle connections are left');
    const late = await startEvent('c');
    release.resolve();
    for (const kong of [...waiting, late]) assert.equal(String((await kong.readExit()).body), 'kept');
    assert.ok(Number(overload.status().idle_connections_dropped) >= 180);
  });

  it('that are all in use have new requests refused, with what was kept in reserve', async (t) => {
    const release = deferred();
    const overload = new Overload(DEFAULT_LIMITS, undefined, new ConnectionLimit(5));
    const { connect, startEvent } = await serve(t, {
      overload,
      access: async (kong: Kong) => {
        await release.promise;
        void kong.response.exit(200, 'kept');
      },
    });
    const waiting = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) waiting.push(await startEvent(id));
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'));
    assert.equal((await kong.readExit()).status, 503);
    await kong.close();
    release.resolve();
    for (const each of waiting) assert.equal(String((await each.readExit()).body), 'kept');
  });

  it('are fewer than the file descriptors of the process', () => {
    assert.equal(maxConnections(50_000, 1024), 921);
    assert.equal(maxConnections(50_000, 100), 36);
    assert.equal(maxConnections(50_000, 65_536), 64_512);
    assert.equal(maxConnections(50_000, Infinity), 82_768);
    assert.equal(maxConnections(1, 10), 1);
    if (process.platform !== 'linux') return;
    const limit = Number(/Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    assert.ok(maxConnections(Number.MAX_SAFE_INTEGER) < limit);
  });

  it('with half a frame are dropped after two minutes, those that are idle are not', async (t) => {
    const { connect, server } = await serve(t, {});
    const [half, idle] = [await connect(), await connect()];
    await idle.startInstance('demo');
    half.socket.write(Buffer.of(200, 0, 0, 0, 1));
    await eventually(() => server.status().connections === 2, 'a connection is missing');
    await idle.startInstance('demo');
    for (let tick = 0; tick <= MAX_SILENT_TICKS + 1; tick++) server.onTick();
    await half.closed();
    assert.equal(server.status().connections, 1);
    assert.ok((await idle.startInstance('demo')) > 0);
  });
});

describe('a peer that does not read', () => {
  // Its answers were kept, however many it asked for.
  it('is not listened to until it does', async (t) => {
    const { connect, server, overload } = await (async () => {
      const limits = new Overload();
      return { overload: limits, ...(await serve(t, { overload: limits })) };
    })();
    const intruder = await connect();
    intruder.socket.pause();
    const before = heapBytes();
    const calls = Buffer.concat(
      Array.from({ length: 1000 }, () =>
        frame(encode('RpcCall', { sequence: 2, cmd_get_plugin_info: { v: 'demo' } })),
      ),
    );
    let written = 0;
    const write = (): void => {
      while (written < 2000 && intruder.socket.write(calls)) written++;
    };
    intruder.socket.on('drain', write);
    write();
    const honest = await connect();
    for (let round = 0; round < 200; round++) await honest.startInstance('demo');
    assert.ok(Number(overload.status().bytes_in_flight) < 4 * 1024 * 1024);
    assert.ok(written < 100, `${written * 1000} calls were taken`);
    t.diagnostic(`${heapBytes() - before} bytes of heap, ${written}000 calls taken`);
    intruder.socket.off('drain', write);
    intruder.socket.resume();
    await eventually(() => overload.status().bytes_in_flight === 0, 'what was read is still counted');
    intruder.socket.destroy();
    await eventually(() => server.status().connections === 1, 'the connection is left');
  });
});

describe('while a predecessor is waited for', () => {
  it('one call of each connection is kept, and of all together some megabytes', async (t) => {
    const { connect, server } = await serve(t, {});
    server.hold();
    const peers = [];
    const config = 'x'.repeat(9 * 1024 * 1024);
    for (let count = 0; count < 8; count++) {
      const peer = await connect();
      peer.call({ cmd_start_instance: { name: 'demo', config: JSON.stringify(config) } });
      peers.push(peer);
    }
    const last = peers.at(-1);
    await last?.closed();
    server.release();
    for (const peer of peers.slice(0, -1)) await peer.readReturn();
    assert.ok(server.isServing);
  });
});

describe('lines that a peer can cause', () => {
  it('are written a few times, then counted', async (t) => {
    const { connect, logged, server } = await serve(t, {});
    for (let count = 0; count < 100; count++) {
      const kong = await connect();
      kong.handleEvent(1);
      await kong.closed();
    }
    const lines = () => logged.filter(({ message }) => String(message).startsWith('Kong used an instance'));
    assert.equal(lines().length, 10);
    server.onTick();
    assert.equal(lines().at(-1)?.further_times, 90);
    server.onTick();
    assert.equal(lines().length, 11);
  });
});
