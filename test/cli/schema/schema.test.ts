import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLUGINS } from '../../../common/plugins';
import { luaSchema } from '../../../cli/schema/lua';
import { runInside } from '../run-cli';

const ROOT = join(__dirname, '..', '..', '..', '..');

for (const { name } of PLUGINS)
  test(`${name}: the dump is the file that is shipped`, async () => {
    const run = await runInside(['schema', '--plugin', name]);
    assert.deepEqual([run.code, run.stderr], [0, '']);
    assert.equal(run.stdout, readFileSync(join(ROOT, 'kong', `${name}.json`), 'utf8'));
    assert.equal((await runInside(['schema', '--plugin', name, '--json'])).stdout, run.stdout);
  });

test('a plugin that is none, and none at all', async () => {
  const unknown = await runInside(['schema', '--plugin', 'kafka-log']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /Allowed choices are custom_kafka_producer, /);
  assert.match((await runInside(['schema'])).stderr, /^--plugin says whose schema, and is missing\./);
  assert.match(
    (await runInside(['schema', '--plugin', 'custom_kafka_log', '--lua', '--json'])).stderr,
    /^--lua does not go with --json\./,
  );
});

test('texts and names that mean something in Lua', () => {
  const written = luaSchema({ 'a-b': 'x"y\\z\n', end: [1, true], plain: {}, eq: null }, 'p');
  assert.ok(
    written.endsWith(
      'return { ["a-b"] = "x\\"y\\\\z\\010", ["end"] = { 1, true }, plain = {}, eq = null }\n',
    ),
    written,
  );
  assert.throws(() => luaSchema({ a: undefined }, 'p'), /cannot hold undefined/);
});
