/**
 * Kong's side of `ProtoBuf:1`. One connection carries one whole event: call, then method and argument frames that
 * are answered in order, then an empty frame and the return. After a normal return the connection is kept for
 * reuse; after an exit or any failure it is closed, and a failure in the middle of an event is for the caller to
 * deal with.
 */
import { ConnectionPool, type Connection, type PoolLimits } from './connection-pool';
import { DONE, failed, type Event, type EventResult, type PluginRpc } from './event';
import { frame, FrameReader } from './frames';
import { isTable, LuaError, type LuaTable, type LuaValue } from './lua-value';
import { phaseComplaint } from './log-phase';
import { PDK, type PdkResult } from './pdk';
import { PROTOBUF_METHODS, type MethodTypes } from './protobuf-methods';
import {
  decode,
  encode,
  fromList,
  fromStruct,
  fromValue,
  toStruct,
  toValue,
  type MessageName,
} from './protobuf';
import { ExitResponse } from './request-context';

/** The last frame of a call that is not an event. */
type CallResult = { readonly returned: LuaTable } | { readonly reason: string };

export class ProtobufRpc implements PluginRpc {
  readonly #pool: ConnectionPool;
  #messageId = 0;

  constructor(socketPath: string, limits: PoolLimits) {
    this.#pool = new ConnectionPool(socketPath, limits);
  }

  get openConnections(): number {
    return this.#pool.openConnections;
  }

  async startInstance(pluginName: string, configJson: string): Promise<number> {
    const config = Buffer.from(configJson, 'utf8');
    const result = await this.#call({ cmd_start_instance: { name: pluginName, config } });
    if ('reason' in result) throw new Error(result.reason);
    const status = result.returned.instance_status;
    if (!isTable(status)) throw new Error('the answer to StartInstance has no instance_status');
    return status.instance_id as number;
  }

  async closeInstance(instanceId: number): Promise<void> {
    await this.#call({ cmd_close_instance: { instance_id: instanceId } });
  }

  handleEvent(instanceId: number, event: Event): Promise<EventResult> {
    const sequence = this.#nextSequence();
    const call = frame(
      encode('RpcCall', {
        sequence,
        cmd_handle_event: { instance_id: instanceId, event_name: event.phase },
      }),
    );
    return new Promise((resolve) => new EventConversation(this.#pool, event, sequence, resolve).begin(call));
  }

  close(): void {
    this.#pool.close();
  }

  /** Kong counts the call and then adds one more, so the first sequence number is 2. */
  #nextSequence(): number {
    this.#messageId += 1;
    return this.#messageId + 1;
  }

  #call(command: LuaTable): Promise<CallResult> {
    const sequence = this.#nextSequence();
    return new Promise((resolve) => {
      const frames = new FrameReader();
      const connection = this.#pool.acquire({
        data: (chunk) => {
          frames.push(chunk);
          const payload = frames.next();
          if (!payload) return;
          if (frames.isEmpty) this.#pool.release(connection);
          else connection.close();
          resolve(readReturn(payload, sequence));
        },
        failed: (reason) => {
          connection.close();
          resolve({ reason });
        },
      });
      connection.write(frame(encode('RpcCall', { sequence, ...command })));
    });
  }
}

function readReturn(payload: Buffer, sequence: number): CallResult {
  try {
    const returned = decode('RpcReturn', payload);
    if (returned.sequence === sequence) return { returned };
    return { reason: `expected the answer to call ${sequence}, got ${JSON.stringify(returned.sequence)}` };
  } catch (error) {
    return { reason: `undecodable RpcReturn: ${(error as Error).message}` };
  }
}

type Expecting = 'method' | 'arguments' | 'return';

class EventConversation {
  readonly #frames = new FrameReader();
  readonly #replies: Buffer[] = [];
  readonly #connection: Connection;
  #expecting: Expecting = 'method';
  #method = '';
  /** A PDK call is still at work; what follows in the stream must wait. */
  #isBusy = false;
  #isOver = false;

  constructor(
    private readonly pool: ConnectionPool,
    private readonly event: Event,
    private readonly sequence: number,
    private readonly resolve: (result: EventResult) => void,
  ) {
    this.#connection = pool.acquire({
      data: (chunk) => {
        this.#frames.push(chunk);
        this.#proceed();
      },
      failed: (reason) => {
        // While Kong itself is at work on a call it does not read, so no read can time out.
        if (!(this.#isBusy && reason === 'timeout')) this.#end({ kind: 'failed', reason });
      },
    });
  }

  begin(call: Buffer): void {
    this.#connection.write(call);
  }

