/** Kong starts the plugin server, and somebody kills it with kill -9 while a thousand clients wait. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../dev/kafka/ports';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { startChild } from '../../dev/child-process';
import { dumpName, PLUGINS, socketName, type PluginName } from '../../common/plugins';
import { DUMPS, PLUGIN_SERVER, startGatewayProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { ask, kongYml, waitingRoute, type Answer, type TestRoute } from '../support/stack';

const kafka = useKafka();
const CLIENTS = 1000;
/** The goals are one second and three, and are met on a quiet machine; these tell a loaded one from a broken server. */
const ANSWERED_WITHIN_MS = 5000;
const SERVES_WITHIN_MS = 9000;
const LIMIT_MS = 20_000;

interface Served {
  readonly open_events: number;
  readonly process: { readonly in_flight: number; readonly sent: number };
}

interface Status {
  readonly pid: number;
  readonly plugins: Readonly<Record<PluginName, Served>>;
}

type Flags = (statusPort: number) => string[];

/** The gateway, and how a plugin server for it is started. */
async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const plugins = PLUGINS.map((plugin) => ({
    name: plugin.name,
    socketPath: join(folder, socketName(plugin)),
    dumpPath: join(DUMPS, dumpName(plugin)),
  }));
  const flags: Flags = (statusPort) => [
    PLUGIN_SERVER,
    '--socket-dir',
    folder,
    '--status-port',
    String(statusPort),
  ];
  const startGateway = async (routes: readonly TestRoute[], startCommand?: string): Promise<string> => {
    const { child, url } = await startGatewayProcess(
      { folder, plugins },
      kongYml(kafka.bootstrapServers, routes),
      0,
      startCommand === undefined ? [] : ['--start-command', startCommand],
    );
    t.after(() => child.stop());
    return url;
  };
  return { flags, startGateway };
}

