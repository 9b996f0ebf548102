import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Metrics } from '../../bridge/telemetry/metrics';
import { Lifecycle, watchParent } from '../../pluginserver/lifecycle';
import type { PlannedPhase, ProcessHooks } from '../../pluginserver/plugin-module';
import { Overload } from '../../pluginserver/overload';
import { PluginProcesses } from '../../pluginserver/process-hooks';
import { collectStatus, statusRequests } from '../../pluginserver/status';
import { StatusPort } from '../../pluginserver/status-port';
import { deferred, eventually, serve, type Kong, type TestHandler } from './support/serving';

async function living(
  t: TestContext,
  options: {
    managed?: boolean;
    drainTimeoutMs?: number;
    access?: TestHandler;
    planned?: PlannedPhase;
    hooks?: ProcessHooks;
  },
) {
  const serving = await serve(t, {
    ...(options.planned === undefined
      ? { access: options.access ?? (() => undefined) }
      : { planned: options.planned }),
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
  });
  const codes: number[] = [];
  const processes = new PluginProcesses([serving.server.plugin]);
  const lifecycle = new Lifecycle({
    servers: [serving.server],
    processes,
    managed: options.managed ?? false,
    drainTimeoutMs: options.drainTimeoutMs ?? 60_000,
    exit: (code) => codes.push(code),
  });
  return { ...serving, lifecycle, processes, codes };
}

/** Waits until released, then answers. */
const waiter = (release: Promise<void>): TestHandler => {
  return async (kong: Kong) => {
    await release;
    void kong.response.exit(200, 'done');
  };
};

describe('a managed process', () => {
  it('has answered every open event with 503 when the signal handler returns, then ends', async (t) => {
    const order: string[] = [];
    const { startEvent, lifecycle, server, codes, path } = await living(t, {
      managed: true,
      access: () => new Promise(() => undefined),
      hooks: {
        drain: () => order.push(`drain with ${server.openEventCount} open`),
        close: async () => void order.push('close'),
      },
    });
    const kongs = [await startEvent('a'), await startEvent('b')];
    lifecycle.onSignal('SIGTERM');
    assert.equal(server.openEventCount, 0);
    for (const kong of kongs) {
      const { status, body } = await kong.readExit();
      assert.equal(status, 503);
      assert.equal((JSON.parse(body.toString()) as { code: string }).code, 'draining');
    }
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.deepEqual(codes, [0]);
    assert.deepEqual(order, ['drain with 0 open', 'close']);
    assert.ok(!existsSync(path));
  });
});

describe('an external process', () => {
  it('lets waiting events end, answers new ones 503 meanwhile, then closes its plugins and exits 0', async (t) => {
    const release = deferred();
    const { startEvent, connect, lifecycle, codes, path } = await living(t, {
      access: waiter(release.promise),
    });
    const waiting = await startEvent();
    lifecycle.onSignal('SIGTERM');
    const late = await connect();
    late.handleEvent(await late.startInstance('demo'));
    assert.equal((await late.readExit()).status, 503);
    assert.deepEqual(codes, []);
    release.resolve();
    assert.equal((await waiting.readExit()).body.toString(), 'done');
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.deepEqual(codes, [0]);
    assert.ok(!existsSync(path));
  });

  it('leaves it to a plugin with a drain of its own what it refuses, and waits until it is idle', async (t) => {
    const idle = deferred();
    const order: string[] = [];
    const { startEvent, lifecycle, codes } = await living(t, {
      access: (kong: Kong) => kong.response.exit(200, 'accepted while draining'),
      hooks: {
        drain: () => order.push('drain'),
        idle: () => idle.promise,
        close: async () => void order.push('close'),
      },
    });
    lifecycle.onSignal('SIGTERM');
    const kong = await startEvent();
    assert.equal((await kong.readExit()).status, 200);
    assert.deepEqual(codes, []);
    idle.resolve();
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.deepEqual(order, ['drain', 'close']);
  });

  // On a busy machine Kong's answers take long, and an upgrade told requests of before it that the gateway was ending.
  it('that was replaced refuses no request that had begun before, although Kong is still being asked', async (t) => {
    let isDraining = false;
    const { startEvent, lifecycle, server, codes, path } = await living(t, {
      planned: {
        reads: [['kong.request.get_method']],
        run: (event) => event.exit(isDraining ? 503 : 200, Buffer.alloc(0), {}),
      },
      hooks: { drain: () => (isDraining = true) },
    });
    const kong = await startEvent('abc');
    unlinkSync(path);
    const successor = createServer().listen(path);
    t.after(() => successor.close());
    await once(successor, 'listening');
    assert.ok(server.isReplaced);
    lifecycle.onSignal('SIGTERM');
    await kong.expectCall('kong.request.get_method');
    kong.answerText('GET');
    assert.equal((await kong.readExit()).status, 200);
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.ok(isDraining);
  });

  it('answers what is left with 503 when the drain takes too long', async (t) => {
    const { startEvent, lifecycle, codes } = await living(t, {
      drainTimeoutMs: 1,
      access: () => new Promise(() => undefined),
    });
    const kong = await startEvent();
    lifecycle.onSignal('SIGTERM');
    assert.equal((await kong.readExit()).status, 503);
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.deepEqual(codes, [0]);
  });

  it('ends at once at the second signal', async (t) => {
    const release = deferred();
    const { startEvent, lifecycle, codes } = await living(t, { access: waiter(release.promise) });
    const kong = await startEvent();
    lifecycle.onSignal('SIGTERM');
    lifecycle.onSignal('SIGTERM');
    assert.deepEqual(codes, [1]);
    release.resolve();
    await kong.readExit();
    await eventually(() => codes.length === 2, 'the drain does not end');
  });

  it('ends although the hooks of a plugin fail', async (t) => {
    const fail = (): never => {
      throw new Error('a bug in a hook');
    };
    const { lifecycle, codes } = await living(t, {
      hooks: { drain: fail, idle: async () => fail(), close: async () => fail(), status: fail },
    });
    lifecycle.onSignal('SIGTERM');
    await eventually(() => codes.length > 0, 'the process does not end');
    assert.deepEqual(codes, [0]);
  });
});

