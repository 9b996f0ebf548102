import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readVerdict } from '../../../bridge/failover/log-verdict';

const read = (entry: object | string) =>
  readVerdict(Buffer.from(typeof entry === 'string' ? entry : JSON.stringify(entry)));
const ENTRY = { kafka_failover: { id: 'r1' }, response: { status: 502 }, source: 'kong' };

test('an entry tells which request it was, what the client got, from whom, and where it was tried', () => {
  assert.deepEqual(read({ ...ENTRY, tries: [{ ip: '10.0.0.1', port: 80 }, { ip: '10.0.0.2', port: 81 }] }), {
    id: 'r1', status: 502, isOfUpstream: false, mayBeDelivered: true,
    upstreamAddresses: '10.0.0.1:80, 10.0.0.2:81',
  });
  assert.equal(read({ ...ENTRY, source: 'upstream' })?.isOfUpstream, true);
}); // prettier-ignore

test('an address of IPv6 is written as nginx does, and what is none is left out', () => {
  const tries = [{ ip: 'fd00::1', port: 80 }, { ip: 'x' }, { port: 1 }];
  assert.equal(read({ ...ENTRY, tries })?.upstreamAddresses, '[fd00::1]:80');
});

/** Kong's JSON of an empty list is an object. */
test('without a try it was not delivered', () => {
  for (const tries of [[], {}, undefined]) assert.equal(read({ ...ENTRY, tries })?.mayBeDelivered, false);
});

test('what is not about a request of ours is nothing', () => {
  for (const entry of ['', '[]', 'null', '{', {}, { response: { status: 502 } }, { kafka_failover: 'r1', response: { status: 1 } },
    { kafka_failover: { id: 1 }, response: { status: 1 } }, { kafka_failover: { id: 'r' } }, { kafka_failover: { id: 'r' }, response: { status: '502' } }])
    assert.equal(read(entry), undefined, JSON.stringify(entry));
}); // prettier-ignore
