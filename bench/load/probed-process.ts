/** A process with bench/load/probe.ts inside, seen from outside. */
import { join } from 'node:path';
import { Child } from '../../dev/child-process';
import { PluginServerProcess } from '../../dev/stack';
import type { Inventory, ProbeQuestion } from './probe';
import type { Stalls } from './stall-watch';

const PROBE = join(__dirname, 'probe.js');

type OnMessage = (message: unknown) => void;

export class ProbedProcess {
  readonly #send: (message: object) => void;
  #onAnswer: ((answer: unknown) => void) | undefined;

  private constructor(child: Child, onMessage: (listener: OnMessage) => void) {
    this.#send = (message) => child.send(message);
    onMessage((message) => this.#onAnswer?.((message as { probe: unknown }).probe));
  }

  static async startPluginServer(
    nodeFlags: readonly string[] = [],
  ): Promise<{ server: PluginServerProcess; probe: ProbedProcess }> {
    let listener: OnMessage | undefined;
    const server = await PluginServerProcess.start({
      nodeFlags: [...nodeFlags, '--expose-gc', '--require', PROBE],
      onMessage: (message) => listener?.(message),
    });
    return { server, probe: new ProbedProcess(server.child, (own) => (listener = own)) };
  }

  /** Nothing but the probe. */
  static startBare(): { child: Child; probe: ProbedProcess } {
    let listener: OnMessage | undefined;
    const child = new Child('bare process', [PROBE], { onMessage: (message) => listener?.(message) });
    return { child, probe: new ProbedProcess(child, (own) => (listener = own)) };
  }

  inventory(options: { afterGc?: boolean } = {}): Promise<Inventory> {
    return this.#ask<Inventory>(options.afterGc ? 'inventory after gc' : 'inventory');
  }

  async watchStalls(): Promise<void> {
    await this.#ask('watch stalls');
  }

  stalls(): Promise<Stalls> {
    return this.#ask<Stalls>('stalls');
  }

  /** One question at a time. */
  #ask<Answer>(probe: ProbeQuestion): Promise<Answer> {
    const answer = new Promise<unknown>((resolve) => (this.#onAnswer = resolve));
    this.#send({ probe });
    return answer as Promise<Answer>;
  }
}
