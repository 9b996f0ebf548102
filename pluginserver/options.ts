/** The command line: parsed and checked once, complete afterwards. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../bridge/telemetry/log';
import type { HttpAddress } from '../listener/http-listener';
import { PLUGINS, socketName, type ListedPlugin } from '../common/plugins';
import { DEFAULT_DRAIN_TIMEOUT_MS } from './lifecycle';
import type { HostAndPort } from './plugin-module';
import { DEFAULT_LIMITS, type OverloadLimits } from './overload';
import { automaticWorkers, MAX_WORKERS } from './workers/worker-count';

export const USAGE = `Usage: kong-kafka-pluginserver [options]
       kong-kafka-pluginserver hold

The process that Kong's Kafka plugins talk to.

  --socket-dir <folder>        serve every plugin of this package on a Unix socket in this folder:
${PLUGINS.map((plugin) => `                               ${socketName(plugin)} for ${plugin.name}`).join('\n')}
  --producer-socket <path>     serve custom_kafka_producer on this socket, with --socket-dir instead of the one there
  --consumer-socket <path>     the same for custom_kafka_consumer
  --plugin <folder>=<socket>   serve any kong-pdk plugin; may be repeated
  --status-port <port>         serve a page for people, /status, /metrics, /ready and /live; default: off
                               a port that is taken is tried again, requests are served meanwhile
  --status-host <address>      address of the status page; default: 127.0.0.1
  --http-listen <address>      take HTTP from Kong here: entries of its HTTP Log plugin (POST /log/<sink>), requests
                               whose upstream failed (custom_kafka_failover), and streams, which need a port;
                               <host:port> or unix:<path>; may be repeated; default: off
  --http-advertise <host:port> where Kong reaches that port, where it is not the address itself
  --status-allow-host <name>   a further name under which it may be asked for; may be repeated
  --status-token <token>       what /, /status and /metrics want shown; better in the next, as ps shows a flag
  --status-token-file <path>   the same in a file, or in the variable KONG_KAFKA_STATUS_TOKEN
  --workers <n|auto>           worker processes behind the same sockets, which share the limits below: docs/workers.md;
                               auto: one for every two cores; default: 1
  --managed                    Kong starts and ends this process (pluginserver_*_start_cmd)
  --drain-timeout-ms <ms>      how long SIGTERM lets waiting requests go on; default: ${DEFAULT_DRAIN_TIMEOUT_MS}
  --max-open-events <number>   above it new requests get 503 overloaded; default: ${DEFAULT_LIMITS.maxOpenEvents}
  --max-bytes-in-flight <n>    the same for bodies, records and answers in memory; default: ${DEFAULT_LIMITS.maxBytesInFlight}
  --max-event-loop-lag-ms <n>  the same while the event loop stays this late; 0: never; default: ${DEFAULT_LIMITS.maxEventLoopLagMs}
  --log-level <level>          ${LOG_LEVELS.join(', ')}; default: info; SIGUSR2 switches debug on and off
  --log-format <format>        ${LOG_FORMATS.join(', ')}: for machines or for people; default: json
  --access-log                 a line in the log for each request; default: off
  --version, --help, -h

hold does nothing until SIGTERM or until its parent is gone: the start command of the second and further plugins
that share one managed process.
`;

export interface ServedPlugin {
  readonly folder: string;
  readonly socketPath: string;
}

export interface ServeOptions {
  readonly command: 'serve';
  readonly plugins: readonly ServedPlugin[];
  /** Undefined: no status page. */
  readonly statusPort: number | undefined;
  readonly statusHost: string;
  /** Empty: nothing is taken over HTTP. */
  readonly httpListen: readonly HttpAddress[];
  /** Undefined: at the port of `httpListen` itself. */
  readonly httpAdvertise: HostAndPort | undefined;
  readonly statusAllowedHosts: readonly string[];
  /** Undefined: nobody has to show one. */
  readonly statusToken: string | undefined;
  /** 1: this process serves by itself. */
  readonly workers: number;
  readonly managed: boolean;
  readonly drainTimeoutMs: number;
  readonly limits: OverloadLimits;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly accessLog: boolean;
}

export type Options = ServeOptions | { readonly command: 'hold' | 'help' | 'version' };

