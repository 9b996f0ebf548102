/**
 * A stand-in for Kong: takes a declarative configuration, routes requests, runs plugins in the access and log phases
 * over Kong's plugin server protocols, and fails as Kong 3.9 fails. For development and tests only.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PoolLimits } from './connection-pool';
import { parseDeclarative, readDeclarative, type DeclarativeConfig } from './declarative';
import { ConfigurationError } from './dump';
import type { EventOutcome } from './event';
import { ExternalPlugin, type ExternalPluginCounters } from './external-plugin';
import { HeaderList } from './headers';
import { ERROR_CONTENT_TYPE, errorBody, NO_ROUTE, NO_SERVICE } from './kong-error';
import { logEntry } from './log-phase';
import { ManagedServer, RELOAD_GRACE_MS } from './managed-server';
import { PluginCatalog, type PluginServerEntry } from './plugin-servers';
import type { ListenerAddress } from './failover';
import { proxiedService, serviceInContext } from './proxied-service';
import { Proxy } from './proxy';
import { BodyReadError, bodyFileName, RequestBody, type BodyStorage } from './request-body';
import type { LogLevel, RequestContext } from './request-context';
import { sendError, sendExit, SERVER_NAME } from './response';
import { Router, type RouteMatch } from './routes';
import { normalizedPath } from './uri';
import { Worker } from './worker';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly requestId: string | undefined;
}

export interface GatewayOptions {
  /** A `kong.yml`, by its path or parsed. */
  readonly config: string | object;
  readonly pluginServers?: readonly PluginServerEntry[];
  /** Plugin servers that the gateway starts and ends: Kong's `pluginserver_*_start_cmd`. Run by a shell. */
  readonly startCommands?: readonly string[];
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly workers?: number;
  /** Kong's `lua_socket_read_timeout`; every frame starts it anew. */
  readonly readTimeoutMs?: number;
  /** How long a connection to a plugin server is kept unused. Default: Kong's 60 s. */
  readonly poolIdleMs?: number;
  /** How long after a reload the old workers leave. Default: 8 s, as a Kong without long requests. */
  readonly reloadLeaveMs?: number;
  /** Kong's `client_body_buffer_size`. */
  readonly bodyBufferBytes?: number;
  readonly onLog?: (line: LogLine) => void;
  /** When a client has been answered: what Kong's log phase finds. */
  readonly onLogPhase?: (request: Pick<RequestContext, 'id' | 'context' | 'logFields'>) => void;
  /** Where marked requests go whose upstream fails: see failover.ts. Absent: they get Kong's error. */
  readonly failoverListener?: ListenerAddress | undefined;
  /** What `{vault://env/…}` references are looked up in. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface GatewayCounters {
  requests: number;
  /** By plugin name. */
  readonly plugins: Readonly<Record<string, Readonly<ExternalPluginCounters>>>;
}

