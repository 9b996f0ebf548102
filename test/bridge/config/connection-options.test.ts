import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_PROPERTY_NAMES } from '../../../bridge/kafka/client-properties';
import { connectionOf } from '../../../bridge/config/connection-options';
import { parseConsumerConfig } from '../../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { kongComplaints } from '../../support/kong-check';
import { LEAST, OAUTH, OWN, SERVERS } from '../../support/refused-configurations';

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
    security: { ssl: true, ca_certificate: OWN.certificate, ...OWN },
  });
  assert.deepEqual(sasl, { mechanism: 'SCRAM-SHA-512', user: 'u', password: 'planted-secret' });
  assert.deepEqual(tls, {
    verify: true,
    caPem: OWN.certificate,
    certificatePem: OWN.certificate,
    keyPem: OWN.key,
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

test('an IPv6 address is told from its port', () => {
  const of = (host: string) => connection({ bootstrap_servers: [{ host, port: 9092 }] }).bootstrapServers;
  assert.deepEqual(of('::1'), ['[::1]:9092']);
  assert.deepEqual(of('[fe80::1]'), ['[fe80::1]:9092']);
  for (const host of ['::1', '[::1]', '10.0.0.1', 'kafka.example']) {
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, bootstrap_servers: [{ host, port: 1 }] }), []); // prettier-ignore
  }
});

test('Kong takes what we take, and a vault reference in the place of a secret', () => {
  const good = [
    {},
    sasl({ mechanism: 'PLAIN', user: 'u', password: 'planted-secret' }),
    sasl({ mechanism: 'PLAIN', user: '{vault://env/kafka-user}', password: '{vault://env/kafka-password}' }),
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: OAUTH }),
    sasl({ mechanism: 'OAUTHBEARER', oauthbearer: { ...OAUTH, scopes: ['api://kafka/.default', 'a~b[1]'] } }),
    { security: { ssl: true, ...OWN, key_password: 'planted-secret' } },
    { security: { ssl: true, certificate: OWN.certificate, key: '{vault://env/kafka-key}' } },
    { client_properties: { 'linger.ms': '5', 'client.rack': 'a' } },
    { keepalive: 1000 },
  ];
  for (const cluster of good) {
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, ...cluster }), []);
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
    const refusals = kongComplaints('custom_kafka_producer', {
      ...LEAST,
      client_properties: { [name]: 'planted-secret' },
    });
    assert.equal(refusals.length, 1, name);
  }
});

test('the consumer has the same rows', () => {
  const config = parseConsumerConfig({ bootstrap_servers: SERVERS, topic: 't', security: { ssl: true } });
  assert.equal(connectionOf(config, SERVERS).tls?.verify, true);
  assert.equal(connectionOf(config, SERVERS).socketTimeoutMs, 10_000);
});
