/**
 * Counts how often Kong has run one event again.
 *
 * Kong runs an event again whenever its connection closes in the middle, without limit and without delay, even
 * after the client has left: one request once made 1.5 million attempts in ten minutes. It does not send the
 * attempt number, so events that ended by a close are remembered by Kong's request id.
 */

const MAX_ATTEMPTS = 2;
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;

interface Attempts {
  count: number;
  expiresAtMs: number;
}

export class Reruns {
  private readonly attempts = new Map<string, Attempts>();
  private exhausted = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  get size(): number {
    return this.attempts.size;
  }

  /**
   * True while some event has used up its attempts. Only then must handlers wait for their request id before
   * they start, which costs them a round trip.
   */
  get anyExhausted(): boolean {
    return this.exhausted > 0;
  }

  /** The connection of this event closed before it was answered. */
  record(requestId: string, phase: string): void {
    const key = keyOf(requestId, phase);
    const count = (this.attempts.get(key)?.count ?? 0) + 1;
    this.forget(key);
    if (this.attempts.size >= MAX_REMEMBERED) this.forget(this.attempts.keys().next().value as string);
    this.attempts.set(key, { count, expiresAtMs: this.nowMs() + REMEMBERED_MS });
    if (count >= MAX_ATTEMPTS) this.exhausted++;
  }

  isExhausted(requestId: string, phase: string): boolean {
    if (this.exhausted === 0) return false;
    return (this.attempts.get(keyOf(requestId, phase))?.count ?? 0) >= MAX_ATTEMPTS;
  }

  /** Forgets what is older than a minute. Insertion order is order of age. */
  sweep(): void {
    const nowMs = this.nowMs();
    for (const [key, { expiresAtMs }] of this.attempts) {
      if (expiresAtMs > nowMs) return;
      this.forget(key);
    }
  }

  private forget(key: string): void {
    const attempts = this.attempts.get(key);
    if (attempts === undefined) return;
    this.attempts.delete(key);
    if (attempts.count >= MAX_ATTEMPTS) this.exhausted--;
  }
}

function keyOf(requestId: string, phase: string): string {
  return `${phase} ${requestId}`;
}