export interface Gateway {
  readonly url: string;
  readonly counters: Readonly<GatewayCounters>;
  /** Connections to plugin servers, in use or idle. */
  readonly openConnections: number;
  /** A new configuration for the requests that come from now on. Throws and keeps the old one if it is invalid. */
  reload(config: string | object): void;
  /**
   * `kong reload`, in Kong's order: new workers, which start their plugin servers at once; the old workers finish what
   * they have; when they leave, their plugin servers are ended. Resolves when those are gone.
   */
  restartWorkers(): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_READ_TIMEOUT_MS = 60_000;
const POOL_IDLE_MS = 60_000;
const RELOAD_LEAVE_MS = 8000;
/** Kong's `lua_socket_pool_size`. */
const POOL_SIZE = 256;
const KEEP_ALIVE_MS = 75_000;
/** nginx reads headers into four buffers of 8 KB; no line may be longer than one. */
const HEADER_LINE_BYTES = 8192;
const HEADER_TOTAL_BYTES = 4 * HEADER_LINE_BYTES;
const HEADER_LINES = 1000;

/** Checks the configuration and, when it is good, listens. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new RunningGateway(options);
  await gateway.listen(options.host ?? '127.0.0.1', options.port ?? 0);
  return gateway;
}

/** What `startGateway` would refuse, as a `ConfigurationError`. */
export function checkConfiguration(
  options: Pick<GatewayOptions, 'config' | 'pluginServers' | 'environment'>,
): {
  config: DeclarativeConfig;
  catalog: PluginCatalog;
} {
  const catalog = new PluginCatalog(options.pluginServers ?? []);
  return { catalog, config: readConfig(options.config, catalog, options.environment) };
}

function readConfig(
  config: string | object,
  catalog: PluginCatalog,
  environment: NodeJS.ProcessEnv | undefined,
): DeclarativeConfig {
  const document = typeof config === 'string' ? readDeclarative(config) : config;
  return parseDeclarative(document, catalog.rules, environment);
}

interface ClientConnection {
  readonly number: number;
  requests: number;
}

class RunningGateway implements Gateway {
  readonly counters: GatewayCounters;
  readonly #options: GatewayOptions;
  readonly #catalog: PluginCatalog;
  readonly #pluginCounters: Record<string, ExternalPluginCounters>;
  #workers: readonly Worker[];
  /** They may still have requests. */
  #oldWorkers: readonly Worker[] = [];
  readonly #server: Server;
  readonly #proxy: Proxy;
  #managed: readonly ManagedServer[] = [];
  #leaving: ManagedServer[] = [];
  readonly #bodies = new BodyDirectory();
  readonly #bodyStorage: BodyStorage;
  readonly #connections = new WeakMap<Socket, ClientConnection>();
  #connectionCount = 0;
  #router: Router;
  #pluginsJson = '';
  #lastSeq = 0;
  #port = 0;
  #host = '';
  #closing: Promise<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#proxy = new Proxy(options.failoverListener);
    const { config, catalog } = checkConfiguration(options);
    this.#catalog = catalog;
    this.#pluginCounters = Object.fromEntries(
      catalog.servers.map(({ plugin }) => [
        plugin.name,
        { events: 0, reruns: 0, startedInstances: 0, closedInstances: 0 },
      ]),
    );
    this.counters = { requests: 0, plugins: this.#pluginCounters };
    this.#workers = this.#makeWorkers();
    this.#bodyStorage = {
      bufferBytes: options.bodyBufferBytes ?? HEADER_LINE_BYTES,
      nextFilePath: () => this.#bodies.nextFilePath(),
    };
    this.#router = this.#adopt(config);
    this.#server = this.#makeServer();
  }

  get url(): string {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    return `http://${host}:${this.#port}`;
  }

  get openConnections(): number {
    let count = 0;
    for (const worker of [...this.#workers, ...this.#oldWorkers])
      for (const plugin of worker.externals.values()) count += plugin.openConnections;
    return count;
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(new ConfigurationError(`cannot listen on ${host}:${port}: ${error.message}`));
      });
      this.#server.listen({ host, port, backlog: 4096 }, resolve);
    });
    this.#host = host;
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#managed = this.#startServers();
  }

  #startServers(): ManagedServer[] {
    return (this.#options.startCommands ?? []).map(
      (command) => new ManagedServer(command, (message) => this.#log('info', message.trimEnd(), undefined)),
    );
  }

  async restartWorkers(): Promise<void> {
    const old = this.#managed;
    this.#oldWorkers = [...this.#oldWorkers, ...this.#workers];
    this.#workers = this.#makeWorkers();
    this.#managed = this.#startServers();
    this.#leaving.push(...old);
    const leaveMs = this.#options.reloadLeaveMs ?? RELOAD_LEAVE_MS;
    await new Promise((resolve) => setTimeout(resolve, leaveMs));
    await Promise.all(old.map((server) => server.close(RELOAD_GRACE_MS)));
    this.#leaving = this.#leaving.filter((server) => !old.includes(server));
  }

  reload(config: string | object): void {
    this.#router = this.#adopt(readConfig(config, this.#catalog, this.#options.environment));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // They answer what still waits.
    await Promise.all([...this.#managed, ...this.#leaving].map((server) => server.close()));
    this.#server.closeAllConnections();
    for (const worker of [...this.#workers, ...this.#oldWorkers]) worker.close();
    this.#proxy.close();
    await ended;
    await this.#bodies.remove();
  }

  #makeWorkers(): Worker[] {
    const workers: Worker[] = [];
    const count = this.#options.workers ?? 1;
    for (let number = 0; number < count; number++) workers.push(this.#makeWorker(workers));
    return workers;
  }

  /** @param siblings all workers of its generation: Kong shares with them that instances are gone */
  #makeWorker(siblings: readonly Worker[]): Worker {
    const limits: PoolLimits = {
      readTimeoutMs: this.#options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS,
      idleTimeoutMs: this.#options.poolIdleMs ?? POOL_IDLE_MS,
      maxIdleConnections: POOL_SIZE,
    };
    const resetInstances = (name: string): void => {
      for (const worker of siblings) worker.forgetInstances(name);
    };
    return new Worker(
      new Map(
        this.#catalog.servers.map(({ entry, plugin }) => {
          const hooks = { counters: this.#pluginCounters[plugin.name]!, resetInstances };
          return [plugin.name, new ExternalPlugin(plugin, entry.socketPath, limits, hooks)];
        }),
      ),
    );
  }

  /** Kong keeps everything as it is when no plugin has changed, and renews all instances when one has. */
  #adopt(config: DeclarativeConfig): Router {
    for (const part of config.ignored) this.#log('warn', `${part}: not imitated, ignored`, undefined);
    const pluginsJson = JSON.stringify(config.plugins);
    if (pluginsJson !== this.#pluginsJson) {
      this.#pluginsJson = pluginsJson;
      this.#lastSeq += config.plugins.length + 1;
    }
    const plugins = config.plugins.map((plugin, index) => ({ ...plugin, seq: this.#lastSeq - index }));
    return new Router({ ...config, plugins }, (name) => this.#catalog.priorityOf(name));
  }

  #makeServer(): Server {
    const server = createServer({
      maxHeaderSize: HEADER_TOTAL_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    });
    server.maxHeadersCount = 0;
    server.on('connection', (socket: Socket) => {
      this.#connectionCount += 1;
      this.#connections.set(socket, { number: this.#connectionCount, requests: 0 });
    });
    server.on('request', (request, response) => void this.#serve(request, response));
    // An upgrade is a request like others, until its upstream agrees to it.
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.on('finish', () => socket.end());
      socket.on('error', () => socket.destroy());
      void this.#serve(request, response, head);
    });
    server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end(rawBadRequest());
      else socket.destroy();
    });
    return server;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse, head?: Buffer): Promise<void> {
    this.counters.requests += 1;
    const connection = this.#connections.get(incoming.socket)!;
    connection.requests += 1;
    const request = this.#contextOf(incoming, connection);
    const worker = this.#workers[connection.number % this.#workers.length]!;
    response.on('close', () => {
      void request.body.remove();
      this.#options.onLogPhase?.(request);
    });
    try {
      await this.#answer(request, incoming, response, worker, head);
    } catch (error) {
      if (!(error instanceof BodyReadError)) this.#log('crit', String(error), request.id);
      sendError(response, request, error instanceof BodyReadError ? 400 : 500);
    }
  }

  async #answer(
    request: RequestContext,
    incoming: IncomingMessage,
    response: ServerResponse,
    worker: Worker,
    head: Buffer | undefined,
  ): Promise<void> {
    if (hasOversizedHeaders(incoming.rawHeaders)) return sendError(response, request, 400);
    if (request.match === NO_MATCH) return sendError(response, request, 404, NO_ROUTE);
    logWhenOver(request, response, worker);
    const outcome = await worker.access(request);
    if (response.destroyed) return;
    worker.headerFilter(request);
    await this.#conclude(outcome, request, response, head);
  }

  async #conclude(
    outcome: EventOutcome,
    request: RequestContext,
    response: ServerResponse,
    head: Buffer | undefined,
  ): Promise<void> {
    switch (outcome.kind) {
      case 'exit':
        return sendExit(response, request, outcome.response);
      case 'error':
        this.#log('err', outcome.message, request.id);
        return sendError(response, request, 500);
      case 'done': {
        if (serviceInContext(request) === undefined) return sendError(response, request, 503, NO_SERVICE);
        const service = proxiedService(request);
        if (!service) return sendError(response, request, 500);
        return this.#proxy.forward(request, service, response, head);
      }
    }
  }

  #contextOf(incoming: IncomingMessage, connection: ClientConnection): RequestContext {
    const [rawPath, rawQuery] = splitTarget(incoming.url ?? '/');
    const headers = HeaderList.fromRaw(incoming.rawHeaders);
    const host = hostName(headers.first('host') ?? '');
    const pathText = normalizedPath(rawPath);
    const method = incoming.method ?? 'GET';
    const { socket } = incoming;
    const id = randomUUID().replaceAll('-', '');
    return {
      id,
      method,
      httpVersion: Number(incoming.httpVersion),
      scheme: 'http',
      host,
      port: this.#port,
      rawPath,
      path: pathText,
      rawQuery,
      headers,
      clientIp: plainAddress(socket.remoteAddress),
      clientPort: socket.remotePort ?? 0,
      serverAddress: plainAddress(socket.localAddress),
      connectionNumber: connection.number,
      connectionRequests: connection.requests,
      startedAtMs: Date.now(),
      match: this.#router.match({ method, path: pathText, host, headers }) ?? NO_MATCH,
      body: new RequestBody(incoming, this.#bodyStorage),
      shared: new Map(),
      context: new Map(),
      logFields: new Map(),
      responseHeaders: new HeaderList(),
      responseStatus: undefined,
      upstream: {},
      sent: undefined,
      proxied: undefined,
      logEntry: undefined,
      log: (level, message) => this.#log(level, message, id),
    };
  }

  #log(level: LogLevel, message: string, requestId: string | undefined): void {
    this.#options.onLog?.({ level, message, requestId });
  }
}

