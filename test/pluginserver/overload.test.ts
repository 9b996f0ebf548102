import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { SAMPLE_MS, watchEventLoop } from '../../pluginserver/event-loop-lag';
import { DEFAULT_LIMITS, Overload, type OverloadLimits } from '../../pluginserver/overload';
import type { PlannedEvent } from '../../pluginserver/plugin-module';
import type { Exit, FakeKong } from './support/fake-kong';
import { captureLog, deferred, eventually, serve, type Kong, type TestPlugin } from './support/serving';

async function serveWith(t: TestContext, limits: Partial<OverloadLimits>, plugin: TestPlugin) {
  const overload = new Overload({ ...DEFAULT_LIMITS, ...limits });
  return { overload, ...(await serve(t, { ...plugin, overload })) };
}

const refusedBy = (overload: Overload) => overload.status().refused as Record<string, number>;

function checkRefused({ status, body, headers }: Exit): void {
  assert.equal(status, 503);
  assert.equal((JSON.parse(String(body)) as { code: string }).code, 'overloaded');
  assert.equal(headers['retry-after'], '1');
}

/** An event whose answer is the first thing the server says: it is refused before anything is asked. */
async function refusedEvent(kong: FakeKong): Promise<Exit> {
  kong.handleEvent(await kong.startInstance('demo'));
  return kong.readExit();
}

const idOf = ({ requestId = 'none' }: PlannedEvent) => Buffer.from(requestId);

/** The length of a frame, and when that has been read what it is the length of. */
async function inTwoParts({ socket }: FakeKong, send: () => void): Promise<void> {
  const written: Buffer[] = [];
  const write = socket.write.bind(socket);
  socket.write = (bytes: unknown) => written.push(bytes as Buffer) > 0;
  send();
  socket.write = write;
  const bytes = Buffer.concat(written);
  socket.write(bytes.subarray(0, 4));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  socket.write(bytes.subarray(4));
}

describe('the limit of open events', () => {
  it('refuses the excess at once, and what was accepted ends as if nothing had been', async (t) => {
    const release = deferred();
    let runs = 0;
    const { overload, startEvent, connect, server, logged } = await serveWith(
      t,
      { maxOpenEvents: 20 },
      {
        access: async (kong: Kong) => {
          runs++;
          await release.promise;
          await kong.response.exit(200, 'done');
        },
      },
    );
    const accepted = await Promise.all(Array.from({ length: 20 }, (_, index) => startEvent(`r${index}`)));
    const tookMs: number[] = [];
    for (let excess = 0; excess < 200; excess++) {
      const kong = await connect();
      const askedAtMs = performance.now();
      checkRefused(await refusedEvent(kong));
      tookMs.push(performance.now() - askedAtMs);
      await kong.close();
    }
    tookMs.sort((a, b) => a - b);
    t.diagnostic(`refused after ${tookMs[100]?.toFixed(2)} ms, at most ${tookMs[199]?.toFixed(2)} ms`);
    assert.ok((tookMs[100] as number) < 200);
    assert.equal(runs, 20);
    assert.equal(server.openEventCount, 20);
    release.resolve();
    for (const kong of accepted) assert.equal(String((await kong.readExit()).body), 'done');
    assert.equal(String((await (await startEvent()).readExit()).body), 'done');
    assert.equal(refusedBy(overload).open_events, 200);

    // One line at the beginning and one at the end of a row, not one for each request.
    for (let tick = 0; tick < 3; tick++) overload.onTick();
    const lines = logged.filter(({ message }) => /overloaded/.test(String(message)));
    assert.deepEqual(
      lines.map(({ level, message, refused }) => [level, message, refused]),
      [
        ['warn', 'overloaded: new requests are answered 503', undefined],
        ['info', 'no longer overloaded', 200],
      ],
    );
  });

  // Its record is sent: a 503 would say that it was not.
  it('does not refuse a plugin that goes on with accepted requests', async (t) => {
    const { startEvent, overload } = await serveWith(
      t,
      { maxOpenEvents: 1 },
      { continues: 'first', access: (kong: Kong) => kong.request.getPath() },
    );
    const first = await startEvent();
    const second = await startEvent();
    for (const kong of [first, second]) {
      await kong.expectCall('kong.request.get_path');
      kong.answerText('/');
      await kong.readEventReturn();
    }
    assert.equal(refusedBy(overload).open_events, 0);
  });

  it('does not refuse a phase in which the upstream has answered already', async (t) => {
    const { startEvent, connect } = await serveWith(
      t,
      { maxOpenEvents: 1 },
      { access: (kong: Kong) => kong.request.getPath(), log: () => undefined },
    );
    const waiting = await startEvent();
    const kong = await connect();
    const sequence = kong.handleEvent(await kong.startInstance('demo'), 'log');
    assert.equal(await kong.readEventReturn(), sequence);
    await waiting.expectCall('kong.request.get_path');
    waiting.answerText('/');
    await waiting.readEventReturn();
  });
});

