/**
 * The schema registry is killed under load and comes back. Whose schema is known notices nothing, whose schema is not is told
 * so at once, nobody waits longer than its deadline, and afterwards everything works without a restart of anything.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { OpenLoop } from '../../bench/load/open-loop';
import { bodyOf, nextNonce } from '../../bench/load/payload';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS } from '../../dev/plugin-form';
import { StubRegistry } from '../../dev/registry/stub-registry';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder, type Responder } from '../../dev/responder/responder';
import { ask, Stack, waitingRoute, type Answer } from '../support/stack';

const RATE_PER_SECOND = 300;
const WARM_UP_MS = 1500;
const OUTAGE_MS = 3000;
const RETURN_LIMIT_MS = 20_000;
const TIMEOUT_MS = 5000;
/** More than a request with a known schema takes at the same time, which on a busy machine may be seconds. */
const AT_ONCE_MS = 1500;

const PAYLOAD = JSON.stringify({
  type: 'record',
  name: 'Payload',
  fields: ['nonce', 'item'].map((name) => ({ name, type: 'string' })),
});
/** A byte 1 and sixteen letters are text, so the responder can send them as a header. */
const SCHEMA_HEADER = `\u0001${'A'.repeat(16)}`;
const GUID = '41414141-4141-4141-4141-414141414141';

const kafka = useKafka();
let registry: StubRegistry;
let responder: Responder;
let stack: Stack;

before(async () => {
  registry = await StubRegistry.start();
  registry.add(1, { schema: PAYLOAD }, { subject: 'known' });
  registry.add(2, { schema: PAYLOAD }, { subject: 'unknown' });
  registry.add(3, { schema: '{}', schemaType: 'JSON' }, { guid: GUID });
  const [topic, replyTopic, guidTopic] = [await kafka.topic(), await kafka.topic(), await kafka.topic()];
  const { url } = registry;
  // As short as it may be: the latest version is asked for in vain several times.
  const writing = (subject_name: string) => ({ url, ttl: 1, value_schema: { subject_name } });
  const routes = PLUGIN_FORMS.flatMap((form) => {
    const route = (path: string, request: string, confluent: object) => {
      const reading = form === 'pair' ? { schema_registry: { confluent: { url } } } : {};
      return waitingRoute(
        form,
        `/${form}/${path}`,
        { topic: request, reply_topic: replyTopic, schema_registry: { confluent } },
        { timeout: TIMEOUT_MS, ...reading },
      );
    };
    return [
      route('known', topic, writing('known')),
      route('unknown', topic, writing('unknown')),
      route('unknown-reply', guidTopic, { url, subject_name_strategy: 'none' }),
    ];
  });
  responder = await startResponder({
    connection: kafka.connection,
    topics: [
      { ...DEFAULT_BEHAVIOUR, topic },
      { ...DEFAULT_BEHAVIOUR, topic: guidTopic, headers: { __value_schema_id: SCHEMA_HEADER } },
    ],
  });
  stack = await Stack.start(kafka.bootstrapServers, routes);
});

after(async () => {
  await stack?.stop();
  await responder?.close();
  await registry?.stop();
});

const post = (path: string): Promise<Answer> =>
  ask(stack.url + path, { headers: { 'content-type': 'application/json' }, body: bodyOf(nextNonce()) });
const said = ({ status, json }: Answer) => (status === 200 ? '200' : `${status} ${String(json.code)}`);

async function answersAgain(path: string, limitMs: number): Promise<void> {
  const limit = performance.now() + limitMs;
  for (;;) {
    const answer = await post(path);
    if (answer.status === 200) return;
    assert.ok(performance.now() < limit, `${path} still says ${said(answer)}`);
    await delay(100);
  }
}

test('a registry that is killed under load costs nobody whose schema is known', async () => {
  for (const form of PLUGIN_FORMS) await answersAgain(`/${form}/known`, RETURN_LIMIT_MS);
  let turn = 0;
  const load = new OpenLoop(() => {
    const form = PLUGIN_FORMS[turn++ % PLUGIN_FORMS.length] ?? 'pair';
    return { url: `${stack.url}/${form}/known`, name: form };
  }, RATE_PER_SECOND);
  load.start();
  try {
    await delay(WARM_UP_MS);
    const askedBefore = registry.asked.length;
    assert.ok(askedBefore > 0);
    await registry.stop();
    const killedMs = performance.now();

    for (const form of PLUGIN_FORMS) {
      for (let again = 0; again < 5; again++) {
        const [answer, known] = await Promise.all([post(`/${form}/unknown`), post(`/${form}/known`)]);
        assert.equal(said(answer), '503 not_ready');
        const times = [answer, known].map(({ tookMs }) => tookMs.toFixed(0));
        assert.ok(
          answer.tookMs < known.tookMs + AT_ONCE_MS,
          `told after ${times.join(' ms, answered after ')} ms`,
        );
      }
      // The request is done and the reply is here: 502, as 503 would invite the client to do it again.
      const unread = await post(`/${form}/unknown-reply`);
      assert.equal(said(unread), '502 reply_invalid');
      assert.ok(unread.tookMs < TIMEOUT_MS + AT_ONCE_MS, `waited ${unread.tookMs.toFixed(0)} ms`);
    }

    await delay(Math.max(0, killedMs + OUTAGE_MS - performance.now()));
    await registry.listen();
    for (const form of PLUGIN_FORMS) {
      await answersAgain(`/${form}/unknown`, RETURN_LIMIT_MS);
      await answersAgain(`/${form}/unknown-reply`, RETURN_LIMIT_MS);
    }
  } finally {
    await load.finish();
  }

  const { outcomes } = load;
  const seconds = ((outcomes.at(-1)?.sentMs ?? 0) - (outcomes[0]?.sentMs ?? 0)) / 1000;
  assert.ok(outcomes.length > 0.9 * RATE_PER_SECOND * seconds, `${outcomes.length} in ${seconds} s`);
  for (const form of PLUGIN_FORMS) {
    const own = outcomes.filter(({ target }) => target === form);
    const answers = new Set(own.map(({ status, code, crossed }) => crossed ? 'crossed' : `${status} ${code ?? ''}`)); // prettier-ignore
    assert.deepEqual([...answers], ['200 '], form);
    const longestMs = Math.max(...own.map(({ sentMs, endedMs = Infinity }) => endedMs - sentMs));
    assert.ok(longestMs < TIMEOUT_MS, `one of ${form} waited ${longestMs.toFixed(0)} ms`);
  }
  await stack.nothingPending();
});

interface RegistryStatus {
  readonly ready: boolean;
  readonly reason?: string;
  readonly subjects: readonly { readonly ready: boolean; readonly reason?: string }[];
}

async function registries(): Promise<readonly RegistryStatus[]> {
  const { plugins } = (await stack.server.status()) as {
    plugins: Record<string, { process: { schema_registries?: readonly RegistryStatus[] } }>;
  };
  return Object.values(plugins).flatMap(({ process }) => process.schema_registries ?? []);
}

test('afterwards the status page has nothing more to say of it', async () => {
  // A subject that could not be looked up is looked up again within ten seconds.
  const limitMs = performance.now() + RETURN_LIMIT_MS;
  for (;;) {
    const all = await registries();
    assert.ok(all.length > 0);
    const halves = all.flatMap((one) => [one, ...one.subjects]);
    if (halves.every(({ ready, reason }) => ready && reason === undefined)) return;
    assert.ok(performance.now() < limitMs, JSON.stringify(all));
    await delay(100);
  }
});
