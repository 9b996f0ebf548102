/** What the pages say of the command is so. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { FINDINGS } from '../../cli/doctor/finding';
import { programOf } from '../../cli/program';

const DOCS = join(__dirname, '..', '..', '..', 'docs');
const sink = { write: () => undefined };
const { commands } = programOf({
  stdout: sink,
  stderr: sink,
  stdin: Readable.from([]),
  env: {},
  interrupted: new AbortController().signal,
});

test('every kong-kafka command in docs/ has flags that exist', () => {
  const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'));
  const lines = pages.flatMap((page) =>
    [...readFileSync(join(DOCS, page), 'utf8').matchAll(/kong-kafka ([a-z-]+)((?: [^\n`|>]+)?)/g)].map(
      ([, name = '', rest = '']) => ({ page, name, rest }),
    ),
  );
  const known = lines.filter(({ name }) => commands.some((command) => command.name() === name));
  assert.ok(known.length >= 7, String(known.length));
  for (const { page, name, rest } of known) {
    const command = commands.find((candidate) => candidate.name() === name)!;
    for (const [flag] of rest.matchAll(/(?<=\s)--[a-z-]+/g))
      assert.ok(
        command.options.some(({ long }) => long === flag),
        `${page}: kong-kafka ${name} ${flag}`,
      );
  }
});

test('docs/doctor.md says what each outcome of the probe means', () => {
  const page = readFileSync(join(DOCS, 'doctor.md'), 'utf8');
  const told = [...page.matchAll(/^\| `(probe_\w+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(
    told.sort(),
    Object.keys(FINDINGS)
      .filter((code) => code.startsWith('probe_'))
      .sort(),
  );
});
