/** Every cause that the gateway knows has its row, and every row a section to read on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { ERROR_CODES, GatewayError } from '../../bridge/errors';
import { inOurWords } from '../../bridge/kafka/failure-reason';
import type { HintReason } from '../../bridge/reply/diagnosis';
import { ADVICE, adviceFor } from '../../status/advice';
import { guidePage } from '../../status/guide';

const GUIDE = guidePage(
  readFileSync(join(__dirname, '..', '..', '..', 'docs', 'troubleshooting.md'), 'utf8'),
);

it('leads to a section that is there', () => {
  for (const { section } of ADVICE) assert.ok(GUIDE.includes(`<h2 id="${section}">`), section);
});

it('there is some for every code of an error that is not the mistake of a client, and for every hint', () => {
  for (const code of ERROR_CODES) {
    const { status } = new GatewayError(code, '');
    assert.equal(adviceFor({ code })?.what !== undefined, status >= 500, code);
  }
  const hints: Record<HintReason, true> = {
    no_known_header: true,
    type_headers_only: true,
    ambiguous_id: true,
    unknown_id_form: true,
    looks_like_request: true,
    other_topic: true,
  };
  for (const hint of Object.keys(hints)) assert.ok(adviceFor({ hint }), hint);
});

const REASONS: readonly [reason: string, cause: string][] = [
  [
    'sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password',
    'wrong password',
  ],
  [
    'b:1: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism',
    'wrong password',
  ],
  ['SASL authentication error: {"status":"invalid_token"}', 'token refused'],
  ['The token endpoint http://a/token refused with status 401, invalid_client.', 'token refused'],
  [
    inOurWords(
      'b:1: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured',
    ),
    'certificate not trusted or expired',
  ],
  [
    inOurWords(
      'b:1: SSL handshake failed: ssl/record/rec_layer_s3.c:1605: error: sslv3 alert bad certificate: SSL alert number 42',
    ),
    'client certificate refused',
  ],
  [
    'b:1: the broker closed the connection at once: does its listener want TLS (security.ssl) or a login (authentication)?',
    'TLS or login expected',
  ],
  [
    'b:1: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?',
    'TLS or login expected',
  ],
  [inOurWords('ssl.key.pem failed: not in PEM format?: maybe wrong password'), 'key not readable'],
  ["kafka:9092: Failed to resolve 'kafka:9092': Name or service not known", 'broker name unknown'],
  ['127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused', 'broker away'],
  ['b:1: Connection setup timed out in state CONNECT', 'broker away'],
  ['no broker is connected', 'broker away'],
  ['Topic a does not exist, or the gateway may not describe it.', 'topic missing'],
  ['The broker refused the record for a: Broker: Unknown topic or partition.', 'topic missing'],
  ['The gateway may not read topic a.', 'no right to read'],
  ['Topic a may not be read any more.', 'no right to read'],
  ['The broker refused the record for a: Broker: Topic authorization failed.', 'no right to write'],
  [
    'Topic a has no leader for 1 of its 2 partitions: the brokers that have them are away.',
    'partitions without a leader',
  ],
  ['Topic a has no partition 7, only 0 to 3.', 'partition missing'],
  ['the client has lost its list of brokers', 'client replaced'],
];
for (const [reason, cause] of REASONS) {
  it(`"${reason}" is ${cause}`, () => assert.equal(adviceFor({ reason })?.cause, cause));
}

it('of a reason that nobody knows the code still says something', () => {
  assert.equal(adviceFor({ reason: 'xyzzy', code: 'not_ready' })?.cause, 'not ready');
  assert.equal(adviceFor({ reason: 'xyzzy' }), undefined);
});
