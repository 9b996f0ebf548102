/** Replies as they come, through the real plugin server and a gateway that proxies to its listener. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { EventSource } from '../support/event-source';
import { Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
let stack: Stack;
let responder: Responder;

interface Case {
  readonly path: string;
  readonly behaviour: Partial<Behaviour>;
  readonly request?: Record<string, unknown>;
  readonly stream: Record<string, unknown>;
  readonly hasService?: false;
}

const CASES: readonly Case[] = [
  { path: '/steps', behaviour: { replies: 3, everyMs: 50 }, stream: { end_header: 'last' } },
  {
    path: '/nest',
    behaviour: { replies: 3, everyMs: 50, dialect: 'nestjs' },
    request: { dialects: ['nestjs'] },
    stream: { end_header: 'kafka_nest-is-disposed' },
  },
  { path: '/slow', behaviour: { replies: 20, everyMs: 100 }, stream: { end_header: 'last' } },
  { path: '/idle', behaviour: { replies: 1 }, stream: { idle_ms: 300 } },
  { path: '/short', behaviour: { replies: 100, everyMs: 100 }, stream: { max_life_ms: 1000 } },
  { path: '/error', behaviour: { replies: 1, error: true, dialect: 'smallrye' }, stream: { count: 1 } },
  {
    path: '/no-service',
    behaviour: { replies: 2 },
    stream: { count: 2, without_service: true },
    hasService: false,
  },
  { path: '/not-said', behaviour: { replies: 1 }, stream: { count: 1 }, hasService: false },
];

type SocketRoute = readonly [
  path: string,
  behaviour: Partial<Behaviour> | undefined,
  reply: Record<string, unknown>,
  more?: Record<string, unknown>,
];

const SOCKETS: readonly SocketRoute[] = [
  ['/ws-one', {}, { stream: { messages_per_second: 10_000 } }, { max_request_bytes: 10_000 }],
  ['/ws-steps', { mode: 'steps', replies: 3, everyMs: 20 }, { stream: { end_header: 'last' } }],
  ['/ws-nobody', undefined, { timeout: 500 }],
];

before(async () => {
  const routes: TestRoute[] = [];
  const behaviours: Behaviour[] = [];
  for (const form of PLUGIN_FORMS)
    for (const { path, behaviour, request, stream, hasService = true } of CASES) {
      // One partition: the order of the replies is that of the steps.
      const [topic, replyTopic] = [await kafka.topic({ partitions: 2 }), await kafka.topic()];
      behaviours.push({ ...DEFAULT_BEHAVIOUR, mode: 'steps', ...behaviour, topic });
      const config = { topic, reply_topic: replyTopic, ...request };
      routes.push({
        ...waitingRoute(form, `/${form}${path}`, config, { mode: 'stream', stream }),
        hasService,
      });
    }
  for (const [path, behaviour, reply, more] of SOCKETS) {
    const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
    if (behaviour) behaviours.push({ ...DEFAULT_BEHAVIOUR, ...behaviour, topic });
    const requestReply = { topic, reply_topic: replyTopic, ...more, reply: { mode: 'stream', ...reply } };
    routes.push({ path, requestReply, hasService: true });
  }
  responder = await startResponder({ connection: kafka.connection, topics: behaviours });
  cleanUps.push(() => responder.close());
  stack = await Stack.start(kafka.bootstrapServers, routes);
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

const open = (form: PluginForm, path: string, lastEventId?: string) =>
  EventSource.open(`${stack.url}/${form}${path}`, lastEventId);
const steps = (from: number, to: number, of: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ step: from + index, of }));

for (const form of PLUGIN_FORMS) {
  test(`${form}: each reply is an event, and the end is one`, async () => {
    for (const path of ['/steps', '/nest']) {
      const source = await open(form, path);
      assert.equal(source.status, 200);
      assert.equal(source.headers['content-type'], 'text/event-stream');
      const events = await source.untilEnd();
      assert.deepEqual(
        events.slice(0, -1).map(({ data }) => JSON.parse(data) as unknown),
        steps(1, 3, 3),
      );
      const last = events.at(-1)!;
      assert.deepEqual([last.name, last.data], ['end', '{"reason":"complete"}']);
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
    }
    await stack.nothingPending();
  });

  test(`${form}: who comes back goes on where it was, and nothing is sent again`, async () => {
    const requestsBefore = responder.counters.requests;
    const source = await open(form, '/slow');
    await source.count(3);
    source.close();
    const id = source.events[1]!.id!;
    await new Promise((resolve) => setTimeout(resolve, 400));
    const again = await open(form, '/slow', id);
    assert.equal(again.status, 200);
    const events = await again.untilEnd();
    assert.deepEqual(
      events.slice(0, -1).map(({ data }) => JSON.parse(data) as unknown),
      steps(3, 20, 20),
    );
    assert.equal(responder.counters.requests - requestsBefore, 1);
    // Nothing is left: the answer after which a browser stays away.
    assert.equal((await open(form, '/slow', events.at(-1)!.id)).status, 204);
    assert.equal((await open(form, '/steps', events.at(-1)!.id)).status, 410, 'it is of another route');
    const unknown = 'kks1.AAAAAAAAAAAAAAAAAAAAAA.3';
    const gone = await open(form, '/slow', unknown);
    assert.equal(gone.status, 410);
    assert.equal(responder.counters.requests - requestsBefore, 1);
    await stack.nothingPending();
  });

  test(`${form}: silence and age are ends, and an error reply is an event`, async () => {
    const idle = await (await open(form, '/idle')).untilEnd();
    assert.deepEqual(idle.at(-1)?.data, '{"reason":"idle"}');
    const short = await (await open(form, '/short')).untilEnd();
    assert.deepEqual(short.at(-1)?.data, '{"reason":"max_life"}');
    assert.ok(short.length > 5 && short.length < 15, String(short.length));
    const failed = await (await open(form, '/error')).untilEnd();
    assert.deepEqual(
      failed.map(({ name }) => name),
      ['failure', 'end'],
    );
    await stack.nothingPending();
  });
}

for (const form of PLUGIN_FORMS)
  test(`${form}: a route without a service streams where the configuration says so, and else Kong has no way`, async () => {
    const events = await (await open(form, '/no-service')).untilEnd();
    assert.deepEqual(events.at(-1)?.data, '{"reason":"complete"}');
    assert.equal(events.length, 3);
    const none = await open(form, '/not-said');
    assert.equal(none.status, 503);
    await none.untilEnd();
    assert.match(none.rest, /no Service found/);
  });

/** Opens a WebSocket and collects what it says. */
async function socket(path: string, options: { headers?: Record<string, string> } = {}) {
  const client = new WebSocket(`${stack.url.replace('http', 'ws')}${path}`, {
    perMessageDeflate: false,
    ...options,
  });
  const said: Record<string, unknown>[] = [];
  let wake = (): void => undefined;
  client.on('message', (data: Buffer) => {
    said.push(JSON.parse(data.toString()) as Record<string, unknown>);
    wake();
  });
  const closed = once(client, 'close') as Promise<[number, Buffer]>;
  await once(client, 'open');
  const until = async (count: number) => {
    while (said.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return said;
  };
  return { client, said, until, closed };
}

test('each message is a request, and its reply says to which', async () => {
  const { client, until, closed } = await socket('/ws-one');
  for (let n = 1; n <= 200; n++) client.send(JSON.stringify({ ref: `r${n}`, body: { n } }));
  const replies = await until(200);
  const byReference = new Map(replies.map((reply) => [reply.ref, reply]));
  for (let n = 1; n <= 200; n++) {
    const { status, body } = byReference.get(`r${n}`)!;
    assert.deepEqual([status, body], [200, { n }]);
  }
  client.send('plain text');
  const plain = (await until(201))[200]!;
  assert.deepEqual([plain.ref, plain.body], ['1', 'plain text']);
  client.close();
  await closed;
  await stack.nothingPending();
});

test('several replies to a message, and the end of them', async () => {
  const { client, until, closed } = await socket('/ws-steps');
  client.send('{"ref":"a","body":{}}');
  const said = await until(4);
  assert.deepEqual(
    said.slice(0, 3).map(({ ref, body }) => [ref, body]),
    steps(1, 3, 3).map((step) => ['a', step]),
  );
  assert.deepEqual(said[3], { ref: 'a', end: true });
  client.close();
  await closed;
  await stack.nothingPending();
});

test('a message that is too large ends the WebSocket with 1009, and a failed one is an error with its reference', async () => {
  const { client, closed } = await socket('/ws-one');
  client.send('x'.repeat(20_000));
  assert.equal((await closed)[0], 1009);
  const nobody = await socket('/ws-nobody');
  nobody.client.send('{"ref":"late","body":1}');
  const [late] = await nobody.until(1);
  assert.deepEqual([late!.ref, late!.status], ['late', 504]);
  nobody.client.close();
  await nobody.closed;
  await stack.nothingPending();
});

/** By itself, as it ends the plugin server. */
test('a plugin server that ends lets streams finish and closes WebSockets with 1012', async () => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const behaviour = { ...DEFAULT_BEHAVIOUR, mode: 'steps', replies: 10, everyMs: 100, topic } as const;
  const service = await startResponder({ connection: kafka.connection, topics: [behaviour] });
  const requestReply = {
    topic,
    reply_topic: replyTopic,
    reply: { mode: 'stream', stream: { end_header: 'last' } },
  };
  const own = await Stack.start(kafka.bootstrapServers, [
    { path: '/ending', requestReply, hasService: true },
  ]);
  try {
    const source = await EventSource.open(`${own.url}/ending`);
    await source.count(2);
    const client = new WebSocket(`${own.url.replace('http', 'ws')}/ending`);
    await once(client, 'open');
    const closed = once(client, 'close') as Promise<[number, Buffer]>;
    const ended = own.server.child.stop();
    const [code, reason] = await closed;
    assert.deepEqual([code, reason.toString()], [1012, 'draining']);
    const events = await source.untilEnd();
    assert.equal(events.length, 11);
    assert.equal(events.at(-1)!.data, '{"reason":"complete"}');
    assert.equal(await ended, 0);
  } finally {
    await own.stop();
    await service.close();
  }
});

test('without a ticket the listener has nothing', async () => {
  const status = (await stack.server.status()) as {
    plugins: Record<string, { process: { streams: { listener: { host: string; port: number } } } }>;
  };
  const { host, port } = status.plugins.custom_kafka_request_reply!.process.streams.listener;
  const url = `http://${host}:${port}/stream/`;
  assert.equal((await fetch(url)).status, 404);
  assert.equal((await fetch(url, { headers: { 'x-kafka-stream-ticket': 'A'.repeat(32) } })).status, 404);
});
