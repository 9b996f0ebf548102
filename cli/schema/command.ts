import { Command, Option } from 'commander';
import { kongDump } from '../../bridge/config/kong-schema';
import { PLUGINS, type PluginName } from '../../common/plugins';
import { withAction } from '../action';
import { definitionOf } from '../definitions';
import { EXIT, usageError } from '../exit-codes';
import type { Surroundings } from '../surroundings';
import { luaSchema } from './lua';

const EXAMPLES = `
Examples:
  kong-kafka schema --plugin custom_kafka_log > kong/custom_kafka_log.json    what query_cmd prints
  kong-kafka schema --plugin custom_kafka_log --lua > schema.lua              for Konnect, and hybrid control planes
`;

interface SchemaFlags {
  readonly plugin?: PluginName;
  readonly lua?: true;
}

export function schemaCommand(surroundings: Surroundings): Command {
  const command = new Command('schema')
    .description('Prints what Kong has to know of a plugin: the dump of its options, or a schema.lua.')
    .addOption(new Option('--plugin <name>', 'whose; required').choices(PLUGINS.map(({ name }) => name)))
    .option('--lua', 'as schema.lua')
    .addHelpText('after', EXAMPLES);
  return withAction<SchemaFlags>(command, surroundings, (output, { plugin, lua }) => {
    if (plugin === undefined) throw usageError('--plugin says whose schema, and is missing.');
    if (lua && output.isJson) throw usageError('--lua does not go with --json.');
    const dump = kongDump(definitionOf(plugin)) as { Plugins: { Schema: Record<string, unknown> }[] };
    // The dump is JSON in either form.
    output.raw(lua ? luaSchema(dump.Plugins[0]!.Schema, plugin) : `${JSON.stringify(dump, null, 2)}\n`);
    return EXIT.fine;
  });
}
