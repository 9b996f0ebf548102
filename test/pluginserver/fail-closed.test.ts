/**
 * Whatever goes wrong in an event, its client gets a 5xx and the upstream gets nothing. Kong's stock server answers a
 * handler that threw with "go on", and Kong forwards the request.
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { startGateway, type Gateway } from '../../dev/gateway/gateway';
import { GatewayError } from '../../bridge/errors';
import { PluginServer } from '../../pluginserver/server';
import { MAX_EVENT_TICKS } from '../../pluginserver/ticker';
import { labDump, startUpstream } from '../support/gateway-lab';
import { ask, type Answer } from '../support/stack';
import { exitOf, type Exit, type FakeKong } from './support/fake-kong';
import { start } from './support/process';
import { eventually, serve, type Kong, type Serving, type TestHandler } from './support/serving';

interface Failure {
  readonly what: string;
  readonly access?: TestHandler;
  readonly onCreate?: () => void;
  /** Before the event. */
  readonly before?: (server: PluginServer) => void;
  /** While the event is open. */
  readonly during?: (server: PluginServer) => void;
  readonly status?: number;
  readonly code?: string;
}

const never = (): Promise<never> => new Promise(() => undefined);

const FAILURES: readonly Failure[] = [
  {
    what: 'a handler that throws',
    access: () => {
      throw new Error('a bug');
    },
  },
  { what: 'a handler whose promise is rejected', access: () => Promise.reject(new Error('a bug')) },
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
  { what: 'a handler that rejects with nothing', access: () => Promise.reject() },
  {
    what: 'a handler that fails after a call',
    access: async (kong) => {
      await kong.request.getPath();
      throw new Error('a bug');
    },
  },
  { what: 'a PDK call with wrong arguments', access: (kong) => kong.request.getHeader(5) },
  {
    what: 'a PDK call that Kong does not have',
    access: (kong) => (kong as Kong & { vault: { get: () => unknown } }).vault.get(),
  },
  { what: 'an exit with an impossible status', access: (kong) => kong.response.exit(99, 'x') },
  { what: 'an exit without a status', access: (kong) => kong.response.exit() },
  {
    what: 'an exit whose body cannot be JSON',
    access: (kong) => {
      const cycle: { self?: object } = {};
      cycle.self = cycle;
      return kong.response.exit(200, cycle);
    },
  },
  { what: 'an exit with a header that is no text', access: (kong) => kong.response.exit(200, '', { x: {} }) },
  {
    what: 'an error that names its status',
    access: () => Promise.reject(new GatewayError('produce_failed', 'refused')),
    status: 502,
    code: 'produce_failed',
  },
  {
    what: 'a configuration that cannot work',
    onCreate: () => {
      throw new GatewayError('misconfigured', 'no topic');
    },
    code: 'misconfigured',
  },
  {
    what: 'a constructor with a bug',
    onCreate: () => {
      throw new TypeError('undefined is not a function');
    },
    code: 'misconfigured',
  },
  {
    what: 'an event after the drain has begun',
    before: (server) => server.refuseNewEvents(new GatewayError('draining', 'ending')),
    status: 503,
    code: 'draining',
  },
  {
    what: 'an event that is open when the process must end',
    access: never,
    during: (server) => server.refuseOpenEvents(new GatewayError('draining', 'ending')),
    status: 503,
    code: 'draining',
  },
  {
    what: 'an event that is open for too long',
    access: never,
    during: (server) => {
      for (let tick = 0; tick < MAX_EVENT_TICKS; tick++) server.onTick();
    },
  },
];

function check({ status = 500, code = 'internal' }: Failure, got: { status: number; body: Buffer }): void {
  assert.equal(got.status, status);
  const { message, ...facts } = JSON.parse(String(got.body)) as Record<string, unknown>;
  assert.equal(facts.code, code);
  assert.ok(typeof message === 'string' && !/bug|undefined/.test(message), String(got.body));
}

/** Plays Kong until the event ends. */
async function readExit(kong: FakeKong): Promise<Exit> {
  for (;;) {
    const call = await kong.readCall();
    assert.ok(call, 'the event returned: Kong would forward the request');
    if (call.method === 'kong.response.exit') return exitOf(call.args);
    if (call.method === 'kong.request.get_path') kong.answerText('/');
    else kong.answerNothing();
  }
}

interface Forwarding {
  readonly gateway: Gateway;
  readonly upstreamRequests: () => number;
}

