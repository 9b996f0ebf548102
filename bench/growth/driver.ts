/** The load of `make growth` as a process of its own: requests to several routes, in turns. */
import { KongWorker, type KongOptions } from '../load/kong-events';
import type { Exchanger } from '../load/load';
import { serveLoads } from '../load/load-child';
import { ProtocolEnd } from '../load/protobuf-end';

export interface GrowthTarget {
  /** Each with instances of its own, maybe of several plugin servers. */
  readonly routes: readonly KongOptions[];
}

/** A request to one after the other. */
class Turns implements Exchanger {
  #next = 0;

  constructor(private readonly workers: readonly Exchanger[]) {}

  exchange(nonce: string, done: (status: number, body: Buffer) => void): void {
    this.workers[this.#next]?.exchange(nonce, done);
    this.#next = (this.#next + 1) % this.workers.length;
  }
}

serveLoads(async ({ routes }: GrowthTarget) => {
  const workers: Exchanger[] = [];
  for (const { plugins } of routes) {
    const ends = plugins.map((options) => new ProtocolEnd(options));
    for (const end of ends) await end.startInstance();
    workers.push(new KongWorker(ends, (nonce: string) => nonce));
  }
  return new Turns(workers);
});