/** A command line that cannot be followed; the message is printed as it is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const PLUGIN_FOLDERS = join(__dirname, '..', 'plugins');
/** What a timer of node can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_LIMIT = Number.MAX_SAFE_INTEGER;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help) return { command: 'help' };
  if (values.version) return { command: 'version' };
  if (positionals.length === 1 && positionals[0] === 'hold') return { command: 'hold' };
  if (positionals.length > 0) throw new UsageError(`Unknown command "${positionals.join(' ')}". See --help.`);
  return {
    command: 'serve',
    plugins: servedPlugins(values),
    statusPort: integer('--status-port', values['status-port'], 0, 65_535),
    statusHost: values['status-host'],
    httpListen: values['http-listen'].map((text) => address('--http-listen', text)),
    httpAdvertise: advertised(values['http-advertise']),
    statusAllowedHosts: values['status-allow-host'].map((name) => name.toLowerCase()),
    statusToken: statusToken(values['status-token'], values['status-token-file']),
    workers:
      values.workers === 'auto'
        ? automaticWorkers()
        : integer('--workers', values.workers, 1, MAX_WORKERS, ' or auto'),
    managed: values.managed,
    drainTimeoutMs: integer('--drain-timeout-ms', values['drain-timeout-ms'], 0, MAX_TIMEOUT_MS),
    limits: {
      maxOpenEvents: integer('--max-open-events', values['max-open-events'], 1, MAX_LIMIT),
      maxBytesInFlight: integer('--max-bytes-in-flight', values['max-bytes-in-flight'], 1, MAX_LIMIT),
      maxEventLoopLagMs: integer(
        '--max-event-loop-lag-ms',
        values['max-event-loop-lag-ms'],
        0,
        MAX_TIMEOUT_MS,
      ),
    },
    logLevel: oneOf('--log-level', values['log-level'], LOG_LEVELS),
    logFormat: oneOf('--log-format', values['log-format'], LOG_FORMATS),
    accessLog: values['access-log'],
  };
}

/** What the command line takes; USAGE says what each is for. */
export const FLAGS = {
  'socket-dir': { type: 'string' },
  'producer-socket': { type: 'string' },
  'consumer-socket': { type: 'string' },
  plugin: { type: 'string', multiple: true, default: [] },
  'status-port': { type: 'string' },
  'status-host': { type: 'string', default: '127.0.0.1' },
  'http-listen': { type: 'string', multiple: true, default: [] },
  'http-advertise': { type: 'string' },
  'status-allow-host': { type: 'string', multiple: true, default: [] },
  'status-token': { type: 'string' },
  'status-token-file': { type: 'string' },
  workers: { type: 'string', default: '1' },
  managed: { type: 'boolean', default: false },
  'drain-timeout-ms': { type: 'string', default: String(DEFAULT_DRAIN_TIMEOUT_MS) },
  'max-open-events': { type: 'string', default: String(DEFAULT_LIMITS.maxOpenEvents) },
  'max-bytes-in-flight': { type: 'string', default: String(DEFAULT_LIMITS.maxBytesInFlight) },
  'max-event-loop-lag-ms': { type: 'string', default: String(DEFAULT_LIMITS.maxEventLoopLagMs) },
  'log-level': { type: 'string', default: 'info' },
  'log-format': { type: 'string', default: 'json' },
  'access-log': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: FLAGS,
    });
  } catch (error) {
    // parseArgs goes on with advice about positionals after its first sentence.
    const [sentence] = (error as Error).message.split('. ');
    throw new UsageError(`${(sentence as string).replace(/\.$/, '')}. See --help.`);
  }
}

type SocketFlags = Pick<
  ReturnType<typeof parse>['values'],
  'socket-dir' | 'producer-socket' | 'consumer-socket' | 'plugin'
>;

function servedPlugins(values: SocketFlags): ServedPlugin[] {
  const plugins = PLUGINS.flatMap((plugin: ListedPlugin) => {
    const [flag, socketPath] = socketOf(plugin, values);
    return socketPath === undefined ? [] : [served(flag, join(PLUGIN_FOLDERS, plugin.name), socketPath)];
  });
  for (const pair of values.plugin) {
    const equals = pair.lastIndexOf('=');
    if (equals <= 0) throw new UsageError(`--plugin needs <folder>=<socket>, got "${pair}".`);
    plugins.push(served('--plugin', pair.slice(0, equals), pair.slice(equals + 1)));
  }
  if (plugins.length === 0) {
    throw new UsageError('No plugin to serve: give --socket-dir or --plugin.');
  }
  const paths = new Set(plugins.map((plugin) => plugin.socketPath));
  if (paths.size < plugins.length) throw new UsageError('Two plugins cannot share one socket path.');
  return plugins;
}

function socketOf(
  plugin: ListedPlugin,
  values: SocketFlags,
): readonly [flag: string, socketPath: string | undefined] {
  const own = plugin.socketFlag === undefined ? undefined : values[plugin.socketFlag];
  if (own !== undefined) return [`--${plugin.socketFlag}`, own];
  const folder = values['socket-dir'];
  if (folder === '') throw new UsageError('--socket-dir needs a folder.');
  return ['--socket-dir', folder === undefined ? undefined : join(folder, socketName(plugin))];
}

function served(flag: string, folder: string, socketPath: string): ServedPlugin {
  if (socketPath === '') throw new UsageError(`${flag} needs a socket path.`);
  return { folder, socketPath };
}

function advertised(text: string | undefined): HostAndPort | undefined {
  if (text === undefined) return undefined;
  const given = address('--http-advertise', text);
  if ('path' in given || given.port === 0)
    throw new UsageError(`--http-advertise needs <host:port>, got "${text}".`);
  return given;
}

function address(flag: string, text: string): HttpAddress {
  const [, path] = /^unix:(.+)$/s.exec(text) ?? [];
  if (path !== undefined) return { path };
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`${flag} needs <host:port> or unix:<path>, got "${text}".`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function integer(flag: string, text: string, min: number, max: number, or?: string): number;
function integer(flag: string, text: string | undefined, min: number, max: number): number | undefined;
function integer(
  flag: string,
  text: string | undefined,
  min: number,
  max: number,
  or = '',
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} needs an integer from ${min} to ${max}${or}, got "${text}".`);
}

function oneOf<T extends string>(flag: string, text: string, known: readonly T[]): T {
  const value = known.find((one) => one === text);
  if (value === undefined) throw new UsageError(`${flag} needs one of ${known.join(', ')}, got "${text}".`);
  return value;
}

const TOKEN_VARIABLE = 'KONG_KAFKA_STATUS_TOKEN';

function statusToken(flag: string | undefined, path: string | undefined): string | undefined {
  if (flag !== undefined && path !== undefined)
    throw new UsageError('--status-token and --status-token-file: give one of them.');
  const source =
    path === undefined ? (flag === undefined ? TOKEN_VARIABLE : '--status-token') : '--status-token-file';
  const token = path === undefined ? (flag ?? process.env[TOKEN_VARIABLE]) : readToken(path);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(`${source} needs a token of printable characters without blanks.`);
  return token;
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`--status-token-file cannot be read: ${(error as Error).message}.`);
  }
}
