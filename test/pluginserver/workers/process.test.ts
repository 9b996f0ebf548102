/** Several workers as processes: what Kong sees of them, and how they end. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { freePorts } from '../../../dev/kafka/ports';
import { FakeKong } from '../support/fake-kong';
import { isAlive, pluginFolder, runMain, start, type Started } from '../support/process';
import { eventually, temporaryFolder } from '../support/serving';

/** Answers with the number of its process; some paths do what they say. */
const source = (brokenWhile = '/nowhere'): string => `
if (require('node:fs').existsSync(${JSON.stringify(brokenWhile)})) process.exit(7);
exports.Name = 'demo'; exports.Version = '1.0.0'; exports.Priority = 1;
let served = 'nothing';
let tell;
let told = 'nothing';
exports.Process = {
  start: (names, listener, tellOthers) => { served = names.join(); tell = tellOthers; },
  told: (news) => { told = news.from + ' told ' + process.pid; },
};
exports.Plugin = class {
  constructor(config) { this.word = config.word; this.served = served; }
  async access(kong) {
    const path = await kong.request.getPath();
    if (path === '/block') for (;;);
    if (path === '/wait') await new Promise(() => {});
    if (path === '/tell') await tell({ from: process.pid });
    const { word, served } = this;
    void kong.response.exit(200, { '/word': word, '/served': served, '/told': told }[path] ?? String(process.pid));
  }
};`;

interface Worker {
  readonly number: number;
  readonly pid: number | undefined;
  readonly state: string;
}

interface Node extends Started {
  readonly status: () => Promise<{ readonly ready: boolean; readonly workers: readonly Worker[] }>;
  readonly url: string;
}

async function startNode(
  t: TestContext,
  args: readonly string[] = [],
  options: { readonly source?: string; readonly path?: string } = {},
): Promise<Node> {
  const [port = 0] = await freePorts(1);
  const flags = ['--workers', '2', '--status-port', String(port), '--drain-timeout-ms', '500', ...args];
  const started = await start(t, flags, options.source ?? source(), options.path);
  await eventually(() => started.stderr().includes('"event":"serving"'), 'the node does not serve');
  const url = `http://127.0.0.1:${port}`;
  const status = async () =>
    (await (await fetch(`${url}/status`)).json()) as Awaited<ReturnType<Node['status']>>;
  return { ...started, url, status };
}

async function event(node: Started, id: number, path: string): Promise<FakeKong> {
  const kong = await FakeKong.connect(node.path);
  kong.handleEvent(id);
  await kong.answerRequestId(randomUUID().replaceAll('-', ''));
  await kong.expectCall('kong.request.get_path');
  kong.answerText(path);
  return kong;
}

async function instance(node: Started, config: object = {}): Promise<number> {
  const kong = await FakeKong.connect(node.path);
  const id = await kong.startInstance('demo', config);
  await kong.close();
  return id;
}

async function answer(node: Started, id: number, path: string): Promise<string> {
  return (await (await event(node, id, path)).readExit()).body.toString();
}

/** Answers of many connections at a time, so that no worker is alone. */
async function answers(node: Started, id: number, path: string): Promise<Set<string>> {
  return new Set(await Promise.all(Array.from({ length: 40 }, () => answer(node, id, path))));
}

/** Resolves when the path was answered by both, as their numbers of processes show. */
async function bothAnswer(node: Node, id: number): Promise<void> {
  const seen = new Set<string>();
  for (let round = 0; seen.size < 2; round++) {
    assert.ok(round < 50, 'one worker gets everything');
    for (const pid of await answers(node, id, '/pid')) seen.add(pid);
  }
  const { workers } = await node.status();
  assert.deepEqual(new Set(workers.map(({ pid }) => String(pid))), seen);
}

async function workerOf(node: Node, number: number): Promise<Worker> {
  return (await node.status()).workers.find((worker) => worker.number === number)!;
}

async function settled(node: Node): Promise<void> {
  await eventuallyAsync(async () => (await node.status()).workers.every(({ state }) => state === 'serving'));
}

