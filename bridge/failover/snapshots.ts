/**
 * Requests as they went to their upstream, until the log phase says how that ended: for Kong without the includes, where
 * nothing brings a failed request here. Bounded in number, bytes and age: what has been pushed out is not kept when it
 * fails, and is counted.
 */
import type { BytesInFlight } from '../bytes-in-flight';
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import type { Capture } from './captures';
import type { WholeRequest } from './whole-request';

export interface Snapshot {
  readonly capture: Capture;
  readonly request: WholeRequest;
  readonly atMs: number;
}

export interface SnapshotsOptions {
  readonly clock: Clock;
  /** Bodies are held in this account. */
  readonly memory: BytesInFlight;
}

const MOST = 10_000;
/** Longer than an upstream is waited for. */
const MOST_AGE_MS = 10 * 60 * 1000;
const SWEEP_EVERY_MS = 60_000;

export class Snapshots {
  /** Their log phase has not come, or the place was needed. */
  given_up = 0;
  readonly #options: SnapshotsOptions;
  /** In the order they came. */
  readonly #held = new Map<string, Snapshot>();
  #cancelSweep: (() => void) | undefined;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /** A body that there is no memory for is left out, and the record will say so. */
  add(capture: Capture, request: WholeRequest): void {
    const { clock, memory } = this.#options;
    const isHeld = memory.reserve(request.body.length);
    this.take(request.id);
    if (this.#held.size >= MOST) this.#giveUp(this.#held.keys().next().value!);
    this.#held.set(request.id, {
      capture,
      request: isHeld ? request : { ...request, body: NO_BODY, bodyOmitted: 'no_memory' },
      atMs: clock.now(),
    });
    this.#cancelSweep ??= clock.after(SWEEP_EVERY_MS, () => this.#sweep());
  }

  /** It is here no longer. */
  take(id: string): Snapshot | undefined {
    const snapshot = this.#held.get(id);
    if (snapshot === undefined) return undefined;
    this.#held.delete(id);
    this.#options.memory.add(-snapshot.request.body.length);
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
    if (this.given_up++ === 0)
      log.warn('no log event has come for a request: is the dump with the log phase installed?', {
        request_id: id,
      });
  }

  #sweep(): void {
    const { clock } = this.#options;
    this.#cancelSweep = undefined;
    for (const [id, { atMs }] of this.#held) {
      if (clock.now() - atMs < MOST_AGE_MS) break;
      this.#giveUp(id);
    }
    if (this.#held.size > 0) this.#cancelSweep = clock.after(SWEEP_EVERY_MS, () => this.#sweep());
  }
}

const NO_BODY = Buffer.alloc(0);
