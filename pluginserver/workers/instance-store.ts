/**
 * The instances of all plugins, as the primary knows them: Kong starts one over some connection and uses it over any, so
 * every worker that serves the plugin has to have it, under the same id, before Kong knows that id. A worker that is started
 * later gets them before it answers the first event.
 *
 * Each worker closes an instance by its own rules (instances.ts). When the last one has, it is forgotten here.
 */
import { InstanceIds, MAX_AGE_MS, type KnownInstance } from '../instances';

interface Stored extends KnownInstance {
  isRetired: boolean;
  /** Numbers of workers. */
  readonly holders: Set<number>;
}

export class InstanceStore {
  readonly #byPlugin = new Map<string, Map<number, Stored>>();
  readonly #ids = new InstanceIds();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return [...this.#byPlugin.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** @param holders the workers that are about to have it */
  add(plugin: string, name: string, config: Buffer, holders: readonly number[]): KnownInstance {
    const instances = this.#of(plugin);
    const id = this.#ids.next((candidate) => instances.has(candidate));
    const stored = {
      id,
      startedAtMs: this.#nowMs(),
      name,
      config,
      isRetired: false,
      holders: new Set(holders),
    };
    instances.set(id, stored);
    return stored;
  }

  retire(plugin: string, id: number): void {
    const stored = this.#of(plugin).get(id);
    if (stored !== undefined) stored.isRetired = true;
  }

  closed(plugin: string, id: number, worker: number): void {
    const instances = this.#of(plugin);
    const stored = instances.get(id);
    if (stored?.holders.delete(worker) && stored.holders.size === 0) instances.delete(id);
  }

  /** It held all of them, and another one is going to. */
  workerEnded(worker: number): void {
    for (const instances of this.#byPlugin.values())
      for (const { holders } of instances.values()) holders.delete(worker);
  }

  /** What a worker that is started has to know. */
  takenBy(worker: number, plugin: string): KnownInstance[] {
    const instances = this.#of(plugin);
    for (const { id, startedAtMs } of instances.values())
      if (this.#nowMs() - startedAtMs > MAX_AGE_MS) instances.delete(id);
    return [...instances.values()].map((stored) => {
      stored.holders.add(worker);
      return stored;
    });
  }

  #of(plugin: string): Map<number, Stored> {
    let instances = this.#byPlugin.get(plugin);
    if (instances === undefined) this.#byPlugin.set(plugin, (instances = new Map<number, Stored>()));
    return instances;
  }
}
