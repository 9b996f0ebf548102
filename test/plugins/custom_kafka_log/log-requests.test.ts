/** What Kong's HTTP Log plugin is told: it tries again what is answered with 400 or more. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test, type TestContext } from 'node:test';
import { recordShape } from '../../../bridge/log-entry/record-shape';
import { logRoute } from '../../../plugins/custom_kafka_log/log-requests';
import { LogSinks } from '../../../bridge/log-sink/log-sinks';
import { HttpListener } from '../../../listener/http-listener';
import { captureLog } from '../../pluginserver/support/serving';
import { FakeKafka } from '../../support/fake-kafka';
import { entryBytes, logEntry, UNTOUCHED } from '../../support/log-entries';

const SECRET = 'planted-secret-of-16';

interface Limits {
  readonly maxRecords?: number;
  readonly maxBytes?: number;
  readonly ofAll?: number;
  readonly customFields?: Record<string, string>;
}

async function lab(t: TestContext, limits: Limits = {}) {
  captureLog(t);
  const kafka = new FakeKafka();
  const sinks = new LogSinks({ clients: kafka, ...(limits.ofAll && { maxBytes: limits.ofAll }) });
  sinks.open({
    key: 'k',
    connectionKey: 'c',
    connection: { bootstrapServers: ['kafka:9092'] },
    topic: 'logs',
    name: 'main',
    secret: SECRET,
    shape: recordShape({
      ...UNTOUCHED,
      entities: 'ids',
      redact: ['cookie'],
      customFields: limits.customFields ?? {},
    }),
    maxRecords: limits.maxRecords ?? 100,
    maxBytes: limits.maxBytes ?? 10_000_000,
  });
  const http = new HttpListener({ address: { host: '127.0.0.1', port: 0 }, routes: [logRoute(sinks)] });
  t.after(() => http.serve(false));
  await http.serve(true);
  const post = async (
    body: string | Buffer,
    {
      name = 'main',
      secret = SECRET,
      method = 'POST',
    }: { name?: string; secret?: string; method?: string } = {},
  ) => {
    const headers: Record<string, string> = secret === '' ? {} : { 'x-sink-secret': secret };
    const answer = await fetch(`http://127.0.0.1:${http.boundPort}/log/${name}`, {
      method,
      headers,
      ...(method === 'POST' && { body: new Uint8Array(Buffer.from(body as string)) }),
    });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      text: await answer.text(),
    };
  };
  const values = () =>
    kafka.produced.map(({ record }) => JSON.parse(record.value!.toString()) as Record<string, unknown>);
  return { kafka, sinks, post, values, port: () => http.boundPort };
}

test('a batch becomes a record for each of its entries, shaped as those of the plugin', async (t) => {
  const { post, values, sinks } = await lab(t);
  const entries = [1, 2, 3].map((n) => logEntry({ more: { n }, requestHeaders: { cookie: 'planted' } }));
  assert.equal((await post(JSON.stringify(entries))).status, 200);
  assert.deepEqual(
    values().map(({ n }) => n),
    [1, 2, 3],
  );
  assert.deepEqual(values()[0]!.service, { id: 'dea4c45f', name: 'orders' });
  assert.doesNotMatch(JSON.stringify(values()), /planted/);
  assert.equal(sinks.totals.accepted, 3);
});

test('one entry comes as an object, and is one record', async (t) => {
  const { post, values } = await lab(t);
  assert.equal((await post(entryBytes())).status, 200);
  assert.equal(values().length, 1);
});

test('an empty batch is taken', async (t) => {
  const { post, values } = await lab(t);
  assert.equal((await post('[]')).status, 200);
  assert.deepEqual(values(), []);
});

test('without the secret of the sink nothing is read', async (t) => {
  const { post, values } = await lab(t);
  for (const secret of ['', 'wrong', SECRET + 'x']) {
    const answer = await post('[{}]', { secret });
    assert.equal(answer.status, 401);
    assert.doesNotMatch(answer.text, /planted/);
  }
  assert.deepEqual(values(), []);
});

test('an unknown sink, another method, and a body that is none', async (t) => {
  const { post, values } = await lab(t);
  assert.equal((await post('[{}]', { name: 'other' })).status, 404);
  assert.equal((await post('[{}]', { name: 'main/x' })).status, 404);
  assert.equal((await post('', { method: 'GET' })).status, 405);
  for (const body of ['', '{', '5', '[1]', '[{},"x"]', `${'['.repeat(100)}${']'.repeat(100)}`])
    assert.equal((await post(body)).status, 400, body);
  assert.deepEqual(values(), []);
});

test('a full sink is 429, takes no part of the batch, and drops nothing', async (t) => {
  const { kafka, post, sinks } = await lab(t, { maxRecords: 5 });
  kafka.state = 'down';
  assert.equal((await post('[{},{},{}]')).status, 200);
  const answer = await post('[{},{},{}]');
  assert.deepEqual([answer.status, answer.retryAfter], [429, '1']);
  assert.equal(sinks.held, 3);
  assert.equal(sinks.totals.dropped, 0);
  assert.equal((await post('[{},{}]')).status, 200);
});

/** The room was that of the entries. What their records took beyond pushed out others, of which Kong had been told 200. */
test('a batch whose records are longer than its entries is taken where all of them have room', async (t) => {
  const customFields = { text: 'x'.repeat(4000) };
  const { kafka, sinks, post } = await lab(t, { maxBytes: 20_000, customFields });
  kafka.state = 'down';
  const batchOf = (count: number) => JSON.stringify(Array.from({ length: count }, () => ({ a: 1 })));
  assert.equal((await post(batchOf(3))).status, 200);
  assert.equal((await post(batchOf(2))).status, 429);
  assert.equal((await post(batchOf(5))).status, 413);
  assert.deepEqual([sinks.totals.accepted, sinks.totals.dropped, sinks.held], [3, 0, 3]);
  assert.equal((await post(batchOf(1))).status, 200);
});

test('a batch that could never be held is 413', async (t) => {
  const { post, sinks } = await lab(t, { maxRecords: 5 });
  assert.equal((await post('[{},{},{},{},{},{}]')).status, 413);
  assert.equal(sinks.memory.held, 0);
});

test('a body that is too long is 413 as soon as that is known, and nothing of it is kept', async (t) => {
  const { sinks, port } = await lab(t);
  const send = (headers: Record<string, string | number>, bytes: number) =>
    new Promise<number>((resolve) => {
      const sent = httpRequest(
        { port: port(), method: 'POST', path: '/log/main', headers: { 'x-sink-secret': SECRET, ...headers } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      sent.on('error', () => undefined);
      sent.write(Buffer.alloc(bytes, ' '));
    });
  assert.equal(await send({ 'content-length': 5 * 1024 * 1024 }, 10), 413);
  assert.equal(await send({ 'transfer-encoding': 'chunked' }, 5 * 1024 * 1024), 413);
  assert.equal(sinks.memory.held, 0);
});

test('bodies that are being read count with all that is held', async (t) => {
  const { post, sinks } = await lab(t, { ofAll: 2000 });
  assert.equal((await post(JSON.stringify([{ x: 'y'.repeat(3000) }]))).status, 429);
  assert.equal(sinks.memory.held, 0);
});

test('a process that drains sends Kong to its successor', async (t) => {
  const { post, sinks } = await lab(t);
  sinks.drain();
  const answer = await post('[{}]');
  assert.deepEqual([answer.status, answer.retryAfter], [503, '1']);
});
