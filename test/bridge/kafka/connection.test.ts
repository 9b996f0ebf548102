import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminProperties, consumerProperties, producerProperties } from '../../../bridge/kafka/connection';

const connection = { bootstrapServers: ['a:9092', 'b:9092'], clientId: 'gateway-1' };

// The library drops them there without a word.
const TOPIC_LEVEL = ['acks', 'partitioner', 'message.timeout.ms', 'request.timeout.ms', 'auto.offset.reset'];

test('topic-level properties are never among the global ones', () => {
  for (const { global } of [producerProperties(connection), consumerProperties(connection)]) {
    for (const name of TOPIC_LEVEL) assert.equal(name in global, false, name);
  }
});

test('both clients know all servers and carry the client id', () => {
  for (const { global } of [producerProperties(connection), consumerProperties(connection)]) {
    assert.equal(global['metadata.broker.list'], 'a:9092,b:9092');
    assert.equal(global['client.id'], 'gateway-1');
  }
});

test('an assigning reader commits nothing and a group member does', () => {
  const reader = consumerProperties(connection);
  assert.equal(reader.global['enable.auto.commit'], false);
  const member = consumerProperties(connection, { groupId: 'workers', groupStart: 'latest' });
  assert.equal(member.global['group.id'], 'workers');
  assert.equal(member.global['enable.auto.commit'], true);
  assert.equal(member.topic['auto.offset.reset'], 'latest');
});

test('a reader never starts at the latest offset by itself', () => {
  assert.equal(consumerProperties(connection).topic['auto.offset.reset'], 'earliest');
});

const TLS = { verify: true, caPem: 'ca', certificatePem: 'cert', keyPem: 'key', keyPassword: 'word' };
const LOGIN = { mechanism: 'SCRAM-SHA-256', user: 'alice', password: 'secret' } as const;
const allClients = (more: object) =>
  [producerProperties, consumerProperties, adminProperties].map(
    (of) => of({ ...connection, ...more }).global,
  );

test('the protocol follows from login and TLS, for every kind of client', () => {
  for (const [more, protocol] of [
    [{}, 'plaintext'],
    [{ tls: TLS }, 'ssl'],
    [{ sasl: LOGIN }, 'sasl_plaintext'],
    [{ sasl: LOGIN, tls: TLS }, 'sasl_ssl'],
  ] as const) {
    for (const properties of allClients(more)) assert.equal(properties['security.protocol'], protocol);
  }
});

test('TLS material goes along as text, and brokers are verified by name', () => {
  for (const properties of allClients({ tls: TLS })) {
    assert.equal(properties['ssl.ca.pem'], 'ca');
    assert.equal('ssl.ca.location' in properties, false);
    assert.equal(properties['ssl.certificate.pem'], 'cert');
    assert.equal(properties['ssl.key.pem'], 'key');
    assert.equal(properties['ssl.key.password'], 'word');
    assert.equal(properties['enable.ssl.certificate.verification'], true);
    assert.equal(properties['ssl.endpoint.identification.algorithm'], 'https');
  }
});

test('without authorities of its own a connection trusts those of the operating system', () => {
  for (const properties of allClients({ tls: { ...TLS, caPem: undefined } })) {
    assert.equal(properties['ssl.ca.location'], 'probe');
  }
});

test('a login gives its mechanism, and a token is no property', () => {
  for (const properties of allClients({ sasl: LOGIN })) {
    assert.equal(properties['sasl.mechanisms'], 'SCRAM-SHA-256');
    assert.equal(properties['sasl.username'], 'alice');
    assert.equal(properties['sasl.password'], 'secret');
  }
  for (const properties of allClients({ sasl: { mechanism: 'OAUTHBEARER', oauth: {} } })) {
    assert.equal(properties['sasl.mechanisms'], 'OAUTHBEARER');
    assert.deepEqual(
      Object.keys(properties).filter((name) => name.startsWith('sasl.')),
      ['sasl.mechanisms'],
    );
  }
});

test('given client properties win over ours, each for the clients that know it', () => {
  const clientProperties = {
    'linger.ms': '3',
    'fetch.min.bytes': '9',
    'client.id': 'mine',
    'group.id': 'no',
  };
  const producer = producerProperties({ ...connection, clientProperties }).global;
  const consumer = consumerProperties({ ...connection, clientProperties }).global;
  assert.deepEqual([producer['linger.ms'], producer['client.id']], ['3', 'mine']);
  assert.deepEqual([consumer['fetch.min.bytes'], consumer['client.id']], ['9', 'mine']);
  assert.equal('fetch.min.bytes' in producer, false);
  assert.equal('linger.ms' in consumer, false);
  assert.notEqual(consumer['group.id'], 'no');
});

test('a short socket timeout leaves the consumer time for its fetch, and idle connections close when asked to', () => {
  const options = { ...connection, socketTimeoutMs: 1000, idleConnectionMs: 45_000 };
  assert.equal(producerProperties(options).global['socket.timeout.ms'], 1000);
  assert.equal(consumerProperties(options).global['socket.timeout.ms'], 2000);
  assert.equal(producerProperties(options).global['connections.max.idle.ms'], 45_000);
  assert.equal('connections.max.idle.ms' in producerProperties(connection).global, false);
});
