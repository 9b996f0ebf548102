/** How the gateway fails where Kong fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frame } from '../../../dev/gateway/frames';
import { startGateway } from '../../../dev/gateway/gateway';
import { encode } from '../../../dev/gateway/protobuf';
import { eventually, send } from '../../support/gateway-client';
import { labDump } from '../../support/gateway-lab';
import { PluginServer, textIn, type Handler } from '../../support/gateway-plugin-server';
import { setup, type Setup } from '../../support/gateway-setup';

async function assertOne500(setup: Setup, request: Parameters<typeof send>[1] = {}): Promise<void> {
  const response = await send(setup.gateway.url, request);
  assert.equal(response.status, 500);
  const body = JSON.parse(response.body.toString()) as Record<string, string>;
  assert.deepEqual(body, {
    message: 'An unexpected error occurred',
    request_id: response.headers['x-kong-request-id'],
  });
  assert.equal(setup.gateway.counters.plugins['lab-a']?.reruns, 0, 'not run again');
}

describe('one clean 500', () => {
  it('follows an unknown method name', async (t) => {
    await assertOne500(
      await setup(t, ({ socket }) => {
        socket.write(Buffer.concat([frame(Buffer.from('kong.nosuch')), frame(Buffer.alloc(0))]));
        return new Promise(() => undefined);
      }),
    );
  });

  it('follows a return with a wrong sequence', async (t) => {
    await assertOne500(
      await setup(t, ({ socket }) => {
        socket.write(
          Buffer.concat([frame(Buffer.alloc(0)), frame(encode('RpcReturn', { sequence: 4_000_000 }))]),
        );
        return new Promise(() => undefined);
      }),
    );
  });

  for (const status of [0, 99, 600, -1]) {
    it(`follows an exit with status ${status}`, async (t) => {
      await assertOne500(
        await setup(t, (event) => {
          event.exit(status, 'x');
        }),
      );
    });
  }

  for (const max of [0, 1001, 5000]) {
    it(`follows get_headers(${max})`, async (t) => {
      await assertOne500(await setup(t, (event) => event.call('kong.request.get_headers', { v: max })));
    });
  }

  it('follows the value of a query argument that has none', async (t) => {
    const handler: Handler = (event) => event.call('kong.request.get_query_arg', { v: 'flag' });
    await assertOne500(await setup(t, handler), { path: '/?flag' });
  });

  it('follows bytes that are no message', async (t) => {
    await assertOne500(
      await setup(t, ({ socket }) => {
        socket.write(
          Buffer.concat([frame(Buffer.from('kong.request.get_header')), frame(Buffer.of(0x0a, 0x50, 1))]),
        );
        return new Promise(() => undefined);
      }),
    );
  });

  it('follows a reset in the middle of an event', async (t) => {
    const failing = await setup(t, async (event) => {
      // Answers that nobody has read when the socket goes make it a reset; these are too many to be buffered.
      event.socket.pause();
      for (let i = 0; i < 300; i += 1) void event.call('kong.request.get_header', { v: 'x-long' });
      await new Promise((resolve) => setTimeout(resolve, 50));
      event.socket.destroy();
    });
    await assertOne500(failing, { headers: ['x-long', 'x'.repeat(8000)] });
    assert.ok(failing.log.some(({ message }) => /connection reset by peer|broken pipe/.test(message)));
  });

  it('follows a server that is not there, and all is well as soon as it is', async (t) => {
    const server = new PluginServer();
    server.handler = (event) => event.exit(200, 'back');
    const gateway = await startGateway({
      config: { _format_version: '3.0', routes: [{ paths: ['/'], plugins: [{ name: 'lab-a' }] }] },
      pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a') }],
    });
    t.after(async () => {
      await gateway.close();
      await server.close();
    });
    assert.equal((await send(gateway.url)).status, 500);
    await server.listen();
    assert.equal((await send(gateway.url)).body.toString(), 'back');
  });

  it('follows silence, counted anew from every frame', async (t) => {
    const failing = await setup(
      t,
      async (event) => {
        for (let i = 0; i < 4; i += 1) {
          await new Promise((resolve) => setTimeout(resolve, 250));
          await event.call('kong.nginx.get_subsystem');
        }
        await new Promise(() => undefined);
      },
      { options: { readTimeoutMs: 1000 } },
    );
    const startedAtMs = Date.now();
    await assertOne500(failing);
    const tookMs = Date.now() - startedAtMs;
    assert.ok(tookMs >= 4 * 250 + 990, `answered after ${tookMs} ms`);
    assert.ok(failing.log.some(({ message }) => message === 'pluginserver error: timeout'));
    await eventually(() => failing.server.ended === failing.server.opened - 1);
  });
});

describe('a connection closed in the middle of an event', () => {
  it('makes the event run again with a new instance, in the same request', async (t) => {
    let attempts = 0;
    const { gateway, server } = await setup(t, async (event) => {
      attempts += 1;
      const id = textIn(await event.call('kong.nginx.get_var', { v: 'kong_request_id' }));
      if (attempts < 4) event.socket.end();
      else event.exit(200, `${id} ${event.instanceId}`);
    });
    const response = await send(gateway.url);
    assert.equal(response.body.toString(), `${String(response.headers['x-kong-request-id'])} 104`);
    assert.equal(server.startedConfigs.length, 4);
    assert.equal(server.closedInstances.length, 0, 'lost instances are not closed');
    assert.equal(gateway.counters.plugins['lab-a']?.reruns, 3);
  });

  it('makes every worker forget its instances', async (t) => {
    let mustClose = false;
    const { gateway, server } = await setup(
      t,
      (event) => {
        if (!mustClose) return event.exit(200);
        mustClose = false;
        event.socket.end();
      },
      { options: { workers: 2 } },
    );
    // Clients without keep-alive go to the workers in turn.
    for (let i = 0; i < 4; i += 1) await send(gateway.url);
    assert.equal(server.startedConfigs.length, 2);
    mustClose = true;
    for (let i = 0; i < 4; i += 1) assert.equal((await send(gateway.url)).status, 200);
    assert.equal(server.startedConfigs.length, 4);
  });

  it('goes on for a thousand attempts, then stops and says so loudly', async (t) => {
    const { gateway, log } = await setup(t, ({ socket }) => {
      socket.end();
    });
    assert.equal((await send(gateway.url)).status, 500);
    assert.equal(gateway.counters.plugins['lab-a']?.reruns, 999);
    assert.ok(log.some(({ level, message }) => level === 'alert' && message.includes('1000 times')));
  });
});

describe('connections to a plugin server', () => {
  it('end with an exit and stay after a return', async (t) => {
    const { gateway, server } = await setup(t, async (event) => {
      const { v } = await event.call('kong.request.get_header', { v: 'x-exit' });
      if (v === 'yes') event.exit(200);
    });
    await send(gateway.url);
    await send(gateway.url);
    assert.deepEqual([server.opened, server.ended], [1, 0], 'StartInstance and two events on one connection');
    await send(gateway.url, { headers: ['x-exit', 'yes'] });
    await eventually(() => server.ended === 1);
    assert.equal(gateway.openConnections, 0);
  });

  // The stand-in returned first and forgot the answer. The next event on the connection was then taken for it, and hung.
  it('bring the answers to calls that an event did not wait for', async (t) => {
    const told: Promise<unknown>[] = [];
    const { gateway, server } = await setup(t, (event) => {
      told.push(event.call('kong.nginx.get_subsystem'));
      return Promise.resolve();
    });
    await send(gateway.url);
    await send(gateway.url);
    await Promise.all(told);
    assert.equal(told.length, 2);
    assert.equal(server.opened, 1);
  });
});

describe('a client that leaves', () => {
  const waiting: Handler = async (event) => {
    await event.call('kong.nginx.get_subsystem');
    await new Promise((resolve) => setTimeout(resolve, 150));
    event.exit(200, 'late');
  };

  it('is not noticed: the exit is taken as if it were there', async (t) => {
    const { gateway, server } = await setup(t, waiting);
    const startedAtMs = Date.now();
    await assert.rejects(send(gateway.url, { abortAfterMs: 30 }));
    await eventually(() => server.ended === 1);
    assert.ok(Date.now() - startedAtMs >= 150);
  });
});
