/**
 * A Kong worker's half of the plugin protocol, on one connection, step by step: a test says what Kong does and sees
 * what the server wrote. It understands frames with code of its own, not with the server's.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decode, encode, plainStruct, structMessage } from './kong-schema';

export interface Call {
  readonly method: string;
  readonly args: Buffer;
}

export interface Exit {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: Record<string, unknown>;
}

export class FakeKong {
  /** What each read brought: the server's writes, as far as they came one at a time. */
  readonly chunks: Buffer[] = [];
  private buffer = Buffer.alloc(0);
  private ended = false;
  private wake: (() => void) | undefined;
  private sequence = 1;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.buffer = Buffer.concat([this.buffer, chunk]);
      this.wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.wake?.();
    });
  }

  static async connect(path: string): Promise<FakeKong> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new FakeKong(socket);
  }

  // ---- Frames ----------------------------------------------------------------------------------------------

  sendFrame(payload: Uint8Array): void {
    this.socket.write(frame(payload));
  }

  /** The next frame, or undefined when the server has closed the connection. */
  async readFrame(): Promise<Buffer | undefined> {
    for (;;) {
      const payload = this.takeFrame();
      if (payload !== undefined) return payload;
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private takeFrame(): Buffer | undefined {
    if (this.buffer.length < 4) return undefined;
    const end = 4 + this.buffer.readUInt32LE(0);
    if (this.buffer.length < end) return undefined;
    const payload = this.buffer.subarray(4, end);
    this.buffer = this.buffer.subarray(end);
    return payload;
  }

  // ---- RPC -------------------------------------------------------------------------------------------------

  call(command: object): number {
    this.sequence++;
    this.sendFrame(encode('RpcCall', { sequence: this.sequence, ...command }));
    return this.sequence;
  }

  async readReturn(): Promise<Record<string, unknown>> {
    const payload = await this.readFrame();
    if (payload === undefined) throw new Error('the server closed the connection instead of returning');
    return decode('RpcReturn', payload);
  }

  async startInstance(name: string, config: unknown = {}): Promise<number> {
    const sequence = this.call({ cmd_start_instance: { name, config: JSON.stringify(config) } });
    const answer = (await this.readReturn()) as {
      sequence: number;
      instance_status: { instance_id: number };
    };
    if (answer.sequence !== sequence) throw new Error(`sequence ${answer.sequence} instead of ${sequence}`);
    return answer.instance_status.instance_id;
  }

  handleEvent(instanceId: number, phase = 'access'): number {
    return this.call({ cmd_handle_event: { instance_id: instanceId, event_name: phase } });
  }

  // ---- PDK calls -------------------------------------------------------------------------------------------

  /** The next PDK call; undefined at the end of the calls; an error when the connection was closed. */
  async readCall(): Promise<Call | undefined> {
    const method = await this.readFrame();
    if (method === undefined) throw new Error('the server closed the connection in the middle of an event');
    if (method.length === 0) return undefined;
    const args = await this.readFrame();
    if (args === undefined) throw new Error('the server closed the connection before the arguments');
    return { method: method.toString('latin1'), args };
  }

  async expectCall(method: string): Promise<Buffer> {
    const call = await this.readCall();
    if (call?.method !== method) throw new Error(`the server called ${call?.method}, expected was ${method}`);
    return call.args;
  }

  /** Reads the server's own first call of an event and answers it. */
  async answerRequestId(requestId = 'req-1'): Promise<void> {
    const args = await this.expectCall('kong.nginx.get_var');
    if (decode('Text', args).v !== 'kong_request_id')
      throw new Error('the first call asks for another variable');
    this.answerText(requestId);
  }

  answerText(value: string | undefined): void {
    this.sendFrame(value === undefined ? Buffer.alloc(0) : encode('Text', { v: value }));
  }

  answerNothing(): void {
    this.sendFrame(Buffer.alloc(0));
  }

  answerStruct(struct: Record<string, unknown>): void {
    this.sendFrame(encode('Struct', structMessage(struct)));
  }

  answerBody(body: { content?: Uint8Array; body_filepath?: string; error?: string }): void {
    this.sendFrame(encode('RawBody', body));
  }

  async readExit(): Promise<Exit> {
    return exitOf(await this.expectCall('kong.response.exit'));
  }

  /** Reads the rest of an event that ends by returning. */
  async readEventReturn(): Promise<number> {
    const call = await this.readCall();
    if (call !== undefined) throw new Error(`the server called ${call.method} instead of returning`);
    return (await this.readReturn()).sequence as number;
  }

  /** As Kong after an exit. Resolves when the server has closed its side, too. */
  async close(): Promise<void> {
    this.socket.end();
    await this.closed();
  }

  async closed(): Promise<void> {
    if (!this.ended) await once(this.socket, 'close');
  }
}

export function frame(payload: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(payload.length);
  return Buffer.concat([length, payload]);
}

export function exitOf(args: Buffer): Exit {
  const {
    status = 0,
    body = '',
    headers,
  } = decode('ExitArgs', args) as {
    status?: number;
    body?: string;
    headers?: unknown;
  };
  return { status, body: Buffer.from(body, 'latin1'), headers: plainStruct(headers) };
}

/** The method names in a run of call frames, without reading them: to see what one write held. */
export function framesIn(chunk: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let position = 0; position + 4 <= chunk.length;) {
    const end = position + 4 + chunk.readUInt32LE(position);
    frames.push(chunk.subarray(position + 4, end));
    position = end;
  }
  return frames;
}
