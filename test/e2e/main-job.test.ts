/**
 * The main job through whatever Kong there is: HTTP and Kafka, nothing else. See README.md beside this file.
 *
 *   KONG_PROXY_URL    the proxy of a running Kong with kong/kong.yml; default: the stand-in gateway, started here
 *   KAFKA_BOOTSTRAP   its brokers; needed with KONG_PROXY_URL
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { createTopic } from '../../bridge/kafka/admin';
import { startKafka } from '../../dev/kafka/server';
import { renderKongYml } from '../../dev/kong-yml';
import { parseBehaviour } from '../../dev/responder/options';
import { startResponder } from '../../dev/responder/responder';
import {
  DEMO_SERVICES,
  DEMO_TOPICS,
  FAILED_TOPIC,
  LOG_TOPIC,
  PluginServerProcess,
  startGatewayProcess,
  startRegistryProcess,
} from '../../dev/stack';
import { EventSource } from '../support/event-source';
import { readAll } from '../support/read-all';
import { ask } from '../support/stack';

const KONG_YML = join(__dirname, '..', '..', '..', 'kong', 'kong.yml');
const cleanUps: (() => Promise<unknown>)[] = [];
let connection: { readonly bootstrapServers: readonly string[] };
let url = '';

before(async () => {
  const { KONG_PROXY_URL, KAFKA_BOOTSTRAP } = process.env;
  if (KONG_PROXY_URL !== undefined) {
    assert.ok(KAFKA_BOOTSTRAP, 'KONG_PROXY_URL needs KAFKA_BOOTSTRAP: the brokers that Kong uses');
    url = KONG_PROXY_URL.replace(/\/$/, '');
    await startServices(KAFKA_BOOTSTRAP);
    return;
  }
  const kafka = await startKafka();
  cleanUps.push(() => kafka.stop());
  await startServices(kafka.bootstrapServers);
  const registry = await startRegistryProcess();
  cleanUps.push(() => registry.child.stop());
  const server = await PluginServerProcess.start();
  cleanUps.push(() => server.stop());
  const rendered = renderKongYml(readFileSync(KONG_YML, 'utf8'), kafka.bootstrapServers, registry.url);
  const gateway = await startGatewayProcess(server, rendered, 0);
  cleanUps.push(() => gateway.child.stop());
  url = gateway.url;
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

async function startServices(bootstrapServers: string): Promise<void> {
  connection = { bootstrapServers: bootstrapServers.split(',') };
  for (const topic of DEMO_TOPICS) await createTopic(connection, topic, { partitions: 4 });
  const responder = await startResponder({ connection, topics: DEMO_SERVICES.map(parseBehaviour) });
  cleanUps.push(() => responder.close());
}

const JSON_HEADERS = { 'content-type': 'application/json' };

test('/collected: three replies make one answer, in their order', async () => {
  const answer = await ask(`${url}/collected`, { headers: JSON_HEADERS, body: '{}' });
  assert.equal(answer.status, 200);
  assert.deepEqual(
    answer.json,
    [1, 2, 3].map((step) => ({ step, of: 3 })),
  );
  assert.equal(answer.headers['x-collected'], 'complete');
});

test('/events: each reply is an event, and who comes back gets the rest', async () => {
  const source = await EventSource.open(`${url}/events`);
  assert.equal(source.status, 200);
  assert.equal(source.headers['content-type'], 'text/event-stream');
  const [first] = await source.count(1);
  source.close();
  const again = await EventSource.open(`${url}/events`, first!.id);
  const events = await again.untilEnd();
  assert.deepEqual(
    events.map(({ name, data }) => [name, JSON.parse(data) as unknown]),
    [
      ['message', { step: 2, of: 3 }],
      ['message', { step: 3, of: 3 }],
      ['end', { reason: 'complete' }],
    ],
  );
  assert.equal((await EventSource.open(`${url}/events`, events.at(-1)!.id)).status, 204);
});

test('/socket: each message is an order, and its reply says to which', async () => {
  const client = new WebSocket(`${url.replace(/^http/, 'ws')}/socket`);
  await once(client, 'open');
  client.send('{"ref":"mine","body":{"item":"book","quantity":2}}');
  const [data] = (await once(client, 'message')) as [Buffer];
  const { ref, status, body } = JSON.parse(data.toString()) as Record<string, unknown>;
  assert.deepEqual([ref, status, (body as { total: string }).total], ['mine', 200, '19.90']);
  client.close();
  await once(client, 'close');
});

/** On this the option stands: what no interface of Kong promises, every Kong that comes has to show here. */
test('/events-without-service: events and WebSockets need no service', async (t) => {
  const path = '/events-without-service';
  const source = await EventSource.open(url + path);
  if (source.status === 404 && process.env.KONG_PROXY_URL !== undefined)
    return t.skip(`this gateway has no route ${path}`);
  assert.equal(source.status, 200);
  const [first] = await source.count(1);
  source.close();
  const events = await (await EventSource.open(url + path, first!.id)).untilEnd();
  assert.deepEqual(
    events.map(({ name, data }) => [name, JSON.parse(data) as unknown]),
    [
      ['message', { step: 2, of: 3 }],
      ['message', { step: 3, of: 3 }],
      ['end', { reason: 'complete' }],
    ],
  );
  const client = new WebSocket(url.replace(/^http/, 'ws') + path);
  const said: unknown[] = [];
  client.on('message', (data: Buffer) => said.push(JSON.parse(data.toString())));
  await once(client, 'open');
  client.send('{"ref":"mine","body":{}}');
  while (said.length < 4) await once(client, 'message');
  const replies = [1, 2, 3].map((step) => ({ ref: 'mine', body: { step, of: 3 } }));
  assert.deepEqual(
    said.slice(0, 3).map((reply) => {
      const { ref, body } = reply as { ref: string; body: unknown };
      return { ref, body };
    }),
    replies,
  );
  assert.deepEqual(said[3], { ref: 'mine', end: true });
  client.close();
  await once(client, 'close');
});

