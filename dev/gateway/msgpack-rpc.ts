/**
 * Kong's side of `MsgPack:1`. Every call is one request and one response on a pooled connection; while a handler
 * runs, each PDK call is the response and each result the next request. Failures let the request pass: Kong only
 * logs them.
 */
import { ConnectionPool, TIMEOUT, type PoolLimits } from './connection-pool';
import { DONE, failed, type Event, type EventResult, type PluginRpc } from './event';
import { isTable, LuaError, textOf, type LuaValue } from './lua-value';
import { Binary, EMPTY_MAP, pack, Unpacker, type Packable } from './msgpack';
import { phaseComplaint } from './log-phase';
import { PDK } from './pdk';
import { ExitResponse } from './request-context';

/** Kong's name for a read that failed, whatever the cause. */
const NO_DATA = 'no data';

const STEP_METHODS: Record<string, string> = {
  'kong.client.get_credential': 'plugin.StepCredential',
  'kong.client.load_consumer': 'plugin.StepConsumer',
  'kong.client.get_consumer': 'plugin.StepConsumer',
  'kong.client.authenticate': 'plugin.StepCredential',
  'kong.node.get_memory_stats': 'plugin.StepMemoryStats',
  'kong.router.get_route': 'plugin.StepRoute',
  'kong.router.get_service': 'plugin.StepService',
  'kong.request.get_query': 'plugin.StepMultiMap',
  'kong.request.get_headers': 'plugin.StepMultiMap',
  'kong.response.get_headers': 'plugin.StepMultiMap',
};

const MULTI_MAPS = Object.keys(STEP_METHODS).filter((name) => STEP_METHODS[name] === 'plugin.StepMultiMap');

/** Kong's text for a call that came to nothing; the request goes on. */
class CallFailed extends Error {}

export class MsgpackRpc implements PluginRpc {
  readonly #pool: ConnectionPool;
  #messageId = 0;
  #serverPid: number | undefined;

  constructor(
    socketPath: string,
    limits: PoolLimits,
    /** A server that names a new process id has forgotten its instances. */
    private readonly onServerReplaced: () => void,
  ) {
    this.#pool = new ConnectionPool(socketPath, limits);
  }

  get openConnections(): number {
    return this.#pool.openConnections;
  }

  async startInstance(pluginName: string, configJson: string): Promise<number> {
    const config = Buffer.from(configJson, 'utf8');
    const status = await this.#call('plugin.StartInstance', { Name: pluginName, Config: config });
    if (!isTable(status) || typeof status.Id !== 'number')
      throw new LuaError('the answer to StartInstance has no Id');
    return status.Id;
  }

  async closeInstance(instanceId: number): Promise<void> {
    await this.#call('plugin.CloseInstance', instanceId).catch(() => undefined);
  }

  async handleEvent(instanceId: number, event: Event): Promise<EventResult> {
    try {
      return await this.#bridge(instanceId, event);
    } catch (error) {
      if (error instanceof CallFailed) return { kind: 'failed', reason: error.message };
      return failed(error instanceof Error ? error.message : String(error));
    }
  }

  close(): void {
    this.#pool.close();
  }

  async #bridge(instanceId: number, event: Event): Promise<EventResult> {
    let step = await this.#call('plugin.HandleEvent', { InstanceId: instanceId, EventName: event.phase });
    for (;;) {
      if (!isTable(step)) throw new LuaError('attempt to index a step that is no table');
      if (step.Data === 'ret') return DONE;
      if (!isTable(step.Data)) throw new LuaError('attempt to index a step without Data');
      const method = textOf(step.Data.Method as string);
      const result = await this.#pdkCall(method, step.Data.Args, event);
      if (result instanceof ExitResponse) return { kind: 'exit', response: result };
      const answer: Record<string, Packable> = { EventId: step.EventId, Data: result };
      step = await this.#call(STEP_METHODS[method] ?? 'plugin.Step', answer);
    }
  }

  async #pdkCall(method: string, args: LuaValue, event: Event): Promise<Packable | ExitResponse> {
    const pdkFunction = PDK[method];
    if (!pdkFunction) {
      event.request.log('err', `could not find pdk method: ${method}`);
      return undefined;
    }
    const complaint = phaseComplaint(method, event.phase);
    if (complaint !== undefined) throw new LuaError(complaint);
    const result = await pdkFunction(event.request, ...luaArguments(args));
    if (result instanceof ExitResponse) return result;
    if (MULTI_MAPS.includes(method)) return multiMap(result);
    if (method !== 'kong.request.get_raw_body') return result;
    if (result instanceof Uint8Array) return new Binary(result);
    // Kong's error for a body that lies in a file.
    throw new LuaError("MessagePack.lua:126: attempt to get length of local 'str' (a nil value)");
  }

  async #call(method: string, argument: Packable): Promise<LuaValue> {
    this.#messageId += 1;
    const id = this.#messageId;
    const response = await this.#exchange(pack([0, id, method, [argument]]));
    if (response[0] !== 1) throw new LuaError('RPC response expected from Go plugin server');
    if (response[1] !== id) throw new LuaError('unexpected RPC response ID from Go plugin server');
    const error = response[2];
    if (error !== undefined) throw new CallFailed(typeof error === 'string' ? error : 'unknown error');
    return response[3];
  }

  #exchange(request: Buffer): Promise<LuaValue[]> {
    return new Promise((resolve, reject) => {
      const unpacker = new Unpacker();
      const connection = this.#pool.acquire({
        data: (chunk) => {
          try {
            unpacker.push(chunk);
            const response = this.#nextResponse(unpacker);
            if (!response) return;
            this.#pool.release(connection);
            resolve(response);
          } catch (error) {
            connection.close();
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        failed: (reason) => {
          // After a timeout Kong puts the connection back although an answer is still to come on it.
          if (reason === TIMEOUT) this.#pool.release(connection);
          else connection.close();
          const isConnectFailure = reason === 'connection refused' || reason === 'no such file or directory';
          reject(new CallFailed(isConnectFailure ? reason : NO_DATA));
        },
      });
      connection.write(request);
    });
  }

  #nextResponse(unpacker: Unpacker): LuaValue[] | undefined {
    for (let message = unpacker.next(); message; message = unpacker.next()) {
      if (!Array.isArray(message.value)) throw new LuaError('attempt to index a message that is no table');
      if (message.value[0] !== 2) return message.value;
      this.#onNotification(message.value[1], message.value[2]);
    }
    return undefined;
  }

  /** Labels other than `serverPid` mean nothing to Kong, but every frame puts the read timeout off. */
  #onNotification(label: LuaValue, argument: LuaValue): void {
    if (label !== 'serverPid') return;
    const pid = Number(argument);
    if (this.#serverPid !== undefined && pid !== this.#serverPid) this.onServerReplaced();
    this.#serverPid = pid;
  }
}

/** A nil in the middle ends a Lua argument list: the length operator finds the border before it. */
function luaArguments(args: LuaValue): LuaValue[] {
  if (!Array.isArray(args)) return args === undefined ? [] : [args];
  const hole = args.findIndex((argument) => argument === undefined || argument === null);
  return hole < 0 ? args : args.slice(0, hole);
}

/** Every value a list; an argument without a value is an empty one. */
function multiMap(value: LuaValue): Packable {
  const entries = Object.entries(isTable(value) ? value : {});
  if (entries.length === 0) return EMPTY_MAP;
  return Object.fromEntries(
    entries.map(([key, item]) => [key, item === true ? [] : typeof item === 'string' ? [item] : item]),
  );
}
