/** What has to be true before a version may be called released, and what is done then. Knows no command and no file. */

export interface ReleaseFacts {
  /** Of package.json. */
  readonly version: string;
  /** Of package-lock.json. */
  readonly lockVersion: string;
  readonly changelog: string;
  /** Files that are generated and not as their source says; the version stands in some. */
  readonly outdated: readonly string[];
  /** Lines of `git status --porcelain`. */
  readonly changes: readonly string[];
  readonly tags: readonly string[];
  /** What bridge/config/released-options.ts was written for. */
  readonly recordedVersion: string;
  /** Packages that come along and may not. */
  readonly notPermissive: readonly string[];
}

export interface Check {
  readonly name: string;
  /** undefined: it holds. */
  readonly problem: string | undefined;
}

export function releaseChecks(facts: ReleaseFacts): Check[] {
  return [
    { name: 'the version is new', problem: versionProblem(facts) },
    { name: 'the lock file has it too', problem: lockProblem(facts) },
    { name: 'the changelog has it, with a date, and nothing else', problem: changelogProblem(facts) },
    { name: 'what is generated is up to date', problem: listProblem('run `make generate`', facts.outdated) },
    { name: 'everything is committed', problem: listProblem('commit or remove', facts.changes) },
    { name: 'gateways of the last release can read the schema', problem: recordProblem(facts) },
    { name: 'all licences are permissive', problem: listProblem('not permissive', facts.notPermissive) },
  ];
}

/** In words and commands, in order. What reaches others is left to a person. */
export function releaseSteps(name: string, version: string): { own: string[]; byHand: string[] } {
  const tarball = `.release/${name}-${version}.tgz`;
  return {
    own: [
      `npm pack --ignore-scripts --pack-destination .release`,
      `write .release/sbom.cdx.json and .release/licences.txt`,
      `git tag --annotate v${version} --message 'Version ${version}'`,
    ],
    byHand: [
      `git push origin v${version}`,
      `npm publish ${tarball}`,
      `docker build -f Dockerfile.kong -t kong-kafka-request-reply:${version} .`,
      `docker build -f Dockerfile.pluginserver -t kong-kafka-pluginserver:${version} .`,
      `docker push, for both images`,
    ],
  };
}

function versionProblem({ version, tags }: ReleaseFacts): string | undefined {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return `${version} is not x.y.z, and Kong loads nothing else`;
  const notBefore = tags.filter((tag) => /^v\d+\.\d+\.\d+$/.test(tag) && !isBefore(tag.slice(1), version));
  return notBefore.length > 0 ? `there is a tag ${notBefore.join(', ')} already` : undefined;
}

function isBefore(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const first = a.findIndex((number, index) => number !== b[index]);
  return first >= 0 && a[first]! < b[first]!;
}

function lockProblem({ version, lockVersion }: ReleaseFacts): string | undefined {
  return lockVersion === version ? undefined : `package-lock.json says ${lockVersion}`;
}

function changelogProblem({ version, changelog }: ReleaseFacts): string | undefined {
  const [, unreleased = '', heading = ''] = /^## Unreleased$([^]*?)^## (.*)$/m.exec(changelog) ?? [];
  if (heading === '') return 'no heading `## Unreleased` with a version below it';
  if (/^- /m.test(unreleased)) return `move what is under Unreleased to \`## ${version} - <date>\``;
  return new RegExp(`^${version.replaceAll('.', '\\.')} - \\d{4}-\\d{2}-\\d{2}$`).test(heading)
    ? undefined
    : `the newest heading is \`## ${heading}\`, it should be \`## ${version} - <date>\``;
}

function recordProblem({ version, recordedVersion }: ReleaseFacts): string | undefined {
  const line = (text: string): string => text.split('.').slice(0, 2).join('.');
  return line(version) === line(recordedVersion)
    ? undefined
    : `bridge/config/released-options.ts is of ${recordedVersion}; run dist/dev/packages/record-options.js, and say in the changelog that control planes are upgraded first`;
}

function listProblem(what: string, list: readonly string[]): string | undefined {
  if (list.length === 0) return undefined;
  const shown = list.slice(0, 5).join(', ');
  return `${what}: ${shown}${list.length > 5 ? ` and ${list.length - 5} more` : ''}`;
}
