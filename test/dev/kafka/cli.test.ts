import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommand } from '../../../dev/kafka/cli';

test('start without options is one node on the usual port', () => {
  assert.deepEqual(parseCommand(['start']), { name: 'start', options: { nodes: 1, port: 9092 } });
});

test('start takes nodes, port and data folder', () => {
  assert.deepEqual(parseCommand(['start', '--nodes', '3', '--port', '19092', '--data', '/var/kafka']), {
    name: 'start',
    options: { nodes: 3, port: 19092, dataRoot: '/var/kafka' },
  });
});

test('fetch and help need nothing else', () => {
  assert.deepEqual(parseCommand(['fetch']), { name: 'fetch' });
  assert.deepEqual(parseCommand(['--help']), { name: 'help' });
  assert.deepEqual(parseCommand(['start', '--help']), { name: 'help' });
});

for (const [args, message] of [
  [[], 'Name a command: start or fetch.'],
  [['stop'], "Unknown command 'stop'."],
  [['start', 'now'], "Unexpected argument 'now'."],
  [['start', '--nodes', '2'], "--nodes is 1 or 3, not '2'."],
  [['start', '--port', '70000'], "--port is a number from 1 to 65535, not '70000'."],
  [['start', '--port', 'http'], "--port is a number from 1 to 65535, not 'http'."],
  [['start', '--fast'], "Unknown option '--fast'."],
] as const) {
  test(`"${args.join(' ')}" is refused in one sentence`, () => {
    assert.throws(() => parseCommand([...args]), { message });
  });
}