describe('process hooks', () => {
  it('that two plugins share are called once', () => {
    let started: readonly string[][] = [];
    const hooks: ProcessHooks = { start: (names) => (started = [...started, [...names]]) };
    const plugin = { version: '1', priority: 1, phases: [], continues: undefined, hooks, create: () => ({}) };
    new PluginProcesses([
      { ...plugin, name: 'a' },
      { ...plugin, name: 'b' },
    ]).start(['a', 'b']);
    assert.deepEqual(started, [['a', 'b']]);
  });
});

describe('the watch on the parent', () => {
  it('fires when the parent has changed', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let parent = 100;
    let gone = 0;
    watchParent(
      () => gone++,
      () => parent,
      100,
    );
    t.mock.timers.tick(3000);
    assert.equal(gone, 0);
    parent = 1;
    t.mock.timers.tick(1000);
    assert.equal(gone, 1);
  });
});

describe('the status page', () => {
  it('tells facts, readiness and liveness', async (t) => {
    const { server, processes, lifecycle, startEvent } = await living(t, {
      access: () => new Promise(() => undefined),
      hooks: { status: () => ({ ready: true, waiting: 3 }) },
    });
    await startEvent();
    const page = new StatusPort({
      onRequest: statusRequests({
        version: '9.9.9',
        servers: [server],
        processes,
        lifecycle,
        overload: new Overload(),
        metrics: new Metrics([]),
      }),
      port: 0,
      host: '127.0.0.1',
    });
    assert.equal(await page.tryToListen(), undefined);
    t.after(() => page.close());
    const get = (path: string, method = 'GET') =>
      fetch(`http://127.0.0.1:${page.boundPort}${path}`, { method });
    const status = (await (await get('/status')).json()) as Record<string, unknown> & {
      plugins: Record<string, Record<string, unknown>>;
    };
    assert.equal(status.pid, process.pid);
    assert.equal(status.version, '9.9.9');
    assert.equal(status.ready, true);
    assert.deepEqual(status.unhandled, { rejections: 0, exceptions: 0 });
    const demo = status.plugins.demo as Record<string, unknown>;
    assert.equal(demo.open_events, 1);
    assert.equal(demo.events, 1);
    assert.equal(demo.instances, 1);
    assert.deepEqual(demo.process, { ready: true, waiting: 3 });
    assert.equal((await get('/ready')).status, 200);
    assert.equal((await get('/live')).status, 200);
    assert.equal((await get('/nothing')).status, 404);
    assert.equal((await get('/status', 'POST')).status, 405);
  });

  it('is not ready while draining, when a plugin is not, or when the socket is lost', async (t) => {
    let ready = false;
    const { server, processes, path } = await living(t, { hooks: { status: () => ({ ready }) } });
    const statusWhile = (draining: boolean) =>
      collectStatus({
        version: '1',
        servers: [server],
        processes,
        overload: new Overload(),
        metrics: new Metrics([]),
        lifecycle: { draining, unhandledErrors: { rejections: 0, exceptions: 0 } },
      }).ready;
    assert.equal(statusWhile(false), false);
    ready = true;
    assert.equal(statusWhile(false), true);
    assert.equal(statusWhile(true), false);
    unlinkSync(path);
    assert.equal(statusWhile(false), false);
  });
});
