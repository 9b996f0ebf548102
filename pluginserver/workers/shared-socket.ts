/**
 * A plugin's socket as the primary has it: bound, named and kept, and never accepted from. The workers listen on it, all on
 * the same one, so the kernel's queue of connections is one for all and outlives each of them: while no worker is there,
 * Kong's connections wait in it.
 */
import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { log } from '../../bridge/telemetry/log';
import { SocketPath } from '../../listener/socket-path';
import type { PluginFacts } from './questions';

/** Of node's own `cluster`, which shares sockets in the same way: a socket that is bound, and that nobody listens on. */
type CreateServerHandle = (path: string, port: -1, addressType: -1) => BoundHandle | number;

export interface BoundHandle {
  close(): void;
}

const { _createServerHandle: createServerHandle } = net as unknown as {
  _createServerHandle: CreateServerHandle;
};

export interface SharedSocketOptions {
  readonly plugin: PluginFacts;
  readonly socketPath: string;
  /** Resolves when all workers that are there and serve the plugin listen on it. */
  readonly give: (socket: SharedSocket) => Promise<void>;
  /** Calls that wait in the workers are answered from now on. */
  readonly open: (socket: SharedSocket) => void;
}

export class SharedSocket {
  readonly plugin: PluginFacts;
  readonly #path: SocketPath;
  readonly #give: SharedSocketOptions['give'];
  readonly #open: SharedSocketOptions['open'];
  #handle: BoundHandle | undefined;
  #isOpen = false;
  #wasReplaced = false;

  constructor({ plugin, socketPath, give, open }: SharedSocketOptions) {
    this.plugin = plugin;
    this.#path = new SocketPath(socketPath);
    this.#give = give;
    this.#open = open;
  }

  get pluginName(): string {
    return this.plugin.name;
  }

  get socketPath(): string {
    return this.#path.path;
  }

  /** Undefined until it is bound. */
  get handle(): BoundHandle | undefined {
    return this.#handle;
  }

  /** False: what comes in waits. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isServing(): boolean {
    return this.#isOpen && this.#path.holder !== 'not taken';
  }

  get isOwned(): boolean {
    return this.#path.owned;
  }

  get isReplaced(): boolean {
    return this.#wasReplaced || this.#path.holder === 'other';
  }

  /** @throws SocketPathError */
  async bind(): Promise<void> {
    const path = this.#path.prepare();
    const handle = createServerHandle(path, -1, -1);
    if (typeof handle === 'number') {
      this.#path.release();
      throw this.#path.error(getSystemErrorName(handle));
    }
    this.#handle = handle;
  }

  /** @throws SocketPathError */
  async bindAgain(): Promise<void> {
    this.#handle?.close();
    this.#handle = undefined;
    await this.bind();
    await this.#give(this);
  }

  /** @throws SocketPathError */
  claim(): void {
    this.#path.claim();
    this.#wasReplaced = false;
    log.info('listening', {
      plugin: this.plugin.name,
      socket: this.#path.path,
      version: this.plugin.version,
    });
  }

  /** Workers let all calls wait until `release`, so there is nothing to do. */
  hold(): void {
    this.#isOpen = false;
  }

  release(): void {
    this.#isOpen = true;
    this.#open(this);
  }

  /** Nothing is left of it here where it fails, and it may be tried again. @throws SocketPathError */
  async listen(): Promise<void> {
    await this.bind();
    await this.#give(this);
    try {
      this.claim();
    } catch (error) {
      // The workers have it until they are given another one.
      this.close();
      throw error;
    }
    this.release();
  }

  /** A call to hand over has come. @returns whether it is to be believed: see PluginServer */
  giveUp(): boolean {
    if (this.#path.holder !== 'other') return false;
    this.#wasReplaced = true;
    return true;
  }

  close(): void {
    this.#path.release();
    this.#handle?.close();
    this.#handle = undefined;
  }
}
