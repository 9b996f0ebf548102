/**
 * A plugin server that says what a recorded one said, and notes what the gateway said to it. It answers a
 * StartInstance that the recording does not have (its gateway was warm, ours is not) with the id the recording
 * uses.
 */
import { decode as unpack, encode as pack } from '@msgpack/msgpack';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { payloadOf, type Recorded } from './gateway-recordings';

/** What the gateway sent where the recording has `expected`. */
export interface Heard {
  readonly expected: Recorded;
  readonly payload: Buffer;
}

export interface ScriptOptions {
  readonly protocol: 'ProtoBuf:1' | 'MsgPack:1';
  /** Waits of the recording are shortened to this part. */
  readonly timeScale?: number;
}

export class ScriptedServer {
  readonly socketPath: string;
  readonly heard: Heard[] = [];
  /** How often the gateway closed a connection that the script had not closed. */
  gatewayCloses = 0;
  /** For a StartInstance outside of the script, where the script itself names no instance. */
  instanceId = 4711;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'scripted-'));
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #script: Recorded[] = [];

  constructor(private readonly options: ScriptOptions) {
    this.socketPath = path.join(this.#directory, 'plugin.sock');
  }

  /** Waits shorter than this are the recorded server's own slowness. */
  static readonly DELIBERATE_WAIT_SECONDS = 0.5;

  play(script: readonly Recorded[]): void {
    const closedByKong = new Set<number>();
    this.#script = script.filter((item) => {
      if (item.ev === 'kong-closed') closedByKong.add(item.conn);
      // After the gateway closed, the recorded server only followed.
      return item.ev === undefined || (item.ev === 'server-closed' && !closedByKong.has(item.conn));
    });
  }

  get left(): number {
    return this.#script.length;
  }

  async listen(): Promise<void> {
    this.#server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve) => this.#server!.listen(this.socketPath, resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let data = Buffer.alloc(0);
    let isOurs = false;
    let work = Promise.resolve();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!isOurs) this.gatewayCloses += 1;
    });
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      for (let payload = this.#cut(data); payload; payload = this.#cut(data)) {
        data = data.subarray(payload.wireBytes);
        const { bytes } = payload;
        work = work.then(async () => {
          if ((await this.#answer(socket, bytes)) === 'close') {
            isOurs = true;
            socket.end();
          }
        });
      }
    });
  }

  #cut(data: Buffer): { bytes: Buffer; wireBytes: number } | undefined {
    if (data.length === 0) return undefined;
    if (this.options.protocol === 'MsgPack:1') return { bytes: data, wireBytes: data.length };
    if (data.length < 4) return undefined;
    const end = 4 + data.readUInt32LE(0);
    return data.length < end ? undefined : { bytes: data.subarray(4, end), wireBytes: end };
  }

  async #answer(socket: Socket, payload: Buffer): Promise<'close' | undefined> {
    const call = this.#callOf(payload);
    if (call?.isStart && !this.#nextIsStart()) {
      this.#write(socket, this.#startAnswer(call.id));
      return undefined;
    }
    const expected = this.#script.shift();
    if (!expected) {
      // Nothing recorded for this: the handler returns at once.
      if (call) this.#write(socket, this.#emptyAnswer(call.id));
      return undefined;
    }
    this.heard.push({ expected, payload: Buffer.from(payload) });
    if (call) this.#callId = call.id;
    return this.#speak(socket, expected);
  }

  #callId = 0;

  async #speak(socket: Socket, after: Recorded): Promise<'close' | undefined> {
    let previous = after;
    for (let next = this.#script[0]; next && next.dir !== 'kong>server'; next = this.#script[0]) {
      this.#script.shift();
      const waitSeconds = next.t - previous.t;
      if (waitSeconds > ScriptedServer.DELIBERATE_WAIT_SECONDS)
        await sleep(waitSeconds * 1000 * (this.options.timeScale ?? 1));
      if (next.ev === 'server-closed') return 'close';
      // What the recorded server wrote at once, ours writes at once.
      const together = [next];
      while (this.#script[0]?.dir === 'server>kong' && this.#script[0].read === next.read)
        together.push(this.#script.shift()!);
      this.#write(socket, Buffer.concat(together.map((item) => this.#wire(item))));
      previous = together.at(-1)!;
    }
    return undefined;
  }

  #write(socket: Socket, bytes: Buffer): void {
    if (!socket.destroyed) socket.write(bytes);
  }

  #nextIsStart(): boolean {
    const next = this.#script[0];
    return next?.dir === 'kong>server' && (this.#callOf(payloadOf(next))?.isStart ?? false);
  }

  /** The call a frame opens, if it opens one: sequence number or message id, and whether it starts an instance. */
  #callOf(payload: Buffer): { id: number; isStart: boolean } | undefined {
    if (this.options.protocol === 'MsgPack:1') {
      const [, id, method] = unpack(payload) as [number, number, string];
      return { id, isStart: method === 'plugin.StartInstance' };
    }
    // RpcCall: `sequence` is field 1, the commands are fields 31 to 36 (two-byte tags 0x?a 0x02).
    const isCall = payload.length > 4 && (payload.includes(Buffer.of(0xa2, 0x02)) || payload.includes(Buffer.of(0x8a, 0x02)) || payload.includes(Buffer.of(0x9a, 0x02))); // prettier-ignore
    if (!isCall || !this.#looksLikeCall(payload)) return undefined;
    const isStart = payload.includes(Buffer.of(0x8a, 0x02)) && payload.includes('__plugin_id');
    return { id: this.#sequenceOf(payload), isStart };
  }

  #looksLikeCall(payload: Buffer): boolean {
    return payload[0] === 0x08 || [0xa2, 0x8a, 0x9a].includes(payload[0]!);
  }

  #sequenceOf(payload: Buffer): number {
    if (payload[0] === 0x08) return payload[1]!;
    // lua-protobuf writes in any order; the gateway under test may, too.
    return payload.at(-2) === 0x08 ? payload.at(-1)! : 0;
  }

  #instanceId(): number {
    const text = JSON.stringify(this.#script);
    const id = /"(?:instance_id|InstanceId)":(\d+)/.exec(text)?.[1];
    return id === undefined ? this.instanceId : Number(id);
  }

  #startAnswer(callId: number): Buffer {
    const id = this.#instanceId();
    if (this.options.protocol === 'MsgPack:1')
      return Buffer.from(pack([1, callId, null, { Name: 'lab-m', Id: id }]));
    const status = Buffer.concat([Buffer.of(0x10), varint(id)]);
    return framed(Buffer.concat([Buffer.of(0x08, callId, 0x8a, 0x02), varint(status.length), status]));
  }

  #emptyAnswer(callId: number): Buffer {
    if (this.options.protocol === 'MsgPack:1')
      return Buffer.from(pack([1, callId, null, { EventId: 1, Data: 'ret' }]));
    return Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.of(0x08, callId))]);
  }

  /** The recorded frame, with the number of the call it answers. */
  #wire(item: Recorded): Buffer {
    const payload = payloadOf(item);
    if (this.options.protocol === 'MsgPack:1') {
      const message = unpack(payload) as unknown[];
      if (message[0] === 1) message[1] = this.#callId;
      return Buffer.from(pack(message));
    }
    if (item.kind !== 'RpcReturn') return framed(payload);
    return framed(Buffer.concat([Buffer.of(0x08, this.#callId), payload.subarray(2)]));
  }
}

function framed(payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(payload.length, 0);
  return Buffer.concat([head, payload]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