/** By the pair of plugins, and by the one that is both: a client cannot tell them apart. */
for (const path of ['/orders', '/one-event']) {
  test(`${path}: an order is answered with its total and the correlation id of Kong`, async () => {
    const answer = await ask(url + path, { headers: JSON_HEADERS, body: '{"item":"book","quantity":2}' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.ok(answer.headers['kong-request-id']);
    assert.deepEqual(answer.json, {
      status: 'accepted',
      item: 'book',
      quantity: 2,
      total: '19.90',
      currency: 'EUR',
    });
  });

  test(`${path}: the service decides the status: an order of nothing is 422`, async () => {
    const answer = await ask(url + path, { headers: JSON_HEADERS, body: '{"item":"book","quantity":0}' });
    assert.equal(answer.status, 422);
    assert.match(String(answer.json.message), /quantity/);
  });

  test(`${path}: quotes, apostrophes and other scripts survive the way there and back`, async () => {
    const item = `it's "quoted" \\ \u0000 \u00e9 \u732b \ud83d\ude3a`;
    const answer = await ask(url + path, {
      headers: JSON_HEADERS,
      body: JSON.stringify({ item, quantity: 1 }),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.item, item);
  });

  test(`${path}: a body of 100 KB, which Kong keeps in a file, is answered in full`, async () => {
    const item = 'x'.repeat(100_000);
    const answer = await ask(url + path, {
      headers: JSON_HEADERS,
      body: JSON.stringify({ item, quantity: 1 }),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.item, item);
  });

  test(`${path}: a thousand orders at once each get their own answer`, async () => {
    const items = Array.from({ length: 1000 }, () => randomUUID());
    const answers = await Promise.all(
      items.map((item, index) =>
        ask(url + path, { headers: JSON_HEADERS, body: JSON.stringify({ item, quantity: index + 1 }) }),
      ),
    );
    answers.forEach((answer, index) => {
      assert.equal(answer.status, 200);
      assert.deepEqual([answer.json.item, answer.json.quantity], [items[index], index + 1]);
    });
  });
}

test('a request has its log entry in the topic, without the secrets of the client', async () => {
  const answer = await ask(`${url}/logged?apikey=planted-argument`, {
    headers: { ...JSON_HEADERS, cookie: 'sid=planted-cookie', 'x-api-key': 'planted-key' },
    body: '{"item":"book","quantity":2}',
  });
  assert.equal(answer.status, 200);
  const entry = await logEntryOf(String(answer.headers['x-kong-request-id']));
  assert.equal(entry.response.status, 200);
  assert.equal(entry.request.method, 'POST');
  assert.equal(entry.request.uri, '/logged?apikey=***');
  assert.equal(entry.route.name, 'logged');
  assert.doesNotMatch(JSON.stringify(entry), /planted/);
});

interface LogEntry {
  readonly request: { readonly id: string; readonly method: string; readonly uri: string };
  readonly response: { readonly status: number };
  readonly route: { readonly name: string };
}

/** It comes a second after the answer. */
async function logEntryOf(requestId: string): Promise<LogEntry> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const records = await readAll(connection, LOG_TOPIC, 1);
    const entries = records.map(({ value }) => JSON.parse(String(value)) as LogEntry);
    const found = entries.find(({ request }) => request.id === requestId);
    if (found) return found;
  }
  throw new Error(`no log entry of the request ${requestId}`);
}

test('a request whose service is not there is kept, and its client told', async (t) => {
  const answer = await ask(`${url}/failing-over/orders?day=1`, {
    headers: { ...JSON_HEADERS, authorization: 'Bearer planted', 'x-kafka-failover-ticket': 'forged' },
    body: '{"item":"book"}',
  });
  if (process.env.KONG_PROXY_URL !== undefined && answer.status === 502) {
    t.skip('the nginx of this Kong has not the includes of docs/failover.md');
    return;
  }
  assert.equal(answer.status, 202);
  const records = await readAll(connection, FAILED_TOPIC, 1);
  const values = records.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>);
  const kept = values.find(({ id }) => id === answer.json.id);
  assert.ok(kept, `no record with the id ${String(answer.json.id)}`);
  const { method, uri, body, service, route, status, delivered } = kept;
  assert.deepEqual(
    [method, uri, body, service, route, status, delivered],
    ['POST', '/failing-over/orders?day=1', '{"item":"book"}', 'nobody', 'failing-over', 502, 'no'],
  );
  assert.doesNotMatch(JSON.stringify(kept), /planted|forged/);
});

test('/avro: JSON goes to the service in the schema of its topic, and comes back as JSON', async (t) => {
  const post = (body: string) => ask(`${url}/avro`, { headers: JSON_HEADERS, body });
  const answer = await post('{"item":"book"}');
  if (answer.status === 404 && process.env.KONG_PROXY_URL !== undefined)
    return t.skip('this gateway has no route /avro');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual(answer.json, { item: 'book', quantity: 1 });
  const refused = await post('{"item":"book","quantity":"many"}');
  assert.deepEqual(
    [refused.status, refused.json.code, refused.json.pointer],
    [400, 'schema_mismatch', '/quantity'],
  );
});

test('/accepted: a slow service is 202, and its reply is where Location says', async (t) => {
  const sent = await ask(`${url}/accepted`, { headers: JSON_HEADERS, body: '{"text":"slow"}' });
  if (sent.status === 404 && process.env.KONG_PROXY_URL !== undefined)
    return t.skip('this gateway has no route /accepted');
  assert.equal(sent.status, 202, sent.body.toString());
  assert.ok(sent.tookMs > 1900, `${sent.tookMs} ms`);
  assert.deepEqual(sent.json, { id: sent.json.id, state: 'pending' });
  assert.equal(sent.headers.location, `/results/${String(sent.json.id)}`);
  assert.equal(sent.headers['retry-after'], '1');

  const soon = await ask(url + sent.headers.location, { method: 'GET', headers: { prefer: 'wait=1' } });
  // Held until the service is done.
  assert.deepEqual([soon.status, soon.json], [200, { text: 'slow' }]);
  const head = await ask(url + sent.headers.location, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);

  const deleted = await ask(url + sent.headers.location, { method: 'DELETE' });
  assert.deepEqual([deleted.status, deleted.body.length], [204, 0]);
  const gone = await ask(url + sent.headers.location, { method: 'GET' });
  assert.deepEqual([gone.status, gone.json.code], [410, 'result_gone']);
  const forged = await ask(`${url}/results/${'A'.repeat(50)}`, { method: 'GET' });
  assert.deepEqual([forged.status, forged.json.code], [404, 'result_unknown']);
});

test('/accepted: who prefers so gets the 202 when a broker has the record', async (t) => {
  const headers = { ...JSON_HEADERS, prefer: 'respond-async' };
  const sent = await ask(`${url}/accepted`, { headers, body: '{"text":"slow"}' });
  if (sent.status === 404 && process.env.KONG_PROXY_URL !== undefined)
    return t.skip('this gateway has no route /accepted');
  assert.equal(sent.status, 202);
  assert.equal(sent.headers['preference-applied'], 'respond-async');
  assert.ok(sent.tookMs < 1900, `${sent.tookMs} ms`);
});

test('the service of the seed convention finds the id in the body', async () => {
  const answer = await ask(`${url}/seed`, { headers: JSON_HEADERS, body: '{"item":"book"}' });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.item, 'book');
  assert.ok(answer.json['correlation-id']);
});

test('a body that cannot carry the id is refused before anything is sent', async () => {
  const answer = await ask(`${url}/seed`, { headers: { 'content-type': 'text/plain' }, body: 'no JSON' });
  assert.deepEqual([answer.status, answer.json.code], [415, 'unsupported_media_type']);
});

test('an error reply is an error answer', async () => {
  const answer = await ask(`${url}/failing`, { headers: JSON_HEADERS, body: '{"why":"sold out"}' });
  assert.equal(answer.status, 422);
});

test('a service that is too slow is 504, with an error the client can quote', async () => {
  const answer = await ask(`${url}/slow`, {
    headers: { ...JSON_HEADERS, 'kong-request-id': 'quote-me' },
    body: '{}',
  });
  assert.equal(answer.status, 504);
  assert.equal(answer.json.code, 'reply_timeout');
  assert.equal(answer.json.correlation_id, 'quote-me');
  assert.equal(answer.headers['cache-control'], 'no-store');
});

test("a path without a route is still the gateway's own 404", async () => {
  assert.equal((await ask(`${url}/nowhere`)).status, 404);
});
