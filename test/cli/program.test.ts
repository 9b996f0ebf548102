import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { EXIT, EXIT_MEANINGS } from '../../cli/exit-codes';
import { programOf } from '../../cli/program';
import { version } from '../../bridge/version';
import { runInside } from './run-cli';

const sink = { write: () => undefined };
const program = programOf({
  stdout: sink,
  stderr: sink,
  stdin: Readable.from([]),
  env: {},
  interrupted: new AbortController().signal,
});

test('the help names every command, and what each exit code means', async () => {
  const { code, stdout } = await runInside(['--help']);
  assert.equal(code, EXIT.fine);
  for (const { name, description } of program.commands.map((each) => ({
    name: each.name(),
    description: each.description(),
  }))) {
    assert.match(stdout, new RegExp(`^  ${name}\\b`, 'm'));
    assert.match(description, /^[A-Z].*\.$/, `${name} is described by a sentence`);
  }
  for (const [name, meaning] of Object.entries(EXIT_MEANINGS))
    assert.ok(stdout.includes(`${EXIT[name as keyof typeof EXIT]}  ${meaning}`), name);
});

for (const command of program.commands) {
  test(`help ${command.name()}: every flag, and the same as --help and -h`, async () => {
    const help = await runInside(['help', command.name()]);
    assert.deepEqual([help.code, help.stderr], [EXIT.fine, '']);
    for (const flag of ['--help', '-h'])
      assert.equal((await runInside([command.name(), flag])).stdout, help.stdout);
    for (const option of command.options) {
      assert.ok(help.stdout.includes(option.flags), option.flags);
      assert.ok(option.description.length > 0, option.flags);
      assert.ok(option.long !== undefined, option.flags);
    }
    assert.ok(help.stdout.includes('--json'));
  });

  test(`${command.name()}: a flag that it does not have`, async () => {
    const run = await runInside([command.name(), '--nosuchflag']);
    assert.equal(run.code, EXIT.usage);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, new RegExp(`^[A-Z].*--nosuchflag.*\\. See: kong-kafka help ${command.name()}\n$`)); // prettier-ignore
  });
}

test('no command, an unknown one, one that is nearly right', async () => {
  const none = await runInside([]);
  assert.deepEqual([none.code, none.stdout], [EXIT.usage, '']);
  assert.match(none.stderr, /^Usage: kong-kafka/);
  assert.deepEqual(await runInside(['nonsense']), {
    code: EXIT.usage,
    stdout: '',
    stderr: "Unknown command 'nonsense'. See: kong-kafka help\n",
  });
  const near = await runInside(['completoin']);
  assert.equal(near.stderr, "Unknown command 'completoin'. Did you mean completion? See: kong-kafka help\n");
});

test('the version is that of the package', async () => {
  assert.deepEqual(await runInside(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});
