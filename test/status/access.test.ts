import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayAskAs, showsToken, type AccessOptions } from '../../status/access';

const access = (facts: Partial<AccessOptions> = {}): AccessOptions => ({
  host: '127.0.0.1',
  allowedHosts: [],
  token: undefined,
  ...facts,
});

describe('the name under which the page is asked for', () => {
  const mine = [
    'localhost',
    'LOCALHOST:8900',
    'localhost.',
    '127.0.0.1:8900',
    '[::1]:8900',
    '[::1]',
    '10.2.3.4:8900',
  ];
  for (const host of [...mine, undefined]) {
    it(`may be ${host ?? 'left out, as no browser does'}`, () =>
      assert.equal(mayAskAs(host, access()), true));
  }
  const others = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:8900',
    '',
    'a:b:c',
    '[evil.example]',
    '::1:x',
  ];
  for (const host of others) {
    it(`may not be "${host}"`, () => assert.equal(mayAskAs(host, access()), false));
  }

  it('may be the name that is listened on, and those that are allowed', () => {
    assert.equal(mayAskAs('Gateway.internal:8900', access({ host: 'gateway.internal' })), true);
    assert.equal(mayAskAs('status.example', access({ allowedHosts: ['status.example'] })), true);
    assert.equal(mayAskAs('other.example', access({ allowedHosts: ['status.example'] })), false);
  });
});

describe('the token', () => {
  const secured = access({ token: 'secret:42' });
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  for (const shown of [
    'Bearer secret:42',
    'bearer  secret:42',
    basic('', 'secret:42'),
    basic('any', 'secret:42'),
  ]) {
    it(`is shown by "${shown}"`, () => assert.equal(showsToken(shown, secured), true));
  }
  for (const shown of [
    undefined,
    '',
    'Bearer',
    'Bearer secret:4',
    'Bearer secret:421',
    'secret:42',
    basic('secret', '42'),
    'Basic ?',
  ]) {
    it(`is not shown by "${shown}"`, () => assert.equal(showsToken(shown, secured), false));
  }
  it('is asked of nobody where there is none', () => assert.equal(showsToken(undefined, access()), true));
});
