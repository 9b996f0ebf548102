#!/usr/bin/env node
/** The stand-in for Kong as a command. */
import { parseArgs } from 'node:util';
import { ConfigurationError } from './dump';
import { checkConfiguration, startGateway, type GatewayOptions, type LogLine } from './gateway';
import type { PluginServerEntry } from './plugin-servers';
import type { LogLevel } from './request-context';

const USAGE = `Usage: gateway [check] --config kong.yml [options]

A stand-in for Kong Gateway for development and tests: routes, plugins over Kong's plugin server
protocols, and Kong's behaviour when something fails.

  check                        only validate the configuration, then end
  --config <file>              declarative configuration (kong.yml)
  --plugin-server <name>=<socket>,<dump.json>
                               a plugin server: its Unix socket and what its query command prints; repeatable
  --start-command <command>    start a plugin server, and again whenever it ends (managed mode); repeatable
  --host <address>             default 127.0.0.1
  --port <number>              default 8000
  --workers <number>           how many Kong workers to imitate, default 1
  --failover-listener <host:port> or unix:<path>
                               where marked requests go whose upstream fails, as by kong/failover-*.conf
  --read-timeout-ms <number>   Kong's lua_socket_read_timeout, default 60000
  --log-level <level>          debug, info, notice, warn, err, crit or alert; default notice
  --help
`;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'notice', 'warn', 'err', 'crit', 'alert'];

interface Command {
  readonly isCheck: boolean;
  readonly options: GatewayOptions;
}

function parseCommand(args: readonly string[]): Command | 'help' {
  const { values, positionals } = parseFlags(args);
  if (values.help) return 'help';
  const unexpected = positionals.find((word) => word !== 'check');
  if (unexpected !== undefined)
    throw new ConfigurationError(`there is no command "${unexpected}"; try --help`);
  if (values.config === undefined) throw new ConfigurationError('--config is missing; try --help');
  return {
    isCheck: positionals.includes('check'),
    options: {
      config: values.config,
      pluginServers: (values['plugin-server'] ?? []).map(parsePluginServer),
      startCommands: values['start-command'] ?? [],
      host: values.host ?? '127.0.0.1',
      port: wholeNumber('--port', values.port ?? '8000', 0, 65_535),
      workers: wholeNumber('--workers', values.workers ?? '1', 1, 64),
      failoverListener: listenerAddress(values['failover-listener']),
      readTimeoutMs: wholeNumber('--read-timeout-ms', values['read-timeout-ms'] ?? '60000', 1, 86_400_000),
      onLog: printer(values['log-level'] ?? 'notice'),
    },
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        'plugin-server': { type: 'string', multiple: true },
        'start-command': { type: 'string', multiple: true },
        host: { type: 'string' },
        port: { type: 'string' },
        workers: { type: 'string' },
        'failover-listener': { type: 'string' },
        'read-timeout-ms': { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    throw new ConfigurationError(`${sentence}; try --help`);
  }
}

function parsePluginServer(text: string): PluginServerEntry {
  const parts = /^([^=]+)=([^,]+),(.+)$/.exec(text);
  if (!parts) throw new ConfigurationError(`--plugin-server ${text}: expected <name>=<socket>,<dump.json>`);
  return { name: parts[1]!, socketPath: parts[2]!, dump: parts[3]! };
}

function listenerAddress(text: string | undefined): GatewayOptions['failoverListener'] {
  if (text === undefined) return undefined;
  if (text.startsWith('unix:/')) return { socketPath: text.slice('unix:'.length) };
  const [, host, port] = /^([^:]+):(\d+)$/.exec(text) ?? [];
  if (host === undefined)
    throw new ConfigurationError(`--failover-listener ${text}: expected <host>:<port> or unix:<path>`);
  return { host, port: wholeNumber('--failover-listener', port!, 1, 65_535) };
}

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= min && number <= max) return number;
  throw new ConfigurationError(`${flag} ${text}: expected a whole number between ${min} and ${max}`);
}

function printer(level: string): (line: LogLine) => void {
  const least = (LEVELS as readonly string[]).indexOf(level);
  if (least < 0) throw new ConfigurationError(`--log-level ${level}: expected one of ${LEVELS.join(', ')}`);
  return (line) => {
    if (LEVELS.indexOf(line.level) < least) return;
    const request = line.requestId === undefined ? '' : ` request_id=${line.requestId}`;
    process.stderr.write(`${new Date().toISOString()} [${line.level}] ${line.message}${request}\n`);
  };
}

async function main(args: readonly string[]): Promise<void> {
  const command = parseCommand(args);
  if (command === 'help') return void process.stdout.write(USAGE);
  if (command.isCheck) {
    const { config } = checkConfiguration(command.options);
    process.stdout.write(
      `the configuration is valid: ${config.services.length} services, ${config.routes.length} routes, ` +
        `${config.plugins.length} plugins\n`,
    );
    return;
  }
  const gateway = await startGateway(command.options);
  process.stdout.write(`gateway listens on ${gateway.url}\n`);
  const stop = (): void => void gateway.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`gateway: ${error.message}\n`);
  process.exitCode = 1;
});
