/**
 * One connection of a stand-in for a Kong worker over ProtoBuf:1, as cheap as it can be: answers are encoded beforehand
 * and only get the nonce of their request, so that the time measured is the plugin server's.
 *
 * As Kong does it: one connection carries one whole event; calls are answered in the order they came; after a return
 * the connection is pooled, after an exit Kong closes it.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { FrameDecoder } from '../../pluginserver/frames';
import { encodeBytes, encodeString, encodeStruct } from '../../pluginserver/messages';
import { BYTES, ProtoReader, tagOf, VARINT } from '../../pluginserver/wire';
import { METHOD, requestHeaders, type Exit } from './kong-events';
import { logEntryText } from './log-entry';
import { bodyOf, NONCE_LENGTH } from './payload';
import type { TrafficCounter } from './traffic';

const EXIT_STATUS = tagOf(1, VARINT);
const EXIT_BODY = tagOf(2, BYTES);

const EXIT_CALL = 'kong.response.exit';

/** A frame with room for the nonce at known places. */
class Template {
  readonly #frame: Buffer;
  readonly #nonceAt: number[] = [];

  constructor(make: (nonce: string) => Buffer) {
    const placeholder = '#'.repeat(NONCE_LENGTH);
    this.#frame = make(placeholder);
    let at = this.#frame.indexOf(placeholder);
    while (at >= 0) {
      this.#nonceAt.push(at);
      at = this.#frame.indexOf(placeholder, at + NONCE_LENGTH);
    }
  }

  with(nonce: string): Buffer {
    if (this.#nonceAt.length === 0) return this.#frame;
    const frame = Buffer.from(this.#frame);
    for (const at of this.#nonceAt) frame.write(nonce, at, 'latin1');
    return frame;
  }
}

/** Method name -> Kong's answer. */
const ANSWERS = new Map<string, Template>([
  ['kong.nginx.get_var', new Template((nonce) => encodeString(nonce))],
  ['kong.request.get_method', new Template(() => encodeString(METHOD))],
  ['kong.request.get_headers', new Template((nonce) => encodeStruct(requestHeaders(nonce)))],
  ['kong.request.get_raw_body', new Template((nonce) => encodeBytes(Buffer.from(bodyOf(nonce))))],
  ['kong.service.request.set_header', new Template(() => Buffer.alloc(4))],
  ['kong.log.err', new Template(() => Buffer.alloc(4))],
  ['kong.log.serialize', new Template((nonce) => encodeString(logEntryText(nonce)))],
  ['kong.nginx.get_subsystem', new Template(() => encodeString('http'))],
]);

export type OnEnd = (exit: Exit | undefined) => void;

/** What a connection has to do with the plugin it belongs to. */
export interface ConnectionPool {
  readonly plugin: string;
  readonly socket: string;
  readonly traffic: TrafficCounter;
  release(connection: KongConnection): void;
  forget(connection: KongConnection): void;
}

/** One connection and the event it carries. */
export class KongConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder({
    onFrame: (payload) => this.#onFrame(payload),
    onOversize: (bytes) => this.#fail(`a frame of ${bytes} bytes`),
  });
  #nonce = '';
  #onEnd: OnEnd | undefined;
  #onUnknownInstance: (() => void) | undefined;
  #onReturn: ((payload: Buffer) => void) | undefined;
  #onCallFailed: ((error: Error) => void) | undefined;
  #expecting: 'method' | 'arguments' | 'return' = 'method';
  #method = '';
  #answers: Buffer[] = [];
  #rounds = 0;
  #hasBegun = false;

  constructor(private readonly pool: ConnectionPool) {
    this.#socket = connectSocket(pool.socket);
    this.#socket.on('data', (chunk) => {
      pool.traffic.received(chunk.length);
      this.#decoder.push(chunk);
      this.#answer();
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('closed'));
  }

  /** @param onUnknownInstance instead of `onEnd`, when the server closed before it had said anything of the event */
  run(call: Buffer, nonce: string, onEnd: OnEnd, onUnknownInstance: () => void): void {
    this.#nonce = nonce;
    this.#onEnd = onEnd;
    this.#onUnknownInstance = onUnknownInstance;
    this.#rounds = 0;
    this.#hasBegun = false;
    this.#expecting = 'method';
    this.#write(call);
  }

  /** A call outside of events; Kong pools the connection afterwards. */
  call(call: Buffer): Promise<Buffer> {
    this.#expecting = 'return';
    return new Promise((resolve, reject) => {
      this.#onReturn = resolve;
      this.#onCallFailed = reject;
      this.#write(call);
    });
  }

  /** The client has left, or the worker ends: Kong closes, whatever is going on. */
  close(): void {
    this.#onEnd = undefined;
    this.#socket.destroy();
  }

  /** One chunk with everything that was asked for, as Kong's answers usually arrive. */
  #answer(): void {
    if (this.#answers.length === 0) return;
    this.#rounds++;
    this.#write(Buffer.concat(this.#answers));
    this.#answers = [];
  }

  #write(bytes: Buffer): void {
    this.pool.traffic.sent(bytes.length);
    this.#socket.write(bytes);
  }

  #onFrame(payload: Buffer): void {
    this.#hasBegun = true;
    if (this.#onReturn !== undefined) {
      const onReturn = this.#onReturn;
      this.#onReturn = this.#onCallFailed = undefined;
      this.pool.release(this);
      onReturn(Buffer.from(payload));
    } else if (this.#expecting === 'return') {
      this.#end(undefined);
    } else if (this.#expecting === 'method') {
      this.#method = payload.toString('latin1');
      this.#expecting = payload.length === 0 ? 'return' : 'arguments';
      if (payload.length > 0) this.pool.traffic.called();
    } else {
      this.#expecting = 'method';
      if (this.#method === EXIT_CALL) this.#end(decodeExit(payload));
      else {
        const answer = ANSWERS.get(this.#method);
        if (answer === undefined) this.#fail(`a call of ${this.#method}`);
        else this.#answers.push(answer.with(this.#nonce));
      }
    }
  }

  #end(exit: Exit | undefined): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    this.pool.traffic.ended(this.#rounds);
    if (exit === undefined) this.pool.release(this);
    else this.#socket.destroySoon();
    onEnd?.(exit);
  }

  #fail(why: string): void {
    this.pool.forget(this);
    this.#socket.destroy();
    this.#onCallFailed?.(new Error(`${this.pool.plugin}: ${why}`));
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    if (onEnd === undefined) return;
    if (why === 'closed' && !this.#hasBegun) {
      this.#onUnknownInstance?.();
      return;
    }
    process.stderr.write(`${this.pool.plugin}: ${why}\n`);
    onEnd({ status: 500, body: Buffer.alloc(0) });
  }
}

function decodeExit(payload: Buffer): Exit {
  const reader = new ProtoReader(payload);
  let status = 0;
  let body = Buffer.alloc(0);
  while (reader.more) {
    const tag = reader.tag();
    if (tag === EXIT_STATUS) status = reader.int();
    else if (tag === EXIT_BODY) body = reader.bytes() as typeof body;
    else reader.skip(tag);
  }
  return { status, body };
}
