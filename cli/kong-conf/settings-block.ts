/** The settings that Kong needs for these plugins, for a version, a mode and a set of them. */
import { dumpName, socketName, type ListedPlugin } from '../../common/plugins';
import { FAILOVER } from '../../plugins/custom_kafka_failover/config';
import { isBefore, type KongVersion } from '../kong-config/kong-version';

export const MODES = ['external', 'managed'] as const;
export type Mode = (typeof MODES)[number];

export interface BlockOptions {
  readonly version: KongVersion;
  readonly mode: Mode;
  readonly plugins: readonly ListedPlugin[];
  /** Where this package is, on the machine of Kong. */
  readonly folder: string;
  readonly socketFolder: string;
  /** Path of Node.js on the machine of Kong. */
  readonly node: string;
  /** Other plugins that Kong is to know. */
  readonly otherPlugins: readonly string[];
  /** Other entries of plugin servers. */
  readonly otherEntries: readonly string[];
  /** Of custom_kafka_failover. */
  readonly hasIncludes: boolean;
  /** For `client_body_buffer_size`; undefined: Kong's default. */
  readonly bodyBuffer: string | undefined;
}

export interface Setting {
  /** As in kong.conf. */
  readonly name: string;
  readonly value: string;
  /** Why it is there. */
  readonly why: string;
}

export interface SettingsBlock {
  readonly settings: readonly Setting[];
  /** What is not Kong's to set: how the plugin server is started, and what to look out for. */
  readonly remarks: readonly string[];
}

/** Objects of a request die young: with room for them they are collected less often (kong/kong-managed.env). */
const NODE_FLAGS = '--max-semi-space-size=64';
const STATUS_PORT = 8900;
/** Where kong/failover-proxy.conf looks for the listener. */
export const USUAL_SOCKET_FOLDER = '/run/kong-kafka';
const READS_INCLUDES_SINCE = '3.6';

export function settingsBlock(options: BlockOptions): SettingsBlock {
  const { plugins, mode, version, folder, socketFolder } = options;
  const entries = plugins.flatMap((plugin, index) => entryOf(plugin, index, options));
  const readsIncludes = !isBefore(version, READS_INCLUDES_SINCE);
  const includes = options.hasIncludes && readsIncludes ? includesIn(folder) : [];
  const settings: Setting[] = [
    {
      name: 'plugins',
      value: ['bundled', ...options.otherPlugins, ...plugins.map(({ name }) => name)].join(','),
      why: 'Kong knows no plugin that is not named here',
    },
    {
      name: 'pluginserver_names',
      value: [...options.otherEntries, ...plugins.map(({ entry }) => entry)].join(','),
      why: 'an entry for each plugin: Kong 3.9 takes one of an entry; behind all of them is one process',
    },
    ...entries,
    ...includes,
    ...(options.bodyBuffer === undefined
      ? []
      : [
          {
            name: 'nginx_http_client_body_buffer_size',
            value: options.bodyBuffer,
            why: 'larger bodies reach the plugin server as files, which it may not be able to read',
          },
        ]),
    ...(mode === 'managed'
      ? [{ name: 'log_level', value: 'info', why: 'at which Kong logs what the plugin server prints' }]
      : []),
  ];
  const server = serverCommand(options);
  const remarks = [
    ...(mode === 'external'
      ? [
          `Beside Kong, as the user of its workers, with a folder ${socketFolder} that both can use:`,
          `  ${server}`,
        ]
      : []),
    ...(mode === 'managed' && !isBefore(version, '3.9')
      ? ['GET / of the Admin API is 500 on Kong 3.9 in this mode: decK and Kong Manager do not work.']
      : []),
    ...(isBefore(version, '3.8')
      ? [
          `Kong ${version.text} lets requests pass when the plugin server is gone: no service on these routes, or request-termination.`,
        ]
      : []),
    ...(options.hasIncludes && !readsIncludes
      ? [`Kong ${version.text} reads no includes for ${FAILOVER.name}: it needs capture: log there.`]
      : []),
    ...(includes.length > 0 && socketFolder !== USUAL_SOCKET_FOLDER
      ? [
          `In a copy of failover-proxy.conf, which nginx_proxy_include has to name: proxy_pass http://unix:${socketFolder}/http.sock:;`,
        ]
      : []),
    ...(mode === 'external' && options.bodyBuffer === undefined
      ? [
          "Bodies over Kong's buffer of 8 KB reach the plugin server as files in <prefix>/client_body_temp: share that folder, or give --body-buffer.",
        ]
      : []),
  ];
  return { settings, remarks };
}

function entryOf(plugin: ListedPlugin, index: number, options: BlockOptions): readonly Setting[] {
  const { mode, version, folder, socketFolder, node } = options;
  const setting = (what: string) => `pluginserver_${plugin.entry.replaceAll('-', '_')}_${what}`;
  const hold = `${node} ${folder}/dist/pluginserver/main.js hold`;
  // Kong 3.4 never runs a plugin whose entry starts nothing.
  const startsAll = mode === 'managed' || isBefore(version, '3.5');
  const command = mode === 'managed' && index === 0 ? serverCommand(options) : hold;
  // Without the includes nothing but the log phase tells of a failure.
  const isByLog = plugin.name === FAILOVER.name && isBefore(version, READS_INCLUDES_SINCE);
  const dump = dumpName(plugin, isByLog ? FAILOVER.otherPhases?.suffix : undefined);
  return [
    {
      name: setting('socket'),
      value: `${socketFolder}/${socketName(plugin)}`,
      why: 'a path of its own: Kong pools connections by path',
    },
    {
      name: setting('query_cmd'),
      value: `cat ${folder}/kong/${dump}`,
      why: 'asked once, when Kong starts',
    },
    ...(startsAll
      ? [
          {
            name: setting('start_cmd'),
            value: command,
            why: command === hold ? 'starts nothing, and is there for Kong 3.4' : 'the one process for all',
          },
        ]
      : []),
  ];
}

function serverCommand({ mode, node, folder, socketFolder }: BlockOptions): string {
  const managed = mode === 'managed' ? ' --managed' : '';
  return `${node} ${NODE_FLAGS} ${folder}/dist/pluginserver/main.js${managed} --socket-dir ${socketFolder} --status-port ${STATUS_PORT} --http-listen unix:${socketFolder}/http.sock`;
}

function includesIn(folder: string): readonly Setting[] {
  const why = 'of custom_kafka_failover; both or none';
  return [
    { name: 'nginx_location_include', value: `${folder}/kong/failover-location.conf`, why },
    { name: 'nginx_proxy_include', value: `${folder}/kong/failover-proxy.conf`, why },
  ];
}

export const FORMATS = ['conf', 'env'] as const;
export type Format = (typeof FORMATS)[number];

/** With a line above each that says why. */
export function written({ settings, remarks }: SettingsBlock, format: Format): string {
  const lines = settings.flatMap(({ name, value, why }) => [
    `# ${why}`,
    format === 'conf' ? `${name} = ${value}` : `KONG_${name.toUpperCase()}=${value}`,
  ]);
  return `${[...remarks.map((remark) => `# ${remark}`), '', ...lines].join('\n').trimStart()}\n`;
}
