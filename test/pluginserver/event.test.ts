import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { HEARTBEAT_TICKS, MAX_EVENT_TICKS } from '../../pluginserver/ticker';
import { MAX_SILENT_TICKS } from '../../pluginserver/peer';
import { framesIn } from './support/fake-kong';
import { decode, encode, plainValue } from './support/kong-schema';
import { deferred, eventually, serve, type Kong } from './support/serving';

const methodsIn = (chunk: Buffer): string[] =>
  framesIn(chunk)
    .filter((_, index) => index % 2 === 0)
    .map(String);

describe('calls of a handler', () => {
  it('go out in one write when they are made in one tick, the request id first', async (t) => {
    const { connect } = await serve(t, {
      access: async (kong: Kong) => {
        const read = await Promise.all([
          kong.request.getMethod(),
          kong.nginx.getVar('kong_request_id'),
          kong.request.getHeaders(1000),
          kong.request.getHeader('x-absent'),
        ]);
        void kong.response.exit(200, JSON.stringify(read));
      },
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    const before = kong.chunks.length;
    kong.handleEvent(id);
    await kong.answerRequestId('abc');
    assert.deepEqual(methodsIn(kong.chunks[before] as Buffer), [
      'kong.nginx.get_var',
      'kong.request.get_method',
      'kong.request.get_headers',
      'kong.request.get_header',
    ]);
    for (const method of ['get_method', 'get_headers', 'get_header'])
      await kong.expectCall(`kong.request.${method}`);
    kong.answerText('POST');
    kong.answerStruct({ host: 'a', 'x-dup': ['1', '2'] });
    kong.answerText(undefined);
    const exit = await kong.readExit();
    assert.equal(exit.body.toString(), '["POST","abc",{"host":"a","x-dup":["1","2"]},null]');
    assert.equal(kong.chunks.length, before + 2, 'one write for the reads, one for the exit');
  });

  it('share one write with the exit that follows them', async (t) => {
    const { connect } = await serve(t, {
      access: (kong: Kong) => {
        void kong.service.request.setHeader('x-a', '1');
        void kong.response.exit(204);
      },
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    const before = kong.chunks.length;
    kong.handleEvent(id);
    await kong.answerRequestId();
    await kong.expectCall('kong.service.request.set_header');
    kong.answerNothing();
    assert.equal((await kong.readExit()).status, 204);
    assert.equal(kong.chunks.length, before + 1);
  });

  it('may be unanswered when the event returns; their answers precede the next event', async (t) => {
    const { connect, server } = await serve(t, {
      access: async (kong: Kong) => {
        void kong.ctx.shared.set('key', 'value');
      },
    });
    const kong = await connect();
    const id = await kong.startInstance('demo');
    for (const round of [1, 2]) {
      const before = kong.chunks.length;
      const sequence = kong.handleEvent(id);
      await kong.expectCall('kong.nginx.get_var');
      await kong.expectCall('kong.ctx.shared.set');
      assert.equal(await kong.readEventReturn(), sequence);
      assert.equal(kong.chunks.length, before + 1, `set and return of round ${round} are one write`);
      assert.equal(server.openEventCount, 0);
      kong.answerText('req');
      kong.answerNothing();
    }
    assert.equal(server.status().events, 2);
  });

  it('work detached from their object, and awaiting a part of kong is harmless', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        const { getPath } = kong.request;
        for (const part of [kong, kong.request, kong.ctx.shared]) await Promise.resolve(part);
        void kong.response.exit(200, await getPath());
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_path');
    kong.answerText('/p');
    assert.equal((await kong.readExit()).body.toString(), '/p');
  });

  it('reject after the exit, and a second exit is logged and ignored', async (t) => {
    const outcome = deferred<unknown>();
    const { startEvent, logged } = await serve(t, {
      access: async (kong: Kong) => {
        await kong.response.exit(200, 'first');
        await kong.response.exit(500, 'second');
        outcome.resolve(await kong.request.getPath().catch((error: unknown) => error));
      },
    });
    const kong = await startEvent();
    assert.equal((await kong.readExit()).body.toString(), 'first');
    assert.ok((await outcome.promise) instanceof GatewayError);
    assert.ok(logged.some((entry) => String(entry.message).includes('called exit for an event')));
    await kong.close();
    assert.equal(await kong.readFrame(), undefined, 'nothing after the first exit');
  });

  it('are refused here when Kong would fail on their arguments', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        const refused = [
          kong.request.getHeader(),
          kong.request.getHeaders(5000),
          kong.request.getHeaders(0),
          kong.response.setStatus('200'),
          kong.response.setStatus(1e300),
          kong.service.setTarget('host', 65_536),
          kong.ctx.shared.set('f', () => 1),
          kong.service.setTarget('host'),
        ];
        const results = await Promise.allSettled(refused);
        void kong.response.exit(200, results.map(({ status }) => status).join());
      },
    });
    const kong = await startEvent();
    assert.equal((await kong.readExit()).body.toString(), Array(8).fill('rejected').join());
  });

  it('make log parts readable text', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        await kong.log.notice('a', 1, false, null, undefined, { b: 2 });
      },
    });
    const kong = await startEvent();
    const parts = decode('List', await kong.expectCall('kong.log.notice')).values as unknown[];
    assert.deepEqual(parts.map(plainValue), ['a', '1', 'false', 'null', 'undefined', '{"b":2}']);
    kong.answerNothing();
    await kong.readEventReturn();
  });
});

