import { Command, Option } from 'commander';
import { PLUGINS, type PluginName } from '../../common/plugins';
import { withAction } from '../action';
import { EXIT, usageError } from '../exit-codes';
import { kongVersion } from '../kong-config/kong-version';
import { repeated } from '../repeated';
import type { Surroundings } from '../surroundings';
import {
  FORMATS,
  MODES,
  settingsBlock,
  USUAL_SOCKET_FOLDER,
  written,
  type Format,
  type Mode,
} from './settings-block';

const EXAMPLES = `
external: the plugin server is a service of its own, which is recommended; managed: Kong starts it.
The files kong/kong-external.env and kong/kong-managed.env have the same settings, with all there is to say of each.

Examples:
  kong-kafka kong-conf --kong-version 3.9.1 --plugin custom_kafka_request_reply >> /etc/kong/kong.conf
  kong-kafka kong-conf --kong-version 3.4 --mode managed --format env
`;

interface KongConfFlags {
  readonly kongVersion: string;
  readonly mode: Mode;
  readonly plugin?: readonly string[];
  readonly folder: string;
  readonly socketDir: string;
  readonly node: string;
  readonly otherPlugin?: readonly string[];
  readonly otherEntry?: readonly string[];
  readonly bodyBuffer?: string;
  readonly format: Format;
}

export function kongConfCommand(surroundings: Surroundings): Command {
  const command = new Command('kong-conf')
    .description('Prints the settings that Kong needs for these plugins.')
    .option('--kong-version <version>', 'of the Kong they are for', '3.9')
    .addOption(new Option('--mode <mode>', 'who starts the plugin server').choices(MODES).default('external'))
    .option('--plugin <name>', 'one that Kong is to know; repeatable; default: all', repeated)
    .option(
      '--folder <folder>',
      'where this package is, on the machine of Kong',
      '/opt/kong-kafka-request-reply',
    )
    .option(
      '--socket-dir <folder>',
      'for the sockets between Kong and the plugin server',
      USUAL_SOCKET_FOLDER,
    )
    .option('--node <path>', 'Node.js on the machine of Kong', '/usr/local/bin/node')
    .option('--other-plugin <name>', 'of yours that stays enabled; repeatable', repeated)
    .option('--other-entry <name>', 'plugin server of yours that stays; repeatable', repeated)
    .option('--body-buffer <size>', 'memory for the body of a request, such as 1m; larger ones become files')
    .addOption(
      new Option('--format <format>', 'kong.conf, or KONG_ variables').choices(FORMATS).default('conf'),
    )
    .addHelpText('after', EXAMPLES);
  return withAction<KongConfFlags>(command, surroundings, (output, flags) => {
    const block = settingsBlock(optionsOf(flags));
    if (output.isJson)
      output.document({
        settings: Object.fromEntries(block.settings.map(({ name, value }) => [name, value])),
        remarks: block.remarks,
      });
    else output.raw(written(block, flags.format));
    return EXIT.fine;
  });
}

function optionsOf(flags: KongConfFlags): Parameters<typeof settingsBlock>[0] {
  const version = kongVersion(flags.kongVersion);
  if (!version) throw usageError(`--kong-version needs a version such as 3.9.1, got "${flags.kongVersion}".`);
  const names: readonly string[] = flags.plugin ?? PLUGINS.map(({ name }) => name);
  const unknown = names.find((name) => !PLUGINS.some((listed) => listed.name === name));
  if (unknown !== undefined)
    throw usageError(`--plugin is one of ${PLUGINS.map(({ name }) => name).join(', ')}, not "${unknown}".`);
  const failover: PluginName = 'custom_kafka_failover';
  // Without its file Kong would not start: only for who has asked for the plugin by name.
  const hasIncludes = flags.plugin?.includes(failover) === true;
  if (flags.bodyBuffer !== undefined && !/^\d+[kmKM]?$/.test(flags.bodyBuffer))
    throw usageError(`--body-buffer needs a size such as 1m, got "${flags.bodyBuffer}".`);
  for (const [flag, value] of Object.entries({
    '--folder': flags.folder,
    '--socket-dir': flags.socketDir,
    '--node': flags.node,
  }))
    if (!/^\/[\w./@+-]*$/.test(value))
      throw usageError(
        `${flag} needs a path from the root, without blanks: Kong runs commands without a shell.`,
      );
  return {
    version,
    mode: flags.mode,
    plugins: PLUGINS.filter(({ name }) => names.includes(name)),
    folder: flags.folder,
    socketFolder: flags.socketDir,
    node: flags.node,
    otherPlugins: flags.otherPlugin ?? [],
    otherEntries: flags.otherEntry ?? [],
    hasIncludes,
    bodyBuffer: flags.bodyBuffer,
  };
}
