/** A small ProtoBuf:1 plugin server whose handler is a function of the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { frame, FrameReader } from '../../dev/gateway/frames';
import type { LuaTable } from '../../dev/gateway/lua-value';
import { decode, encode, toStruct, toValue } from '../../dev/gateway/protobuf';
import { PROTOBUF_METHODS } from '../../dev/gateway/protobuf-methods';

export interface PluginEvent {
  readonly instanceId: number;
  readonly phase: string;
  /** The configuration the instance was started with. */
  readonly config: Record<string, unknown>;
  /** One PDK call; the message is given in the form of the method's input. */
  call(method: string, args?: LuaTable): Promise<LuaTable>;
  exit(status: number, body?: string | Buffer, headers?: LuaTable): void;
  /** Bytes that are no frame of a well-behaved server. */
  readonly socket: Socket;
}

export type Handler = (event: PluginEvent) => unknown;

export class PluginServer {
  readonly socketPath: string;
  readonly startedConfigs: Record<string, unknown>[] = [];
  readonly closedInstances: number[] = [];
  /** How many connections were opened and how many have ended. */
  opened = 0;
  ended = 0;
  handler: Handler = () => undefined;
  /** Waits before StartInstance is answered. */
  startDelayMs = 0;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'plugin-server-'));
  readonly #sockets = new Set<Socket>();
  readonly #configs = new Map<number, Record<string, unknown>>();
  #server: Server | undefined;
  #lastInstanceId = 100;

  constructor() {
    this.socketPath = path.join(this.#directory, 'plugin.sock');
  }

  static async start(t: TestContext, handler: Handler): Promise<PluginServer> {
    const server = new PluginServer();
    server.handler = handler;
    await server.listen();
    t.after(() => server.close());
    return server;
  }

  async listen(): Promise<void> {
    this.#server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve) =>
      this.#server!.listen({ path: this.socketPath, backlog: 4096 }, resolve),
    );
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.opened += 1;
    const frames = new FrameReader();
    const waiting: ((payload: Buffer) => void)[] = [];
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.ended += 1;
    });
    socket.on('data', (chunk) => {
      frames.push(chunk);
      for (let payload = frames.next(); payload; payload = frames.next()) {
        const reply = waiting.shift();
        if (reply) reply(payload);
        else void this.#onCall(socket, decode('RpcCall', payload), waiting);
      }
    });
  }

  async #onCall(socket: Socket, call: LuaTable, waiting: ((payload: Buffer) => void)[]): Promise<void> {
    const { sequence } = call;
    const start = call.cmd_start_instance as { config: Buffer } | undefined;
    if (start) {
      this.#lastInstanceId += 1;
      const id = this.#lastInstanceId;
      const config = JSON.parse(start.config.toString()) as Record<string, unknown>;
      this.startedConfigs.push(config);
      this.#configs.set(id, config);
      await new Promise((resolve) => setTimeout(resolve, this.startDelayMs));
      socket.write(frame(encode('RpcReturn', { sequence, instance_status: { instance_id: id } })));
      return;
    }
    const close = call.cmd_close_instance as { instance_id: number } | undefined;
    if (close) {
      this.closedInstances.push(close.instance_id);
      socket.write(frame(encode('RpcReturn', { sequence })));
      return;
    }
    const command = call.cmd_handle_event as { instance_id: number; event_name: string };
    await this.#runHandler(socket, command, sequence as number, waiting);
  }

  async #runHandler(
    socket: Socket,
    { instance_id: instanceId, event_name: phase }: { instance_id: number; event_name: string },
    sequence: number,
    waiting: ((payload: Buffer) => void)[],
  ): Promise<void> {
    let isOver = false;
    const event: PluginEvent = {
      instanceId,
      phase,
      config: this.#configs.get(instanceId) ?? {},
      socket,
      call: (method, args = {}) => {
        const { input, output } = PROTOBUF_METHODS[method]!;
        socket.write(Buffer.concat([frame(Buffer.from(method)), frame(encode(input, args))]));
        return new Promise((resolve) => waiting.push((payload) => resolve(decode(output, payload))));
      },
      exit: (status, body = '', headers = {}) => {
        isOver = true;
        const args = encode('ExitArgs', { status, body: Buffer.from(body), headers: toStruct(headers) });
        socket.write(Buffer.concat([frame(Buffer.from('kong.response.exit')), frame(args)]));
      },
    };
    socket.once('close', () => (isOver = true));
    await this.handler(event);
    if (isOver || socket.destroyed) return;
    socket.write(Buffer.concat([frame(Buffer.alloc(0)), frame(encode('RpcReturn', { sequence }))]));
  }
}

/** The member `v` of an answer, where it is text or absent. */
export function textIn(answer: LuaTable): string {
  const value = answer.v ?? '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The argument of `kong.ctx.shared.set`, `kong.service.request.set_header` and the like. */
export function keyValue(key: string, value: Parameters<typeof toValue>[0]): LuaTable {
  return { k: key, v: toValue(value) };
}
