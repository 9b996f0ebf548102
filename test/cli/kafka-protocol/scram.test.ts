import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScramClient } from '../../../cli/kafka-protocol/scram';

// RFC 7677, section 3.
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';

test('the conversation of RFC 7677', async () => {
  const client = new ScramClient('sha256', 'user', 'pencil', NONCE);
  assert.equal(client.first, `n,,n=user,r=${NONCE}`);
  assert.equal(
    await client.final(SERVER_FIRST),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  );
  client.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('a server that does not know the password is not believed', async () => {
  const client = new ScramClient('sha256', 'user', 'pencil', NONCE);
  await client.final(SERVER_FIRST);
  assert.throws(() => client.verify('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='), /does not prove/);
  assert.throws(() => client.verify('e=other-error'), /does not prove/);
});

for (const [what, message, reason] of [
  ['another nonce', 'r=other,s=W22ZaA==,i=4096', /does not follow SCRAM/],
  ['nothing added to the nonce', `r=${NONCE},s=W22ZaA==,i=4096`, /does not follow SCRAM/],
  ['few iterations', `r=${NONCE}x,s=W22ZaA==,i=1`, /1 iterations/],
  ['iterations without end', `r=${NONCE}x,s=W22ZaA==,i=2000000000`, /2000000000 iterations/],
  ['no number', `r=${NONCE}x,s=W22ZaA==,i=x`, /NaN iterations/],
] as const)
  test(`a server is refused that says ${what}`, async () => {
    await assert.rejects(new ScramClient('sha256', 'user', 'pencil', NONCE).final(message), reason);
  });

test('a name with what means something in the protocol', () => {
  assert.equal(new ScramClient('sha256', 'a=b,c', 'x', 'n').first, 'n,,n=a=3Db=2Cc,r=n');
});