/** A route with a service: what a plugin does not answer is forwarded. */
async function forwarding(t: TestContext, socketPath: string): Promise<Forwarding> {
  let requests = 0;
  const port = await startUpstream(t, () => requests++);
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      services: [
        {
          name: 'up',
          url: `http://127.0.0.1:${port}`,
          routes: [{ name: 'all', paths: ['/'], plugins: [{ name: 'demo' }] }],
        },
      ],
    },
    pluginServers: [{ name: 'demo', socketPath, dump: labDump('ProtoBuf:1', 'demo') }],
  });
  t.after(() => gateway.close());
  return { gateway, upstreamRequests: () => requests };
}

async function whileOpen(serving: Serving, failure: Failure): Promise<void> {
  if (!failure.during) return;
  await eventually(() => serving.server.openEventCount === 1, 'no event is open');
  failure.during(serving.server);
}

async function nothingOpen({ server }: Serving): Promise<void> {
  await eventually(() => server.openEventCount === 0, 'an event is still open');
}

describe('a 5xx is the answer to', () => {
  for (const failure of FAILURES) {
    it(failure.what, async (t) => {
      const serving = await serve(t, failure);
      failure.before?.(serving.server);
      const kong = await serving.connect();
      kong.handleEvent(await kong.startInstance('demo'));
      if (!failure.before) await kong.answerRequestId();
      const exit = readExit(kong);
      await whileOpen(serving, failure);
      check(failure, await exit);
      await nothingOpen(serving);
    });
  }
});

describe('the upstream sees nothing of', () => {
  for (const failure of FAILURES) {
    it(failure.what, async (t) => {
      const serving = await serve(t, failure);
      const { gateway, upstreamRequests } = await forwarding(t, serving.path);
      failure.before?.(serving.server);
      const answer = ask(gateway.url);
      await whileOpen(serving, failure);
      check(failure, await answer);
      assert.equal(upstreamRequests(), 0);
      await nothingOpen(serving);
    });
  }

  it('a PDK call that is an error in Kong, whose own 500 it is', async (t) => {
    const serving = await serve(t, { access: (kong) => kong.service.request.setPath('no slash') });
    const { gateway, upstreamRequests } = await forwarding(t, serving.path);
    assert.equal((await ask(gateway.url)).status, 500);
    assert.equal(upstreamRequests(), 0);
    await nothingOpen(serving);
  });

  // The id is of a process before this one. Closing makes Kong start an instance and run the event again.
  it('an instance this process does not have', async (t) => {
    const serving = await serve(t, { access: (kong) => kong.response.exit(200, 'from the plugin') });
    const { gateway, upstreamRequests } = await forwarding(t, serving.path);
    await ask(gateway.url);
    const successor = new PluginServer({ plugin: serving.server.plugin, socketPath: serving.path });
    t.after(() => successor.close());
    await successor.listen();
    const { status, body } = await ask(gateway.url);
    assert.deepEqual([status, String(body)], [200, 'from the plugin']);
    assert.equal(gateway.counters.plugins.demo?.reruns, 1);
    assert.equal(upstreamRequests(), 0);
  });

  // Kong 3.8 and newer answers 500 by itself. Older ones forward: they need the guards that docs/install.md names.
  it('a server that is gone', async (t) => {
    const serving = await serve(t, {});
    const { gateway, upstreamRequests } = await forwarding(t, serving.path);
    serving.server.close();
    assert.equal((await ask(gateway.url)).status, 500);
    assert.equal(upstreamRequests(), 0);
  });

  // Neither belongs to an event: the request beside them must not pay for them, nor any later one.
  it('a floating rejection and an exception in a timer, which end nobody', async (t) => {
    const server = await start(t);
    const { gateway, upstreamRequests } = await forwarding(t, server.path);
    const waiting = ask(`${gateway.url}/wait`);
    const answers: Answer[] = [];
    for (const path of ['/float', '/timer', '/after']) answers.push(await ask(gateway.url + path));
    assert.deepEqual(
      answers.map(({ status, body }) => [status, String(body)]),
      [
        [200, '/float'],
        [200, '/timer'],
        [200, '/after'],
      ],
    );
    server.child.kill('SIGTERM');
    await eventually(() => server.stderr().includes('"draining"'), 'the signal was not obeyed');
    const refused = await ask(gateway.url);
    assert.deepEqual([refused.status, refused.json.code], [503, 'draining']);
    server.child.kill('SIGTERM');
    assert.equal((await waiting).status, 500);
    assert.equal(upstreamRequests(), 0);
  });
});
