import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Command } from 'commander';
import {
  connectionFrom,
  requiredConnection,
  withConnectionFlags,
  type ConnectionFlags,
} from '../../cli/connection';
import { CliError, EXIT } from '../../cli/exit-codes';

function flagsOf(...args: string[]): ConnectionFlags {
  const command = withConnectionFlags(new Command()).exitOverride();
  return command.parse(args, { from: 'user' }).opts();
}

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'file'), text);
  return join(folder, 'file');
}

const refused = (sentence: RegExp) => (error: Error) =>
  error instanceof CliError &&
  error.exitCode === EXIT.usage &&
  sentence.test(error.message) &&
  !error.message.includes('planted');

test('brokers by flag or environment, with and without port, IPv6 too', () => {
  const env = { KONG_KAFKA_BOOTSTRAP: 'other:1' };
  assert.deepEqual(connectionFrom(flagsOf('--bootstrap', 'a:1, b ,[::1]:3'), { env })?.bootstrapServers, [
    'a:1',
    'b:9092',
    '[::1]:3',
  ]);
  assert.deepEqual(connectionFrom(flagsOf(), { env })?.bootstrapServers, ['other:1']);
  assert.equal(connectionFrom(flagsOf(), { env: {} }), undefined);
  assert.throws(() => requiredConnection(flagsOf(), { env: {} }), refused(/^Say which brokers/));
  assert.throws(() => connectionFrom(flagsOf('--bootstrap', 'a:b'), { env: {} }), refused(/--bootstrap needs <host:port>, got "a:b"/)); // prettier-ignore
});

test('a password comes from a file or the environment, and only where there is a login', (t) => {
  const file = fileWith(t, 'planted\n');
  const login = ['--bootstrap', 'a', '--sasl', 'SCRAM-SHA-512', '--user', 'me'];
  const sasl = { mechanism: 'SCRAM-SHA-512', user: 'me', password: 'planted' };
  assert.deepEqual(connectionFrom(flagsOf(...login, '--password-file', file), { env: {} })?.sasl, sasl);
  const env = { KONG_KAFKA_PASSWORD: 'planted' };
  assert.deepEqual(connectionFrom(flagsOf(...login), { env })?.sasl, sasl);
  assert.equal(connectionFrom(flagsOf('--bootstrap', 'a'), { env })?.sasl, undefined);
  assert.throws(
    () => connectionFrom(flagsOf(...login), { env: {} }),
    refused(/authentication\.password: required/),
  );
  assert.throws(() => connectionFrom(flagsOf(...login, '--password-file', `${file}.not`), { env: {} }), refused(/^--password-file: ENOENT/)); // prettier-ignore
});

test('OAUTHBEARER', (t) => {
  const args = ['--bootstrap', 'a', '--sasl', 'OAUTHBEARER', '--oauth-token-url', 'https://id/token', '--oauth-client-id', 'me', '--oauth-scope', 'x', '--oauth-scope', 'y', '--oauth-client-secret-file', fileWith(t, 'planted')]; // prettier-ignore
  assert.deepEqual(connectionFrom(flagsOf(...args), { env: {} })?.sasl, {
    mechanism: 'OAUTHBEARER',
    oauth: {
      tokenEndpointUrl: 'https://id/token',
      clientId: 'me',
      clientSecret: 'planted',
      scopes: ['x', 'y'],
      verifyTls: true,
    },
  });
});

test('TLS', () => {
  assert.equal(connectionFrom(flagsOf('--bootstrap', 'a', '--tls'), { env: {} })?.tls?.verify, true);
  assert.equal(
    connectionFrom(flagsOf('--bootstrap', 'a', '--tls', '--tls-insecure'), { env: {} })?.tls?.verify,
    false,
  );
});

test('a file with the options of a plugin; what is wrong in it is named and not shown', (t) => {
  const file = fileWith(t, '{"bootstrap_servers":[{"host":"k","port":1}],"security":{"ssl":true}}');
  const connection = connectionFrom(flagsOf('--connection', file), { env: { KONG_KAFKA_BOOTSTRAP: 'x' } });
  assert.deepEqual([connection?.bootstrapServers, connection?.tls?.verify], [['k:1'], true]);
  for (const [text, sentence] of [
    ['planted', /: not JSON\.$/],
    ['{"secret":"planted"}', /: (secret: unknown option|bootstrap_servers: required option is missing)\.$/],
  ] as const)
    assert.throws(
      () => connectionFrom(flagsOf('--connection', fileWith(t, text)), { env: {} }),
      refused(sentence),
    );
  assert.throws(
    () => connectionFrom(flagsOf('--connection', file, '--bootstrap', 'a'), { env: {} }),
    refused(/not by both/),
  );
});