async function statusAt(statusPort: number): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${statusPort}/status`)).json()) as Status;
}

/** By request body: the keys under which it went out, once for each record. */
async function keysOf(topic: string, atLeast: number): Promise<Map<string, string[]>> {
  const keys = new Map<string, string[]>();
  for (const { value, headers } of await readAll(kafka.connection, topic, atLeast)) {
    const [, key] = headers.find(([name]) => name === 'idempotency-key') ?? [];
    const request = value?.toString() ?? '';
    keys.set(request, [...(keys.get(request) ?? []), key?.toString() ?? 'none']);
  }
  return keys;
}

function assertOneKeyEach(keys: ReadonlyMap<string, readonly string[]>): void {
  for (const [request, own] of keys)
    assert.equal(new Set(own).size, 1, `${request} went out under ${own.join(' and ')}`);
  assert.equal(new Set([...keys.values()].flat()).size, keys.size, 'no two requests share a key');
}

async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadlineMs = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < deadlineMs, `never: ${what}`);
    await delay(10);
  }
}

for (const form of PLUGIN_FORMS) {
  /**
   * Each client has its answer at once and not at its deadline, which takes a connection that closes. What Kong runs again
   * meanwhile is the same request: a service must be able to see that by its idempotency key.
   */
  test(`kill -9 with a thousand waiting requests: all are answered, and the next process serves (${form})`, (t) =>
    killedUnderLoad(t, form));
}

async function killedUnderLoad(t: TestContext, form: PluginForm): Promise<void> {
  const waiter = form === 'pair' ? 'custom_kafka_consumer' : 'custom_kafka_request_reply';
  const [silent, echo] = [await kafka.topic({ partitions: 4 }), await kafka.topic()];
  const replies = await kafka.topic();
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic: echo }],
  });
  t.after(() => responder.close());
  const toNobody = { topic: silent, reply_topic: replies };
  const { flags, startGateway } = await setUp(t);
  const [statusPort = 0] = await freePorts(1);
  const url = await startGateway(
    [
      waitingRoute(form, '/echo', { topic: echo, reply_topic: replies }),
      waitingRoute(form, '/patient', toNobody, { timeout: 60_000 }),
      waitingRoute(form, '/brief', toNobody, { timeout: 200 }),
    ],
    [process.execPath, ...flags(statusPort), '--managed'].join(' '),
  );
  const status = () => statusAt(statusPort);
  const serves = () =>
    eventually('it serves', async () => (await ask(`${url}/echo`, { body: 'again' })).status === 200);
  const openWaits = async () => {
    const { open_events, process } = (await status()).plugins[waiter];
    return [open_events, process.in_flight];
  };
  await serves();

  const patient = Array.from({ length: CLIENTS }, async (_, client) => {
    const answer = await ask(`${url}/patient`, { body: `patient ${client}` });
    return { answer, atMs: performance.now() };
  });
  await eventually('all wait', async () => (await openWaits()).every((count) => count === CLIENTS));
  // Others come at this very moment: their events may be in any phase when the process dies.
  let ended = false;
  let sent = 0;
  const brief = Array.from({ length: 16 }, async () => {
    const answers: Answer[] = [];
    for (; !ended; await delay(20)) answers.push(await ask(`${url}/brief`, { body: `brief ${sent++}` }));
    return answers;
  });
  await delay(300);
  const { pid } = await status();
  const killedMs = performance.now();
  process.kill(pid, 'SIGKILL');

  const answers = await Promise.all(patient);
  const lastAnswerMs = Math.max(...answers.map(({ atMs }) => atMs)) - killedMs;
  for (const { answer } of answers) assert.equal(answer.status, 500, answer.body.toString());
  assert.ok(
    lastAnswerMs <= ANSWERED_WITHIN_MS,
    `the last answer came ${lastAnswerMs.toFixed(0)} ms after the death`,
  );

  await serves();
  const servesMs = performance.now() - killedMs;
  assert.ok(servesMs <= SERVES_WITHIN_MS, `it served again ${servesMs.toFixed(0)} ms after the death`);
  assert.notEqual((await status()).pid, pid);
  t.diagnostic(
    `the last answer came after ${lastAnswerMs.toFixed(0)} ms, it served again after ${servesMs.toFixed(0)} ms`,
  );

  ended = true;
  for (const { status: got } of (await Promise.all(brief)).flat())
    assert.ok([500, 503, 504].includes(got), `a client got ${got}`);
  await eventually('nothing waits', async () => (await openWaits()).every((count) => count === 0));

  const keys = await keysOf(silent, CLIENTS);
  assert.ok(keys.size > CLIENTS, `${keys.size} requests were sent`);
  assertOneKeyEach(keys);
}

/** Another process listens on the same sockets already, as after a reload: Kong runs there what the dead one had sent. */
test('what Kong runs again in another process goes out twice, under one idempotency key', async (t) => {
  const CLIENTS_THAT_SEND = 50;
  const topic = await kafka.topic();
  const [broker] = kafka.server.nodes;
  assert.ok(broker?.processId);
  const { flags, startGateway } = await setUp(t);
  const start = async () => {
    const [statusPort = 0] = await freePorts(1);
    const child = await startChild('plugin server', flags(statusPort), {
      readyWhen: /"listening".*consumer/,
    });
    t.after(() => child.stop());
    return { child, status: () => statusAt(statusPort) };
  };
  const first = await start();
  const url = await startGateway([
    // Longer than another process takes to start.
    { path: '/one-way', producer: { topic, producer_request_timeout: LIMIT_MS } },
  ]);
  assert.equal((await ask(`${url}/one-way`, { body: 'before' })).status, 200);

  // The records are on their way, but nobody confirms them.
  process.kill(broker.processId, 'SIGSTOP');
  t.after(() => process.kill(broker.processId!, 'SIGCONT'));
  const answers = Array.from({ length: CLIENTS_THAT_SEND }, (_, client) =>
    ask(`${url}/one-way`, { body: `client ${client}` }),
  );
  await eventually('all were sent', async () => {
    const { open_events, process } = (await first.status()).plugins.custom_kafka_producer;
    return open_events === CLIENTS_THAT_SEND && process.sent === CLIENTS_THAT_SEND + 1;
  });
  const second = await start();
  first.child.kill('SIGKILL');
  await first.child.exited;
  process.kill(broker.processId, 'SIGCONT');

  for (const { status, body } of await Promise.all(answers)) assert.equal(status, 200, body.toString());
  const { open_events, process: own } = (await second.status()).plugins.custom_kafka_producer;
  assert.deepEqual([open_events, own.in_flight, own.sent], [0, 0, CLIENTS_THAT_SEND]);
  const keys = await keysOf(topic, CLIENTS_THAT_SEND + 1);
  assertOneKeyEach(keys);
  assert.equal(keys.size, CLIENTS_THAT_SEND + 1);
  assert.ok(
    [...keys.values()].some((own) => own.length === 2),
    'a request went out again',
  );
});
