/** Several replies from a real Kafka, over several partitions, through the real plugin server, by both shapes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { ask, Stack, waitingRoute, type TestRoute } from '../support/stack';

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
let stack: Stack;

interface Case {
  readonly path: string;
  readonly behaviour: Partial<Behaviour>;
  readonly request?: Record<string, unknown>;
  readonly reply: Record<string, unknown>;
}

const CASES: readonly Case[] = [
  // At once: in the pair, all of them may be here before the consumer half.
  {
    path: '/count',
    behaviour: { replies: 20 },
    reply: { collect: { count: 20, sequence_header: 'sequence' } },
  },
  {
    path: '/end',
    behaviour: { replies: 5, everyMs: 20 },
    reply: { collect: { end_header: 'last', sequence_header: 'sequence' } },
  },
  {
    path: '/nest',
    behaviour: { replies: 3, dialect: 'nestjs' },
    request: { dialects: ['nestjs'] },
    reply: { collect: { end_header: 'kafka_nest-is-disposed', sequence_header: 'sequence', as: 'ndjson' } },
  },
  { path: '/quiet', behaviour: { replies: 2 }, reply: { collect: { quiet_ms: 300 } } },
  {
    path: '/partial',
    behaviour: { replies: 4, everyMs: 400 },
    reply: { timeout: 1000, collect: { count: 4, on_timeout: 'partial' } },
  },
  {
    path: '/twice',
    behaviour: { replies: 3, duplicates: 1 },
    reply: { collect: { count: 3, sequence_header: 'sequence' } },
  },
];

before(async () => {
  const routes: TestRoute[] = [];
  const behaviours: Behaviour[] = [];
  for (const form of PLUGIN_FORMS)
    for (const { path, behaviour, request, reply } of CASES) {
      const topic = await kafka.topic({ partitions: 4 });
      const replyTopic = await kafka.topic({ partitions: 4 });
      behaviours.push({ ...DEFAULT_BEHAVIOUR, mode: 'steps', ...behaviour, topic });
      routes.push(
        waitingRoute(form, `/${form}${path}`, { topic, reply_topic: replyTopic, ...request }, reply),
      );
    }
  const responder = await startResponder({ connection: kafka.connection, topics: behaviours });
  cleanUps.push(() => responder.close());
  stack = await Stack.start(kafka.bootstrapServers, routes);
  cleanUps.push(() => stack.stop());
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

const askFor = (form: PluginForm, path: string) => ask(`${stack.url}/${form}${path}`, { body: '{}' });
const steps = (of: number, count = of) =>
  Array.from({ length: count }, (_, index) => ({ step: index + 1, of }));

for (const form of PLUGIN_FORMS) {
  test(`${form}: all replies, in the order of their numbers, for fifty clients at once`, async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => askFor(form, '/count')));
    for (const { status, json, headers } of answers) {
      assert.deepEqual([status, json], [200, steps(20)]);
      assert.equal(headers['x-collected'], 'complete');
    }
    await stack.nothingPending();
  });

  test(`${form}: until the end, or until nothing more comes`, async () => {
    assert.deepEqual((await askFor(form, '/end')).json, steps(5));
    const { body } = await askFor(form, '/nest');
    assert.deepEqual(
      body
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      steps(3),
    );
    const quiet = await askFor(form, '/quiet');
    assert.equal((quiet.json as unknown as object[]).length, 2);
    assert.ok(quiet.tookMs >= 300, String(quiet.tookMs));
    await stack.nothingPending();
  });

  test(`${form}: what has come at the deadline, and nothing twice`, async () => {
    const partial = await askFor(form, '/partial');
    assert.equal(partial.status, 200);
    assert.equal(partial.headers['x-collected'], 'partial');
    const count = (partial.json as unknown as object[]).length;
    assert.ok(count >= 1 && count < 4, String(count));
    assert.equal(partial.headers['x-collected-missing'], String(4 - count));
    assert.deepEqual((await askFor(form, '/twice')).json, steps(3));
    await stack.nothingPending();
  });
}
