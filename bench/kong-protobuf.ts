/**
 * Plays a Kong worker over ProtoBuf:1, as cheaply as it can: frames are encoded beforehand and only get the nonce
 * of their request, so that the time measured is the plugin server's.
 *
 * As Kong does it: one connection carries one whole event; calls are answered in the order they came; after a return
 * the connection is pooled, after an exit Kong closes it; the consumer's event follows the producer's.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { FrameDecoder } from '../pluginserver/frames';
import { encodeBytes, encodeString, encodeStruct } from '../pluginserver/messages';
import { BYTES, ProtoReader, ProtoWriter, tagOf, VARINT } from '../pluginserver/wire';
import {
  METHOD,
  PHASE,
  requestHeaders,
  RoundCounter,
  serveKongWorker,
  type Exit,
  type PluginEnd,
  type PluginSocket,
} from './kong-events';
import { bodyOf, NONCE_LENGTH } from './payload';

/** Kong's pool of idle connections per worker. */
const POOL_SIZE = 256;

const SEQUENCE = tagOf(1, VARINT);
const START_INSTANCE = tagOf(33, BYTES);
const HANDLE_EVENT = tagOf(36, BYTES);
const INSTANCE_ID = tagOf(2, VARINT);
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
  ['kong.nginx.get_subsystem', new Template(() => encodeString('http'))],
]);

type OnEnd = (exit: Exit | undefined) => void;

/** One connection and the event it carries. */
class KongConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder({
    onFrame: (payload) => this.#onFrame(payload),
    onOversize: (bytes) => this.#fail(`a frame of ${bytes} bytes`),
  });
  #nonce = '';
  #onEnd: OnEnd | undefined;
  #expecting: 'method' | 'arguments' | 'return' = 'method';
  #method = '';
  #answers: Buffer[] = [];
  #rounds = 0;

  constructor(private readonly plugin: ProtocolEnd) {
    this.#socket = connectSocket(plugin.options.socket);
    this.#socket.on('data', (chunk) => {
      this.#decoder.push(chunk);
      this.#answer();
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('closed'));
  }

  run(call: Buffer, nonce: string, onEnd: OnEnd): void {
    this.#nonce = nonce;
    this.#onEnd = onEnd;
    this.#rounds = 0;
    this.#expecting = 'method';
    this.#socket.write(call);
  }

  /** One chunk with everything that was asked for, as Kong's answers usually arrive. */
  #answer(): void {
    if (this.#answers.length === 0) return;
    this.#rounds++;
    this.#socket.write(Buffer.concat(this.#answers));
    this.#answers = [];
  }

  #onFrame(payload: Buffer): void {
    if (this.#expecting === 'return') {
      this.#end(undefined);
    } else if (this.#expecting === 'method') {
      this.#method = payload.toString('latin1');
      this.#expecting = payload.length === 0 ? 'return' : 'arguments';
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
    this.plugin.rounds.add(this.#rounds);
    if (exit === undefined) this.plugin.release(this);
    else this.#socket.destroySoon();
    onEnd?.(exit);
  }

  #fail(why: string): void {
    this.plugin.forget(this);
    this.#socket.destroy();
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    if (onEnd === undefined) return;
    process.stderr.write(`${this.plugin.options.plugin}: ${why}\n`);
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

/** One plugin as a worker sees it: its instance, and the idle connections to its socket. */
class ProtocolEnd implements PluginEnd<string> {
  readonly rounds = new RoundCounter();
  readonly #writer = new ProtoWriter();
  readonly #idle: KongConnection[] = [];
  /** Kong counts from 2. */
  #sequence = 2;
  #instanceId = 0;

  constructor(readonly options: PluginSocket) {}

  async startInstance(): Promise<void> {
    const { plugin, socket: path, config } = this.options;
    this.#writer.frame();
    this.#writer.message(START_INSTANCE, () => {
      this.#writer.string(tagOf(1, BYTES), plugin);
      this.#writer.string(tagOf(2, BYTES), JSON.stringify(config));
    });
    this.#writer.int(SEQUENCE, this.#sequence++);
    const call = this.#writer.finish();
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const socket = connectSocket(path);
      const onFrame = (payload: Buffer) => {
        resolve(Buffer.from(payload));
        socket.end();
      };
      const decoder = new FrameDecoder({ onFrame, onOversize: () => reject(new Error('a huge answer')) });
      socket.on('data', (chunk) => decoder.push(chunk));
      socket.on('error', reject);
      socket.write(call);
    });
    this.#instanceId = instanceIdOf(answer);
  }

  run(nonce: string, onEnd: OnEnd): void {
    const connection = this.#idle.pop() ?? new KongConnection(this);
    connection.run(this.#handleEvent(), nonce, onEnd);
  }

  release(connection: KongConnection): void {
    if (this.#idle.length < POOL_SIZE) this.#idle.push(connection);
  }

  forget(connection: KongConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #handleEvent(): Buffer {
    const writer = this.#writer;
    writer.frame();
    writer.message(HANDLE_EVENT, () => {
      writer.int(tagOf(1, VARINT), this.#instanceId);
      writer.string(tagOf(2, BYTES), PHASE);
    });
    writer.int(SEQUENCE, this.#sequence++);
    return writer.finish();
  }
}

function instanceIdOf(answer: Buffer): number {
  const reader = new ProtoReader(answer);
  while (reader.more) {
    const tag = reader.tag();
    if (tag !== START_INSTANCE) {
      reader.skip(tag);
      continue;
    }
    const status = reader.message();
    while (status.more) {
      const field = status.tag();
      if (field === INSTANCE_ID) return status.int();
      status.skip(field);
    }
  }
  throw new Error('the answer to StartInstance has no instance id');
}

serveKongWorker(
  (options) => new ProtocolEnd(options),
  (nonce) => nonce,
);
