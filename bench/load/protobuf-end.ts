/** One plugin as a Kong worker sees it over ProtoBuf:1: its instance, and the idle connections to its socket. */
import { BYTES, ProtoReader, ProtoWriter, tagOf, VARINT } from '../../pluginserver/wire';
import { DEFAULT_PHASE, type PluginEnd, type PluginSocket } from './kong-events';
import { KongConnection, type ConnectionPool, type OnEnd } from './protobuf-connection';
import { TrafficCounter } from './traffic';

/** Kong's pool of idle connections per worker. */
const POOL_SIZE = 256;

const SEQUENCE = tagOf(1, VARINT);
const START_INSTANCE = tagOf(33, BYTES);
const CLOSE_INSTANCE = tagOf(35, BYTES);
const HANDLE_EVENT = tagOf(36, BYTES);
const INSTANCE_ID = tagOf(2, VARINT);

export class ProtocolEnd implements PluginEnd<string>, ConnectionPool {
  readonly traffic = new TrafficCounter();
  /** Events that the server did not know the instance of. */
  reruns = 0;
  readonly #writer = new ProtoWriter();
  readonly #idle: KongConnection[] = [];
  /** Kong counts from 2. */
  #sequence = 2;
  #instanceId = 0;
  #config: object;

  constructor(private readonly options: PluginSocket) {
    this.#config = options.config;
  }

  get plugin(): string {
    return this.options.plugin;
  }

  get socket(): string {
    return this.options.socket;
  }

  async startInstance(config = this.#config): Promise<void> {
    this.#config = config;
    const answer = await this.#call((writer) =>
      writer.message(START_INSTANCE, () => {
        writer.string(tagOf(1, BYTES), this.plugin);
        writer.string(tagOf(2, BYTES), JSON.stringify(config));
      }),
    );
    this.#instanceId = instanceIdOf(answer);
  }

  /** As Kong does when any plugin has changed: the new instance, then the old one's end. */
  async renewInstance(config: object): Promise<void> {
    const old = this.#instanceId;
    await this.startInstance(config);
    await this.#call((writer) => writer.message(CLOSE_INSTANCE, () => writer.int(tagOf(1, VARINT), old)));
  }

  /** @returns what ends the event as Kong does when the client leaves; `onEnd` is not called then */
  run(nonce: string, onEnd: OnEnd): () => void {
    let connection: KongConnection;
    let hasLeft = false;
    const attempt = (): void => {
      if (hasLeft) return;
      const instanceId = this.#instanceId;
      connection = this.#connection();
      connection.run(this.#handleEvent(), nonce, onEnd, () => {
        this.reruns++;
        this.#replaced(instanceId).then(attempt, () => onEnd({ status: 500, body: Buffer.alloc(0) }));
      });
    };
    attempt();
    return () => {
      hasLeft = true;
      connection.close();
    };
  }

  /** Kong takes the close for "I do not know this instance", and starts a new one before it runs the event again. */
  async #replaced(unknownId: number): Promise<void> {
    if (this.#instanceId === unknownId) await this.startInstance();
  }

  release(connection: KongConnection): void {
    if (this.#idle.length < POOL_SIZE) this.#idle.push(connection);
    else connection.close();
  }

  forget(connection: KongConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** As Kong after a minute without a request. */
  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** A call outside of events. */
  #call(write: (writer: ProtoWriter) => void): Promise<Buffer> {
    this.#writer.frame();
    write(this.#writer);
    this.#writer.int(SEQUENCE, this.#sequence++);
    return this.#connection().call(this.#writer.finish());
  }

  #connection(): KongConnection {
    return this.#idle.pop() ?? new KongConnection(this);
  }

  #handleEvent(): Buffer {
    const writer = this.#writer;
    writer.frame();
    writer.message(HANDLE_EVENT, () => {
      writer.int(tagOf(1, VARINT), this.#instanceId);
      writer.string(tagOf(2, BYTES), this.options.phase ?? DEFAULT_PHASE);
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
