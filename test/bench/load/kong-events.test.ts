import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KongWorker, type Exit, type PluginEnd } from '../../../bench/load/kong-events';
import { bodyOf, nextNonce } from '../../../bench/load/payload';
import { ProtocolEnd } from '../../../bench/load/protobuf-end';
import { TrafficCounter } from '../../../bench/load/traffic';
import type { Kong } from '../../../bridge/kong';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import { PluginServer } from '../../../pluginserver/server';

class ScriptedEnd implements PluginEnd<string> {
  readonly traffic = new TrafficCounter();
  readonly requests: string[] = [];

  constructor(
    readonly plugin: string,
    private readonly exit: Exit | undefined,
  ) {}

  async startInstance(): Promise<void> {}

  run(request: string, onEnd: (exit: Exit | undefined) => void): void {
    this.requests.push(request);
    this.traffic.ended(1);
    onEnd(this.exit);
  }
}

test('a request meets one plugin after the other, until one of them answers', () => {
  const answer = { status: 201, body: Buffer.from('mine') };
  for (const [exits, status, met] of [
    [[answer], 201, [1]],
    [[undefined, answer], 201, [1, 1]],
    [[answer, answer], 201, [1, 0]],
    // Kong would ask the upstream.
    [[undefined], 0, [1]],
  ] as const) {
    const ends = exits.map((exit, index) => new ScriptedEnd(`plugin ${index}`, exit));
    const worker = new KongWorker(ends, (nonce) => `request ${nonce}`);
    const answers: number[] = [];
    worker.exchange('n', (got) => answers.push(got));
    assert.deepEqual(answers, [status]);
    assert.deepEqual(
      ends.map(({ requests }) => requests.length),
      met,
    );
    assert.deepEqual(
      Object.entries(worker.takeTraffic()).map(([name, { events }]) => [name, events]),
      met.map((count, index) => [`plugin ${index}`, count]),
    );
  }
});

test('a plugin that does everything in one event is driven and counted over its one socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'one-event-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'one.sock');
  class Plugin {
    async access(kong: Kong): Promise<void> {
      const [id] = await Promise.all([kong.nginx.getVar('request_id'), kong.request.getMethod()]);
      await kong.response.exit(200, Buffer.from(bodyOf(id ?? '')), {});
    }
  }
  const server = new PluginServer({
    plugin: toPlugin({ Plugin, Name: 'one' }, folder),
    socketPath,
  });
  await server.listen();
  t.after(() => server.close());
  const end = new ProtocolEnd({ plugin: 'one', socket: socketPath, config: {} });
  t.after(() => end.closeIdle());
  await end.startInstance();
  end.traffic.take();
  const worker = new KongWorker([end], (nonce) => nonce);
  const nonce = nextNonce();
  const body = await new Promise<Buffer>((resolve) => worker.exchange(nonce, (_, got) => resolve(got)));
  assert.equal(body.toString(), bodyOf(nonce));
  const { one } = worker.takeTraffic();
  assert.ok(one);
  const { bytesSent, bytesReceived, ...counts } = one;
  // Three of the plugin, and the server's own question for the id of the request.
  assert.deepEqual(counts, { events: 1, rounds: 1, mostRounds: 1, calls: 4 });
  assert.ok(bytesSent > 40 && bytesReceived > bodyOf(nonce).length, `${bytesSent}, ${bytesReceived}`);
});
