import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { pemText } from '../../../bridge/config/pem';
import { connectionOf } from '../../../bridge/config/connection-options';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { encrypted, newKeyPair } from '../../support/key-pair';
import { kongComplaints } from '../../support/kong-check';
import { LEAST, OTHER, OWN } from '../../support/refused-configurations';

/** What becomes of the line breaks. */
const SPOILT: [how: string, spoil: (pem: string) => string][] = [
  ['as it was', (pem) => pem],
  ['with blanks, as an input of one line has them', (pem) => pem.trim().replaceAll('\n', ' ')],
  ['with \\n in two characters, as an environment variable has them', (pem) => pem.replaceAll('\n', '\\n')],
  ['with \\r\\n in four characters', (pem) => pem.replaceAll('\n', '\\r\\n')],
  ['with the line breaks of Windows', (pem) => pem.replaceAll('\n', '\r\n')],
  ['with both, and indented', (pem) => `  ${pem.replaceAll('\n', '\\n\n   ')}  `],
  ['with long lines', (pem) => pem.replace(/([A-Za-z0-9+/=]{64})\n(?=[A-Za-z0-9+/])/g, '$1')],
];
const RSA = newKeyPair(['rsa:2048']);
const PASSWORD = 'planted-password';

/**
 * Kong Manager has inputs of one line: pasted PEM text had blanks in it, Kong took it, and the route said 503 for ever.
 */
for (const [how, spoil] of SPOILT) {
  test(`PEM text ${how} is taken, by Kong as well, and comes out right`, () => {
    const security = {
      ssl: true,
      ca_certificate: spoil(OWN.certificate + OTHER.certificate),
      certificate: spoil(OWN.certificate),
      key: spoil(OWN.key),
    };
    const config = parseProducerConfig({ ...LEAST, security });
    const { tls } = connectionOf(config, config.bootstrap_servers);
    assert.equal(tls?.caPem, OWN.certificate + OTHER.certificate);
    assert.equal(tls?.certificatePem, OWN.certificate);
    assert.equal(tls?.keyPem, OWN.key);
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, security }), []);
  });
}

test('PEM text whose line breaks are gone altogether comes out right', () => {
  assert.equal(pemText(OWN.certificate.replaceAll('\n', '')), OWN.certificate);
});

test('keys of every form are taken, encrypted ones with their password', () => {
  const forms: [what: string, security: object][] = [
    ['RSA', RSA],
    ['RSA, PKCS #1', { ...RSA, key: pem(RSA.key, 'pkcs1') }],
    ['RSA, PKCS #1, encrypted', { ...RSA, key: encrypted(RSA.key, 'pkcs1', PASSWORD), key_password: PASSWORD }],
    ['RSA, PKCS #8, encrypted', { ...RSA, key: encrypted(RSA.key, 'pkcs8', PASSWORD), key_password: PASSWORD }],
    ['EC, SEC 1', { ...OWN, key: pem(OWN.key, 'sec1') }],
    ['EC, SEC 1, encrypted', { ...OWN, key: encrypted(OWN.key, 'sec1', PASSWORD), key_password: PASSWORD }],
    ['EC, PKCS #8, encrypted', { ...OWN, key: encrypted(OWN.key, 'pkcs8', PASSWORD), key_password: PASSWORD }],
    ['EC after its parameters', { ...OWN, key: `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(OWN.key, 'sec1')}` }],
    ['Ed25519', newKeyPair(['ed25519'])],
    ['a password that an open key does not need', { ...OWN, key_password: PASSWORD }],
    ['text around it', { ...OWN, key: `Bag Attributes\n  friendlyName: x\n${OWN.key}` }],
    ['a chain', { ...OWN, certificate: OWN.certificate + OTHER.certificate }],
  ]; // prettier-ignore
  for (const [what, security] of forms) {
    for (const [how, spoil] of SPOILT) {
      const spoilt = JSON.parse(JSON.stringify({ ssl: true, ...security }), (name, value: unknown) =>
        ['key', 'certificate'].includes(name) ? spoil(String(value)) : value,
      ) as object;
      assert.doesNotThrow(() => parseProducerConfig({ ...LEAST, security: spoilt }), `${what}, ${how}`);
    }
  }
});

test('a key with headers inside its block gets its lines back', () => {
  const key = encrypted(RSA.key, 'pkcs1', PASSWORD);
  assert.match(key, /Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,[0-9A-F]{32}\n\n/);
  for (const [how, spoil] of SPOILT) assert.equal(pemText(spoil(key)), key, how);
});

test('what is no PEM text becomes none, in little time', () => {
  assert.equal(pemText('planted'), '');
  const startedMs = performance.now();
  assert.equal(pemText('-----BEGIN CERTIFICATE-----'.repeat(2000)), '');
  assert.ok(performance.now() - startedMs < 2000);
});

/** As the reference bundle of an operating system. */
test('a bundle of certificates is read one by one', () => {
  const bundle = OWN.certificate.repeat(150);
  const config = parseProducerConfig({ ...LEAST, security: { ssl: true, ca_certificate: bundle } });
  const { tls } = connectionOf(config, config.bootstrap_servers);
  assert.equal(tls?.caPem, bundle);
  assert.equal(new X509Certificate(tls.caPem).subject, 'CN=gateway');
});

function pem(key: string, type: 'pkcs1' | 'sec1'): string {
  return createPrivateKey(key).export({ format: 'pem', type }).toString();
}