describe('the limit of bytes in flight', () => {
  const BODY_BYTES = 400_000;
  const keeper = (release: Promise<void>): TestPlugin => ({
    access: async (kong: Kong) => {
      const body = await kong.request.getRawBody();
      await release;
      await kong.response.exit(200, String(body.length));
    },
  });

  it('refuses a body that does not fit beside those that are held, from memory or from a file', async (t) => {
    const release = deferred();
    const { overload, startEvent, folder } = await serveWith(
      t,
      { maxBytesInFlight: 1_000_000 },
      keeper(release.promise),
    );
    const file = join(folder, '0000000001');
    writeFileSync(file, Buffer.alloc(BODY_BYTES));
    const bodies = [{ content: Buffer.alloc(BODY_BYTES) }, { body_filepath: file }];
    const held: FakeKong[] = [];
    for (const body of bodies) {
      const kong = await startEvent();
      await kong.expectCall('kong.request.get_raw_body');
      kong.answerBody(body);
      held.push(kong);
      await eventually(
        () => overload.status().bytes_in_flight === held.length * BODY_BYTES,
        'the body is not counted',
      );
    }
    for (const body of bodies) {
      const kong = await startEvent();
      await kong.expectCall('kong.request.get_raw_body');
      kong.answerBody(body);
      let call = await kong.readCall();
      if (call?.method === 'kong.log.err') call = await kong.readCall();
      assert.equal(call?.method, 'kong.response.exit');
      await kong.close();
    }
    assert.equal(refusedBy(overload).bytes_in_flight, 2);
    release.resolve();
    for (const kong of held) assert.equal(String((await kong.readExit()).body), String(BODY_BYTES));
    assert.equal(overload.status().bytes_in_flight, 0);
  });

  // A few peers that announced 32 MiB each, and sent nothing, had the bodies of all others refused.
  it('counts what has come of a frame, not what was announced, until its connection closes', async (t) => {
    const { overload, startEvent } = await serveWith(t, {}, keeper(Promise.resolve()));
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(32 * 1024 * 1024);
    const counted = (bytes: number) =>
      eventually(() => overload.status().bytes_in_flight === bytes, 'the frame is not counted');
    kong.socket.write(Buffer.concat([length, Buffer.alloc(1000)]));
    await counted(64 * 1024);
    kong.socket.write(Buffer.alloc(100_000));
    await counted(128 * 1024);
    await kong.close();
    assert.equal(overload.status().bytes_in_flight, 0);
  });

  it('refuses a frame in the middle when no more fits, and reads on behind it', async (t) => {
    const { overload, startEvent } = await serveWith(
      t,
      { maxBytesInFlight: 200_000 },
      {
        access: async (kong: Kong) => {
          const code = await kong.request.getRawBody().catch((error: { code: string }) => error.code);
          await kong.response.exit(200, `${String(code)} ${await kong.request.getPath()}`);
        },
      },
    );
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    kong.answerBody({ content: Buffer.alloc(BODY_BYTES) });
    await kong.expectCall('kong.request.get_path');
    kong.answerText('/next');
    assert.equal(String((await kong.readExit()).body), 'overloaded /next');
    assert.equal(overload.status().bytes_in_flight, 0);
  });

  // Its connection was closed, and Kong ran the event again at once, and again, for as long as memory was full.
  it('refuses a request whose call comes in two parts, as Kong sends it, with an answer', async (t) => {
    const { overload, connect } = await serveWith(t, { maxBytesInFlight: 1000 }, {});
    const kong = await connect();
    const id = await kong.startInstance('demo');
    overload.add(1000);
    await inTwoParts(kong, () => kong.handleEvent(id));
    checkRefused(await kong.readExit());
    overload.add(-1000);
  });

  // The log said that it was not Kong who spoke.
  it('says why it closes a connection whose start of an instance does not fit', async (t) => {
    const { overload, connect, logged } = await serveWith(t, { maxBytesInFlight: 1000 }, {});
    const kong = await connect();
    overload.add(1000);
    const config = { text: 'x'.repeat(5000) };
    await inTwoParts(kong, () => void kong.startInstance('demo', config).catch(() => undefined));
    await eventually(() => logged.length > 0 && kong.socket.destroyed, 'the connection is not closed');
    assert.deepEqual(
      logged.map(({ event }) => String(event)).filter((event) => event.startsWith('connection_')),
      ['connection_no_memory'],
    );
    overload.add(-1000);
  });

  it('does not keep the id of its request from a plugin that goes on with an accepted one', async (t) => {
    const { overload, connect } = await serveWith(
      t,
      { maxBytesInFlight: 1000 },
      { continues: 'first', planned: { reads: [], run: (event) => event.exit(200, idOf(event), {}) } },
    );
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'));
    await kong.expectCall('kong.nginx.get_var');
    overload.add(1000);
    await inTwoParts(kong, () => kong.answerText('accepted'));
    assert.equal(String((await kong.readExit()).body), 'accepted');
    overload.add(-1000);
  });

  it('counts answers that Kong does not take, and refuses new requests meanwhile', async (t) => {
    const { overload, startEvent, connect } = await serveWith(
      t,
      { maxBytesInFlight: 1_000_000 },
      { access: (kong: Kong) => kong.response.exit(200, Buffer.alloc(3_000_000)) },
    );
    const slow = await startEvent();
    slow.socket.pause();
    await eventually(
      () => Number(overload.status().bytes_in_flight) > 1_000_000,
      'the answer is not counted',
    );
    const kong = await connect();
    checkRefused(await refusedEvent(kong));
    slow.socket.resume();
    assert.equal((await slow.readExit()).body.length, 3_000_000);
    assert.equal(overload.status().bytes_in_flight, 0);
  });
});

