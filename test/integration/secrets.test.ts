/**
 * Secrets stay secrets. Each is planted, and made to fail in the way that talks most about it; then everything the
 * plugin server and the gateway ever wrote, at the most talkative level, every answer and the status page are searched.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setScramPassword } from '../../dev/kafka/access';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';
import { PLAIN_PASSWORD, useSecureKafka } from '../support/secure-kafka';
import { ask, kongYml, type TestRoute } from '../support/stack';

const secure = useSecureKafka();
const { kafka } = secure;

/** Everything a plain text search would miss. */
function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('base64').replaceAll('=', ''),
  ];
}

test('no secret is in any log line, answer or status, whatever fails', async () => {
  const wait = await kafka.topic();
  await setScramPassword(secure.adminPort, 'gateway', 'planted-right-password');
  const { certificates, tokens } = secure;
  const strangeKey = certificates.strangeClient.key;
  const junkKey =
    '-----BEGIN PRIVATE KEY-----\nplantedjunkplantedjunkplantedjunk\n-----END PRIVATE KEY-----\n';

  const sasl = (mechanism: string, password: string, more: object = {}) => ({
    authentication: { strategy: 'sasl', mechanism, user: 'gateway', password, ...more },
  });
  const tls = (more: object) => ({
    security: {
      ssl: true,
      ca_certificate: certificates.ca,
      certificate: certificates.client.certificate,
      ...more,
    },
  });
  const oauth = (client_secret: string, more: object = {}) => ({
    authentication: {
      strategy: 'sasl',
      mechanism: 'OAUTHBEARER',
      oauthbearer: {
        token_endpoint_url: `${tokens.url}/token?planted-query=1`,
        client_id: tokens.clientId,
        client_secret,
        ...more,
      },
    },
  });
  const { clientKeyEncrypted, clientKeyPassword } = certificates;
  const cases: Record<string, object> = {
    plain: { ...sasl('PLAIN', 'planted-plain-wrong'), bootstrap_servers: secure.servers('sasl') },
    scram: { ...sasl('SCRAM-SHA-512', 'planted-scram-wrong'), bootstrap_servers: secure.servers('sasl') },
    works: { ...sasl('PLAIN', PLAIN_PASSWORD), bootstrap_servers: secure.servers('sasl') },
    'wrong-port': { ...sasl('PLAIN', 'planted-to-tls-port'), bootstrap_servers: secure.servers('tls') },
    'key-password': {
      ...tls({ key: clientKeyEncrypted, key_password: 'planted-key-password-wrong' }),
      bootstrap_servers: secure.servers('mtls'),
    },
    'key-works': {
      ...tls({ key: clientKeyEncrypted, key_password: clientKeyPassword }),
      bootstrap_servers: secure.servers('mtls'),
    },
    'key-strange': { ...tls({ key: strangeKey }), bootstrap_servers: secure.servers('mtls') },
    'key-junk': { ...tls({ key: junkKey }), bootstrap_servers: secure.servers('mtls') },
    'client-secret': { ...oauth('planted-client-secret-wrong'), bootstrap_servers: secure.servers('oauth') },
    token: { ...oauth(tokens.clientSecret), bootstrap_servers: secure.servers('oauth') },
    // With a property that the library refuses, in the hope that it lists the others.
    property: {
      ...sasl('PLAIN', 'planted-with-property'),
      client_properties: { 'linger.ms': 'soon' },
      bootstrap_servers: secure.servers('sasl'),
    },
  };
  // Tokens that the broker refuses, so that it talks about them.
  tokens.claims = { aud: 'somebody-else' };

  let written = '';
  const server = await PluginServerProcess.start({
    flags: ['--log-level', 'debug', '--access-log'],
    onOutput: (text) => (written += text),
  });
  let answers = '';
  try {
    const routes: TestRoute[] = Object.entries(cases).map(([name, cluster]) => ({
      path: `/${name}`,
      producer: {
        topic: wait,
        reply_topic: wait,
        error_handling: { return_error_message: true },
        ...cluster,
      },
      consumer: { timeout: 200, error_handling: { return_error_message: true } },
    }));
    const { child: gateway, url } = await startGatewayProcess(
      server,
      kongYml(kafka.bootstrapServers, routes),
      0,
    );
    try {
      // Twice: at the start, and when the client is known to be down.
      for (const round of [1, 2]) {
        const told = await Promise.all(
          Object.keys(cases).map((name) => ask(`${url}/${name}`, { body: 'x' })),
        );
        answers += told.map(({ body, headers }) => body.toString() + JSON.stringify(headers)).join('\n');
        const statuses = Object.fromEntries(
          Object.keys(cases).map((name, index) => [name, told[index]?.status]),
        );
        for (const [name, status] of Object.entries(statuses)) {
          // A key that cannot work is found before Kafka is asked.
          const expected = name.endsWith('works') ? 504 : name.startsWith('key-') ? 500 : 503;
          assert.equal(
            status,
            expected,
            `round ${round}, ${name}: ${told.map(({ body }) => body).join('\n')}`,
          );
        }
      }
      answers += JSON.stringify(await server.status());
      answers += await (await fetch(server.statusUrl)).text();
    } finally {
      await gateway.stop();
      written += gateway.output;
    }
  } finally {
    await server.stop();
    tokens.claims = {};
  }

  // The search is worth nothing unless there was something to find it in.
  assert.match(written, /"level":"debug".*SASL authentication error/);
  assert.match(written, /"event":"request".*"code":"not_ready"/);
  assert.match(answers, /<h1>/);
  assert.match(answers, /invalid_client/);
  assert.match(written, /security\.key_password: does not open security\.key/);
  assert.match(written, /security\.key: is not the key of security\.certificate/);
  assert.match(written, /security\.key: the key in it cannot be read/);
  assert.ok(tokens.issued.length > 0);

  const lines = (pem: string) => pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const secrets = [
    'planted',
    ...[PLAIN_PASSWORD, clientKeyPassword, tokens.clientSecret, 'planted-client-secret-wrong'].flatMap(disguises),
    ...disguises(`${tokens.clientId}:${tokens.clientSecret}`),
    ...[clientKeyEncrypted, strangeKey].flatMap(lines),
    ...tokens.issued.flatMap((token) => token.split('.').slice(1)),
  ]; // prettier-ignore
  for (const [where, text] of Object.entries({ written, answers })) {
    for (const secret of secrets) {
      const at = text.indexOf(secret);
      assert.equal(at, -1, `${where}: ${text.slice(Math.max(0, at - 300), at + 100)}`);
    }
  }
});
