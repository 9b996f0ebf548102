import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from '../../cli/duration';
import { maskOf, credentialNames } from '../../cli/masking';
import { shownBytes, shownText } from '../../cli/shown-text';

test('nothing that others wrote can steer a terminal', () => {
  assert.equal(
    shownText('a\u001b[2Jb\u0007\r\nc\u202ed\u2028'),
    'a\\u{1b}[2Jb\\u{7}\\r\\nc\\u{202e}d\\u{2028}',
  );
  assert.equal(shownText('Grüße, 世界 🎉'), 'Grüße, 世界 🎉');
});

test('bytes that are no text are told by their number; long text is cut', () => {
  assert.equal(shownBytes(Buffer.from([0xff, 0xfe, 0x00]), 10), '(3 bytes, not text)');
  assert.equal(shownBytes(Buffer.from('abc'), 10), 'abc');
  assert.equal(shownBytes(Buffer.alloc(0), 10), '');
  assert.equal(shownBytes(Buffer.from('x'.repeat(20)), 10), `${'x'.repeat(10)}… (20 bytes)`);
  // Cut in the middle of a character of four bytes.
  assert.equal(shownBytes(Buffer.from('🎉'.repeat(30)), 10), `${'🎉'.repeat(5)}… (120 bytes)`);
});

test('durations', () => {
  assert.deepEqual(['500ms', '10s', '5m', '2h', '1d', '0s'].map(durationMs), [500, 10_000, 300_000, 7_200_000, 86_400_000, 0]); // prettier-ignore
  for (const text of ['10', 's', '-1s', '1.5s', '1w', ''])
    assert.throws(() => durationMs(text), /number and a unit/);
});

test('credentials are masked by name, also in a query, also those of the configuration', () => {
  const mask = maskOf([...credentialNames([{ config: { key_names: ['X-Shop-Key'] } }]), 'session']);
  for (const name of ['authorization', 'Cookie', 'X_API_KEY', 'x-shop-key', 'Session'])
    assert.equal(mask(name, 'planted'), '***', name);
  assert.equal(mask(':path', '/a?apikey=planted&b=c'), '/a?apikey=***&b=c');
  assert.equal(mask('x-tenant', 'a'), 'a');
});
