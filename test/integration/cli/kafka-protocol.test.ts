/** The questions that the client library cannot ask, put to a real broker by every way to log in. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { connectionFromOptions } from '../../../bridge/config/connection-file';
import { connectBroker } from '../../../cli/kafka-protocol/broker';
import { describeTopics, describeTopicSettings, KAFKA_ERROR } from '../../../cli/kafka-protocol/requests';
import { grant, setScramPassword } from '../../../dev/kafka/access';
import type { ListenerName } from '../../../dev/kafka/security';
import { PLAIN_PASSWORD, useSecureKafka } from '../../support/secure-kafka';

const secure = useSecureKafka();
const { kafka } = secure;
const SCRAM_PASSWORD = 'planted-scram-password';
const FOREVER = new AbortController().signal;

before(async () => {
  await kafka.topic();
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)
    await setScramPassword(secure.adminPort, 'gateway', SCRAM_PASSWORD, mechanism);
  // No super user, unlike the other.
  await setScramPassword(secure.adminPort, 'alice', SCRAM_PASSWORD);
});

async function connectTo(listener: ListenerName, cluster: object) {
  const options = { bootstrap_servers: secure.servers(listener), ...cluster };
  return connectBroker(connectionFromOptions(options, 'test'), FOREVER);
}

const login = (mechanism: string, password: string, user = 'gateway') => ({
  authentication: { strategy: 'sasl', mechanism, user, password },
});
const tls = (more: object = {}) => ({
  security: { ssl: true, ca_certificate: secure.certificates.ca, ...more },
});
const oauth = (more: object = {}) => ({
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

const RIGHT: [what: string, listener: ListenerName, cluster: () => object][] = [
  ['PLAIN', 'sasl', () => login('PLAIN', PLAIN_PASSWORD)],
  ['PLAIN over TLS', 'saslssl', () => ({ ...login('PLAIN', PLAIN_PASSWORD), ...tls() })],
  ['SCRAM-SHA-256', 'sasl', () => login('SCRAM-SHA-256', SCRAM_PASSWORD)],
  ['SCRAM-SHA-512 over TLS', 'saslssl', () => ({ ...login('SCRAM-SHA-512', SCRAM_PASSWORD), ...tls() })],
  ['OAUTHBEARER', 'oauth', () => oauth()],
  ['TLS', 'tls', () => tls()],
  [
    'a client certificate',
    'mtls',
    () =>
      tls({
        certificate: secure.certificates.client.certificate,
        key: secure.certificates.client.key,
      }),
  ],
];
for (const [what, listener, cluster] of RIGHT)
  test(`${what}: the broker answers`, async () => {
    const broker = await connectTo(listener, cluster());
    try {
      const { brokers, topics } = await describeTopics(broker, ['no-such-topic']);
      assert.equal(brokers, 1);
      assert.equal(topics[0]?.name, 'no-such-topic');
      assert.notEqual(topics[0]?.errorCode, KAFKA_ERROR.none);
    } finally {
      broker.close();
    }
  });

const WRONG: [what: string, listener: ListenerName, cluster: () => object, reason: RegExp][] = [
  ['a wrong password', 'sasl', () => login('PLAIN', 'planted-wrong'), /SASL authentication error/],
  ['a wrong SCRAM password', 'sasl', () => login('SCRAM-SHA-512', 'planted-wrong'), /SASL authentication error/],
  ['a certificate nobody trusts', 'tls', () => ({ security: { ssl: true } }), /certificate is not trusted/],
  ['no login', 'sasl', () => ({}), /closed the connection|timed out/],
  ['a wrong client secret', 'oauth', () => oauth({ client_secret: 'planted-wrong' }), /token endpoint .* refused/],
]; // prettier-ignore
for (const [what, listener, cluster, reason] of WRONG)
  test(`${what}: refused, with the reason and without a secret`, async () => {
    await assert.rejects(
      async () => {
        const broker = await connectTo(listener, cluster());
        await describeTopics(broker, ['any']).finally(() => broker.close());
      },
      (error: Error) => reason.test(error.message) && !error.message.includes('planted'),
    );
  });

test('layout, settings and rights of a topic', async () => {
  const topic = await kafka.topic({
    partitions: 3,
    config: { 'retention.ms': '60000', 'max.message.bytes': '2000' },
  });
  const names = ['retention.ms', 'max.message.bytes', 'min.insync.replicas'];
  const admin = await connectBroker(kafka.connection, FOREVER);
  const [all] = (await describeTopics(admin, [topic])).topics;
  assert.deepEqual(all?.rights, { read: true, write: true });
  assert.equal(all?.partitions.length, 3);
  assert.ok(all?.partitions.every(({ leader, replicas, inSync }) => leader >= 0 && replicas === 1 && inSync === 1)); // prettier-ignore
  const [set] = await describeTopicSettings(admin, [topic], names);
  assert.deepEqual(Object.fromEntries(set!.settings), {
    'retention.ms': '60000',
    'max.message.bytes': '2000',
    'min.insync.replicas': '1',
  });
  admin.close();

  const alice = await connectTo('sasl', login('SCRAM-SHA-512', SCRAM_PASSWORD, 'alice'));
  assert.equal((await describeTopics(alice, [topic])).topics[0]?.errorCode, KAFKA_ERROR.topicAuthorization);
  await grant(secure.adminPort, { user: 'alice', topic, operation: 'write' });
  assert.deepEqual((await describeTopics(alice, [topic])).topics[0]?.rights, { read: false, write: true });
  const [hidden] = await describeTopicSettings(alice, [topic], names);
  assert.equal(hidden?.errorCode, KAFKA_ERROR.topicAuthorization);
  alice.close();
});
