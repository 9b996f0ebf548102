/** Commands that no test can run, and those in the middle of a sentence: at least what they name is there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandsOf } from './support/commands';
import { allPages, filesBelow, ROOMS, ROOT, type Page } from './support/pages';

const MAKEFILE = readFileSync(join(ROOT, 'Makefile'), 'utf8');
const TARGETS = new Set([...MAKEFILE.matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
const { scripts, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
};

/** Programs that take ARGS of make. */
const TOOLS = [...MAKEFILE.matchAll(/node (dist\/\S+\.js) \$\(ARGS\)/g)].map(([, path = '']) => path);
/** Of Kong, Node.js, npm, Docker, Kafka. */
const FOREIGN_FLAGS = [
  'cap-drop',
  'disable-sigusr1',
  'dump-all-plugins',
  'enable-feature',
  'engine-strict',
  'entrypoint',
  'env-file',
  'execute',
  'expose-gc',
  'include',
  'max-semi-space-size',
  'no-git-tag-version',
  'omit',
  'property',
  'read-only',
  'rm',
  'security-opt',
  'stop-timeout',
  'test',
  'timeout',
  'trace-gc',
  'volumes',
  'wait',
];

/** Whatever the sources say, and the help of what builds its flags from a table. */
const FLAGS = new Set([
  ...filesBelow(ROOMS.filter((room) => room !== 'test'))
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => flagsIn(readFileSync(join(ROOT, path), 'utf8'))),
  ...TOOLS.flatMap((path) =>
    flagsIn(spawnSync(process.execPath, [path, '--help'], { cwd: ROOT, encoding: 'utf8' }).stdout),
  ),
]);

function flagsIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)/g)].map(([, name = '']) => name);
}

/** Words of one line that are in code: of commands, or between backticks. */
function codeOf(page: Page): string[] {
  return [
    ...commandsOf(page).flatMap(({ block }) => block.text.replaceAll('\\\n', ' ').split('\n')),
    ...[...page.prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll('\n', ' ')),
  ];
}

const pages = allPages();
/** Of this version only: what was once is not there any more. */
const current = pages.filter(({ path }) => path !== 'CHANGELOG.md');

describe('a block of commands', () => {
  for (const page of pages) {
    for (const { block } of commandsOf(page)) {
      it(`${page.path}:${block.line} is one for the shell`, () => {
        const { status, stderr } = spawnSync('sh', ['-n', '-c', block.text], { encoding: 'utf8' });
        assert.deepEqual([status, stderr], [0, '']);
      });
    }
  }

  it('is not hidden behind another language', () => {
    for (const { path, blocks } of pages) {
      for (const { language, line } of blocks)
        assert.ok(!['bash', 'shell', 'console', 'zsh'].includes(language), `${path}:${line}`);
    }
  });
});

describe('what is named in code is there', () => {
  for (const page of current) {
    it(page.path, () => {
      for (const code of codeOf(page)) {
        for (const [, target = ''] of code.matchAll(/(?:^|(?:&&|;|=\S+) )make ([a-z][a-z -]*)/g))
          for (const name of target.trim().split(/ +/)) assert.ok(TARGETS.has(name), `make ${name}`);
        for (const [, name = ''] of code.matchAll(/\bnpm run (?:--silent )?([a-z0-9:-]+)/g))
          assert.ok(name in scripts, `npm run ${name}`);
        for (const [, name = ''] of code.matchAll(/\bnpx (kong-[a-z-]+)/g))
          assert.ok(name in bin, `npx ${name}`);
        for (const [file] of code.matchAll(
          /(?<![\w/.-])(?:kong|examples|dist|dev|docs|bench|bridge|test)\/[\w@/.-]+\.\w+/g,
        ))
          assert.ok(existsSync(join(ROOT, file)), file);
        for (const flag of flagsIn(code)) {
          const foreign = FOREIGN_FLAGS.includes(flag) || !isOurs(code);
          assert.ok(foreign || FLAGS.has(flag), `--${flag}`);
        }
      }
    });
  }

  it('and flags of ours were looked for', () => {
    assert.ok(FLAGS.has('socket-dir') && FLAGS.has('in-flight') && FLAGS.has('stops'));
    assert.ok(!FLAGS.has('no-such-flag'));
  });
});

/** A flag by itself is meant to be ours; in a command it belongs to the program in front. */
function isOurs(code: string): boolean {
  const ours = /main\.js|cli\.js|ARGS=|kong-kafka(?:-replay|-pluginserver)?(?![\w-])|kong-yml/;
  return code.startsWith('-') || ours.test(code);
}
