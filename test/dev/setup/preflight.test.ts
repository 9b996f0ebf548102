/** What a machine without the right Node.js is told, before anything fails in the middle. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../../pluginserver/support/serving';

const PREFLIGHT = join(__dirname, '..', '..', '..', '..', 'dev', 'setup', 'preflight.sh');

/** @returns what preflight says where `node` has this version */
function saidTo(t: TestContext, version: string): string {
  const folder = temporaryFolder(t);
  const node = join(folder, 'node');
  const pretend = `Object.defineProperty(process,'versions',{value:{node:'${version}'}});`;
  writeFileSync(
    node,
    `#!/bin/sh\n[ "$1" = --version ] && { echo v${version}; exit; }\nexec ${process.execPath} -e "${pretend}$2"\n`,
  );
  chmodSync(node, 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return spawnSync(PREFLIGHT, [], { encoding: 'utf8', env }).stderr;
}

// 22.0 to 22.11 and 21 were let through, and failed later: they cannot require an ES module.
for (const version of ['18.20.0', '20.18.3', '21.7.3', '22.11.0'])
  test(`Node.js ${version} is too old`, (t) => {
    assert.match(
      saidTo(t, version),
      new RegExp(`Missing: Node\\.js 20\\.19, 22\\.12 or 24 \\(found v${version}\\)\\.`),
    );
  });

for (const version of ['20.19.0', '22.12.0', '24.1.0'])
  test(`Node.js ${version} will do`, (t) => {
    assert.doesNotMatch(saidTo(t, version), /Node\.js/);
  });
