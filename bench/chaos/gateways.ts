/** Gateways that come and go: each a plugin server and a stand-in for Kong, with a node id of its own. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../dev/child-process';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';
import type { Target } from '../load/open-loop';
import { processTree } from '../load/process-tree';
import { sum } from '../load/statistics';

export interface ChaosGateway extends Target {
  readonly server: PluginServerProcess;
  readonly child: Child;
}

/** A gateway that joins in the middle of a failover is ready after it. */
const READY_LIMIT_MS = 60_000;

export class Gateways {
  readonly #kongYml: string;
  readonly #path: string;
  readonly #workers: number;
  readonly #serving: ChaosGateway[] = [];
  readonly #all: ChaosGateway[] = [];
  #count = 0;
  #turn = 0;

  constructor(kongYml: string, path: string, workers: number) {
    this.#workers = workers;
    this.#kongYml = kongYml;
    this.#path = path;
  }

  get serving(): readonly ChaosGateway[] {
    return this.#serving;
  }

  /** The gateways take turns. */
  readonly next = (): Target => {
    const gateway = this.#serving[this.#turn++ % this.#serving.length];
    if (gateway === undefined) throw new Error('No gateway serves.');
    return gateway;
  };

  /** Resolves when it takes requests, as a load balancer would see it. */
  async add(): Promise<ChaosGateway> {
    const name = `chaos-${this.#count++}`;
    const server = await PluginServerProcess.start({
      flags: ['--workers', String(this.#workers)],
      env: { KONG_KAFKA_NODE_ID: name },
    });
    const { child, url } = await startGatewayProcess(server, this.#kongYml, 0);
    const gateway = { name, server, child, url: url + this.#path };
    this.#all.push(gateway);
    await ready(gateway);
    this.#serving.push(gateway);
    return gateway;
  }

  /** As a machine that loses its power: nothing of it ends in order. @returns the one that has served longest */
  kill(): ChaosGateway {
    const gateway = this.#serving.shift();
    if (gateway === undefined) throw new Error('No gateway is left to kill.');
    gateway.child.kill('SIGKILL');
    // Its workers as well; those of a primary that is killed would end in order.
    for (const pid of processTree(gateway.server.child.pid)) process.kill(pid, 'SIGKILL');
    return gateway;
  }

  async stop(): Promise<void> {
    for (const { child, server } of this.#all) {
      await child.stop();
      await server.stop();
    }
  }
}

/** Warm-up requests are no part of the history: their bodies hold no nonce. */
async function ready({ url, name }: ChaosGateway): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const status = await fetch(url, { method: 'POST', body: '{}' }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => undefined,
    );
    if (status === 200) return;
    if (performance.now() > deadlineMs) throw new Error(`${name} answers ${status ?? 'nothing'} after 60 s.`);
    await delay(100);
  }
}

/** What it still has open, and its counters of replies. */
export async function endOf({
  server,
}: ChaosGateway): Promise<{ open: number; replies: Record<string, number> }> {
  const { plugins } = (await server.status()) as {
    plugins: { custom_kafka_producer: { process: { reply_topics: Record<string, unknown>[] } } };
  };
  const [channel = {}] = plugins.custom_kafka_producer.process.reply_topics;
  const replies: Record<string, number> = {};
  for (const name of ['replies', 'foreign', 'late', 'duplicate', 'misrouted', 'unidentified']) {
    replies[name] = Number(channel[name] ?? 0);
  }
  return { open: sum(await server.pending()), replies };
}
