/**
 * Peers that do not speak the protocol, or stop in the middle. Only their own connection may feel it: the stock server
 * ends as a whole, with all events in flight, at a wrong byte, a number for a name, or a reset.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { frame } from './support/fake-kong';
import { encode } from './support/kong-schema';
import { nothingMoreThan, resources } from './support/resources';
import { eventually, serve, type Kong } from './support/serving';

const LIMIT_BYTES = 1000;

/** Only the length: what follows is up to the peer. */
function announced(lengthBytes: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(lengthBytes);
  return header;
}

/** A call of exactly this many bytes: padded with a field that nobody knows. */
function callOf(sizeBytes: number): Buffer {
  const call = encode('RpcCall', { sequence: 7, cmd_get_plugin_names: {} });
  const padding = Buffer.alloc(sizeBytes - call.length, 'x');
  // Field 99, bytes: a tag of two bytes, a length of two bytes.
  const length = padding.length - 4;
  padding.set([0x9a, 0x06, 0x80 | (length & 0x7f), length >> 7]);
  return Buffer.concat([call, padding]);
}

/** A call outside of an event, by the bytes of its frame: what the server does with the connection. */
const CALLS: [what: string, bytes: Buffer, then: 'answers' | 'closes' | 'waits'][] = [
  ['of no bytes', frame(Buffer.alloc(0)), 'answers'],
  ['of one byte that is no message', frame(Buffer.of(0xff)), 'closes'],
  ['of the limit', frame(callOf(LIMIT_BYTES)), 'answers'],
  ['of one byte more', frame(callOf(LIMIT_BYTES + 1)), 'closes'],
  ['of 4 GB', announced(2 ** 32 - 1), 'closes'],
  ['of the limit that does not come', announced(LIMIT_BYTES), 'waits'],
  ['whose length is cut', Buffer.of(5, 0, 0), 'waits'],
  ['in another protocol', Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'), 'closes'],
];

describe('a call', () => {
  for (const [what, bytes, then] of CALLS) {
    it(`${what} is one that the server ${then}`, async (t) => {
      const { connect, server } = await serve(t, { maxFrameBytes: LIMIT_BYTES });
      const before = resources();
      const kong = await connect();
      kong.socket.write(bytes);
      if (then === 'answers') await kong.readReturn();
      else if (then === 'waits') await kong.close();
      await (then === 'answers' ? kong.close() : kong.closed());
      await eventually(() => server.status().connections === 0, 'the connection is left');
      await nothingMoreThan(before);
    });
  }
});

const text = (sizeBytes: number): Buffer => {
  const message = encode('Text', { v: 'a'.repeat(sizeBytes - 3) });
  assert.equal(message.length, sizeBytes);
  return message;
};

/** An answer to `getPath`, by the bytes of its frame: what the handler gets. */
const ANSWERS: [what: string, bytes: Buffer, got: string][] = [
  ['of no bytes', frame(Buffer.alloc(0)), ''],
  ['of one byte that is no message', frame(Buffer.of(0xff)), 'internal'],
  ['of the limit', frame(text(LIMIT_BYTES)), 'a'.repeat(LIMIT_BYTES - 3)],
  ['of one byte more', frame(text(LIMIT_BYTES + 1)), 'request_too_large'],
  ['of 4 GB', announced(2 ** 32 - 1), 'request_too_large'],
];

describe('an answer', () => {
  for (const [what, bytes, got] of ANSWERS) {
    it(`${what} is the matter of its call alone`, async (t) => {
      const { startEvent, server } = await serve(t, {
        maxFrameBytes: LIMIT_BYTES,
        access: async (kong: Kong) => {
          const path = await kong.request.getPath().catch(({ code }: { code: string }) => code);
          void kong.response.exit(200, path);
        },
      });
      const kong = await startEvent();
      await kong.expectCall('kong.request.get_path');
      kong.socket.write(bytes);
      assert.equal((await kong.readExit()).body.toString(), got);
      await kong.close();
      await eventually(() => server.status().connections === 0, 'the connection is left');
      assert.equal(server.openEventCount, 0);
      assert.equal(server.status().handler_errors, 0);
    });
  }
});

/** A server with one event that waits, and whoever else comes. */
async function withBystander(t: TestContext) {
  const serving = await serve(t, {
    maxFrameBytes: LIMIT_BYTES,
    access: async (kong: Kong) => kong.response.exit(200, await kong.request.getPath()),
  });
  const bystander = await serving.startEvent('bystander');
  await bystander.expectCall('kong.request.get_path');
  const instanceId = await (await serving.connect()).startInstance('demo');
  const event = frame(
    encode('RpcCall', {
      sequence: 7,
      cmd_handle_event: { instance_id: instanceId, event_name: 'access' },
    }),
  );
  return { ...serving, bystander, event };
}

/** The peer writes, and goes in one way or the other; resolves when its socket is closed. */
async function speakAndGo(path: string, pieces: readonly Buffer[], how: 'end' | 'destroy'): Promise<void> {
  const socket: Socket = connectSocket(path);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  // A reset is an error first, and a close all the same.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  for (const piece of pieces) {
    if (!socket.writable) break;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket[how]();
  await closed;
}

it('peers that say anything and leave at any point leave nothing behind, and disturb nobody', async (t) => {
  const { server, path, bystander, event } = await withBystander(t);
  const before = resources();
  const wrong = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(0, 1, LIMIT_BYTES, LIMIT_BYTES + 1, 2 ** 31, 2 ** 32 - 1)
      .map((lengthBytes) => announced(lengthBytes)),
    fc.constantFrom(frame(Buffer.alloc(0)), frame(Buffer.of(0xff)), frame(callOf(200)), event),
  );
  const right = [event, frame(encode('Text', { v: 'id' })), frame(encode('Text', { v: '/p' }))];
  await fc.assert(
    fc.asyncProperty(
      fc.nat(right.length),
      fc.array(wrong, { maxLength: 4 }),
      fc.nat(40),
      fc.constantFrom('end', 'destroy'),
      async (rightFrames, wrongPieces, cutBytes, how) => {
        const stream = Buffer.concat(right.slice(0, rightFrames));
        const begun = stream.subarray(0, Math.max(0, stream.length - cutBytes));
        await speakAndGo(path, [begun, ...wrongPieces], how);
      },
    ),
    { numRuns: 600 },
  );
  await eventually(() => server.status().connections === 2, 'connections are left');
  await eventually(() => server.openEventCount === 1, 'events are left');
  await nothingMoreThan(before);

  bystander.answerText('/still here');
  assert.equal((await bystander.readExit()).body.toString(), '/still here');
});
