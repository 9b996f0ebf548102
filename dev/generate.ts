/**
 * Writes what is derived: from the option tables the dumps Kong reads (`kong/*.json`) and the reference pages
 * (`docs/reference/*.md`), from dev/examples the page of examples, from the metrics their page and the dashboard, the picture of Kong Manager's form. `--check` writes nothing and fails when a file
 * differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kongDump, type PluginDefinition } from '../bridge/config/kong-schema';
import { referencePage } from '../bridge/config/reference';
import { dumpName } from '../common/plugins';
import { EXAMPLES } from './examples/examples';
import { examplesPage } from './examples/render';
import { kongManagerPicture } from './kong-manager/picture';
import { dashboard } from './monitoring/dashboard';
import { USAGE } from '../pluginserver/options';
import { USAGE as REPLAY_USAGE } from '../replay/options';
import { commandLinePage, PLUGIN_SERVER_MORE, REPLAY_MORE } from './command-line-page';
import { findingsPage, kongKafkaPage } from './kong-kafka-pages';
import { metricsReference } from './monitoring/reference';
import { DEFINITIONS } from './plugin-definitions';

/** Path below the root of the repository -> content. */
export function generatedFiles(): Map<string, string> {
  return new Map([
    ...DEFINITIONS.flatMap((definition) => [
      ...dumps(definition),
      [`docs/reference/${definition.identity.name}.md`, referencePage(definition)] as const,
    ]),
    ['docs/examples.md', examplesPage(EXAMPLES)],
    ['docs/images/kong-manager.svg', kongManagerPicture()],
    ['docs/reference/metrics.md', metricsReference()],
    [
      'docs/reference/plugin-server.md',
      commandLinePage('kong-kafka-pluginserver', USAGE, PLUGIN_SERVER_MORE),
    ],
    ['docs/reference/replay.md', commandLinePage('kong-kafka-replay', REPLAY_USAGE, REPLAY_MORE)],
    ['docs/reference/kong-kafka.md', kongKafkaPage()],
    ['docs/reference/findings.md', findingsPage()],
    ['examples/grafana/kong-kafka-request-reply.json', `${JSON.stringify(dashboard(), null, 2)}\n`],
  ]);
}

function dumps({ identity, ...definition }: PluginDefinition): (readonly [string, string])[] {
  const dump = (suffix: string | undefined, phases: readonly string[]) =>
    [
      `kong/${dumpName(identity, suffix)}`,
      `${JSON.stringify(kongDump({ identity: { ...identity, phases }, ...definition }), null, 2)}\n`,
    ] as const;
  const { phases, otherPhases } = identity;
  return [dump(undefined, phases), ...(otherPhases ? [dump(otherPhases.suffix, otherPhases.phases)] : [])];
}

/** The files on disk that are not what the tables say. */
export function outdatedFiles(root: string): string[] {
  return [...generatedFiles()]
    .filter(([path, content]) => {
      try {
        return readFileSync(join(root, path), 'utf8') !== content;
      } catch {
        return true; // not there
      }
    })
    .map(([path]) => path);
}

function main(): void {
  const root = join(__dirname, '..', '..');
  const outdated = outdatedFiles(root);
  if (process.argv.includes('--check')) {
    if (outdated.length === 0) return;
    process.stderr.write(`Outdated: ${outdated.join(', ')}. Run: npm run generate\n`);
    process.exitCode = 1;
    return;
  }
  const files = generatedFiles();
  for (const path of outdated) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), files.get(path)!);
    process.stdout.write(`wrote ${path}\n`);
  }
}

if (require.main === module) main();
