/** Several worker processes behind the same sockets: upgrades to and from them, and workers that are killed. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { PluginServerProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { ask, Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();
const CLIENTS = 20;
const ENOUGH = 100;

interface Status {
  readonly pid: number;
  readonly ready: boolean;
  readonly workers?: readonly { readonly number: number; readonly pid: number; readonly state: string }[];
  readonly plugins: Readonly<Record<string, { readonly events: number; readonly instances: number }>>;
}

const statusOf = async (server: PluginServerProcess): Promise<Status> =>
  (await server.status()) as unknown as Status;
/** The status port comes over with the last socket, and is listened on a moment later. */
async function isReady({ statusUrl }: PluginServerProcess): Promise<boolean> {
  try {
    return (await fetch(`${statusUrl}/ready`)).status === 200;
  } catch {
    return false;
  }
}
const workers = (count: number): string[] => (count === 1 ? [] : ['--workers', String(count)]);

/** Clients that never stop asking, each with bodies of its own. */
class Load {
  answered = 0;
  readonly sent: string[] = [];
  readonly failures: { readonly status: number; readonly body: string; readonly ms: number }[] = [];
  #running = true;
  readonly #clients: Promise<void>[];

  constructor(url: string) {
    this.#clients = Array.from({ length: CLIENTS }, (_, number) => this.#client(url, number));
  }

  async #client(url: string, number: number): Promise<void> {
    for (let count = 0; this.#running; count++) {
      const body = `${number}-${count}`;
      this.sent.push(body);
      const startMs = performance.now();
      const answer = await ask(url, { body });
      if (answer.status === 200 && String(answer.body) === body) this.answered++;
      else this.failures.push({ status: answer.status, body, ms: performance.now() - startMs });
    }
  }

  async more(count = ENOUGH): Promise<void> {
    const goal = this.answered + count;
    while (this.answered < goal) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }
}

async function setUp(t: TestContext, form: PluginForm, count: number, more: readonly TestRoute[] = []) {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 50 }],
  });
  t.after(() => responder.close());
  const routes = [waitingRoute(form, '/', { topic, reply_topic: replyTopic }), ...more];
  const stack = await Stack.start(kafka.bootstrapServers, routes, { flags: workers(count) });
  t.after(() => stack.stop());
  const load = new Load(stack.url);
  t.after(() => load.stop());
  return { stack, load, topic };
}

for (const [before, after, form] of [
  [1, 2, 'one-event'],
  [2, 1, 'one-event'],
  [2, 2, 'one-event'],
  [2, 2, 'pair'],
] as const) {
  test(`an upgrade from ${before} to ${after} workers loses no request (${form})`, async (t) => {
    const { stack, load } = await setUp(t, form, before);
    await load.more();
    const { folder, statusPort } = stack.server;
    const { pid } = await statusOf(stack.server);
    const successor = await PluginServerProcess.start({ folder, statusPort, flags: workers(after) });
    t.after(() => successor.child.stop());
    while (!(await isReady(successor))) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.notEqual((await statusOf(successor)).pid, pid);
    stack.server.child.kill('SIGTERM');
    await load.more();
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.deepEqual(new Set(await successor.pending()), new Set([0]));
    // The old process waits for the end of the connections that Kong has pooled.
    await stack.gateway.stop();
    assert.equal(await stack.server.child.exited, 0);
  });
}

test('what an event in any worker has opened is there for the worker that has the HTTP listener', async (t) => {
  const topic = await kafka.topic();
  const secret = 'a secret of the sink';
  const logged = { path: '/logged', log: { topic, sink: { name: 'main', secret } } };
  const { stack, load } = await setUp(t, 'one-event', 2, [logged]);
  await load.stop();
  // Kong has no service there; the log phase runs all the same, in whichever worker.
  await ask(new URL('/logged', stack.url).href);
  const posted = await new Promise<string>((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath: join(stack.server.folder, 'http.sock'),
        path: '/log/main',
        method: 'POST',
        headers: { 'x-sink-secret': secret, 'content-type': 'application/json' },
      },
      (response) => {
        response
          .setEncoding('utf8')
          .once('data', (text: string) => resolve(`${response.statusCode} ${text}`));
      },
    );
    request.on('error', reject);
    request.end('{"posted":true}');
  });
  assert.equal(posted, '200 {"taken":1}\n');
  const entries = await readAll(kafka.connection, topic, 2);
  assert.ok(entries.some(({ value }) => String(value).includes('"posted":true')));
});

test('a successor that dies leaves its sockets to the workers before it', async (t) => {
  const { stack, load } = await setUp(t, 'one-event', 2);
  await load.more();
  const { folder } = stack.server;
  const successor = await PluginServerProcess.start({ folder, flags: workers(2) });
  await load.more();
  successor.child.kill('SIGKILL');
  await successor.child.exited;
  await stack.server.child.until(/"sockets_taken_back"/);
  const failed = load.failures.length;
  await load.more();
  await load.stop();
  assert.ok(load.failures.slice(0, failed).every(({ status }) => status >= 500));
  assert.equal((await statusOf(stack.server)).ready, true);
});

for (const form of PLUGIN_FORMS) {
  test(`a worker that is killed takes its own requests with it, at once, and none is sent twice (${form})`, (t) =>
    killed(t, form));
}

async function killed(t: TestContext, form: PluginForm): Promise<void> {
  const { stack, load, topic } = await setUp(t, form, 2);
  await load.more();
  for (const number of [1, 2, 1]) {
    const { workers: before = [] } = await statusOf(stack.server);
    const victim = before.find((worker) => worker.number === number)!;
    process.kill(victim.pid, 'SIGKILL');
    await stack.server.child.until(new RegExp(`"worker_lost","worker":${number},"pid":${victim.pid}`));
    await stack.server.child.until(
      new RegExp(`"worker_serving","worker":${number},"pid":(?!${victim.pid}\\b)`),
    );
    await load.more();
  }
  await load.stop();
  assert.ok(load.failures.length > 0, 'some were with the worker that was killed');
  // Those that wait in a worker, and of the pair those that come to its second half in the one after it.
  assert.ok(load.failures.length <= 3 * CLIENTS * 2, `${load.failures.length} failed`);
  for (const { status, ms } of load.failures) {
    assert.ok(status >= 500, `${status}`);
    assert.ok(ms < 5000, `after ${ms} ms`);
  }
  const records = await readAll(kafka.connection, topic, load.answered);
  const values = records.map(({ value }) => String(value));
  assert.equal(new Set(values).size, values.length, 'no request was sent twice');
  assert.deepEqual(new Set(await stack.server.pending()), new Set([0]));
  const { workers: after = [], ready } = await statusOf(stack.server);
  assert.equal(ready, true);
  assert.deepEqual(
    after.map(({ state }) => state),
    ['serving', 'serving'],
  );
}
