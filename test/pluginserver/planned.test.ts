/** Phases that know beforehand what they ask Kong for. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { Overload } from '../../pluginserver/overload';
import type { PlannedEvent } from '../../pluginserver/plugin-module';
import { framesIn } from './support/fake-kong';
import { eventually, serve, temporaryFolder } from './support/serving';

const NO_BODY = Buffer.alloc(0);

/** A plugin that answers with what it was told. */
function echo(reads: readonly (readonly [string, ...unknown[]])[]) {
  return {
    reads,
    run: (event: PlannedEvent, answers: readonly unknown[]) =>
      event.exit(200, Buffer.from(JSON.stringify([event.requestId, ...answers.map(shown)])), {}),
  };
}

function shown(answer: unknown): unknown {
  if (Buffer.isBuffer(answer)) return answer.toString();
  return answer instanceof GatewayError ? answer.code : (answer ?? null);
}

describe('a planned phase', () => {
  it('asks everything in one write, and is called once with the answers in their order', async (t) => {
    const { connect } = await serve(t, {
      planned: echo([
        ['kong.request.get_method'],
        ['kong.request.get_header', 'host'],
        ['kong.request.get_raw_body', 10],
      ]),
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    const before = kong.chunks.length;
    kong.handleEvent(id);
    await kong.answerRequestId('abc');
    const asked = framesIn(kong.chunks[before]!).filter((_, index) => index % 2 === 0);
    assert.deepEqual(asked.map(String), [
      'kong.nginx.get_var',
      'kong.request.get_method',
      'kong.request.get_header',
      'kong.request.get_raw_body',
    ]);
    for (const method of asked.slice(1)) await kong.expectCall(String(method));
    kong.answerText('PUT');
    kong.answerNothing();
    kong.answerBody({ content: Buffer.from('body') });
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc', 'PUT', null, 'body']);
    assert.equal(kong.chunks.length, before + 2, 'one write for the questions, one for the exit');
  });

  it('that asks nothing is called with the request id', async (t) => {
    const { startEvent } = await serve(t, { planned: echo([]) });
    const kong = await startEvent('abc');
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc']);
  });

  it('may ask once more, and the event goes on with the second answers', async (t) => {
    const second = echo([['kong.request.get_method'], ['kong.router.get_service']]);
    const { connect } = await serve(t, {
      planned: {
        reads: [['kong.request.get_header', 'host']],
        run: (event: PlannedEvent) => event.goOn(second),
      },
    });
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'));
    await kong.expectCall('kong.nginx.get_var');
    await kong.expectCall('kong.request.get_header');
    kong.answerText('abc');
    kong.answerText('here');
    await kong.expectCall('kong.request.get_method');
    await kong.expectCall('kong.router.get_service');
    kong.answerText('PUT');
    kong.answerNothing();
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc', 'PUT', null]);
  });

  it('goes on with one that asks nothing at once', async (t) => {
    const planned = { reads: [], run: (event: PlannedEvent) => event.goOn(echo([])) };
    const { startEvent } = await serve(t, { planned });
    const kong = await startEvent('abc');
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc']);
  });

  it('has the id of nginx where Kong has none of its own, as before 3.5', async (t) => {
    const { connect } = await serve(t, { planned: echo([['kong.request.get_method']]) });
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'));
    await kong.expectCall('kong.nginx.get_var');
    await kong.expectCall('kong.request.get_method');
    kong.answerText(undefined);
    kong.answerText('GET');
    await kong.expectCall('kong.nginx.get_var');
    kong.answerText('of nginx');
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['of nginx', 'GET']);
  });

  it('waits for a body that lies in a file, whatever comes behind it', async (t) => {
    const path = join(temporaryFolder(t), '0000000001');
    writeFileSync(path, 'from a file');
    const { startEvent } = await serve(t, {
      planned: echo([['kong.request.get_raw_body', 100], ['kong.request.get_method']]),
    });
    const kong = await startEvent('abc');
    await kong.expectCall('kong.request.get_raw_body');
    await kong.expectCall('kong.request.get_method');
    kong.answerBody({ body_filepath: path });
    kong.answerText('PUT');
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc', 'from a file', 'PUT']);
  });

  it('gets an error in the place of an answer that could not be had', async (t) => {
    const { startEvent } = await serve(t, {
      planned: echo([['kong.request.get_raw_body', 3], ['kong.request.get_method']]),
    });
    const kong = await startEvent('abc');
    await kong.expectCall('kong.request.get_raw_body');
    await kong.expectCall('kong.request.get_method');
    kong.answerBody({ content: Buffer.from('four') });
    kong.answerText('PUT');
    assert.deepEqual(JSON.parse(String((await kong.readExit()).body)), ['abc', 'request_too_large', 'PUT']);
  });

  it('tells Kong something and lets the request go on; the answer to that disturbs nobody', async (t) => {
    const { startEvent } = await serve(t, {
      planned: {
        reads: [],
        run: (event) => {
          event.tell('kong.service.request.set_header', 'x-id', 'abc');
          event.pass();
        },
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.service.request.set_header');
    kong.answerNothing();
    await kong.readEventReturn();
  });

  it('that throws is a 500, and what it does after that is nothing', async (t) => {
    let late: PlannedEvent | undefined;
    const { startEvent } = await serve(t, {
      planned: {
        reads: [],
        run: (event) => {
          late = event;
          throw new Error('a bug');
        },
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.log.err');
    assert.equal((await kong.readExit()).status, 500);
    late?.exit(200, NO_BODY, {});
    late?.pass();
    late?.tell('kong.log.err', 'late');
    assert.equal(
      kong.socket.bytesRead,
      kong.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    );
  });

  it('hears that Kong has left, also while it has not been called yet', async (t) => {
    const calls: string[] = [];
    const { startEvent, server } = await serve(t, {
      planned: {
        reads: [['kong.request.get_method']],
        run: (event) => {
          calls.push('run');
          event.onOver(() => calls.push('over'));
        },
      },
    });
    const early = await startEvent();
    early.socket.destroy();
    await eventually(() => server.openEventCount === 0, 'the event is open');
    assert.deepEqual(calls, []);
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_method');
    kong.answerText('GET');
    await eventually(() => calls.length === 1, 'it was not called');
    kong.socket.destroy();
    await eventually(() => calls.length === 2, 'it was not told');
    assert.deepEqual(calls, ['run', 'over']);
  });

  it('is not run a third time for a request whose connection broke twice', async (t) => {
    let runs = 0;
    const { startEvent, server } = await serve(t, { planned: { reads: [], run: () => void runs++ } });
    for (let count = 1; count <= 2; count++) {
      const kong = await startEvent('again');
      await eventually(() => runs === count, 'it was not called');
      kong.socket.destroy();
      await eventually(() => server.openEventCount === 0, 'the event is open');
    }
    const kong = await startEvent('again');
    assert.equal((await kong.readExit()).status, 503);
    assert.equal(runs, 2);
  });

  it('is not run a third time either where Kong has no id of its own, as before 3.5', async (t) => {
    let runs = 0;
    const { startEvent, server } = await serve(t, { planned: { reads: [], run: () => void runs++ } });
    const attempt = async () => {
      const kong = await startEvent('');
      await kong.expectCall('kong.nginx.get_var');
      kong.answerText('again');
      return kong;
    };
    for (let count = 1; count <= 2; count++) {
      const kong = await attempt();
      await eventually(() => runs === count, 'it was not called');
      kong.socket.destroy();
      await eventually(() => server.openEventCount === 0, 'the event is open');
    }
    assert.equal((await (await attempt()).readExit()).status, 503);
    assert.equal(runs, 2);
  });

  it('with a question that Kong does not know is a broken configuration', async (t) => {
    const { startEvent } = await serve(t, { planned: echo([['kong.request.get_everything']]) });
    const kong = await startEvent();
    await kong.expectCall('kong.log.err');
    assert.equal((await kong.readExit()).status, 500);
  });
});

describe('a planned log phase', () => {
  it('asks for nothing that Kong has only inside a request, and keeps the connection for the next', async (t) => {
    const seen: unknown[] = [];
    const { connect } = await serve(t, {
      plannedLog: {
        reads: [['kong.log.serialize']],
        run: (event, [entry]) => {
          seen.push([event.requestId, entry]);
          event.pass();
        },
      },
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    for (const text of ['{"n":1}', '{"n":"caf\xe9"}']) {
      const before = kong.chunks.length;
      const sequence = kong.handleEvent(id, 'log');
      await kong.expectCall('kong.log.serialize');
      kong.answerText(text);
      assert.equal(await kong.readEventReturn(), sequence);
      assert.equal(kong.chunks.length, before + 2, 'one write for the question, one for the return');
    }
    assert.deepEqual(seen, [
      [undefined, '{"n":1}'],
      [undefined, '{"n":"caf\xe9"}'],
    ]);
  });

  it('that asks nothing is called all the same', async (t) => {
    let runs = 0;
    const { connect } = await serve(t, {
      plannedLog: {
        reads: [],
        run: (event) => {
          runs++;
          event.pass();
        },
      },
    });
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'), 'log');
    await kong.readEventReturn();
    assert.equal(runs, 1);
  });

  it('has no exit: that is a return, as the client has its answer', async (t) => {
    const { connect } = await serve(t, {
      plannedLog: { reads: [], run: (event) => event.exit(500, NO_BODY, {}) },
    });
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'), 'log');
    await kong.readEventReturn();
  });

  it('that throws, before or after it has ended the event, ends it once', async (t) => {
    let isFirst = true;
    const { connect, server } = await serve(t, {
      plannedLog: {
        reads: [],
        run: (event) => {
          if (!isFirst) event.pass();
          throw new Error('a bug');
        },
      },
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    kong.handleEvent(id, 'log');
    await kong.expectCall('kong.log.err');
    await kong.readEventReturn();
    kong.answerNothing();
    isFirst = false;
    kong.handleEvent(id, 'log');
    await kong.readEventReturn();
    assert.equal(server.openEventCount, 0);
    assert.equal(server.status().handler_errors, 2);
  });

  it('is dropped and counted when the server is overloaded: requests come first, and nobody waits for this', async (t) => {
    let runs = 0;
    const overload = new Overload({ maxOpenEvents: 1, maxBytesInFlight: 1e9, maxEventLoopLagMs: 0 });
    const { connect, logged } = await serve(t, {
      overload,
      planned: { reads: [], run: () => undefined },
      plannedLog: {
        reads: [['kong.log.serialize']],
        run: (event) => {
          runs++;
          event.pass();
        },
      },
    });
    const busy = await connect();
    const id = await busy.startInstance('demo');
    busy.handleEvent(id);
    await busy.answerRequestId();
    const kong = await connect();
    for (let count = 0; count < 3; count++) {
      kong.handleEvent(id, 'log');
      await kong.readEventReturn();
    }
    assert.equal(runs, 0);
    assert.equal(overload.status().log_events_dropped, 3);
    assert.deepEqual((overload.status().refused as Record<string, number>).open_events, 0);
    assert.equal(logged.filter(({ message }) => message === 'overloaded: log events are dropped').length, 1);
    busy.socket.destroy();
  });
});