describe('the limit of the event loop', () => {
  const feed = (overload: Overload, count: number, lagMs: number): void => {
    for (let sample = 0; sample < count; sample++) overload.onLagSample(lagMs);
  };

  it('sheds while the loop stays late, with a distance between beginning and end', (t) => {
    captureLog(t);
    const overload = new Overload({ ...DEFAULT_LIMITS, maxEventLoopLagMs: 1000 });
    const sheds = () => overload.refusal() !== undefined;
    feed(overload, 1, 5000);
    assert.ok(!sheds(), 'a single pause is no overload');
    feed(overload, 1, 10);
    feed(overload, 1, 5000);
    assert.ok(!sheds(), 'nor are two with an end between them');
    feed(overload, 1, 1000);
    assert.ok(sheds());
    feed(overload, 100, 900);
    assert.ok(sheds(), 'just under the limit is no end');
    feed(overload, 9, 100);
    feed(overload, 1, 600);
    feed(overload, 9, 100);
    assert.ok(sheds(), 'the end is a whole second of calm');
    feed(overload, 1, 100);
    assert.ok(!sheds());
    assert.equal(refusedBy(overload).event_loop, 3);
  });

  it('of 0 never sheds', () => {
    const overload = new Overload({ ...DEFAULT_LIMITS, maxEventLoopLagMs: 0 });
    feed(overload, 10, 60_000);
    assert.equal(overload.refusal(), undefined);
  });

  it('refuses new requests and lets accepted ones end', async (t) => {
    const { overload, startEvent, connect } = await serveWith(
      t,
      {},
      {
        access: (kong: Kong) => kong.request.getPath(),
      },
    );
    const accepted = await startEvent();
    feed(overload, 2, DEFAULT_LIMITS.maxEventLoopLagMs);
    checkRefused(await refusedEvent(await connect()));
    await accepted.expectCall('kong.request.get_path');
    accepted.answerText('/');
    await accepted.readEventReturn();
  });

  it('is measured by a timer that is late', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let nowMs = 1000;
    const samples: number[] = [];
    const stop = watchEventLoop(
      (lagMs) => samples.push(lagMs),
      () => nowMs,
    );
    for (const lateMs of [0, 0, 250, 0]) {
      nowMs += SAMPLE_MS + lateMs;
      t.mock.timers.tick(SAMPLE_MS);
    }
    stop();
    t.mock.timers.tick(SAMPLE_MS);
    assert.deepEqual(samples, [0, 0, 250, 0]);
  });
});
