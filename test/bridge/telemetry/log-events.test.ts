/** The list of events in docs/logs.md, the one in the code, and the places that write them say the same. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { LOG_EVENTS } from '../../../bridge/telemetry/log-events';

const ROOT = join(__dirname, '..', '..', '..', '..');
const ROW = /^\| `(\w+)` \| ([a-z, ]+) \|/gm;

const documented = new Map(
  [...readFileSync(join(ROOT, 'docs', 'logs.md'), 'utf8').matchAll(ROW)].map(
    ([, event = '', levels = '']) => [event, levels.split(', ')] as const,
  ),
);
const sources = ['bridge', 'listener', 'plugins', 'pluginserver']
  .flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((path) => join(room, path)),
  )
  .filter((path) => path.endsWith('.ts') && !path.endsWith('log-events.ts'))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n');

it('docs/logs.md has every event, and no other', () => {
  assert.deepEqual([...documented.keys()].sort(), Object.values(LOG_EVENTS).sort());
});

it('every message has a name of its own', () => {
  const names = Object.values(LOG_EVENTS);
  assert.deepEqual(names.length, new Set(names).size);
  for (const name of names) assert.match(name, /^[a-z][a-z_]+$/);
});

it('every event is written somewhere, at the levels that docs/logs.md names', () => {
  for (const [message, event] of Object.entries(LOG_EVENTS)) {
    assert.ok(sources.includes(`'${message}'`), `nothing writes ${event}`);
    const call = new RegExp(
      `(?:log\\.|\\.write\\(')(debug|info|warn|error)(?:\\(|', )\\s*'${literal(message)}'`,
      'g',
    );
    for (const [, level = ''] of sources.matchAll(call)) {
      assert.ok(documented.get(event)?.includes(level), `${event} is written at level ${level}`);
    }
  }
});

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
