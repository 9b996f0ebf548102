/**
 * Writes down which options there are: with the release of a new first or second number of the version, and never else.
 * bridge/config/released-options.ts says what for.
 *
 *   node dist/dev/packages/record-options.js
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OptionTable } from '../../bridge/config/fields';
import { version } from '../../bridge/version';
import { DEFINITIONS } from '../plugin-definitions';

const FILE = join(__dirname, '..', '..', '..', 'bridge', 'config', 'released-options.ts');
const WIDTH = 110;

/** Every option of a table, records and what is in them among them: `security`, `security.ssl`. */
export function optionNames(table: OptionTable, prefix = ''): string[] {
  return table.flatMap((field) => {
    const name = prefix + field.name;
    if (field.type === 'record') return [name, ...optionNames(field.fields, `${name}.`)];
    if (field.type === 'array' && field.elements.type === 'record')
      return [name, ...optionNames(field.elements.fields, `${name}.`)];
    return [name];
  });
}

function inLines(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + name.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${name}`;
    else lines.push(`    ${name}`);
  }
  return lines.join('\n');
}

export function recordText(): string {
  const plugins = DEFINITIONS.map(
    ({ identity, options }) => `  ${identity.name}: \`\n${inLines(optionNames(options).sort())}\n  \`,\n`,
  );
  return `/**
 * The options that gateways in the field know, written by dev/packages/record-options.ts. Control plane and data planes of
 * Kong are upgraded one after the other, and Kong writes what has a default into every configuration: an option that is
 * not in this list would be refused, as unknown, by the data planes that are still to be upgraded. So the schema that Kong
 * gets has no default for it; the plugin server fills it in (parse.ts).
 */

/** A control plane takes data planes of the same first number, and of no greater second one. */
export const RELEASED_VERSION = '${version}';

const RELEASED: Readonly<Record<string, string>> = {
${plugins.join('')}};

/** @returns undefined for a plugin that is in no release: no data plane could refuse its options */
export function releasedOptions(plugin: string): ReadonlySet<string> | undefined {
  const names = RELEASED[plugin];
  return names === undefined ? undefined : new Set(names.trim().split(/\\s+/));
}
`;
}

if (require.main === module) writeFileSync(FILE, recordText());
