/** The examples in the help of the commands are command lines that the program takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInside } from './run-cli';

for (const name of ['request', 'respond', 'tail', 'migrate', 'asyncapi'])
  test(`${name}: two examples, with flags that it has`, async () => {
    const { stdout } = await runInside(['help', name]);
    const [, after = ''] = stdout.split('\nExamples:\n');
    const lines = after.split('\n\n')[0]!.split('\n');
    assert.ok(lines.length >= 2, after);
    for (const line of lines) {
      assert.match(line, new RegExp(`kong-kafka ${name} `));
      // What is behind -- belongs to another command.
      const [, mine = ''] = line.split(` -- `)[0]!.split(`kong-kafka ${name}`);
      for (const flag of mine.match(/(?<= )--?[a-zA-Z][a-z-]*/g) ?? [])
        assert.match(stdout, new RegExp(`^ +(-., )?${flag}[, ]`, 'm'), flag);
    }
  });
