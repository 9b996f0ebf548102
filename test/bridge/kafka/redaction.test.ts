import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactor } from '../../../bridge/kafka/redaction';

const bootstrapServers = ['a:1'];

test('passwords, key lines and the token of the moment are blotted out, the rest stays', () => {
  let token = 'first-token';
  const redact = redactor(
    {
      bootstrapServers,
      sasl: { mechanism: 'PLAIN', user: 'alice', password: 'pass$&word' },
      tls: {
        verify: true,
        caPem: undefined,
        certificatePem: 'public',
        keyPem: '-----BEGIN PRIVATE KEY-----\nline-one\nline-two\n-----END PRIVATE KEY-----\n',
        keyPassword: 'key-password',
      },
    },
    () => [token],
  );
  assert.equal(redact('alice pass$&word line-two public key-password'), 'alice *** *** public ***');
  assert.equal(redact('first-token second-token'), '*** second-token');
  token = 'second-token';
  assert.equal(redact('first-token second-token'), 'first-token ***');
  assert.equal(redact('-----BEGIN PRIVATE KEY-----'), '-----BEGIN PRIVATE KEY-----');
});

/** A key from an input of one line had no lines to look for: whoever quoted a part of it told it. */
for (const [how, glue] of [['lines', '\n'], ['blanks', ' '], ['escapes', '\\n'], ['Windows lines', '\r\n'], ['nothing', '']]) {
  test(`a part of a key is blotted out, also where its line breaks have become ${how}`, () => {
    const lines = ['MIGH'.repeat(16), 'AgEA'.repeat(16), 'Qw=='];
    const keyPem = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----'].join(glue);
    const tls = { verify: true, caPem: undefined, certificatePem: undefined, keyPem, keyPassword: undefined };
    const redact = redactor({ bootstrapServers, tls });
    for (const line of lines) assert.equal(redact(`near ${line} of it`), 'near *** of it');
    assert.doesNotMatch(redact(`all: ${keyPem}`), /MIGH|AgEA|Qw==/);
  });
} // prettier-ignore

test('without secrets a text stays as it is', () => {
  assert.equal(redactor({ bootstrapServers })('a:1: Connection refused'), 'a:1: Connection refused');
});

test('a secret too short to be told from words is left alone', () => {
  const sasl = { mechanism: 'PLAIN', user: 'u', password: 'is' } as const;
  assert.equal(redactor({ bootstrapServers, sasl })('this is it'), 'this is it');
});
