/**
 * Every way to log in and to encrypt, with what is right and with what is wrong, against a real broker.
 *
 * What is wrong must be told within 5 seconds, with a reason that helps, and must go away by itself once its cause does.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { connectionOf } from '../../../bridge/config/connection-options';
import { createTopic, deleteTopic } from '../../../bridge/kafka/admin';
import { RequestReply } from '../../../bridge/request-reply';
import { grant, revoke, setScramPassword } from '../../../dev/kafka/access';
import type { ListenerName } from '../../../dev/kafka/security';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../../plugins/custom_kafka_producer/handler';
import { FakeKong } from '../../support/fake-kong';
import { PLAIN_PASSWORD, useSecureKafka } from '../../support/secure-kafka';
import { connect, deliver, Inbox, until } from './support';

const secure = useSecureKafka();
const { kafka } = secure;
const SCRAM_PASSWORD = 'planted-scram-password';

type Cluster = { authentication?: object; security?: object };

const config = (listener: ListenerName, cluster: Cluster, more: object = {}) =>
  parseProducerConfig({ bootstrap_servers: secure.servers(listener), topic: 'none', ...cluster, ...more });

const connectionTo = (listener: ListenerName, cluster: Cluster) => {
  const parsed = config(listener, cluster);
  return connectionOf(parsed, parsed.bootstrap_servers, parsed.timeout);
};

const login = (mechanism: string, password: string, user = 'gateway'): Cluster => ({
  authentication: { strategy: 'sasl', mechanism, user, password },
});
const tls = (more: object = {}): Cluster => ({
  security: { ssl: true, ca_certificate: secure.certificates.ca, ...more },
});
const clientCertificate = () => ({
  certificate: secure.certificates.client.certificate,
  key: secure.certificates.client.key,
});
const oauth = (more: object = {}): Cluster => ({
  authentication: {
    strategy: 'sasl',
    mechanism: 'OAUTHBEARER',
    oauthbearer: {
      token_endpoint_url: `${secure.tokens.url}/token`,
      client_id: secure.tokens.clientId,
      client_secret: secure.tokens.clientSecret,
      ...more,
    },
  },
});

before(async () => {
  // Hooks of a file run side by side; whoever gives a topic has waited for the broker.
  await kafka.topic();
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    await setScramPassword(secure.adminPort, 'gateway', SCRAM_PASSWORD, mechanism);
  }
});

const RIGHT: [what: string, listener: ListenerName, cluster: () => Cluster][] = [
  ['PLAIN', 'sasl', () => login('PLAIN', PLAIN_PASSWORD)],
  ['PLAIN over TLS', 'saslssl', () => ({ ...login('PLAIN', PLAIN_PASSWORD), ...tls() })],
  ['SCRAM-SHA-256', 'sasl', () => login('SCRAM-SHA-256', SCRAM_PASSWORD)],
  ['SCRAM-SHA-512 over TLS', 'saslssl', () => ({ ...login('SCRAM-SHA-512', SCRAM_PASSWORD), ...tls() })],
  ['TLS', 'tls', () => tls()],
  ['TLS with a client certificate', 'mtls', () => tls(clientCertificate())],
  [
    'TLS with a client certificate whose key is encrypted',
    'mtls',
    () =>
      tls({
        ...clientCertificate(),
        key: secure.certificates.clientKeyEncrypted,
        key_password: secure.certificates.clientKeyPassword,
      }),
  ],
  ['TLS that verifies nothing', 'elsewhere', () => ({ security: { ssl: true, ssl_verify: false } })],
  ['OAUTHBEARER', 'oauth', () => oauth()],
];

for (const [what, listener, cluster] of RIGHT) {
  test(`producer, reader and admin client work with ${what}`, async (t) => {
    const connection = connectionTo(listener, cluster());
    const topic = kafka.uniqueName('secure');
    await createTopic(connection, topic);
    const { producer, reader } = connect(t, connection);
    const inbox = new Inbox();
    await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
    await deliver(producer, { topic, value: Buffer.from(what) });
    await inbox.has(1);
    assert.deepEqual(inbox.texts, [what]);
    await deleteTopic(connection, topic);
  });
}

const WRONG: [what: string, listener: ListenerName, cluster: () => Cluster, reason: RegExp][] = [
  ['a wrong password of PLAIN', 'sasl', () => login('PLAIN', 'planted-wrong'), /SASL authentication error: .*Invalid username or password/],
  ['a wrong password of SCRAM', 'sasl', () => login('SCRAM-SHA-256', 'planted-wrong'), /SASL authentication error: .*invalid credentials/],
  ['a user nobody knows', 'saslssl', () => ({ ...login('SCRAM-SHA-512', 'planted-wrong', 'nobody'), ...tls() }), /invalid credentials/],
  ['no login where one is wanted', 'sasl', () => ({}), /want TLS \(security\.ssl\) or a login \(authentication\)/],
  ['no TLS where it is wanted', 'tls', () => ({}), /want TLS \(security\.ssl\) or a login/],
  ['TLS where there is none', 'sasl', () => tls(), /connecting to a PLAINTEXT broker listener/],
  ['a broker of another authority', 'tls', () => tls({ ca_certificate: secure.certificates.strangeCa }), /certificate is not trusted, has expired or is for another host/],
  ['a broker the operating system does not trust', 'tls', () => ({ security: { ssl: true } }), /certificate is not trusted/],
  ['an expired certificate', 'expired', () => tls(), /certificate is not trusted, has expired/],
  ['a certificate for another host', 'elsewhere', () => tls(), /or is for another host/],
  ['a client certificate that is missing', 'mtls', () => tls(), /misses one \(security\.certificate, security\.key\)/],
  ['a client certificate of another authority', 'mtls', () => tls({ certificate: secure.certificates.strangeClient.certificate, key: secure.certificates.strangeClient.key }), /does not accept the client certificate/],
  ['a wrong client secret', 'oauth', () => oauth({ client_secret: 'planted-wrong' }), /token endpoint http:.*\/token refused with status 401, invalid_client/],
  ['a token endpoint that is not there', 'oauth', () => oauth({ token_endpoint_url: 'http://127.0.0.1:1/token' }), /token endpoint http:\/\/127\.0\.0\.1:1\/token cannot be asked: connect ECONNREFUSED/],
]; // prettier-ignore

/** One request through the producer plugin as it would be in Kong. */
async function ask(requestReply: RequestReply, parsed: ReturnType<typeof config>) {
  const handler = new ProducerHandler(parsed, requestReply);
  const kong = new FakeKong({ requestId: randomUUID() });
  await handler.access(kong);
  handler.close();
  return kong.answer;
}

