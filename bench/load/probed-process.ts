/** A process with bench/load/probe.ts inside, seen from outside. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { Child } from '../../dev/child-process';
import { PluginServerProcess } from '../../dev/stack';
import type { Inventory, ProbeQuestion } from './probe';
import { probePath } from './probe-path';
import type { Stalls } from './stall-watch';

const PROBE = join(__dirname, 'probe.js');
const START_MS = 5000;

/** What is used of the status page of several workers. */
interface WorkersStatus {
  readonly workers?: readonly { readonly number: number; readonly pid: number }[];
}

export class ProbedProcess {
  private constructor(
    /** Which of several it is. */
    readonly name: string,
    private readonly pid: number,
  ) {}

  /** @returns the primary, too, and the workers behind it, if there are several; else the one process there is */
  static async startPluginServer(
    nodeFlags: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<{ server: PluginServerProcess; probes: readonly [ProbedProcess, ...ProbedProcess[]] }> {
    const server = await PluginServerProcess.start({
      nodeFlags: [...nodeFlags, '--expose-gc', '--require', PROBE],
      flags,
    });
    const { workers = [] } = (await server.status()) as WorkersStatus;
    const first = new ProbedProcess(workers.length === 0 ? 'plugin server' : 'primary', server.child.pid);
    const others = workers.map(({ number, pid }) => new ProbedProcess(`worker ${number}`, pid));
    return { server, probes: [first, ...others] };
  }

  /** Nothing but the probe. */
  static async startBare(): Promise<{ child: Child; probe: ProbedProcess }> {
    const child = new Child('bare process', [PROBE]);
    const probe = new ProbedProcess('bare process', child.pid);
    const endMs = performance.now() + START_MS;
    while (!(await probe.#isThere()) && performance.now() < endMs) await delay(10);
    return { child, probe };
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

  async #isThere(): Promise<boolean> {
    return this.inventory().then(
      () => true,
      () => false,
    );
  }

  /** Rejects when the process is gone. */
  async #ask<Answer>(question: ProbeQuestion): Promise<Answer> {
    const socket = connect(probePath(this.pid));
    await once(socket, 'connect');
    socket.write(question);
    return JSON.parse(await text(socket)) as Answer;
  }
}
