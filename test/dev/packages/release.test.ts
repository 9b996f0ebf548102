import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { releaseChecks, releaseSteps, type ReleaseFacts } from '../../../dev/packages/release';

const ROOT = join(__dirname, '..', '..', '..', '..');

const READY: ReleaseFacts = {
  version: '0.1.10',
  lockVersion: '0.1.10',
  changelog:
    '# Changelog\n\n## Unreleased\n\n## 0.1.10 - 2026-12-01\n\n### Added\n\n- This.\n\n## 0.1.9 - 2026-11-01\n',
  outdated: [],
  changes: [],
  tags: ['v0.1.9', 'v0.0.20', 'nightly'],
  recordedVersion: '0.1.0',
  notPermissive: [],
};

const problems = (facts: Partial<ReleaseFacts>): string[] =>
  releaseChecks({ ...READY, ...facts }).flatMap(({ problem }) => problem ?? []);

describe('a version can be released', () => {
  it('when all is as it should be', () => assert.deepEqual(problems({}), []));

  for (const [what, facts, sentence] of [
    ['no x.y.z', { version: '0.1.10-rc.1', lockVersion: '0.1.10-rc.1' }, /is not x\.y\.z/],
    ['a tag of the same version', { tags: ['v0.1.10'] }, /there is a tag v0\.1\.10 already/],
    ['a tag of a later version', { tags: ['v0.2.0'] }, /there is a tag v0\.2\.0 already/],
    ['another version in the lock file', { lockVersion: '0.1.9' }, /package-lock\.json says 0\.1\.9/],
    [
      'something left under Unreleased',
      { changelog: '## Unreleased\n\n- That.\n\n## 0.1.10 - 2026-12-01\n' },
      /move what is under Unreleased/,
    ],
    [
      'another newest heading',
      { changelog: '## Unreleased\n\n## 0.1.9 - 2026-11-01\n' },
      /should be `## 0\.1\.10/,
    ],
    ['no date', { changelog: '## Unreleased\n\n## 0.1.10\n' }, /should be `## 0\.1\.10 - <date>`/],
    ['no changelog', { changelog: '' }, /no heading/],
    ['something outdated', { outdated: ['kong/a.json'] }, /make generate`: kong\/a\.json$/],
    [
      'something uncommitted',
      { changes: [' M a', ' M b', ' M c', ' M d', ' M e', ' M f', ' M g'] },
      /and 2 more$/,
    ],
    [
      'a new second number, and the old record of options',
      { recordedVersion: '0.0.3' },
      /record-options\.js/,
    ],
    ['a licence that is none of ours', { notPermissive: ['x (GPL-3.0-only)'] }, /x \(GPL-3\.0-only\)/],
  ] as const) {
    it(`but not with ${what}`, () => {
      const found = problems(facts);
      assert.ok(
        found.some((problem) => sentence.test(problem)),
        found.join('\n'),
      );
    });
  }
});

describe('make release', () => {
  it('does by itself nothing that others could see', () => {
    const { own, byHand } = releaseSteps('kong-kafka-request-reply', '0.1.10');
    for (const step of own) assert.doesNotMatch(step, /push|publish|docker/);
    assert.ok(byHand.includes('npm publish .release/kong-kafka-request-reply-0.1.10.tgz'));
  });

  it('writes nothing as long as nobody says --execute', (t) => {
    if (!existsSync(join(ROOT, '.git'))) return t.skip('no repository');
    const state = () =>
      execFileSync('sh', ['-c', 'git status --porcelain; git tag; ls -d .release 2>/dev/null || :'], {
        cwd: ROOT,
        encoding: 'utf8',
      });
    const before = state();
    const cli = join(ROOT, 'dist', 'dev', 'packages', 'release-cli.js');
    const { stdout, status } = spawnSync(process.execPath, [cli], { encoding: 'utf8' });
    assert.match(stdout, /^ {2}(ok|NO ) /m);
    assert.match(stdout, /^Would be done/m);
    assert.equal(status, / {2}NO {2}/.test(stdout) ? 1 : 0);
    assert.equal(state(), before);
  });
});
