/**
 * Whole conversations cut in every way: Kong writes length and payload with two sends, and a socket may cut or join
 * them anywhere. The stock server ended at 11 of 51 cuts of one frame.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder } from '../../pluginserver/frames';
import { payloadOf, recording, RECORDINGS_MISSING } from '../support/gateway-recordings';
import { play, readToEnd, recordedConversations, streamOf, type Conversation } from './support/conversation';
import { frame } from './support/fake-kong';
import { encode, structMessage } from './support/kong-schema';
import { nothingMoreThan, resources } from './support/resources';
import { eventually, serve } from './support/serving';

const RAW = 'caf\xe9 \xff\x00';

const OWN: Conversation = {
  requestId: encode('Text', { v: 'own' }),
  calls: [
    { method: 'kong.request.get_method', args: [] },
    { method: 'kong.request.get_headers', args: [1000] },
    { method: 'kong.request.get_raw_body', args: [] },
    { method: 'kong.request.get_header', args: ['x-absent'] },
    { method: 'kong.ctx.shared.set', args: ['key', RAW] },
    { method: 'kong.client.get_consumer', args: [] },
  ],
  answers: [
    encode('Text', { v: 'POST' }),
    encode('Struct', structMessage({ host: 'a', 'x-raw': RAW, several: ['1', '2'] })),
    encode('RawBody', { content: RAW.repeat(20) }),
    Buffer.alloc(0),
    Buffer.alloc(0),
    encode('Consumer', { id: 'i', username: RAW }),
  ],
  exit: [200, Buffer.from(RAW, 'latin1'), { 'x-raw': RAW }],
};

/** Time for the other end of a socket, in this process, to read what was written. */
async function twoTurns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

interface Played {
  readonly results: unknown[];
  readonly frames: Buffer[];
}

/** A server whose handler plays a conversation; `speak` is Kong's side, in the given pieces. */
async function stage(t: TestContext) {
  let conversation = OWN;
  let results: unknown[] = [];
  const { server, connect } = await serve(t, {
    access: async (kong) => {
      results = await play(kong, conversation);
    },
  });
  const instanceId = await (await connect()).startInstance('demo');
  const speak = async (pieces: readonly Buffer[]): Promise<Played> => {
    const kong = await connect();
    for (const piece of pieces) {
      kong.socket.write(piece);
      if (piece !== pieces.at(-1)) await twoTurns();
    }
    const frames = await readToEnd(kong);
    await kong.close();
    return { results, frames };
  };
  return {
    server,
    set: (next: Conversation) => {
      conversation = next;
      return Buffer.concat(streamOf(next, instanceId));
    },
    /** Every cut; of a long stream those in and around its first and last bytes, and every 61st. */
    cutsOf: (stream: Buffer) =>
      Array.from({ length: stream.length - 1 }, (_, index) => index + 1).filter(
        (cut) => stream.length < 1200 || cut < 200 || cut > stream.length - 100 || cut % 61 === 0,
      ),
    speak,
  };
}

async function assertSameAtEveryCut(t: TestContext, conversations: readonly Conversation[]): Promise<void> {
  const { server, set, cutsOf, speak } = await stage(t);
  const before = resources();
  let events = 0;
  for (const conversation of conversations) {
    const stream = set(conversation);
    const whole = await speak([stream]);
    assert.equal(whole.results.length, conversation.calls.length);
    events++;
    for (const cut of cutsOf(stream)) {
      assert.deepEqual(await speak([stream.subarray(0, cut), stream.subarray(cut)]), whole, `cut at ${cut}`);
      events++;
    }
  }
  assert.equal(server.status().events, events, 'every event ran once');
  assert.equal(server.openEventCount, 0);
  await eventually(() => server.status().connections === 1, 'connections are left');
  await nothingMoreThan(before);
}

// A conversation that is cut wrongly waits for ever.
describe('a conversation', { timeout: 60_000 }, () => {
  it('of our own is the same at every cut', async (t) => {
    await assertSameAtEveryCut(t, [OWN]);
  });

  for (const name of [
    'pb-01-first-request',
    'pb-03-pass-through',
    'pb-04-pipelined',
    'pb-05-exit-variants',
  ]) {
    it(`with a real Kong (${name}) is the same at every cut`, { skip: RECORDINGS_MISSING }, async (t) => {
      const conversations = recordedConversations(recording(name));
      assert.ok(conversations.length > 0);
      await assertSameAtEveryCut(t, conversations);
    });
  }

  it('is the same in single bytes', async (t) => {
    const { set, speak } = await stage(t);
    const stream = set(OWN);
    const whole = await speak([stream]);
    assert.deepEqual(await speak([...stream].map((byte) => Buffer.of(byte))), whole);
  });

  it('is the same in any pieces, whatever Kong answers', async (t) => {
    const { server, set, speak } = await stage(t);
    const before = resources();
    const bytes = fc.uint8Array({ maxLength: 300 }).map((given) => Buffer.from(given));
    const sizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 400 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), sizes, async (texts, pieceSizes) => {
        const stream = set({
          requestId: encode('Text', { v: 'any' }),
          calls: texts.map(() => ({ method: 'kong.request.get_path', args: [] })),
          answers: texts.map((text) => encode('Text', { v: text })),
          exit: [204, '', {}],
        });
        const { results } = await speak(pieces(stream, pieceSizes));
        assert.deepEqual(
          results,
          texts.map((text) => text.toString('latin1')),
        );
      }),
      { numRuns: 200 },
    );
    assert.equal(server.openEventCount, 0);
    await eventually(() => server.status().connections === 1, 'connections are left');
    await nothingMoreThan(before);
  });
});

/** Pieces of these sizes, and what is left. */
function pieces(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  let position = 0;
  for (const size of sizes) {
    if (position < stream.length) cut.push(stream.subarray(position, position + size));
    position += size;
  }
  if (position < stream.length) cut.push(stream.subarray(position));
  return cut;
}

describe('the frames of a recorded connection', { skip: RECORDINGS_MISSING }, () => {
  for (const name of ['pb-01-first-request', 'pb-04-pipelined', 'pb-06-body-5k', 'pb-08-exit-60k']) {
    it(`come out whole in both directions, at every cut (${name})`, () => {
      for (const dir of ['kong>server', 'server>kong']) {
        const payloads = recording(name)
          .filter((item) => item.dir === dir)
          .map(payloadOf);
        const stream = Buffer.concat(payloads.map(frame));
        const joined = Buffer.concat(payloads);
        const step = stream.length > 20_000 ? 37 : 1;
        for (let cut = 0; cut <= stream.length; cut += step) {
          const frames: Buffer[] = [];
          const decoder = new FrameDecoder({
            onFrame: (payload) => frames.push(Buffer.from(payload)),
            onOversize: () => assert.fail('no frame is too large'),
          });
          decoder.push(stream.subarray(0, cut));
          decoder.push(stream.subarray(cut));
          assert.equal(frames.length, payloads.length, `cut at ${cut}`);
          assert.ok(Buffer.concat(frames).equals(joined), `cut at ${cut}`);
        }
      }
    });
  }
});
