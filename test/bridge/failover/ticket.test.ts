import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretOfEnvironment, Tickets } from '../../../bridge/failover/ticket';

const TICKET = { key: 'abc_-123', requestId: 'r.1/ü', issuedAtMs: 1_700_000_000_000 };

test('a ticket comes back as it was, for an hour', () => {
  const tickets = new Tickets();
  const text = tickets.issue(TICKET);
  assert.deepEqual(tickets.read(text, TICKET.issuedAtMs), TICKET);
  assert.deepEqual(tickets.read(text, TICKET.issuedAtMs + 3_600_000), TICKET);
  assert.equal(tickets.read(text, TICKET.issuedAtMs + 3_600_001), undefined);
});

test('no character of it can be another, and no other process has issued it', () => {
  const tickets = new Tickets();
  const text = tickets.issue(TICKET);
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
    assert.equal(tickets.read(changed, TICKET.issuedAtMs), undefined, changed);
    assert.equal(tickets.read(text.slice(0, at), TICKET.issuedAtMs), undefined);
  }
  assert.equal(new Tickets().read(text, TICKET.issuedAtMs), undefined);
  for (const hostile of [
    '',
    '....',
    `${text}${'x'.repeat(400)}`,
    '.'.repeat(299),
    'a.b.ÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿ.r',
  ])
    assert.equal(tickets.read(hostile, TICKET.issuedAtMs), undefined);
});

test("plugin servers with the same secret take each other's tickets", () => {
  const secret = (text: string) => secretOfEnvironment({ KONG_KAFKA_FAILOVER_SECRET: text });
  const text = new Tickets(secret('sixteen-letters!')).issue(TICKET);
  assert.deepEqual(new Tickets(secret('sixteen-letters!')).read(text, TICKET.issuedAtMs), TICKET);
  assert.equal(new Tickets(secret('sixteen-letters?')).read(text, TICKET.issuedAtMs), undefined);
  assert.equal(secretOfEnvironment({}), undefined);
  assert.equal(secret(''), undefined);
  assert.throws(
    () => secret('guessed'),
    /^Error: KONG_KAFKA_FAILOVER_SECRET needs at least 16 characters\.$/,
  );
});
