/** What kong.conf, or the environment of Kong, says about plugin servers. */
import { PLUGINS } from '../../../common/plugins';
import { isBefore } from '../../kong-config/kong-version';
import { entriesIn, listOf, type PluginServerEntry } from '../../kong-config/settings';
import { scopeOf } from '../../kong-config/our-plugins';
import type { Facts } from '../facts';
import { finding, type Finding } from '../finding';
import type { Check } from './check';

const SERVER = /kong-kafka-pluginserver|pluginserver\/main\.js/;
const STOCK_SERVER = /kong-js-pluginserver/;
/** Of the variants of Kong's image without a shell; they were also given to some older lines later. */
const DISTROLESS_SINCE = '3.14';
/** Kong logs what a plugin server prints at this level. */
const LEVELS_THAT_SHOW_IT = ['debug', 'info'];

const isOurServer = ({ startCommand = '', queryCommand = '', socket = '' }: PluginServerEntry): boolean =>
  SERVER.test(startCommand) ||
  SERVER.test(queryCommand) ||
  PLUGINS.some(({ name, entry }) => queryCommand.includes(name) || socket.endsWith(`/${entry}.sock`));

const starts = ({ startCommand }: PluginServerEntry): boolean =>
  startCommand !== undefined && SERVER.test(startCommand) && !/\shold\b/.test(startCommand);

/** With the entries of our plugins, where settings are known. */
const overEntries =
  (
    check: (
      entries: readonly PluginServerEntry[],
      settings: ReadonlyMap<string, string>,
      facts: Facts,
    ) => readonly Finding[],
  ): Check =>
  (facts) => {
    const { settings } = facts.kong;
    return settings?.has('pluginserver_names') ? check(entriesIn(settings), settings, facts) : [];
  };

export const pluginsEnabled: Check = ({ kong: { settings }, plugins, entities }) => {
  if (!settings?.has('plugins')) return [];
  const enabled = listOf(settings.get('plugins'));
  const entries = settings.has('pluginserver_names') ? entriesIn(settings) : undefined;
  return PLUGINS.flatMap((listed): readonly Finding[] => {
    const user = plugins.find(({ name }) => name === listed.name);
    if (!user) return [];
    const where = `${listed.name}, used on ${scopeOf(user.entity, entities)}`;
    if (!enabled.includes(listed.name))
      return [
        finding('plugin_not_enabled', {
          where,
          what: `It is not in plugins = ${enabled.join(',') || '(nothing)'}.`,
          fix: `plugins = ${[...enabled, listed.name].join(',')}`,
        }),
      ];
    const hasEntry = entries?.some(
      ({ queryCommand = '', name, socket = '' }) =>
        queryCommand.includes(listed.name) ||
        name === listed.entry ||
        socket.endsWith(`/${listed.entry}.sock`),
    );
    if (hasEntry !== false) return [];
    return [
      finding('plugin_not_enabled', {
        where,
        what: 'None of the entries in pluginserver_names is for it.',
        fix: `kong-kafka kong-conf --plugin ${listed.name} prints its entry.`,
      }),
    ];
  });
};

export const sharedSockets = overEntries((entries) => {
  const paths = new Set(entries.flatMap(({ socket }) => socket ?? []));
  return [...paths]
    .map((path) => ({ path, sharing: entries.filter(({ socket }) => socket === path) }))
    .filter(({ sharing }) => sharing.length > 1)
    .map(({ path, sharing }) =>
      finding('shared_socket', {
        where: path,
        what: `${sharing.map(({ name }) => name).join(' and ')} have the same socket.`,
        fix: 'Give each entry the socket of its plugin; kong-kafka kong-conf prints them.',
      }),
    );
});

export const stockServer = overEntries((entries) =>
  entries
    .filter(({ startCommand = '', queryCommand = '' }) => STOCK_SERVER.test(`${startCommand} ${queryCommand}`))
    .map(({ name }) =>
      finding('stock_server', {
        where: `entry ${name}`,
        what: 'Its command is kong-js-pluginserver.',
        fix: 'Use the plugin server of this package: kong-kafka kong-conf --mode external.',
      }),
    ),
); // prettier-ignore

export const twoServers = overEntries((entries) => {
  const starting = entries.filter(starts);
  if (starting.length < 2) return [];
  return [
    finding('two_servers', {
      where: starting.map(({ name }) => `entry ${name}`).join(', '),
      what: 'Each of them starts a plugin server.',
      fix: `Let all but ${starting[0]!.name} hold: their start_cmd ends with "main.js hold".`,
    }),
  ];
});

export const startCommands = overEntries((entries, _settings, { kong: { version } }) => {
  if (!version || !isBefore(version, '3.5')) return [];
  return entries
    .filter((entry) => isOurServer(entry) && entry.startCommand === undefined)
    .map(({ name }) =>
      finding('start_command_missing', {
        where: `entry ${name}`,
        what: `Kong is ${version.text}, and the entry starts nothing.`,
        fix: `pluginserver_${name.replaceAll('-', '_')}_start_cmd = /usr/local/bin/node /opt/kong-kafka-request-reply/dist/pluginserver/main.js hold`,
      }),
    );
});

export const managedServer = overEntries((entries, settings, { kong: { version, rootFailedWith } }) => {
  const managed = entries.find(starts);
  if (!managed) return [];
  const where = `entry ${managed.name}`;
  const found: Finding[] = [];
  if ((version && !isBefore(version, '3.9') && isBefore(version, '3.10')) || rootFailedWith === 500)
    found.push(
      finding('managed_admin_api', {
        where,
        what: 'Its start_cmd starts the plugin server.',
        fix: 'Run the plugin server beside Kong: kong-kafka kong-conf --mode external.',
      }),
    );
  const level = settings.get('log_level') ?? 'notice';
  if (!LEVELS_THAT_SHOW_IT.includes(level))
    found.push(
      finding('log_level_hides_server', { where, what: `log_level is ${level}.`, fix: 'log_level = info' }),
    );
  return found;
});

export const clientAbort: Check = ({ kong: { settings } }) =>
  [...(settings ?? [])]
    .filter(([name, value]) => name.endsWith('lua_check_client_abort') && value === 'on')
    .map(([name]) =>
      finding('client_abort_on', { where: name, what: `${name} is on.`, fix: `Take ${name} away; Kong's default is off.` }),
    ); // prettier-ignore

export const queryCommands = overEntries((entries, _settings, { kong: { version } }) => {
  if (!version || isBefore(version, DISTROLESS_SINCE)) return [];
  return entries
    .filter((entry) => isOurServer(entry) && /^(\/\S*\/)?cat\s/.test(entry.queryCommand ?? ''))
    .slice(0, 1)
    .map(({ name }) =>
      finding('query_command_needs_cat', {
        where: `entry ${name}`,
        what: `Kong is ${version.text}, which has distroless images.`,
        fix: 'Use an image with a shell, or put a static cat into yours.',
      }),
    );
});
