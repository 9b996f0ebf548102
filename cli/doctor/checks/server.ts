/** What the plugin server says of itself. */
import type { PluginName } from '../../../common/plugins';
import { adviceFor } from '../../../status/advice';
import type { ConfigurationFacts, PageFacts } from '../../../status/facts';
import type { KongEntities } from '../../kong-config/entities';
import { finding, type Finding } from '../finding';
import type { Check } from './check';

export const server: Check = ({ server: asked, plugins, entities, version }) => {
  if (!asked) return [];
  const where = `plugin server at ${asked.url}`;
  if (!asked.status)
    return [
      finding('server_unreachable', {
        where,
        what: asked.reason ?? 'It does not answer',
        fix: 'Look whether the process runs, and at --status-port and --status-token.',
      }),
    ];
  const used = [...new Set(plugins.map(({ name }) => name))];
  return [
    ...stateOf(asked.status, where),
    ...pluginsOf(asked.status, where, used),
    ...configurationsOf(asked.status, entities),
    ...versionOf(asked.status, where, version),
  ];
};

function stateOf({ state }: PageFacts, where: string): readonly Finding[] {
  if (state === 'serving') return [];
  return [
    finding('server_not_serving', {
      where,
      what: `It is ${state}.`,
      fix:
        state === 'replaced'
          ? 'Another process serves the sockets: ask that one, and end this.'
          : 'Wait for it, or start it again.',
    }),
  ];
}

function pluginsOf(status: PageFacts, where: string, used: readonly PluginName[]): readonly Finding[] {
  const served = new Map(status.plugins.map((plugin) => [plugin.name, plugin]));
  const missing = used
    .filter((name) => !served.has(name))
    .map((name) =>
      finding('server_plugin_missing', {
        where,
        what: `${name} is used, and not served.`,
        fix: `Start the plugin server with --socket-dir, which serves all plugins, or with one more --plugin.`,
      }),
    );
  const failed = status.plugins
    .filter(({ failure, socketOwned }) => failure !== undefined || !socketOwned)
    .map(({ name, failure }) =>
      finding('server_plugin_failed', {
        where: `${where}, ${name}`,
        what: failure ?? 'Its socket belongs to another process, or cannot be bound.',
        fix: failure === undefined ? 'End the other process, or give this one the right to its folder of sockets.' : 'The log of the plugin server has the whole error.',
      }),
    ); // prettier-ignore
  return [...missing, ...failed];
}

function configurationsOf(
  { broken, configurations }: PageFacts,
  { routes }: KongEntities,
): readonly Finding[] {
  // The plugin server knows routes by their ids only.
  const nameOf = (route: string) => routes.find(({ id }) => id === route)?.name ?? route;
  return [
    ...broken.map(({ plugin, reason, route, since }) =>
      finding('server_broken_configuration', {
        where: route === undefined ? plugin : `route ${nameOf(route)}, ${plugin}`,
        what: `${reason} (since ${since})`,
        fix: 'Correct the option that the reason names.',
      }),
    ),
    ...configurations.flatMap(configurationOf),
  ];
}

function configurationOf(configuration: ConfigurationFacts): readonly Finding[] {
  const { topic, replyTopic, ready, reason, hints, lastError, failedInLastMinute } = configuration;
  const where = replyTopic === undefined ? `topic ${topic}` : `topics ${topic} and ${replyTopic}`;
  const found: Finding[] = [];
  if (!ready)
    found.push(
      finding('server_not_ready', {
        where,
        what: reason ?? 'It is not ready, and does not know why yet.',
        fix: adviceFor({ reason, code: 'not_ready' })?.todo ?? 'Look at the log of the plugin server.',
      }),
    );
  for (const hint of hints)
    found.push(
      finding('server_reply_hint', {
        where,
        what: `${hint.text} (${hint.timeouts} ${hint.timeouts === 1 ? 'request' : 'requests'})`,
        fix: adviceFor({ hint: hint.reason })?.todo ?? 'docs/troubleshooting.md has what it means.',
      }),
    );
  if (failedInLastMinute > 0 && lastError)
    found.push(
      finding('server_failing', {
        where,
        what: `${failedInLastMinute} in the last minute; the last one ${lastError.code}: ${lastError.detail}.`,
        fix: adviceFor({ reason: lastError.detail, code: lastError.code })?.todo ?? 'docs/troubleshooting.md has what it means.', // prettier-ignore
      }),
    );
  return found;
}

function versionOf(status: PageFacts, where: string, version: string): readonly Finding[] {
  if (status.version === version || status.version === '') return [];
  return [
    finding('server_other_version', {
      where,
      what: `It is ${status.version}, this is ${version}.`,
      fix: `Use the kong-kafka of ${status.version} for this server, or upgrade it.`,
    }),
  ];
}
