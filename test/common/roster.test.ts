import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Directory } from '../../common/directory';
import { Roster } from '../../common/roster';

test('who enters a roster is in it until it leaves, and leaves once', () => {
  const roster = new Roster<{ name: string }>();
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const placeOfA = roster.enter(a);
  const placeOfB = roster.enter(b);
  assert.equal(roster.size, 2);
  assert.equal(roster.at(placeOfA), a);
  assert.equal(roster.leave(placeOfA, a), true);
  assert.equal(roster.leave(placeOfA, a), false);
  assert.equal(roster.at(placeOfA), undefined);
  assert.deepEqual([...roster], [b]);
  assert.equal(roster.leave(placeOfB, b), true);
  assert.equal(roster.size, 0);
});

test('a place is given again, and whoever had it does not put the next one out', () => {
  const roster = new Roster<object>();
  const [first, second] = [{}, {}];
  const place = roster.enter(first);
  roster.leave(place, first);
  assert.equal(roster.enter(second), place);
  assert.equal(roster.leave(place, first), false);
  assert.deepEqual([...roster], [second]);
  assert.equal(roster.places, 1);
});

test('whoever leaves while all are looked through is not met', () => {
  const roster = new Roster<{ place: number }>();
  const members = [{ place: 0 }, { place: 0 }, { place: 0 }];
  for (const member of members) member.place = roster.enter(member);
  const met: object[] = [];
  for (const member of roster) {
    met.push(member);
    roster.leave(2, members[2]!);
  }
  assert.deepEqual(met, members.slice(0, 2));
});

test('a directory finds its members by their names', () => {
  const directory = new Directory<{ number: number }>();
  directory.set('a', { number: 1 });
  directory.set('b', { number: 2 });
  directory.set('a', { number: 3 });
  assert.equal(directory.size, 2);
  assert.equal(directory.has('a'), true);
  assert.deepEqual(directory.get('a'), { number: 3 });
  assert.deepEqual([...directory.values()].map(({ number }) => number).sort(), [2, 3]);
  assert.equal(directory.delete('a'), true);
  assert.equal(directory.delete('a'), false);
  assert.equal(directory.get('a'), undefined);
  assert.equal(directory.has('a'), false);
  assert.equal(directory.size, 1);
});
