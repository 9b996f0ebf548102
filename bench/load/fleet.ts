/** Gateways around one Kafka, each a plugin server and a stand-in for Kong, of which one is killed and another one added. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../../dev/child-process';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';

export interface Gateway {
  readonly number: number;
  readonly server: PluginServerProcess;
  readonly child: Child;
  readonly url: string;
}

export interface FleetOptions {
  readonly kongYml: string;
  /** Instances start with their first request. */
  readonly warm: (url: string) => Promise<unknown>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #running: Gateway[] = [];
  readonly #ended: Promise<unknown>[] = [];
  #number = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  async add(): Promise<void> {
    const number = this.#number++;
    const server = await PluginServerProcess.start();
    const { child, url } = await startGatewayProcess(server, this.#options.kongYml, 0);
    await this.#options.warm(url);
    this.#running.push({ number, server, child, url });
  }

  /** The one that has been there for longest. */
  kill(): number {
    const [oldest] = this.#running.splice(0, 1);
    if (oldest === undefined) throw new Error('there is no gateway to kill');
    oldest.server.child.kill('SIGKILL');
    this.#ended.push(oldest.child.stop().then(() => oldest.server.stop()));
    return oldest.number;
  }

  /** Any that runs, but for the one with this number. */
  any(but?: number): Gateway {
    const others = this.#running.filter(({ number }) => number !== but);
    const one = others[randomInt(others.length)];
    if (one === undefined) throw new Error('there is no other gateway');
    return one;
  }

  get all(): readonly Gateway[] {
    return this.#running;
  }

  /** @returns how many were killed */
  async killInTurns(everyMs: number, signal: AbortSignal, say: (line: string) => void): Promise<number> {
    let killed = 0;
    for (;;) {
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return killed;
      say(`gateway ${this.kill()} is killed, another one comes`);
      killed++;
      await this.add();
    }
  }

  async stop(): Promise<void> {
    while (this.#running.length > 0) this.kill();
    await Promise.all(this.#ended);
  }
}
