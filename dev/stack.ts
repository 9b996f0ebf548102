/**
 * The whole product on this machine as separate processes: responder, plugin server and gateway around a Kafka
 * that runs already. Used by the demo, the tests, the benchmark and the drill.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dumpName, PLUGINS, socketName, type PluginName } from '../common/plugins';
import { Child, startChild, type ChildOptions } from './child-process';
import { freePorts } from './kafka/ports';

const DIST = join(__dirname, '..');
export const DUMPS = join(DIST, '..', 'kong');

export const PLUGIN_SERVER = join(DIST, 'pluginserver', 'main.js');

/** The services behind the routes of kong.yml; docker-compose.yml serves the same. */
export const DEMO_SERVICES = [
  'orders.requests,mode=order',
  'seed.requests,dialect=body,reply-topic=seed.replies',
  'failing.requests,error=true,status=422',
  'slow.requests,delay-ms=10000',
  'avro.requests',
  'steps.requests,mode=steps,replies=3,delay-ms=200,every-ms=200',
];
export const LOG_TOPIC = 'kong.logs';
export const FAILED_TOPIC = 'failed-requests';
export const DEMO_TOPICS = [
  ...['orders', 'seed', 'failing', 'slow', 'avro', 'steps'].flatMap((name) => [
    `${name}.requests`,
    `${name}.replies`,
  ]),
  LOG_TOPIC,
  FAILED_TOPIC,
];

/** Where requests go whose upstream failed. */
const listenerIn = (folder: string): string => `unix:${join(folder, 'http.sock')}`;

/** Where the gateway finds the plugins. */
export interface ServedPlugins {
  /** For files that go when the server goes. */
  readonly folder: string;
  readonly plugins: readonly {
    readonly name: string;
    readonly socketPath: string;
    readonly dumpPath: string;
  }[];
}

/** A plugin server with all plugins in a folder of its own. */
export class PluginServerProcess implements ServedPlugins {
  private constructor(
    readonly child: Child,
    readonly folder: string,
    readonly statusUrl: string,
  ) {}

  static async start(
    options: {
      flags?: readonly string[];
      nodeFlags?: readonly string[];
      /** Of a process that runs: its sockets are taken over. Default: a new one. */
      folder?: string;
      /** May be that of the process whose sockets are taken over. Default: any free one. */
      statusPort?: number;
    } & Pick<ChildOptions, 'env' | 'onOutput'> = {},
  ): Promise<PluginServerProcess> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'kong-kafka-')));
    const statusPort = options.statusPort ?? (await freePorts(1))[0];
    const flags = [
      ...['--socket-dir', folder, '--status-port', String(statusPort), '--http-listen', listenerIn(folder)],
      // Streams need a port.
      ...['--http-listen', '127.0.0.1:0'],
      ...(options.flags ?? []),
    ];
    const { env, onOutput } = options;
    const child = new Child('plugin server', [...(options.nodeFlags ?? []), PLUGIN_SERVER, ...flags], {
      ...(env && { env }),
      ...(onOutput && { onOutput }),
    });
    try {
      await child.until(/"serving"/);
      return new PluginServerProcess(child, folder, `http://127.0.0.1:${statusPort}`);
    } catch (error) {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  socketOf(name: PluginName): string {
    return join(this.folder, socketName(PLUGINS.find((plugin) => plugin.name === name)!));
  }

  get plugins(): ServedPlugins['plugins'] {
    return PLUGINS.map((plugin) => ({
      name: plugin.name,
      socketPath: join(this.folder, socketName(plugin)),
      dumpPath: join(DUMPS, dumpName(plugin)),
    }));
  }

  get statusPort(): number {
    return Number(new URL(this.statusUrl).port);
  }

  async status(): Promise<Record<string, unknown>> {
    return (await (await fetch(`${this.statusUrl}/status`)).json()) as Record<string, unknown>;
  }

  /** Events, waits and waits nobody has claimed that are still open; all 0 when every request has ended. */
  async pending(): Promise<number[]> {
    const { plugins } = (await this.status()) as {
      plugins: Record<
        string,
        { open_events: number; process: { in_flight?: number; not_handed_over?: number } }
      >;
    };
    return Object.values(plugins).flatMap(({ open_events, process }) => [
      open_events,
      process.in_flight ?? 0,
      process.not_handed_over ?? 0,
    ]);
  }

  async stop(): Promise<number | null> {
    const code = await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
    return code;
  }
}

/** The stand-in gateway as a process. */
export async function startGatewayProcess(
  served: ServedPlugins,
  kongYml: string,
  port: number,
  flags: readonly string[] = [],
): Promise<{ child: Child; url: string }> {
  const config = join(served.folder, 'kong.yml');
  await writeFile(config, kongYml);
  const plugins = served.plugins.flatMap(({ name, socketPath, dumpPath }) => [
    '--plugin-server',
    `${name}=${socketPath},${dumpPath}`,
  ]);
  const child = await startChild(
    'gateway',
    [
      join(DIST, 'dev', 'gateway', 'cli.js'),
      '--config',
      config,
      '--port',
      String(port),
      '--failover-listener',
      listenerIn(served.folder),
      ...plugins,
      ...flags,
    ],
    { readyWhen: /gateway listens on http/ },
  );
  const [, url = ''] = await child.until(/gateway listens on (http:\S+)/);
  return { child, url };
}

/** The schema registry of `/avro`, on a port of its own. */
export async function startRegistryProcess(): Promise<{ child: Child; url: string }> {
  const child = await startChild('registry', [join(DIST, 'dev', 'registry', 'cli.js'), '--port', '0'], {
    readyWhen: /registry listens on http/,
  });
  const [, url = ''] = await child.until(/registry listens on (http:\S+)/);
  return { child, url };
}

export function startResponderProcess(
  bootstrapServers: string,
  serve: readonly string[],
  group?: string,
): Promise<Child> {
  return startChild(
    'responder',
    [
      join(DIST, 'dev', 'responder', 'cli.js'),
      '--bootstrap',
      bootstrapServers,
      ...serve.flatMap((topic) => ['--serve', topic]),
      ...(group === undefined ? [] : ['--group', group]),
    ],
    { readyWhen: /responder is ready/ },
  );
}
