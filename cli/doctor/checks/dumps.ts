/** What Kong knows of the options, against the tables of this version. */
import { kongDump } from '../../../bridge/config/kong-schema';
import { dumpName, PLUGINS, type PluginName } from '../../../common/plugins';
import { definitionOf } from '../../definitions';
import { isTable, tables, type Table } from '../../kong-config/entities';
import { DUMP_WITH_LOG, isByLog } from '../failover-by-log';
import { finding, type Finding } from '../finding';
import type { Check } from './check';

export const loadedSchemas: Check = ({ kong: { schemas, installed }, server, version, plugins }) =>
  PLUGINS.flatMap(({ name }): readonly Finding[] => {
    const loaded = schemas.get(name);
    const about = installed.get(name);
    const difference = loaded && differenceTo(name, loaded);
    // What runs is what its options must be for; without an answer of it, this version stands for it.
    const running = server?.status?.version || version;
    const isOther = about?.version !== undefined && about.version !== running;
    if (difference === undefined && !isOther) return [];
    const versions = isOther
      ? `Kong has version ${about.version}, the plugin server is ${running}.`
      : undefined;
    // The other one has a phase that this configuration needs.
    const file = plugins.some((plugin) => plugin.name === name && isByLog(plugin))
      ? DUMP_WITH_LOG
      : dumpName({ name });
    return [
      finding('dump_older', {
        where: name,
        what: [versions, difference].filter(Boolean).join(' '),
        fix: `Give Kong the file kong/${file} of this version as its query_cmd, and restart Kong: it asks once, at its start.`,
        // The same options under another number hurt nobody.
        ...(difference === undefined && { level: 'note' as const }),
      }),
    ];
  });

export const dumpFiles: Check = ({ kong }) =>
  [...kong.dumpFiles].flatMap(([path, written]): readonly Finding[] => {
    const isWithLog = path.endsWith(`/${DUMP_WITH_LOG}`);
    const listed = PLUGINS.find((plugin) => path.endsWith(`/${dumpName(plugin)}`))?.name;
    const name = isWithLog ? 'custom_kafka_failover' : listed;
    if (!name) return [];
    const difference = differenceTo(name, pluginIn(written)?.Schema ?? {});
    if (difference === undefined) return [];
    return [
      finding('dump_older', {
        where: path,
        what: difference,
        fix: isWithLog
          ? `Put kong/${DUMP_WITH_LOG} of this version there, and restart Kong.`
          : `kong-kafka schema --plugin ${name} > ${path}\nand restart Kong.`,
      }),
    ];
  });

/** Those that Kong will run. */
export function phasesIn(dump: string): readonly unknown[] {
  const { Phases: phases } = pluginIn(dump) ?? {};
  return Array.isArray(phases) ? phases : [];
}

/** Kong takes the first one of a dump. */
function pluginIn(dump: string): (Table & { readonly Schema?: Table }) | undefined {
  try {
    const document: unknown = JSON.parse(dump);
    const [{ Schema: schema, ...plugin } = {}] = isTable(document) ? tables(document.Plugins) : [];
    return isTable(schema) ? { ...plugin, Schema: schema } : plugin;
  } catch {
    return undefined;
  }
}

/** As a sentence; undefined where there is none. */
function differenceTo(plugin: PluginName, loaded: Table): string | undefined {
  const dump = kongDump(definitionOf(plugin)) as { Plugins: { Schema: Table }[] };
  const [ours, theirs] = [optionsIn(dump.Plugins[0]!.Schema), optionsIn(loaded)];
  const missing = ours.filter((option) => !theirs.includes(option));
  const foreign = theirs.filter((option) => !ours.includes(option));
  const parts = [
    ...(missing.length > 0 ? [`It lacks ${listed(missing)}.`] : []),
    ...(foreign.length > 0 ? [`It has ${listed(foreign)}, which this version does not know.`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(' ');
}

const MOST_NAMED = 5;

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Paths of the options of `config`. */
function optionsIn(schema: Table): readonly string[] {
  const config = tables(schema.fields).find((field) => isTable(field.config))?.config;
  return isTable(config) ? pathsIn(config, '') : [];
}

function pathsIn(record: Table, before: string): string[] {
  return tables(record.fields).flatMap((field) =>
    Object.entries(field).flatMap(([name, about]) => {
      const path = `${before}${name}`;
      return isTable(about) && about.type === 'record' ? [path, ...pathsIn(about, `${path}.`)] : [path];
    }),
  );
}
