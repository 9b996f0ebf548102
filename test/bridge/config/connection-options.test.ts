import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_PROPERTY_NAMES } from '../../../bridge/kafka/client-properties';
import { connectionOf } from '../../../bridge/config/connection-options';
import type { GatewayError } from '../../../bridge/errors';
import { parseConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { kongRefusals } from '../../support/kong-refusals';

const SERVERS = [{ host: 'kafka', port: 9092 }];
const LEAST = { bootstrap_servers: SERVERS, topic: 'orders' };
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const KEY = '-----BEGIN PRIVATE KEY-----\nplantedkeyplantedkey\n-----END PRIVATE KEY-----\n';
const OAUTH = {
  token_endpoint_url: 'https://idp.example/token',
  client_id: 'gateway',
  client_secret: 'planted-secret',
};

const parse = (cluster: object) => parseProducerConfig({ ...LEAST, ...cluster });
const connection = (cluster: object) => {
  const config = parse(cluster);
  return connectionOf(config, config.bootstrap_servers, config.timeout);
};

test('without options there is neither login nor TLS', () => {
  assert.deepEqual(connection({}), {
    bootstrapServers: ['kafka:9092'],
    socketTimeoutMs: 10_000,
    clientProperties: {},
  });
});

test('user and password become a login, and TLS what it was given', () => {
  const { sasl, tls } = connection({
    authentication: { strategy: 'sasl', mechanism: 'SCRAM-SHA-512', user: 'u', password: 'planted-secret' },
    security: { ssl: true, ca_certificate: CERTIFICATE, certificate: CERTIFICATE, key: KEY },
  });
  assert.deepEqual(sasl, { mechanism: 'SCRAM-SHA-512', user: 'u', password: 'planted-secret' });
  assert.deepEqual(tls, {
    verify: true,
    caPem: CERTIFICATE,
    certificatePem: CERTIFICATE,
    keyPem: KEY,
    keyPassword: undefined,
  });
});

test('OAUTHBEARER takes its credentials from its own record', () => {
  const { sasl } = connection({
    authentication: {
      strategy: 'sasl',
      mechanism: 'OAUTHBEARER',
      oauthbearer: { ...OAUTH, scopes: ['kafka'], token_endpoint_tls_verify: false },
    },
  });
  assert.deepEqual(sasl, {
    mechanism: 'OAUTHBEARER',
    oauth: {
      tokenEndpointUrl: 'https://idp.example/token',
      clientId: 'gateway',
      clientSecret: 'planted-secret',
      scopes: ['kafka'],
      verifyTls: false,
    },
  });
});

test('times, the name and properties are passed on', () => {
  assert.deepEqual(
    connection({
      cluster_name: 'orders',
      timeout: 2500,
      keepalive_enabled: true,
      keepalive: 45_000,
      client_properties: { 'linger.ms': '3' },
    }),
    {
      bootstrapServers: ['kafka:9092'],
      clusterName: 'orders',
      socketTimeoutMs: 2500,
      idleConnectionMs: 45_000,
      clientProperties: { 'linger.ms': '3' },
    },
  );
});

const sasl = (more: object) => ({ authentication: { strategy: 'sasl', ...more } });

/** What is wrong, our sentence, and whether Kong's schema can refuse it already. */
const REFUSED: [what: string, cluster: object, sentence: string, byKong: boolean][] = [
  [
    'a strategy without a mechanism',
    sasl({}),
    'authentication.mechanism: required with authentication.strategy: sasl',
    true,
  ],
  [
    'a mechanism without a strategy',
    { authentication: { mechanism: 'PLAIN', user: 'u', password: 'planted-secret' } },
    'authentication.strategy: required with authentication.mechanism: PLAIN',
    true,
  ],
  [
    'PLAIN without a user',
    sasl({ mechanism: 'PLAIN', password: 'planted-secret' }),
    'authentication.user: required with authentication.mechanism: PLAIN',
    true,
  ],
  [
    'SCRAM without a password',
    sasl({ mechanism: 'SCRAM-SHA-256', user: 'u' }),
    'authentication.password: required with authentication.mechanism: SCRAM-SHA-256',
    true,
  ],
  [
    'a password that is empty, as a vault reference without a value is',
    sasl({ mechanism: 'PLAIN', user: 'u', password: '' }),
    'authentication.password: must not be empty',
    true,
  ],
  [
    'OAUTHBEARER without an endpoint',
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, token_endpoint_url: undefined } }),
    'authentication.oauthbearer.token_endpoint_url: required with authentication.mechanism: OAUTHBEARER',
    true,
  ],
  [
    'OAUTHBEARER without a secret',
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, client_secret: undefined } }),
    'authentication.oauthbearer.client_secret: required with authentication.mechanism: OAUTHBEARER',
    true,
  ],
  [
    'an endpoint that is no URL',
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, token_endpoint_url: 'idp.example' } }),
    'authentication.oauthbearer.token_endpoint_url: must be an http or https URL',
    true,
  ],
  [
    'extensions',
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, extensions: { logicalCluster: 'planted-secret' } } }), // prettier-ignore
    'authentication.oauthbearer.extensions: must be empty, because the Kafka client library has no way to send them',
    false,
  ],
  [
    'delegation tokens',
    sasl({ mechanism: 'SCRAM-SHA-256', user: 'u', password: 'planted-secret', tokenauth: true }),
    'authentication.tokenauth: must be false, because the Kafka client library cannot log in with delegation tokens; use SCRAM or OAUTHBEARER',
    true,
  ],
  [
    'a certificate without a key',
    { security: { ssl: true, certificate: CERTIFICATE } },
    'security.certificate, security.key: required together',
    true,
  ],
  [
    'a key without a certificate',
    { security: { ssl: true, key: KEY } },
    'security.certificate, security.key: required together',
    true,
  ],
  [
    'a password for no key',
    { security: { ssl: true, key_password: 'planted-secret' } },
    'security.key_password: has no meaning without security.key',
    false,
  ],
  [
    'certificates without TLS',
    { security: { ca_certificate: CERTIFICATE } },
    'security.ssl: must be true together with security.ca_certificate, which has no effect without TLS',
    false,
  ],
  [
    'a key that is no PEM text',
    { security: { ssl: true, certificate: CERTIFICATE, key: 'planted-secret' } },
    'security.key: must be PEM text with its line breaks, from BEGIN PRIVATE KEY to END PRIVATE KEY',
    true,
  ],
  [
    'a key with its line breaks escaped',
    { security: { ssl: true, certificate: CERTIFICATE, key: KEY.replaceAll('\n', '\\n') } },
    'security.key: must be PEM text with its line breaks, from BEGIN PRIVATE KEY to END PRIVATE KEY',
    true,
  ],
  [
    'a key in the place of a certificate',
    { security: { ssl: true, ca_certificate: KEY } },
    'security.ca_certificate: must be PEM text with its line breaks, from BEGIN CERTIFICATE to END CERTIFICATE',
    true,
  ],
  [
    'a keepalive too short to be quiet',
    { keepalive_enabled: true, keepalive: 39_999 },
    'keepalive: must be at least 40000 with keepalive_enabled, because brokers are asked for news every 30 seconds only',
    true,
  ],
];

