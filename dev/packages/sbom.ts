/** The bill of materials: npm's, made true where npm does not know better. */
import { spawnSync } from 'node:child_process';
import { librdkafka } from './licences';

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly properties?: readonly { readonly name: string }[];
  readonly [member: string]: unknown;
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

export interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: Component; readonly [member: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
  readonly [member: string]: unknown;
}

/**
 * CycloneDX, of what an installation without development packages has. Scanners compare it with lists of
 * vulnerabilities, so it has the C library in the Kafka client as well, which npm does not see.
 *
 * @throws Error when npm cannot make one, for example because package-lock.json is not that of package.json
 */
export function sbom(root: string): Sbom {
  // Not `--omit dev`: with that, npm also leaves out what we have in common with development packages.
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr.trim()}`);
  return corrected(JSON.parse(stdout) as Sbom, librdkafka(root).version);
}

export function corrected(made: Sbom, librdkafkaVersion: string): Sbom {
  const { component } = made.metadata;
  const components = made.components.filter(isInstalledAlong).map(withPlainVersion);
  const known = new Set([component, ...components].map((one) => one['bom-ref']));
  const client = components.find(({ name }) => name === 'node-rdkafka');
  const library: Component = {
    'bom-ref': `librdkafka@${librdkafkaVersion}`,
    type: 'library',
    name: 'librdkafka',
    version: librdkafkaVersion,
    scope: 'required',
    description: 'The Kafka client in C, compiled from the sources that node-rdkafka contains',
    purl: `pkg:github/confluentinc/librdkafka@v${librdkafkaVersion}`,
    licenses: [{ license: { id: 'BSD-2-Clause' } }],
  };
  return {
    ...made,
    // npm takes the name of the folder.
    metadata: {
      ...made.metadata,
      component: { ...component, name: component['bom-ref'].replace(/@[^@]*$/, '') },
    },
    components: [...components, library],
    dependencies: [
      ...made.dependencies
        .filter(({ ref }) => known.has(ref))
        .map(({ ref, dependsOn = [] }) => ({
          ref,
          dependsOn: [
            ...dependsOn.filter((one) => known.has(one)),
            ...(ref === client?.['bom-ref'] ? [library['bom-ref']] : []),
          ],
        })),
      { ref: library['bom-ref'], dependsOn: [] },
    ],
  };
}

const isInstalledAlong = ({ properties = [] }: Component): boolean =>
  properties.every(({ name }) => name !== 'cdx:npm:package:development');

/** node-rdkafka calls its version `v3.6.1`, under which no list of vulnerabilities has it. */
function withPlainVersion(component: Component): Component {
  return {
    ...component,
    version: component.version.replace(/^v(?=\d)/, ''),
    purl: component.purl.replace(/@v(?=\d)/, '@'),
  };
}