describe('what is wrong is told within 5 seconds', { concurrency: 8 }, () => {
  for (const [what, listener, cluster, reason] of WRONG) {
    test(what, async (t) => {
      const requestReply = new RequestReply();
      requestReply.setTogether(true);
      t.after(() => requestReply.close());
      const more = { reply_topic: 'replies', error_handling: { return_error_message: true } };
      const deadlineMs = performance.now() + 5000;
      for (;;) {
        const { status, json } = await ask(requestReply, config(listener, cluster(), more));
        assert.ok(performance.now() < deadlineMs, `in time: ${JSON.stringify(json)}`);
        assert.deepEqual([status, json['code']], [503, 'not_ready']);
        assert.doesNotMatch(JSON.stringify([json, requestReply.status()]), /planted/);
        // The first requests may be answered before the library has written why.
        if (reason.test(String(json['error']))) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
  }
});

test('a password that becomes right is used without a restart', async (t) => {
  await setScramPassword(secure.adminPort, 'late', 'something else');
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, connectionTo('sasl', login('SCRAM-SHA-512', 'in time', 'late')));
  const inbox = new Inbox();
  const followed = reader.follow(topic, { from: 'end', onRecord: inbox.onRecord });
  await until('it is down', () => producer.state === 'down');
  assert.match(producer.reason ?? '', /invalid credentials/);
  // The user is nobody's: only what is granted, which is everything the gateway needs.
  for (const operation of ['read', 'write', 'describe'] as const)
    await grant(secure.adminPort, { user: 'late', topic, operation });
  await setScramPassword(secure.adminPort, 'late', 'in time');
  await until('it is up', () => producer.state === 'up', 5000);
  await followed.whenReady();
  await deliver(producer, { topic, value: Buffer.from('at last') });
  await inbox.has(1);
});

test('a revoked right to write is 502 produce_failed, and granted again it works', async (t) => {
  await setScramPassword(secure.adminPort, 'alice', 'alice-password');
  const topic = await kafka.topic();
  const right = { user: 'alice', topic, operation: 'write' } as const;
  await grant(secure.adminPort, { ...right, operation: 'describe' });
  await grant(secure.adminPort, right);
  const requestReply = new RequestReply();
  t.after(() => requestReply.close());
  const parsed = config('sasl', login('SCRAM-SHA-512', 'alice-password', 'alice'), {
    topic,
    error_handling: { return_error_message: true },
  });
  assert.equal((await ask(requestReply, parsed)).status, 200);
  await revoke(secure.adminPort, right);
  const refused = await ask(requestReply, parsed);
  assert.deepEqual([refused.status, refused.json['code']], [502, 'produce_failed']);
  await grant(secure.adminPort, right);
  // The library remembers the refusal; the requests that meet it make it ask again.
  const deadlineMs = performance.now() + 3000;
  let status = 0;
  while (status !== 200 && performance.now() < deadlineMs) {
    ({ status } = await ask(requestReply, parsed));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(status, 200);
});

test('a topic that the gateway may not make is told, and made once it may', async (t) => {
  await setScramPassword(secure.adminPort, 'alice', 'alice-password');
  const topic = kafka.uniqueName('own');
  const { reader } = connect(t, connectionTo('sasl', login('SCRAM-SHA-512', 'alice-password', 'alice')));
  const followed = reader.follow(topic, {
    from: 'end',
    onRecord: () => undefined,
    create: { partitions: 1 },
  });
  await until('the reason is known', () =>
    /Cannot create topic .*authorization failed/i.test(followed.reason ?? ''),
  );
  for (const operation of ['create', 'describe', 'read'] as const)
    await grant(secure.adminPort, { user: 'alice', topic, operation });
  await followed.whenReady();
});

/** Delivers one record after the other until the test ends, and keeps count. */
async function keepDelivering(t: TestContext, producer: Parameters<typeof deliver>[0], topic: string) {
  const failures: unknown[] = [];
  let delivered = 0;
  let stopped = false;
  t.after(() => (stopped = true));
  void (async () => {
    while (!stopped) {
      await deliver(producer, { topic }).then(
        () => delivered++,
        (error: unknown) => failures.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await until('the first records are delivered', () => delivered > 0);
  return { failures, stop: () => (stopped = true), delivered: () => delivered };
}

describe('the life of a token', () => {
  test('a token is renewed in time: the broker sees a new one before the old one ends', async (t) => {
    // A fifth of it is left for the renewal, which must do on a busy machine.
    secure.tokens.lifeSeconds = 6;
    t.after(() => (secure.tokens.lifeSeconds = 300));
    const topic = await kafka.topic();
    const { producer, reader } = connect(t, connectionTo('oauth', oauth()));
    await reader.follow(topic, { from: 'end', onRecord: () => undefined }).whenReady();
    const before = secure.tokens.issued.length;
    const stream = await keepDelivering(t, producer, topic);
    // Two clients, two renewals each: the broker ends a session with its token.
    await until('tokens are renewed', () => secure.tokens.issued.length >= before + 4, 20_000);
    stream.stop();
    assert.deepEqual(stream.failures, []);
    assert.equal(producer.state, 'up');
    assert.equal(reader.status()['state'], 'up');
  });

  test('an endpoint that is away until the token has expired is told, and its return is enough', async (t) => {
    secure.tokens.lifeSeconds = 2;
    t.after(() => {
      secure.tokens.lifeSeconds = 300;
      secure.tokens.away = false;
    });
    const topic = await kafka.topic();
    const { producer } = connect(t, connectionTo('oauth', oauth()));
    await producer.whenUp();
    secure.tokens.away = true;
    await until('the broker refuses the old token', () => producer.state === 'down');
    assert.match(
      producer.reason ?? '',
      /; The token endpoint http:.*refused with status 503, temporarily_unavailable/,
    );
    assert.match(String(producer.status()['token_failure']), /refused with status 503/);
    secure.tokens.away = false;
    // The next attempt to renew may be some seconds away.
    await until('there is a new token', () => producer.status()['token_failure'] === undefined);
    await until('it is up again', () => producer.state === 'up');
    await deliver(producer, { topic });
  });

  test('a broker that refuses tokens is tried with new ones until it takes one', async (t) => {
    secure.tokens.claims = { aud: 'somebody-else' };
    t.after(() => (secure.tokens.claims = {}));
    const { producer } = connect(t, connectionTo('oauth', oauth()));
    await until('it is down', () => producer.state === 'down');
    assert.match(producer.reason ?? '', /SASL authentication error: \{"status":"invalid_token"\}/);
    secure.tokens.claims = {};
    await until('it is up', () => producer.state === 'up');
  });
});

test('a certificate that is renewed is accepted without a restart of the gateway', async (t) => {
  const node = kafka.server.nodes[0] ?? assert.fail('a server has a node');
  const topic = await kafka.topic();
  const { producer } = connect(t, connectionTo('expired', tls()));
  await until('it is down', () => producer.state === 'down');
  await node.stop('SIGKILL');
  const { key, certificate } = secure.certificates.server;
  await writeFile(join(node.folder, 'security', 'expired.pem'), key + certificate);
  await node.start();
  await until('it is up', () => producer.state === 'up');
  await deliver(producer, { topic });
});