for (const [what, cluster, sentence, byKong] of REFUSED) {
  test(`refused with the option and the reason, without a secret: ${what}`, () => {
    let error: GatewayError | undefined;
    try {
      parse(cluster);
    } catch (thrown) {
      error = thrown as GatewayError;
    }
    assert.equal(error?.code, 'misconfigured');
    assert.equal(error.detail, sentence);
    const refusals = kongRefusals('custom_kafka_producer', { ...LEAST, ...cluster });
    assert.equal(refusals.length > 0, byKong, refusals.join(' '));
    assert.doesNotMatch([sentence, ...refusals].join(' '), /planted/);
  });
}

test('Kong takes what we take, and a vault reference in the place of a secret', () => {
  const good = [
    {},
    sasl({ mechanism: 'PLAIN', user: 'u', password: 'planted-secret' }),
    sasl({ mechanism: 'PLAIN', user: '{vault://env/kafka-user}', password: '{vault://env/kafka-password}' }),
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: OAUTH }),
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, scopes: ['api://kafka/.default', 'a~b[1]'] } }),
    { security: { ssl: true, certificate: CERTIFICATE, key: KEY, key_password: 'planted-secret' } },
    { security: { ssl: true, certificate: CERTIFICATE, key: '{vault://env/kafka-key}' } },
    { client_properties: { 'linger.ms': '5', 'client.rack': 'a' } },
    { keepalive: 1000 },
  ];
  for (const cluster of good) {
    assert.deepEqual(kongRefusals('custom_kafka_producer', { ...LEAST, ...cluster }), []);
    if (!JSON.stringify(cluster).includes('vault')) parse(cluster);
  }
});

const NEVER = [
  'plugin.library.paths', 'interceptors', 'debug', 'log_level', 'security.protocol', 'ssl.ca.location',
  'ssl.key.location', 'ssl.certificate.location', 'ssl.keystore.location', 'ssl.engine.location', 'ssl.providers',
  'ssl.crl.location', 'https.ca.location', 'enable.ssl.certificate.verification',
  'ssl.endpoint.identification.algorithm', 'sasl.mechanisms', 'sasl.password', 'sasl.kerberos.kinit.cmd',
  'sasl.kerberos.keytab', 'sasl.oauthbearer.config', 'sasl.oauthbearer.assertion.file',
  'enable.sasl.oauthbearer.unsecure.jwt', 'metadata.broker.list', 'bootstrap.servers', 'enable.idempotence', 'acks',
  'dr_cb', 'dr_msg_cb', 'delivery.report.only.error', 'statistics.interval.ms', 'group.id', 'enable.auto.commit',
  'enable.auto.offset.store', 'auto.offset.reset', 'transactional.id', 'message.timeout.ms', 'test.mock.num.brokers',
  'offset.store.path', 'opaque', 'socket.timeout.ms', 'max.in.flight',
]; // prettier-ignore

test('no client property loads code, reads files, changes security or breaks what we rest on', () => {
  for (const name of NEVER) {
    assert.ok(!CLIENT_PROPERTY_NAMES.includes(name), name);
    assert.throws(() => parse({ client_properties: { [name]: 'planted-secret' } }), {
      code: 'misconfigured',
      detail: `client_properties: the name "${name}" must be one of ${CLIENT_PROPERTY_NAMES.join(', ')}`,
    });
    const refusals = kongRefusals('custom_kafka_producer', {
      ...LEAST,
      client_properties: { [name]: 'planted-secret' },
    });
    assert.equal(refusals.length, 1, name);
  }
});

test('the consumer has the same rows, means nothing by them without servers, and says so', () => {
  assert.throws(
    () => parseConsumerConfig(sasl({ mechanism: 'PLAIN', user: 'u', password: 'planted-secret' })),
    {
      code: 'misconfigured',
      detail:
        'authentication: has no effect without bootstrap_servers, as the connection is the producer’s then'.replace('’', "'"), // prettier-ignore
    },
  );
  const config = parseConsumerConfig({ bootstrap_servers: SERVERS, topic: 't', security: { ssl: true } });
  assert.equal(connectionOf(config, SERVERS).tls?.verify, true);
  assert.equal(connectionOf(config, SERVERS).socketTimeoutMs, 10_000);
});
