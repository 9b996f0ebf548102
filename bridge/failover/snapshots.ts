/**
 * Requests as they went to their upstream, until the log phase says how that ended: for Kong without the includes, where
 * nothing brings a failed request here. Bounded in number, bytes and age. Those that wait for longest are the most likely to
 * fail, so it is the new ones that there is no place for.
 */
import { BytesInFlight } from '../bytes-in-flight';
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import type { Capture } from './captures';
import type { WholeRequest } from './whole-request';

export interface Snapshot {
  readonly capture: Capture;
  readonly request: WholeRequest;
  readonly atMs: number;
}

const MOST = 10_000;
/** Of bodies, apart from those of all other requests: without a log phase they would stay for ten minutes. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Longer than an upstream is waited for. */
const MOST_AGE_MS = 10 * 60 * 1000;
const SWEEP_EVERY_MS = 60_000;

export class Snapshots {
  /** Their log phase has not come, or there was no place for them. */
  givenUp = 0;
  readonly #memory = new BytesInFlight();
  /** In the order they came. */
  readonly #held = new Map<string, Snapshot>();
  #cancelSweep: (() => void) | undefined;

  constructor(private readonly clock: Clock) {
    this.#memory.limit = MOST_BYTES;
  }

  get size(): number {
    return this.#held.size;
  }

  get heldBytes(): number {
    return this.#memory.held;
  }

  /** A body that there is no memory for is left out, and the record will say so. */
  add(capture: Capture, request: WholeRequest): void {
    this.take(request.id);
    if (this.#held.size >= MOST) return this.#giveUp(request.id);
    const isHeld = this.#memory.reserve(request.body.length);
    this.#held.set(request.id, {
      capture,
      request: isHeld ? request : { ...request, body: NO_BODY, bodyOmitted: 'no_memory' },
      atMs: this.clock.now(),
    });
    this.#cancelSweep ??= this.clock.after(SWEEP_EVERY_MS, () => this.#sweep());
  }

  /** It is here no longer. */
  take(id: string): Snapshot | undefined {
    const snapshot = this.#held.get(id);
    if (snapshot === undefined) return undefined;
    this.#held.delete(id);
    this.#memory.add(-snapshot.request.body.length);
    return snapshot;
  }

  /** All are given up. */
  clear(): void {
    for (const id of [...this.#held.keys()]) this.take(id);
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  #giveUp(id: string): void {
    this.take(id);
    if (this.givenUp++ === 0)
      log.warn('no log event has come for a request: is the dump with the log phase installed?', {
        request_id: id,
      });
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    for (const [id, { atMs }] of this.#held) {
      if (this.clock.now() - atMs < MOST_AGE_MS) break;
      this.#giveUp(id);
    }
    if (this.#held.size > 0) this.#cancelSweep = this.clock.after(SWEEP_EVERY_MS, () => this.#sweep());
  }
}

const NO_BODY = Buffer.alloc(0);
