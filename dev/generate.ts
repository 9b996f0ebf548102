/**
 * Writes what is derived: from the option tables the dumps Kong reads (`kong/*.json`) and the reference pages
 * (`docs/reference/*.md`), from dev/examples the page of examples, from the metrics their page and the dashboard. `--check` writes nothing and fails when a file
 * differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kongDump } from '../bridge/config/kong-schema';
import { referencePage } from '../bridge/config/reference';
import { dumpName } from '../common/plugins';
import { EXAMPLES } from './examples/examples';
import { examplesPage } from './examples/render';
import { dashboard } from './monitoring/dashboard';
import { USAGE } from '../pluginserver/options';
import { commandLinePage } from './command-line-page';
import { findingsPage, kongKafkaPage } from './kong-kafka-pages';
import { metricsReference } from './monitoring/reference';
import { DEFINITIONS } from './plugin-definitions';

/** Path below the root of the repository -> content. */
export function generatedFiles(): Map<string, string> {
  return new Map([
    ...DEFINITIONS.flatMap((definition) => [
      [
        `kong/${dumpName(definition.identity)}`,
        `${JSON.stringify(kongDump(definition), null, 2)}\n`,
      ] as const,
      [`docs/reference/${definition.identity.name}.md`, referencePage(definition)] as const,
    ]),
    ['docs/examples.md', examplesPage(EXAMPLES)],
    ['docs/reference/metrics.md', metricsReference()],
    ['docs/reference/plugin-server.md', commandLinePage(USAGE)],
    ['docs/reference/kong-kafka.md', kongKafkaPage()],
    ['docs/reference/findings.md', findingsPage()],
    ['examples/grafana/kong-kafka-request-reply.json', `${JSON.stringify(dashboard(), null, 2)}\n`],
  ]);
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
