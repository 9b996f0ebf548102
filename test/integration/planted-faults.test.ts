/**
 * Ten things that go wrong, each planted, and what the status page says of it: somebody who has never seen this product
 * shall know what is wrong and what to do. With `FAULT_TEXTS=<file>` the texts are written there.
 */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import { grant, setScramPassword } from '../../dev/kafka/access';
import { freePorts } from '../../dev/kafka/ports';
import { useSecureKafka } from '../support/secure-kafka';
import { ask, Stack, type TestRoute } from '../support/stack';
import { useKafkaBehindProxy } from './kafka/kafka-behind-proxy';
import { until } from './kafka/support';

/** From the fault to the page, which is made once a second. */
const LIMIT_MS = 20_000;

interface Expectation {
  readonly topic: string;
  readonly tag: 'not ready' | 'requests fail';
  readonly what: RegExp;
  readonly todo: RegExp;
}

/** The card of a configuration, as it is read. */
async function cardOf({ server }: Stack, topic: string): Promise<string> {
  const page = await (await fetch(`${server.statusUrl}/`)).text();
  const cards = page.split('<section class="card">').slice(1);
  const card = cards.find((text) => text.includes(topic))?.split('</section>')[0] ?? '';
  return card
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&#39;', "'")
    .trim();
}

async function says(stack: Stack, name: string, { topic, tag, what, todo }: Expectation): Promise<void> {
  let card = '';
  const isSaid = async () => {
    card = await cardOf(stack, topic);
    return card.includes(tag) && what.test(card) && todo.test(card);
  };
  await until(name, isSaid, LIMIT_MS).catch((error: unknown) => {
    throw new Error(`The page says: ${card}`, { cause: error });
  });
  const file = process.env['FAULT_TEXTS'];
  if (file !== undefined) appendFileSync(file, `${name}\n    ${card}\n`);
}

