import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FACTS_HEADER, readFailureFacts } from '../../../bridge/failover/nginx-facts';

const encoded = (text: string) => ({ [FACTS_HEADER]: Buffer.from(text).toString('base64') });
const read = (facts: object) =>
  readFailureFacts(encoded(JSON.stringify({ uri: '/x', status: 502, ...facts })));

test('what the include says is read', () => {
  assert.deepEqual(
    read({
      service: 'orders',
      route: '',
      consumer: 7,
      remote_addr: '::1',
      backend_url: 'http://o',
      upstream_addr: '127.0.0.1:1, 127.0.0.1:2',
    }),
    {
      uri: '/x',
      status: 502,
      service: 'orders',
      route: undefined,
      consumer: undefined,
      remoteAddress: '::1',
      backendUrl: 'http://o',
      upstreamAddresses: '127.0.0.1:1, 127.0.0.1:2',
      mayBeDelivered: true,
    },
  );
});

/** They became U+FFFD, and the replay asked for another resource than the client. */
test('bytes of an address that are not UTF-8 are kept, in the form that every service takes for them', () => {
  const readBytes = (json: string) =>
    readFailureFacts({ [FACTS_HEADER]: Buffer.from(json, 'latin1').toString('base64') });
  const facts = readBytes(
    '{"uri":"/caf\xe9?q=%20\xfc","status":502,"service":"B\xc3\xbccher","route":"\xe9"}',
  );
  assert.equal(facts?.uri, '/caf%E9?q=%20%FC');
  assert.equal(facts.service, 'Bücher');
  assert.equal(facts.route, 'é');
  assert.equal(readBytes('{"uri":"/caf\xc3\xa9","status":502}')?.uri, '/café');
});

/** nginx has a value for each try. A repetition that does harm is worse than a request that waits. */
test('a request may have been delivered unless nginx says of each try that it was not', () => {
  const cases: [connectTime: unknown, bytesSent: unknown, mayBe: boolean][] = [
    ['-', '0', false],
    ['-, -', '0, 0', false],
    ['-', undefined, false],
    [undefined, '0', false],
    // Connected, and cut before a byte was sent.
    ['0.001', '0', false],
    ['0.001', '120', true],
    ['-, 0.001', '0, 120', true],
    ['0.001, -', '120, 0', true],
    ['-, 0.001 : -', '0, 7 : 0', true],
    ['', '', true],
    [undefined, undefined, true],
    [0, 0, true],
  ];
  for (const [connect_time, bytes_sent, mayBe] of cases)
    assert.equal(
      read({ connect_time, bytes_sent })?.mayBeDelivered,
      mayBe,
      `${String(connect_time)} ${String(bytes_sent)}`,
    );
});

test('what the include did not write is nothing', () => {
  assert.equal(readFailureFacts({}), undefined);
  for (const text of ['', 'x', 'null', '[]', '1', '{}', '{"uri":"/x"}', '{"uri":1,"status":502}', '{"uri":"/x","status":"502"}', '{"uri":"/x","status":5.2}', '{"uri":"/x","status":99999}'])
    assert.equal(readFailureFacts(encoded(text)), undefined, text);
  assert.equal(readFailureFacts({ [FACTS_HEADER]: '%%%' }), undefined);
}); // prettier-ignore