/** Also of a client that has left. */
function logWhenOver(request: RequestContext, response: ServerResponse, worker: Worker): void {
  const { socket } = response;
  const sentBefore = socket?.bytesWritten ?? 0;
  response.once('close', () => {
    request.logEntry = logEntry(request, (socket?.bytesWritten ?? 0) - sentBefore);
    void worker.log(request);
  });
}

/** Where the bodies go that are too big for memory. Made when the first one comes. */
class BodyDirectory {
  #directory: Promise<string> | undefined;
  #fileCount = 0;

  async nextFilePath(): Promise<string> {
    this.#directory ??= makeBodyDirectory();
    this.#fileCount += 1;
    return path.join(await this.#directory, bodyFileName(this.#fileCount));
  }

  async remove(): Promise<void> {
    if (this.#directory) await rm(await this.#directory, { recursive: true, force: true });
  }
}

async function makeBodyDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'gateway-'));
  await mkdir(path.join(directory, path.dirname(bodyFileName(0))), { mode: 0o700 });
  return directory;
}

/** Stands for the route of a request that has none; no plugin ever sees it. */
const NO_MATCH: RouteMatch = {
  route: {
    id: '',
    paths: [],
    methods: [],
    hosts: [],
    headers: {},
    stripPath: false,
    preserveHost: false,
    regexPriority: 0,
    toTable: () => ({}),
  },
  service: undefined,
  plugins: [],
  remainder: '',
  captures: { named: {}, unnamed: [] },
};

function hasOversizedHeaders(rawHeaders: readonly string[]): boolean {
  if (rawHeaders.length > 2 * HEADER_LINES) return true;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    // The line as it was sent: `name: value` and CR LF.
    if (rawHeaders[i]!.length + rawHeaders[i + 1]!.length + 4 > HEADER_LINE_BYTES) return true;
  }
  return false;
}

function splitTarget(target: string): [rawPath: string, rawQuery: string] {
  const relative = target.startsWith('/') ? target : target.replace(/^[a-z]+:\/\/[^/?]*/i, '') || '/';
  const mark = relative.indexOf('?');
  return mark < 0 ? [relative, ''] : [relative.slice(0, mark), relative.slice(mark + 1)];
}

function hostName(hostHeader: string): string {
  return hostHeader.toLowerCase().replace(/:\d+$/, '');
}

function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

/** For a request node could not even parse. */
function rawBadRequest(): Buffer {
  const requestId = randomUUID().replaceAll('-', '');
  const body = errorBody(400, requestId);
  const head = [
    'HTTP/1.1 400 Bad Request',
    `Content-Type: ${ERROR_CONTENT_TYPE}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
    `Server: ${SERVER_NAME}`,
    `X-Kong-Request-Id: ${requestId}`,
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}