describe('bytes', () => {
  it('of a header pass unchanged in both directions, UTF-8 or not', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        const headers = await kong.request.getHeaders();
        void kong.response.exit(200, Buffer.from(headers['x-raw'] as string, 'latin1'), {
          'x-raw': headers['x-raw'],
        });
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_headers');
    const raw = 'caf\xe9 \xff\x00 \xc3\xa9';
    kong.answerStruct({ 'x-raw': raw, __proto__: 'x', constructor: 'y' });
    const exit = await kong.readExit();
    assert.equal(exit.body.toString('latin1'), raw);
    assert.equal(exit.headers['x-raw'], raw);
  });

  it('of a body of all 256 values arrive and leave unchanged', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => kong.response.exit(200, await kong.request.getRawBody()),
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    const body = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    kong.answerBody({ content: body });
    assert.deepEqual((await kong.readExit()).body, body);
  });

  it('of a large body are complete', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => kong.response.exit(200, await kong.request.getRawBody(), { a: 'b' }),
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    const body = Buffer.alloc(4_000_000, 'abcdefg');
    kong.answerBody({ content: body });
    const exit = await kong.readExit();
    assert.ok(exit.body.equals(body));
    assert.deepEqual(exit.headers, { a: 'b' });
  });

  it('above 0xFF in a string are sent as UTF-8', async (t) => {
    const { startEvent } = await serve(t, {
      access: (kong: Kong) => kong.response.exit(200, '€', { 'x-a': '€', 'x-b': 'é' }),
    });
    const kong = await startEvent();
    const exit = await kong.readExit();
    assert.equal(exit.body.toString(), '€');
    assert.deepEqual(exit.headers, { 'x-a': Buffer.from('€').toString('latin1'), 'x-b': 'é' });
  });

  it('of an answer above the frame limit fail that call only', async (t) => {
    const { startEvent } = await serve(t, {
      maxFrameBytes: 1000,
      access: async (kong: Kong) => {
        const refused = kong.request.getRawBody().then(() => 'taken');
        const code = await refused.catch((error: GatewayError) => error.code);
        void kong.response.exit(413, `${code} ${await kong.request.getPath()}`);
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    kong.answerBody({ content: Buffer.alloc(200_000) });
    await kong.expectCall('kong.request.get_path');
    kong.answerText('/p');
    assert.equal((await kong.readExit()).body.toString(), 'request_too_large /p');
  });
});

describe('exit', () => {
  const exitWith = async (t: Parameters<typeof serve>[0], ...args: unknown[]) => {
    const { startEvent } = await serve(t, { access: (kong: Kong) => kong.response.exit(...args) });
    return (await startEvent()).readExit();
  };

  it('drops absent header values and turns numbers and booleans into text', async (t) => {
    const { status, headers, body } = await exitWith(t, 201, undefined, {
      n: 5,
      b: true,
      list: ['a', 1, null],
      gone: null,
      undef: undefined,
      empty: [],
    });
    assert.deepEqual(headers, { n: '5', b: 'true', list: ['a', '1'] });
    assert.equal(status, 201);
    assert.equal(body.length, 0);
  });

  it('sends objects as JSON, as Kong would', async (t) => {
    const { headers, body } = await exitWith(t, 200, { a: 1 });
    assert.equal(body.toString(), '{"a":1}');
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  });

  for (const status of [199, 600, 0, -1, 200.5, NaN, '200', undefined]) {
    it(`with status ${String(status)} becomes 500 internal`, async (t) => {
      const exit = await exitWith(t, status, 'body');
      assert.equal(exit.status, 500);
      assert.equal((JSON.parse(exit.body.toString()) as { code: string }).code, 'internal');
    });
  }

  it('with a header that is an object becomes 500 internal', async (t) => {
    assert.equal((await exitWith(t, 200, '', { a: { b: 1 } })).status, 500);
  });

  it('with a body that is no JSON becomes 500 internal', async (t) => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    assert.equal((await exitWith(t, 200, cycle)).status, 500);
  });
});

