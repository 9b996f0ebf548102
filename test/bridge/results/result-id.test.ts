import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { hasFormOfResultId, ResultIds, type ResultScope } from '../../../bridge/results/result-id';

const SECRET = 'the same on every gateway';
const SCOPE: ResultScope = { replyTopic: 'replies', consumerId: 'alice' };
const ISSUED = { wireId: '6f1c6e4e-3d5c-4a2e-9a7b-0123456789ab', issuedAtMs: 1_800_000_000_000 };

test('an id says of which request it is and since when, at every gateway with the secret', () => {
  const id = new ResultIds(SECRET).issue(ISSUED, SCOPE);
  assert.ok(hasFormOfResultId(id));
  assert.match(id, /^[A-Za-z0-9_-]{50}$/);
  assert.deepEqual(new ResultIds(SECRET).read(id, SCOPE), ISSUED);
});

test('another secret, topic or consumer knows it not', () => {
  const id = new ResultIds(SECRET).issue(ISSUED, SCOPE);
  assert.equal(new ResultIds('another secret of theirs').read(id, SCOPE), undefined);
  assert.equal(new ResultIds(undefined).read(id, SCOPE), undefined);
  for (const other of [
    { ...SCOPE, consumerId: 'bob' },
    { ...SCOPE, consumerId: undefined },
    { ...SCOPE, replyTopic: 'others' },
  ])
    assert.equal(new ResultIds(SECRET).read(id, other), undefined);
});

test('without a secret the ids of a process are its own, and good in all of its configurations', () => {
  const id = new ResultIds(undefined).issue(ISSUED, SCOPE);
  assert.deepEqual(new ResultIds(undefined).read(id, SCOPE), ISSUED);
});

test('no changed character, and no other spelling of the same bytes, is believed', () => {
  const ids = new ResultIds(SECRET);
  const id = ids.issue(ISSUED, SCOPE);
  for (let at = 0; at < id.length; at++) {
    for (const other of 'AZaz09-_') {
      if (other === id[at]) continue;
      assert.equal(ids.read(`${id.slice(0, at)}${other}${id.slice(at + 1)}`, SCOPE), undefined);
    }
  }
  for (const text of ['', 'x', `${id}=`, ` ${id.slice(1)}`, id.slice(1), 'é'.repeat(50)])
    assert.equal(ids.read(text, SCOPE), undefined);
});

test('an id that a client chose is never signed', () => {
  for (const wireId of ['mine', '', `${ISSUED.wireId}0`])
    assert.throws(() => new ResultIds(SECRET).issue({ ...ISSUED, wireId }, SCOPE), RangeError);
});

/** Clients that try each other's ids, parts of them put together, and ids under another topic. */
test('of 100,000 tries with swapped ids none is believed', () => {
  const ids = new ResultIds(SECRET);
  const clients = Array.from({ length: 100 }, (_, number) => {
    const scope = { replyTopic: `replies.${number % 3}`, consumerId: `consumer ${number}` };
    return { scope, id: ids.issue({ wireId: randomUUID(), issuedAtMs: Date.now() }, scope) };
  });
  const pick = () => clients[randomInt(clients.length)]!;
  let tries = 0;
  while (tries < 100_000) {
    const [asking, owner] = [pick(), pick()];
    if (asking === owner) continue;
    const at = randomInt(1, owner.id.length);
    const text = tries % 2 === 0 ? owner.id : `${asking.id.slice(0, at)}${owner.id.slice(at)}`;
    // They have the first bytes in common: version and time.
    if (text === asking.id) continue;
    tries++;
    assert.equal(ids.read(text, asking.scope), undefined, text);
  }
  for (const { id, scope } of clients) assert.ok(ids.read(id, scope));
});
