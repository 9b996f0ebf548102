import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { completionScript, SHELLS } from '../../cli/completion/scripts';
import type { CommandWords } from '../../cli/completion/words';
import { runInside } from './run-cli';

function inFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'script'), text);
  return join(folder, 'script');
}

/** Descriptions with what means something to one of the shells. */
const AWKWARD: readonly CommandWords[] = [
  {
    name: 'look',
    description: 'Looks at [it]: Kong\'s $HOME `now` \\ "so".',
    choices: ['one', 'two'],
    flags: [
      { flag: '--plain', description: "it's [odd]: $(no)" },
      { flag: '--file', description: 'a file', value: 'file' },
      { flag: '--level', description: 'how much', value: ['low', 'high'] },
      { flag: '--name', description: 'any', value: 'any' },
    ],
  },
  { name: 'list', description: 'Lists.', choices: [], flags: [] },
];

for (const shell of SHELLS) {
  test(`the ${shell} script has every command and flag`, async () => {
    const { stdout, code } = await runInside(['completion', shell]);
    assert.equal(code, 0);
    const words = JSON.parse((await runInside(['completion', shell, '--json'])).stdout) as CommandWords[];
    assert.ok(words.length > 1);
    for (const { name, flags } of words) {
      assert.ok(stdout.includes(name), name);
      for (const { flag } of flags)
        assert.ok(stdout.includes(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag), `${name} ${flag}`);
    }
  });
}

// zsh and fish read theirs in test/integration/cli/completion-shells.test.ts, where they are fetched.
test('bash can read its script', async (t) => {
  for (const text of [completionScript('bash', AWKWARD), (await runInside(['completion', 'bash'])).stdout])
    execFileSync('bash', ['-n', inFile(t, text)], { stdio: 'pipe' });
});

test('a shell that is none', async () => {
  const run = await runInside(['completion', 'cmd']);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /Allowed choices are bash, zsh, fish\. See: kong-kafka help completion\n$/);
});

/** What bash offers for the last word. */
function offered(t: TestContext, ...words: string[]): string[] {
  const script = inFile(t, completionScript('bash', AWKWARD));
  const line = words.map((word) => `'${word}'`).join(' ');
  const code = `source ${script}; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _kong_kafka; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', code], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

test('bash completes commands, flags, values and arguments', (t) => {
  assert.deepEqual(offered(t, 'kong-kafka', 'l'), ['look', 'list']);
  assert.deepEqual(offered(t, 'kong-kafka', 'look', '--p'), ['--plain']);
  assert.deepEqual(offered(t, 'kong-kafka', 'look', 't'), ['two']);
  assert.deepEqual(offered(t, 'kong-kafka', 'look', '--level', ''), ['low', 'high']);
  assert.deepEqual(offered(t, 'kong-kafka', 'look', '--name', ''), []);
  const file = inFile(t, '');
  assert.deepEqual(offered(t, 'kong-kafka', 'look', '--file', file.slice(0, -3)), [file]);
  assert.deepEqual(offered(t, 'kong-kafka', 'list', '--'), []);
});