describe('a handler that fails', () => {
  it('is answered with 500, tells Kong once, and harms no other event', async (t) => {
    const release = deferred();
    const { startEvent, logged, server } = await serve(t, {
      access: async (kong: Kong) => {
        const path = await kong.request.getPath();
        if (path === '/bug') throw new TypeError('a bug');
        await release.promise;
        void kong.response.exit(200, 'fine');
      },
    });
    const waiting = await startEvent('waiting');
    await waiting.expectCall('kong.request.get_path');
    waiting.answerText('/wait');
    for (const first of [true, false]) {
      const kong = await startEvent('failing');
      await kong.expectCall('kong.request.get_path');
      kong.answerText('/bug');
      if (first) {
        const parts = decode('List', await kong.expectCall('kong.log.err')).values as unknown[];
        assert.match(String(plainValue(parts[0])), /demo: internal: a bug/);
        kong.answerNothing();
      }
      const { status, body } = await kong.readExit();
      assert.equal(status, 500);
      assert.deepEqual(JSON.parse(body.toString()), {
        message: 'The gateway failed to handle the request.',
        code: 'internal',
        request_id: 'failing',
      });
      await kong.close();
    }
    const entry = logged.find(({ level }) => level === 'error') as {
      error: { stack: string };
      request_id: string;
    };
    assert.match(entry.error.stack, /TypeError: a bug/);
    assert.equal(entry.request_id, 'failing');
    assert.equal(server.status().handler_errors, 2);
    release.resolve();
    assert.equal((await waiting.readExit()).body.toString(), 'fine');
  });

  it('with a GatewayError is answered with its status, without a stack in the log', async (t) => {
    const { startEvent, logged } = await serve(t, {
      access: () => {
        throw new GatewayError('reply_timeout', 'nobody answered');
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.log.err');
    assert.equal((await kong.readExit()).status, 504);
    assert.ok(logged.every((entry) => entry.error === undefined));
  });

  it('in the log phase returns, because exit does not exist there, and asks for no variable', async (t) => {
    const { connect } = await serve(t, {
      log: async () => {
        throw new Error('a bug');
      },
    });
    const kong = await connect();
    const sequence = kong.handleEvent(await kong.startInstance('demo'), 'log');
    await kong.expectCall('kong.log.err');
    kong.answerNothing();
    assert.equal(await kong.readEventReturn(), sequence);
  });

  it('in the certificate phase ends with a call that Kong refuses', async (t) => {
    const { connect } = await serve(t, {
      certificate: () => {
        throw new Error('a bug');
      },
    });
    const kong = await connect();
    kong.handleEvent(await kong.startInstance('demo'), 'certificate');
    await kong.expectCall('kong.log.err');
    assert.equal((await kong.readCall())?.method, 'kong.event.failed');
  });
});

describe('an event that its handler ends', () => {
  it('calls nobody back', async (t) => {
    let calls = 0;
    const { startEvent, server } = await serve(t, {
      access: async (kong: Kong) => {
        kong.onOver(() => calls++);
        await kong.response.exit(204);
      },
    });
    const kong = await startEvent();
    assert.equal((await kong.readExit()).status, 204);
    await kong.close();
    await eventually(() => server.openEventCount === 0, 'the event stays open');
    assert.equal(calls, 0);
  });
});

describe('a connection that closes in the middle of an event', () => {
  it('aborts the signal and rejects what is pending', async (t) => {
    const seen = deferred<unknown[]>();
    const { startEvent, server } = await serve(t, {
      access: async (kong: Kong) => {
        const aborted = new Promise((resolve) => {
          kong.signal.addEventListener('abort', () => resolve(kong.signal.reason));
        });
        const call = kong.request.getPath().catch((error: unknown) => error);
        seen.resolve(await Promise.all([aborted, call]));
        throw new Error('nobody hears this');
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_path');
    await kong.close();
    for (const error of await seen.promise) {
      assert.ok(error instanceof GatewayError);
      assert.match(error.detail, /Kong closed the connection/);
    }
    assert.equal(server.openEventCount, 0);
    assert.equal(server.status().events_closed_by_kong, 1);
    assert.equal(server.status().handler_errors, 0);
  });

  it('calls back everybody who wants to know, and one that fails keeps nobody from it', async (t) => {
    const seen: string[] = [];
    const all = deferred();
    const { startEvent, server } = await serve(t, {
      access: async (kong: Kong) => {
        kong.onOver(() => {
          seen.push('first');
          throw new Error('a bug in a callback');
        });
        kong.onOver(() => seen.push('second'));
        await kong.request.getPath().catch(() => undefined);
        kong.onOver(() => {
          seen.push('late');
          all.resolve();
        });
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_path');
    await kong.close();
    await all.promise;
    assert.deepEqual(seen, ['first', 'second', 'late']);
    assert.equal(server.status().handler_errors, 1);
  });

  it('gives an aborted signal to a handler that looks later', async (t) => {
    const later = deferred();
    const seen = deferred<boolean>();
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        await later.promise;
        seen.resolve(kong.signal.aborted);
      },
    });
    await (await startEvent()).close();
    later.resolve();
    assert.equal(await seen.promise, true);
  });

  it('twice for one request makes the third attempt a 503 before its handler runs', async (t) => {
    let runs = 0;
    const { startEvent, connect, server } = await serve(t, {
      access: (kong: Kong) => {
        runs++;
        return kong.request.getPath();
      },
    });
    for (let attempt = 1; attempt <= 2; attempt++) {
      const kong = await startEvent('again');
      await kong.expectCall('kong.request.get_path');
      await kong.close();
      await eventually(() => server.openEventCount === 0, 'the event stays open');
    }
    assert.equal(runs, 2);
    const third = await connect();
    third.handleEvent(await third.startInstance('demo'));
    await third.answerRequestId('again');
    const { status, body } = await third.readExit();
    assert.equal(status, 503);
    assert.equal((JSON.parse(body.toString()) as { code: string }).code, 'not_ready');
    assert.equal(runs, 2);

    const other = await startEvent('another');
    await other.expectCall('kong.request.get_path');
    other.answerText('/');
    await other.readEventReturn();
    assert.equal(runs, 3, 'other requests are held until their id is known, then run');
  });
});

describe('the timer', () => {
  it('sends one heartbeat after 20 s of silence and drops its answer', async (t) => {
    const release = deferred();
    const { startEvent, server } = await serve(t, {
      access: async (kong: Kong) => {
        await release.promise;
        void kong.response.exit(200, await kong.request.getPath());
      },
    });
    const kong = await startEvent();
    for (let tick = 1; tick < HEARTBEAT_TICKS; tick++) server.onTick();
    const before = kong.chunks.length;
    server.onTick();
    await kong.expectCall('kong.nginx.get_subsystem');
    assert.equal(kong.chunks.length, before + 1);
    server.onTick();
    release.resolve();
    await kong.expectCall('kong.request.get_path');
    kong.answerText('http');
    kong.answerText('/p');
    assert.equal((await kong.readExit()).body.toString(), '/p');
  });

  it('answers an event that its handler never ends', async (t) => {
    const { startEvent, server } = await serve(t, { access: () => new Promise(() => undefined) });
    const kong = await startEvent();
    for (let tick = 1; tick < MAX_EVENT_TICKS; tick++) {
      server.onTick();
      if (tick % HEARTBEAT_TICKS !== 0) continue;
      await kong.expectCall('kong.nginx.get_subsystem');
      kong.answerText('http');
    }
    assert.equal(server.openEventCount, 1);
    server.onTick();
    let call = await kong.readCall();
    while (call?.method === 'kong.nginx.get_subsystem') call = await kong.readCall();
    assert.equal(call?.method, 'kong.response.exit');
    assert.equal(server.openEventCount, 0);
  });

  // Whoever is no Kong could begin events, answer nothing, and keep others out for ten minutes each.
  it('answers an event whose Kong does not answer for two minutes', async (t) => {
    const { startEvent, server, logged } = await serve(t, { access: () => new Promise(() => undefined) });
    const kong = await startEvent();
    let ticks = 0;
    while (server.openEventCount > 0 && ticks < MAX_EVENT_TICKS) {
      server.onTick();
      ticks++;
    }
    // From the first call that is not answered: the one for the request id, if its answer is still on its way.
    assert.ok(
      ticks > MAX_SILENT_TICKS && ticks <= HEARTBEAT_TICKS + MAX_SILENT_TICKS,
      `after ${ticks} ticks`,
    );
    let call = await kong.readCall();
    while (call?.method === 'kong.nginx.get_subsystem') call = await kong.readCall();
    assert.equal(call?.method, 'kong.response.exit');
    assert.ok(logged.some(({ message }) => String(message).includes('does not go on')));
  });
});

describe('a peer that breaks the protocol', () => {
  it('inside an event gets one clean 500', async (t) => {
    const { startEvent, server } = await serve(t, { access: () => new Promise(() => undefined) });
    const kong = await startEvent();
    kong.sendFrame(encode('RpcCall', { sequence: 9 }));
    assert.equal((await kong.readCall())?.method, 'kong.event.failed');
    assert.equal(server.openEventCount, 0);
  });

  it('with an answer that cannot be decoded fails that call only', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        await kong.request.getHeaders().catch(() => undefined);
        void kong.response.exit(200, await kong.request.getPath());
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_headers');
    kong.sendFrame(Buffer.from([0x0a, 0x7f, 0x01]));
    await kong.expectCall('kong.request.get_path');
    kong.answerText('/p');
    assert.equal((await kong.readExit()).status, 200);
  });
});
