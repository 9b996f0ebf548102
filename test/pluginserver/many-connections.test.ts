/**
 * Ten thousand peers that connect and say nothing, half of something, or leave at once. Kong opens a connection for
 * every event that exits and closes it itself, so what one of them leaves behind is left behind by every request.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { it } from 'node:test';
import { frame } from './support/fake-kong';
import { encode } from './support/kong-schema';
import { heapBytes, nothingMoreThan, resources } from './support/resources';
import { eventually, serve, type Kong } from './support/serving';

const CONNECTIONS = 10_000;
/** Of the test's process for other things, and both ends of every connection are in it. */
const RESERVED_DESCRIPTORS = 300;
/** What is remembered of closed events for a minute is below this; a leak per connection is not. */
const MAX_HEAP_GROWTH_BYTES = 3 * 1024 * 1024;

/** How many connections at once the limit of open files allows. */
function stepSize(): number {
  let limit = 1024;
  try {
    limit = Number(/Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? limit);
  } catch {
    // Not Linux: the usual limit.
  }
  return Math.max(100, Math.min(2500, Math.floor((limit - RESERVED_DESCRIPTORS) / 2)));
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path, () => {
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    }).on('error', reject);
  });
}

it(
  `${CONNECTIONS} peers that stop half-way or leave early cost nothing that lasts`,
  { timeout: 120_000 },
  async (t) => {
    const { server, path, startEvent, connect } = await serve(t, {
      access: async (kong: Kong) => {
        // As a wait for a reply: an event that nobody ends but its connection.
        if ((await kong.request.getPath()) === '/wait')
          await new Promise<void>((resolve) => kong.onOver(resolve));
        else void kong.response.exit(200, 'fine');
      },
    });
    const control = await connect();
    const instanceId = await control.startInstance('demo');
    const event = frame(
      encode('RpcCall', { sequence: 7, cmd_handle_event: { instance_id: instanceId, event_name: 'access' } }),
    );
    const waitPath = frame(encode('Text', { v: '/wait' }));
    let requests = 0;
    const half = (kind: number): Buffer => {
      const requestId = frame(encode('Text', { v: `request-${requests++}` }));
      return [
        Buffer.alloc(0),
        Buffer.of(5, 0),
        // 32 MiB, announced.
        Buffer.of(0, 0, 0, 2, 1),
        event.subarray(0, event.length - 1),
        event,
        Buffer.concat([event, requestId, waitPath]),
        Buffer.concat([event, requestId.subarray(0, 3)]),
      ][kind % 7]!;
    };
    const normalRequest = async (): Promise<void> => {
      const kong = await startEvent('normal');
      await kong.expectCall('kong.request.get_path');
      kong.answerText('/normal');
      assert.equal((await kong.readExit()).body.toString(), 'fine');
      await kong.close();
    };

    /** Opens so many, lets a normal request in between, and sees them go: some in order, some with unread bytes. */
    const round = async (count: number): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: count }, () => connected(path)));
      sockets.forEach((socket, index) => {
        socket.write(half(index));
        // Early: the server has not even accepted all of them.
        if (index % 5 === 0) socket.destroy();
      });
      await normalRequest();
      sockets.forEach((socket, index) => (index % 2 === 0 ? socket.end() : socket.destroy()));
      for (const socket of sockets) socket.resume();
      await eventually(
        () => server.status().connections === 1,
        () => `${server.status().connections} are left`,
      );
      assert.equal(server.openEventCount, 0);
    };

    const step = stepSize();
    await round(Math.min(step, 1000));
    const before = resources();
    const heapBefore = heapBytes();
    for (let opened = 0; opened < CONNECTIONS; opened += step)
      await round(Math.min(step, CONNECTIONS - opened));
    await normalRequest();
    await eventually(() => server.status().connections === 1, 'the last request has left its connection');
    await nothingMoreThan(before);
    let grownBytes = 0;
    // Read buffers of closed sockets are given back some turns later.
    await eventually(
      () => (grownBytes = heapBytes() - heapBefore) < MAX_HEAP_GROWTH_BYTES,
      () => `the heap has grown by ${grownBytes} bytes`,
    );
    t.diagnostic(`${step} at once, heap ${(grownBytes / 1024).toFixed(0)} KiB more than before`);
    assert.equal(server.status().handler_errors, 0);
  },
);