describe('the page says what is wrong and what to do when', () => {
  const secure = useSecureKafka();
  const { kafka } = secure;
  const closing: (() => Promise<unknown>)[] = [];
  let stack: Stack;
  let topics: Record<
    'missing' | 'unreadable' | 'silent' | 'elsewhere' | 'otherTopic' | 'dialect' | 'busy',
    string
  >;

  before(async () => {
    const topic = () => kafka.topic();
    topics = {
      missing: kafka.uniqueName('missing'),
      unreadable: await topic(),
      silent: await topic(),
      elsewhere: await topic(),
      otherTopic: await topic(),
      dialect: await topic(),
      busy: await topic(),
    };
    await setScramPassword(secure.adminPort, 'alice', 'alice-password');
    for (const operation of ['write', 'describe'] as const)
      await grant(secure.adminPort, { user: 'alice', topic: topics.unreadable, operation });
    const [closedPort = 0] = await freePorts(1);
    const login = (user: string, password: string, mechanism: string) => ({
      bootstrap_servers: secure.servers('sasl'),
      authentication: { strategy: 'sasl', mechanism, user, password },
    });
    const route = (path: string, replyTopic: string, more: object = {}): TestRoute => ({
      path: `/${path}`,
      producer: { topic: `${path}.requests`, reply_topic: replyTopic, ...more },
      consumer: { timeout: 300 },
    });
    for (const path of ['silent', 'elsewhere', 'other', 'dialect', 'busy'])
      await kafka.server.createTopic(`${path}.requests`);
    stack = await Stack.start(kafka.bootstrapServers, [
      route('away', 'away.replies', { bootstrap_servers: [{ host: '127.0.0.1', port: closedPort }] }),
      route('missing', topics.missing),
      route('unreadable', topics.unreadable, login('alice', 'alice-password', 'SCRAM-SHA-512')),
      route('silent', topics.silent),
      route('elsewhere', topics.elsewhere),
      route('other', topics.otherTopic),
      route('dialect', topics.dialect),
      route('password', topics.silent, login('gateway', 'not-the-password', 'PLAIN')),
      route('expired', topics.silent, {
        bootstrap_servers: secure.servers('expired'),
        security: { ssl: true, ca_certificate: secure.certificates.ca },
      }),
      { ...route('busy', topics.busy, { max_in_flight: 1 }), consumer: { timeout: 30_000 } },
    ]);
    closing.push(() => stack.stop());
    await answerWrongly();
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
  });

  /** A service that answers on another topic, and one that calls the id by a name of its own. */
  async function answerWrongly(): Promise<void> {
    const producer = new RecordProducer(kafka.connection);
    const reader = new TopicReader(kafka.connection, producer);
    closing.push(async () => {
      await reader.close();
      await producer.close(500);
    });
    const answer = (requests: string, replyTopic: string, idHeader: string) =>
      reader
        .follow(requests, {
          from: 'end',
          onRecord: ({ headers }) => {
            const id = headers.find(([name]) => name === 'correlation-id')?.[1].toString() ?? '';
            producer.produce(
              { topic: replyTopic, value: Buffer.from('{}'), headers: [[idHeader, id]] },
              () => undefined,
            );
          },
        })
        .whenReady();
    await producer.whenUp();
    await Promise.all([
      answer('elsewhere.requests', topics.otherTopic, 'correlation-id'),
      answer('dialect.requests', topics.dialect, 'x-request-correlation'),
    ]);
  }

  /** Like a client that tries again, until the page says it. */
  const planted = (name: string, path: string, expected: Omit<Expectation, 'topic'>): void => {
    test(name, async () => {
      const client = setInterval(() => void ask(`${stack.url}/${path}`).catch(() => undefined), 500);
      try {
        await says(stack, name, { topic: `${path}.requests`, ...expected });
      } finally {
        clearInterval(client);
      }
    });
  };

  planted('the broker is away', 'away', {
    tag: 'not ready',
    what: /No broker of the cluster can be reached/,
    todo: /Check that the brokers run, the addresses in bootstrap_servers/,
  });
  planted('the reply topic is missing', 'missing', {
    tag: 'not ready',
    what: /The topic does not exist, or this user may not see it/,
    todo: /Create the topic, or grant Describe/,
  });
  planted('there is no right to read', 'unreadable', {
    tag: 'not ready',
    what: /This user may not read the reply topic/,
    todo: /Grant Read on the topic/,
  });
  planted('the responder is silent', 'silent', {
    tag: 'requests fail',
    what: /nobody answers them in time/,
    todo: /Look whether the service that reads the request topic runs/,
  });
  test('the responder answers on the wrong topic', async () => {
    // That topic has to be one that this process reads: a request to its route makes it so.
    await ask(`${stack.url}/other`);
    const client = setInterval(() => void ask(`${stack.url}/elsewhere`).catch(() => undefined), 500);
    try {
      await says(stack, 'the responder answers on the wrong topic', {
        topic: 'elsewhere.requests',
        tag: 'requests fail',
        what: /The service answers on another topic than the request names/,
        todo: /Let the service send its reply to the reply_topic/,
      });
    } finally {
      clearInterval(client);
    }
  });
  planted('the responder speaks another dialect', 'dialect', {
    tag: 'requests fail',
    what: /Replies come without a correlation id that is understood here/,
    todo: /Let the service copy the correlation header.*x-request-correlation/,
  });
  planted('the password is wrong', 'password', {
    tag: 'not ready',
    what: /The brokers refuse the login/,
    todo: /Check authentication\.user, \.password and \.mechanism/,
  });
  planted('the certificate has expired', 'expired', {
    tag: 'not ready',
    what: /is not trusted, has expired, or is for another host/,
    todo: /Look at its dates and names/,
  });
  planted('there is overload', 'busy', {
    tag: 'requests fail',
    what: /More requests come in than are answered/,
    todo: /More responders, a shorter timeout, or a larger max_in_flight/,
  });

  test('a newcomer sees all of it in the first line, and no secret anywhere', async () => {
    const page = await (await fetch(`${stack.server.statusUrl}/`)).text();
    assert.match(page, /<h1>\d of 10 configurations cannot serve requests\.<\/h1>/);
    assert.doesNotMatch(page, /alice-password|not-the-password|BEGIN CERTIFICATE/);
  });
});

describe('the page says what is wrong and what to do when', () => {
  const kafka = useKafkaBehindProxy();

  test('the reader is stuck', async (t) => {
    for (const topic of ['stuck.requests', 'stuck.replies']) await kafka.server.createTopic(topic);
    const stack = await Stack.start(kafka.connection.bootstrapServers.join(','), [
      {
        path: '/stuck',
        producer: { topic: 'stuck.requests', reply_topic: 'stuck.replies' },
        consumer: { timeout: 300 },
      },
    ]);
    t.after(() => stack.stop());
    assert.equal((await ask(`${stack.url}/stuck`)).status, 504, 'it works, but for a service');
    kafka.proxy.refusesReads = true;
    const client = setInterval(() => void ask(`${stack.url}/stuck`).catch(() => undefined), 500);
    t.after(() => clearInterval(client));
    await says(stack, 'the reader is stuck', {
      topic: 'stuck.requests',
      tag: 'requests fail',
      what: /The reader of replies reaches no broker, so replies are not seen/,
      todo: /look at the brokers that have the reply topic/,
    });
    kafka.proxy.refusesReads = false;
    await until(
      'only the service is missing',
      async () => /nobody answers/.test(await cardOf(stack, 'stuck.requests')),
      LIMIT_MS,
    );
  });
});
