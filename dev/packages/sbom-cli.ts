/**
 * Writes the bill of materials and the list of licences into .release.
 *
 *   node dist/dev/packages/sbom-cli.js [--out <folder>]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installedPackages, isPermissive, licenceList } from './licences';
import { sbom } from './sbom';

const ROOT = join(__dirname, '..', '..', '..');

/** @returns the paths of what was written */
export function writeMaterials(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const files: [string, string][] = [
    ['sbom.cdx.json', `${JSON.stringify(sbom(ROOT), null, 2)}\n`],
    ['licences.txt', licenceList(ROOT)],
  ];
  return files.map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}

function main(): void {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(ROOT, '.release') } } });
  for (const path of writeMaterials(values.out)) process.stdout.write(`wrote ${path}\n`);
  const others = installedPackages(ROOT).filter(({ licence }) => !isPermissive(licence));
  for (const { name, licence } of others) process.stderr.write(`not permissive: ${name}, ${licence}\n`);
  if (others.length > 0) process.exitCode = 1;
}

if (require.main === module) main();
