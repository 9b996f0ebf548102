#!/usr/bin/env node
// Before anything can start libuv's thread pool.
import '../bridge/thread-pool-size';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { log, setLogLevel } from '../bridge/telemetry/log';
import { watchEventLoop } from './event-loop-lag';
import { END_SIGNALS, Lifecycle, watchParent } from './lifecycle';
import { parseOptions, USAGE, UsageError, type ServeOptions } from './options';
import { Overload } from './overload';
import { loadPlugin } from './plugin-loader';
import { PluginProcesses } from './process-hooks';
import { PluginServer } from './server';
import { startStatusPage } from './status';
import { takeOver } from './take-over';
import { startTicker } from './ticker';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(args: readonly string[]): Promise<void> {
  surviveLostOutput();
  const options = parseOptions(args);
  switch (options.command) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return;
    case 'hold':
      hold();
      return;
    case 'serve':
      await serve(options);
      return;
  }
}

async function serve(options: ServeOptions): Promise<void> {
  setLogLevel(options.logLevel);
  const plugins = options.plugins.map(({ folder }) => loadPlugin(folder));
  refuseSameName(plugins.map((plugin) => plugin.name));
  const overload = new Overload(options.limits);
  const servers = plugins.map((plugin, index) => {
    const { socketPath } = options.plugins[index] as ServeOptions['plugins'][number];
    return new PluginServer({ plugin, socketPath, overload });
  });
  const processes = new PluginProcesses(plugins);
  processes.start();

  let closeStatusPage = (): void => undefined;
  const { managed, drainTimeoutMs } = options;
  const lifecycle = new Lifecycle({
    servers,
    processes,
    managed,
    drainTimeoutMs,
    exit: (code) => process.exit(code),
    onClose: () => closeStatusPage(),
  });
  // Before listening: whoever sees the sockets may rely on signals being obeyed.
  lifecycle.install();
  try {
    if (options.statusPort !== undefined) {
      const sources = { version: version(), servers, processes, lifecycle, overload };
      const page = await startStatusPage(sources, options.statusPort, options.statusHost);
      closeStatusPage = () => page.close();
    }
    await takeOver(servers);
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  startTicker([...servers, overload]);
  watchEventLoop((lagMs) => overload.onLagSample(lagMs));
}

/** For Kong's second managed entry: OSS 3.4 never runs a plugin whose entry has no start command. */
function hold(): void {
  const end = (): void => process.exit(0);
  for (const signal of END_SIGNALS) process.on(signal, end);
  watchParent(end);
  log.info('holding until SIGTERM or the end of the parent');
}

/** A full disk or a reader that has gone (EPIPE) must not end the process, nor print a stack about it. */
function surviveLostOutput(): void {
  process.stdout.on('error', () => (process.exitCode ??= EXIT_FAILED));
  process.stderr.on('error', () => undefined);
}

function refuseSameName(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`The plugin ${twice} is named twice.`);
}

/** From the package this file belongs to, compiled or not. */
function version(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
    } catch {
      // Not the package's root yet.
    }
  }
  return 'unknown';
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const failure = error instanceof Error ? error : new Error(String(error));
  log.debug('the plugin server cannot start', { error: failure });
  process.stderr.write(`${failure.message}\n`);
  process.exit(failure instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
});
