import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** From the package this file belongs to, compiled or not. */
export function version(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
    } catch {
      // Not the package's root yet.
    }
  }
  return 'unknown';
}
