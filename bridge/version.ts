/** The version of the package: the plugins carry it into Kong, the plugin server prints it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// From dist/bridge, where this runs, to the root of the package.
const manifest = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8')) as {
  version: string;
};

export const version: string = manifest.version;
