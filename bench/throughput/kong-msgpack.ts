/**
 * Plays a Kong worker over MsgPack:1, for Kong's stock JavaScript server: every call is a request and a response on
 * a pooled connection; while a handler runs, each of its PDK calls is a response and each result the next request.
 */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { connect as connectSocket, type Socket } from 'node:net';
import {
  METHOD,
  DEFAULT_PHASE,
  requestHeaders,
  serveKongWorkers,
  type Exit,
  type PluginEnd,
  type PluginSocket,
} from '../load/kong-events';
import { bodyOf } from '../load/payload';
import { TrafficCounter } from '../load/traffic';

interface PdkCall {
  readonly Method: string;
  readonly Args: readonly unknown[];
}
interface Step {
  readonly EventId: number;
  readonly Data: PdkCall | 'ret';
}
type Response = readonly [type: number, id: number, error: unknown, result: unknown];

const EXIT_CALL = 'kong.response.exit';
const MULTI_MAP_STEP = 'plugin.StepMultiMap';

/** What one request is, for the PDK calls of both its events. */
interface RequestContext {
  readonly nonce: string;
  readonly shared: Map<unknown, unknown>;
}

const PDK: Record<string, (request: RequestContext, args: readonly unknown[]) => unknown> = {
  'kong.nginx.get_var': ({ nonce }) => nonce,
  'kong.request.get_method': () => METHOD,
  'kong.request.get_headers': ({ nonce }) =>
    Object.fromEntries(Object.entries(requestHeaders(nonce)).map(([name, value]) => [name, [value]])),
  'kong.request.get_raw_body': ({ nonce }) => Buffer.from(bodyOf(nonce)),
  'kong.ctx.shared.get': ({ shared }, [key]) => shared.get(key),
  'kong.ctx.shared.set': ({ shared }, [key, value]) => void shared.set(key, value),
  'kong.service.request.set_header': () => undefined,
};

/** A connection carries one call at a time and any number one after the other. */
class PooledConnection {
  readonly #socket: Socket;
  readonly #decoder = new Decoder();
  #received: Buffer = Buffer.alloc(0);
  #onResponse: ((response: Response | undefined) => void) | undefined;

  constructor(
    path: string,
    private readonly traffic: TrafficCounter,
  ) {
    this.#socket = connectSocket(path);
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('error', () => this.#settle(undefined));
    this.#socket.on('close', () => this.#settle(undefined));
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  call(request: Uint8Array, onResponse: (response: Response | undefined) => void): void {
    this.#onResponse = onResponse;
    this.traffic.sent(request.length);
    this.#socket.write(request);
  }

  #onData(chunk: Buffer): void {
    this.traffic.received(chunk.length);
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let response: Response;
    try {
      response = this.#decoder.decode(this.#received) as Response;
    } catch (error) {
      // The rest of the message is still to come.
      if (error instanceof RangeError) return;
      throw error;
    }
    this.#received = Buffer.alloc(0);
    this.#settle(response);
  }

  #settle(response: Response | undefined): void {
    const onResponse = this.#onResponse;
    this.#onResponse = undefined;
    onResponse?.(response);
  }
}

/** One plugin as a worker sees it. */
class ProtocolEnd implements PluginEnd<RequestContext> {
  readonly traffic = new TrafficCounter();
  readonly #encoder = new Encoder({ ignoreUndefined: true });
  readonly #idle: PooledConnection[] = [];
  #messageId = 0;
  #instanceId: unknown;
  #told = false;

  constructor(private readonly options: PluginSocket) {}

  get plugin(): string {
    return this.options.plugin;
  }

  async startInstance(): Promise<void> {
    const { plugin, config } = this.options;
    const start = { Name: plugin, Config: JSON.stringify(config) };
    const response = await new Promise<Response | undefined>((resolve) =>
      this.#call('plugin.StartInstance', start, resolve),
    );
    const error = response?.[2];
    if (response === undefined || error) throw new Error(`${plugin} did not start: ${JSON.stringify(error)}`);
    this.#instanceId = (response[3] as { Id: number }).Id;
  }

  run(request: RequestContext, onEnd: (exit: Exit | undefined) => void): void {
    let rounds = 0;
    const failed = (why: unknown) => {
      this.#tell(JSON.stringify(why));
      onEnd({ status: 500, body: Buffer.alloc(0) });
    };
    const onStep = (response: Response | undefined): void => {
      const step = response?.[3] as Step | null | undefined;
      if (!step) return failed(response?.[2]);
      const { Data: data, EventId } = step;
      if (data === 'ret' || data.Method === EXIT_CALL) this.traffic.ended(rounds);
      if (data !== 'ret') this.traffic.called();
      if (data === 'ret') return onEnd(undefined);
      if (data.Method === EXIT_CALL) {
        const [status, body] = data.Args as [number, Uint8Array | string];
        return onEnd({ status, body: Buffer.from(body as string) });
      }
      rounds++;
      const method = PDK[data.Method];
      if (method === undefined) this.#tell(`a call of ${data.Method}`);
      const answer = { Data: method?.(request, data.Args), EventId };
      this.#call(data.Method === 'kong.request.get_headers' ? MULTI_MAP_STEP : 'plugin.Step', answer, onStep);
    };
    this.#call('plugin.HandleEvent', { InstanceId: this.#instanceId, EventName: DEFAULT_PHASE }, onStep);
  }

  /** Once: thousands of requests fail for the same reason. */
  #tell(why: string): void {
    if (!this.#told) process.stderr.write(`${this.options.plugin}: ${why}\n`);
    this.#told = true;
  }

  #call(method: string, argument: object, onResponse: (response: Response | undefined) => void): void {
    let connection = this.#idle.pop();
    while (connection && !connection.open) connection = this.#idle.pop();
    const used = connection ?? new PooledConnection(this.options.socket, this.traffic);
    const request = this.#encoder.encode([0, ++this.#messageId, method, [argument]]);
    used.call(request, (response) => {
      if (response !== undefined) this.#idle.push(used);
      onResponse(response);
    });
  }
}

serveKongWorkers(
  (options) => new ProtocolEnd(options),
  (nonce): RequestContext => ({ nonce, shared: new Map() }),
);
