import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failoverDrillVerdicts } from '../../../bench/failover-drill/goals';
import { account } from '../../../bench/failover-drill/run';

const failing = (...given: Parameters<typeof account>) =>
  failoverDrillVerdicts(account(...given)).filter(({ holds }) => !holds);

const TOLD = new Map<string, number | string>([
  ['answered', 200],
  ['kept', 202],
  ['cut', 202],
  ['failed', 502],
  ['silent', 504],
]);
const CARRIED_OUT = new Map([
  ['answered', 1],
  ['cut', 1],
  ['failed', 1],
]);
const IN_TOPIC = new Map([
  ['kept', [false]],
  ['cut', [true]],
]);

test('what is told, carried out and kept as it must be is in order', () => {
  assert.deepEqual(failing(TOLD, CARRIED_OUT, IN_TOPIC), []);
  const { bothMaybe, failedAndKept } = account(TOLD, CARRIED_OUT, IN_TOPIC);
  assert.deepEqual([bothMaybe, failedAndKept], [1, 0]);
});

test('each thing that must not be is found', () => {
  const rules = (...given: Parameters<typeof account>) => failing(...given).map(({ rule }) => rule);
  assert.deepEqual(rules(new Map([...TOLD, ['x', 'socket hang up']]), CARRIED_OUT, IN_TOPIC), [
    'every client was told one of three: answered, kept, failed',
  ]);
  assert.deepEqual(rules(TOLD, new Map([['cut', 1]]), IN_TOPIC), ['answered, and carried out by nobody']);
  assert.deepEqual(rules(TOLD, CARRIED_OUT, new Map([['cut', [true]]])), ['kept, and not in the topic']);
  assert.deepEqual(rules(TOLD, CARRIED_OUT, new Map([...IN_TOPIC, ['kept', [false, false]]])), [
    'in the topic twice',
  ]);
  assert.deepEqual(rules(TOLD, new Map([...CARRIED_OUT, ['answered', 2]]), IN_TOPIC), ['carried out twice']);
  assert.deepEqual(rules(TOLD, CARRIED_OUT, new Map([...IN_TOPIC, ['answered', [false]]])), [
    'answered, and kept as well',
  ]);
  assert.deepEqual(rules(TOLD, CARRIED_OUT, new Map([...IN_TOPIC, ['cut', [false]]])), [
    'kept and carried out, without `delivered: maybe`',
  ]);
});
