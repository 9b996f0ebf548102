/**
 * Shared things by key, reference counted, ended a while after the last release: Kong starts and closes plugin
 * instances at every configuration change, and the same configuration is often back within seconds.
 */
import type { Clock } from './clock';

export interface Lingering {
  /** False postpones the end by another linger time: something still depends on it. */
  mayEnd(): boolean;
  end(): void;
}

interface Slot<T> {
  readonly thing: T;
  users: number;
  cancelEnd: (() => void) | undefined;
}

export class LingerPool<T extends Lingering> {
  readonly #slots = new Map<string, Slot<T>>();
  readonly #clock: Clock;
  readonly #lingerMs: number;

  constructor(clock: Clock, lingerMs: number) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** Every acquire needs one release. */
  acquire(key: string, make: () => T): T {
    let slot = this.#slots.get(key);
    if (!slot) this.#slots.set(key, (slot = { thing: make(), users: 0, cancelEnd: undefined }));
    slot.users++;
    slot.cancelEnd?.();
    slot.cancelEnd = undefined;
    return slot.thing;
  }

  release(key: string): void {
    const slot = this.#slots.get(key);
    if (!slot || slot.users === 0) return;
    if (--slot.users === 0) this.#endLater(key, slot);
  }

  things(): T[] {
    return [...this.#slots.values()].map((slot) => slot.thing);
  }

  endAll(): void {
    for (const [key, slot] of [...this.#slots]) this.#end(key, slot);
  }

  #endLater(key: string, slot: Slot<T>): void {
    slot.cancelEnd = this.#clock.after(this.#lingerMs, () => {
      if (slot.thing.mayEnd()) this.#end(key, slot);
      else this.#endLater(key, slot);
    });
  }

  #end(key: string, slot: Slot<T>): void {
    slot.cancelEnd?.();
    this.#slots.delete(key);
    slot.thing.end();
  }
}
