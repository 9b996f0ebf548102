/** What an example starts the plugin server with, in whatever file it stands. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGINS } from '../../common/plugins';
import { parseOptions, type ServeOptions } from '../../pluginserver/options';
import { settingOf } from './kong-settings';

const ROOT = join(__dirname, '..', '..', '..');

/** KEY=value lines; a backslash at the end of one continues it. */
export function assignments(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, key, value] = /^([A-Za-z_]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.set(key, value);
  }
  return found;
}

/** Kong's settings of the external mode. */
export const externalSettings = (): Map<string, string> =>
  assignments(readFileSync(join(ROOT, 'kong', 'kong-external.env'), 'utf8'));

/** What the program makes of a command line; the sockets must be those that Kong connects to. */
export function served(command: readonly string[]): ServeOptions {
  const main = command.findIndex((word) => word.endsWith('/dist/pluginserver/main.js'));
  assert.ok(main >= 0, command.join(' '));
  const options = parseOptions(command.slice(main + 1));
  assert.equal(options.command, 'serve');
  const kong = externalSettings();
  assert.deepEqual(
    options.plugins.map(({ socketPath }) => socketPath),
    PLUGINS.map((plugin) => kong.get(settingOf(plugin, 'SOCKET'))),
  );
  return options;
}

/** What stands between node and the program. */
export function nodeFlags(command: readonly string[]): readonly string[] {
  const node = command.findIndex((word) => /(^|\/)node$/.test(word));
  const main = command.findIndex((word) => word.endsWith('dist/pluginserver/main.js'));
  assert.ok(node >= 0 && main > node, command.join(' '));
  return command.slice(node + 1, main);
}