  /** Works through all frames that are here, and answers them in one chunk. */
  #proceed(): void {
    while (!this.#isBusy && !this.#isOver) {
      const payload = this.#frames.next();
      if (!payload) break;
      this.#onFrame(payload);
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#replies.length === 0 || this.#isOver) return;
    this.#connection.write(Buffer.concat(this.#replies.splice(0)));
  }

  #onFrame(payload: Buffer): void {
    switch (this.#expecting) {
      case 'method':
        this.#method = payload.toString('latin1');
        this.#expecting = payload.length === 0 ? 'return' : 'arguments';
        return;
      case 'arguments':
        this.#expecting = 'method';
        return this.#onCall(payload);
      case 'return':
        return this.#onReturn(payload);
    }
  }

  #onCall(payload: Buffer): void {
    const types = PROTOBUF_METHODS[this.#method];
    if (!types) return this.#end({ kind: 'failed', reason: `method "${this.#method}" not found` });
    let result: PdkResult | Promise<PdkResult>;
    try {
      result = callPdk(this.#method, types, payload, this.event);
    } catch (error) {
      return this.#endWith(error);
    }
    if (result instanceof Promise) {
      this.#isBusy = true;
      void this.#await(result, types);
    } else this.#reply(result, types);
  }

  async #await(pending: Promise<PdkResult>, types: MethodTypes): Promise<void> {
    try {
      const result = await pending;
      this.#isBusy = false;
      if (this.#isOver) return;
      this.#reply(result, types);
      this.#proceed();
    } catch (error) {
      this.#isBusy = false;
      this.#endWith(error);
    }
  }

  #reply(result: PdkResult, types: MethodTypes): void {
    if (result instanceof ExitResponse) {
      this.#flush();
      return this.#end({ kind: 'exit', response: result });
    }
    try {
      this.#replies.push(frame(encodeResult(types.output, result, this.event)));
    } catch (error) {
      this.#endWith(error);
    }
  }

  #onReturn(payload: Buffer): void {
    const result = readReturn(payload, this.sequence);
    if (this.#isOver) return;
    // Kong answers each call before it reads on, the last one too.
    this.#flush();
    this.#isOver = true;
    // Kong hands the connection back before it looks at the answer.
    if (this.#frames.isEmpty) this.pool.release(this.#connection);
    else this.#connection.close();
    this.resolve('reason' in result ? failed(result.reason) : DONE);
  }

  /** A Lua error: nothing more is said, the connection goes. */
  #endWith(error: unknown): void {
    this.#end(failed(error instanceof Error ? error.message : String(error)));
  }

  #end(result: EventResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.close();
    this.resolve(result);
  }
}

function callPdk(
  method: string,
  types: MethodTypes,
  payload: Buffer,
  event: Event,
): PdkResult | Promise<PdkResult> {
  const pdkFunction = PDK[method];
  if (!pdkFunction) throw new LuaError(`attempt to call ${method}, which this gateway does not have`);
  const complaint = phaseComplaint(method, event.phase);
  if (complaint !== undefined) throw new LuaError(complaint);
  return pdkFunction(event.request, ...argumentsOf(types.input, decode(types.input, payload)));
}

function argumentsOf(type: MessageName, message: LuaTable): LuaValue[] {
  switch (type) {
    case 'Empty':
      return [];
    case 'Value':
      return [fromValue(message)];
    case 'ListValue':
      return fromList(message);
    case 'Struct':
      return [fromStruct(message)];
    case 'KV':
      return [message.k, isTable(message.v) ? fromValue(message.v) : undefined];
    case 'Target':
      return [message.host, message.port];
    case 'ExitArgs':
      return [
        message.status,
        message.body,
        isTable(message.headers) ? fromStruct(message.headers) : undefined,
      ];
    default:
      return [message.v];
  }
}

function encodeResult(type: MessageName, result: LuaValue, event: Event): Buffer {
  switch (type) {
    case 'Value':
      return encode(type, toValue(result));
    case 'Struct':
      return encode(type, toStruct(isTable(result) ? result : {}));
    case 'RawBodyResult':
      return encode(type, rawBodyResult(result, event));
    case 'String':
      // lua-protobuf refuses to write `true`, which is what Kong has for a query argument without a value.
      if (typeof result === 'boolean') throw new LuaError("string expected for field 'v', got boolean");
      return encode(type, { v: result });
    case 'Bool':
    case 'Int':
    case 'Number':
    case 'ByteString':
      return encode(type, { v: result });
    default:
      return isTable(result) ? encode(type, result) : Buffer.alloc(0);
  }
}

function rawBodyResult(result: LuaValue, event: Event): LuaTable {
  if (result !== undefined) return { content: result };
  const path = event.request.body.filePath;
  return path === undefined ? { error: "Can't read request body" } : { body_filepath: path };
}