async function eventuallyAsync(look: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!(await look())) {
    assert.ok(performance.now() < endMs, 'never');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('what a plugin tells the other workers they know before it goes on', async (t) => {
  const node = await startNode(t);
  const id = await instance(node);
  await bothAnswer(node, id);
  const teller = await answer(node, id, '/tell');
  const { workers } = await node.status();
  const other = workers.map(({ pid }) => String(pid)).find((pid) => pid !== teller)!;
  const seen = new Set<string>();
  for (let round = 0; seen.size < 2; round++) {
    assert.ok(round < 50, 'one worker gets everything');
    for (const told of await answers(node, id, '/told')) seen.add(told);
  }
  assert.deepEqual(seen, new Set(['nothing', `${teller} told ${other}`]), 'the others, and not itself');
});

describe('an instance', () => {
  it('that was started over one connection answers over any', async (t) => {
    const node = await startNode(t);
    const id = await instance(node, { word: 'hello' });
    await bothAnswer(node, id);
    assert.deepEqual(await answers(node, id, '/word'), new Set(['hello']));
    const other = await instance(node, { word: 'other' });
    assert.notEqual(other, id);
    assert.deepEqual(await answers(node, other, '/word'), new Set(['other']));
  });

  it('is known to a worker that is started later', async (t) => {
    const node = await startNode(t);
    const id = await instance(node, { word: 'hello' });
    for (const number of [1, 2]) {
      const { pid } = await workerOf(node, number);
      process.kill(pid!, 'SIGKILL');
      await eventuallyAsync(async () => (await workerOf(node, number)).pid !== pid);
      await settled(node);
    }
    await bothAnswer(node, id);
    assert.deepEqual(await answers(node, id, '/word'), new Set(['hello']));
    // It was once made before its plugin knew what is served, and a consumer did not find its producer.
    assert.deepEqual(await answers(node, id, '/served'), new Set(['demo']));
    assert.equal(node.stderr().includes('instance_unknown'), false);
  });

  it('is started for each of many calls at once, although Kong waits for every answer', async (t) => {
    const node = await startNode(t);
    const kong = await FakeKong.connect(node.path);
    const words = new Map<number, string>();
    for (let number = 0; number < 50; number++) {
      const word = `word ${number}`;
      words.set(kong.call({ cmd_start_instance: { name: 'demo', config: JSON.stringify({ word }) } }), word);
    }
    const ids = new Map<number, string>();
    while (ids.size < words.size) {
      const { sequence, instance_status: status } = (await kong.readReturn()) as {
        sequence: number;
        instance_status: { instance_id: number };
      };
      ids.set(status.instance_id, words.get(sequence)!);
    }
    for (const [id, word] of [...ids].slice(-3))
      assert.deepEqual(await answers(node, id, '/word'), new Set([word]));
  });

  it('that nobody has started closes the connection, so that Kong starts it', async (t) => {
    const node = await startNode(t);
    const kong = await FakeKong.connect(node.path);
    kong.handleEvent(4711);
    await kong.closed();
  });
});

describe('a worker', () => {
  it('that is stuck is given up in the log and replaced; the other goes on', async (t) => {
    const node = await startNode(t, ['--max-event-loop-lag-ms', '100']);
    const id = await instance(node);
    const blocked = await event(node, id, '/block');
    await eventually(() => node.stderr().includes('"worker_stuck"'), 'nobody notices');
    await blocked.closed();
    await settled(node);
    await bothAnswer(node, id);
    assert.match(node.stderr(), /"event":"worker_lost".*"signal":"SIGKILL"/);
  });

  it('that ends again and again is a crash loop, which is said and makes the node not ready, until it is over', async (t) => {
    const broken = join(temporaryFolder(t), 'broken');
    const node = await startNode(t, [], { source: source(broken) });
    assert.equal((await fetch(`${node.url}/ready`)).status, 200);
    writeFileSync(broken, '');
    for (const { pid } of (await node.status()).workers) process.kill(pid!, 'SIGKILL');
    await eventuallyAsync(async () => node.stderr().match(/"worker_crash_loop"/g)?.length === 2);
    const { ready, workers } = await node.status();
    assert.equal(ready, false);
    assert.deepEqual(new Set(workers.map(({ state }) => state)), new Set(['crash loop']));
    assert.equal((await fetch(`${node.url}/ready`)).status, 503);
    // Kong's connections wait meanwhile: the socket is the primary's.
    const waiting = await FakeKong.connect(node.path);
    rmSync(broken);
    const id = await waiting.startInstance('demo');
    await settled(node);
    await bothAnswer(node, id);
  });
});

describe('SIGUSR2', () => {
  it('switches level debug on and off in all processes', async (t) => {
    const node = await startNode(t);
    for (const switched of [1, 2]) {
      node.child.kill('SIGUSR2');
      await eventually(
        () => node.stderr().match(/"event":"log_level_changed"/g)?.length === 3 * switched,
        'not all switch',
      );
    }
    const levels = node.stderr().match(/"log_level":"[a-z]+"/g) ?? [];
    const count = (level: string): number => levels.filter((text) => text.includes(level)).length;
    assert.deepEqual([count('debug'), count('info')], [3, 3]);
  });
});

describe('the end', () => {
  it('of the process is in order: what waits is answered, the socket goes, nobody is left', async (t) => {
    const node = await startNode(t);
    const id = await instance(node);
    const { workers } = await node.status();
    const waiting = await Promise.all([1, 2, 3, 4].map(() => event(node, id, '/wait')));
    // As whoever ends a group of processes does.
    for (const { pid } of workers) process.kill(pid!, 'SIGTERM');
    node.child.kill('SIGTERM');
    for (const kong of waiting) assert.equal((await kong.readExit()).status, 503);
    assert.equal(await node.exitCode, 0);
    assert.equal(existsSync(node.path), false);
    for (const { pid } of workers) assert.equal(isAlive(pid!), false);
  });

  it('that Kong makes leaves 55 ms: all events are answered at once', async (t) => {
    const node = await startNode(t, ['--managed', '--drain-timeout-ms', '60000']);
    const id = await instance(node);
    const waiting = await Promise.all([1, 2, 3, 4].map(() => event(node, id, '/wait')));
    node.child.kill('SIGTERM');
    for (const kong of waiting) assert.equal((await kong.readExit()).status, 503);
    assert.equal(await node.exitCode, 0);
  });

  it('of a primary that is killed is that of its workers', async (t) => {
    const node = await startNode(t);
    const { workers } = await node.status();
    node.child.kill('SIGKILL');
    await node.exitCode;
    await eventually(() => workers.every(({ pid }) => !isAlive(pid!)), 'workers are left');
    await assert.rejects(FakeKong.connect(node.path));
    // Whoever comes next finds a name that nobody answers, and takes it.
    const next = await startNode(t, [], { path: node.path });
    await bothAnswer(next, await instance(next));
  });

  it('comes at once with the second signal', async (t) => {
    const node = await startNode(t, ['--drain-timeout-ms', '60000']);
    const { workers } = await node.status();
    await event(node, await instance(node), '/wait');
    node.child.kill('SIGTERM');
    await eventually(() => node.stderr().includes('"draining"'), 'it does not drain');
    node.child.kill('SIGTERM');
    assert.equal(await node.exitCode, 1);
    await eventually(() => workers.every(({ pid }) => !isAlive(pid!)), 'workers are left');
  });
});

describe('a start that cannot work', () => {
  it('ends as that of one process does', (t) => {
    const folder = temporaryFolder(t);
    const plugin = pluginFolder(t, source());
    const twice = ['--plugin', `${plugin}=${folder}/a`, '--plugin', `${plugin}=${folder}/b`];
    for (const [args, sentence] of [
      [['--plugin', `${folder}/none=${folder}/s`], /does not load: Cannot find module/],
      [['--plugin', `${plugin}=${folder}`], /^Cannot listen on .*: it is a folder\.$/m],
      [twice, /^The plugin demo is named twice\.$/m],
    ] as const) {
      const { status, stderr } = runMain([...args, '--workers', '2']);
      assert.match(stderr, sentence);
      assert.equal(status, 1);
    }
  });
});
