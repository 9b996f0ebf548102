/** How long something took, counted by buckets: one observation is a short search in a short list. */

/** Bounds of buckets, each including its own, with the last bucket open. */
export class Buckets {
  readonly boundsMs: Float64Array;
  /** In seconds, as the text form writes them. */
  readonly bounds: readonly string[];
  /** OpenMetrics wants numbers with a point. */
  readonly openBounds: readonly string[];

  /** @param seconds in rising order */
  constructor(readonly seconds: readonly number[]) {
    this.boundsMs = Float64Array.from(seconds, (bound) => bound * 1000);
    this.bounds = [...seconds.map(String), '+Inf'];
    this.openBounds = this.bounds.map((bound) => (/^\d+$/.test(bound) ? `${bound}.0` : bound));
  }
}

/** The last request that fell into a bucket: for whoever wants to know which one was so slow. */
export interface Exemplar {
  /** Kong's. */
  readonly requestId: string;
  readonly valueMs: number;
  /** Monotonic milliseconds. */
  readonly atMs: number;
}

export class Histogram {
  readonly buckets: Buckets;
  readonly #counts: Float64Array;
  #exemplars: (Exemplar | undefined)[] | undefined;
  #sumMs = 0;

  constructor(buckets: Buckets) {
    this.buckets = buckets;
    this.#counts = new Float64Array(buckets.boundsMs.length + 1);
  }

  /** Adds what another one with the same buckets has counted. */
  add(counts: ArrayLike<number>, sumMs: number): void {
    for (let index = 0; index < this.#counts.length; index++) this.#counts[index]! += counts[index] ?? 0;
    this.#sumMs += sumMs;
  }

  /** By bucket. */
  get counts(): Float64Array {
    return this.#counts.slice();
  }

  get sumSeconds(): number {
    return this.#sumMs / 1000;
  }

  observe(valueMs: number): void {
    this.#counts[this.#indexOf(valueMs)]! += 1;
    this.#sumMs += valueMs;
  }

  /** With Kong's id of the request it was observed of, and when. */
  observeRequest(valueMs: number, requestId: string, atMs: number): void {
    const index = this.#indexOf(valueMs);
    this.#counts[index]! += 1;
    this.#sumMs += valueMs;
    this.#exemplars ??= new Array<Exemplar | undefined>(this.#counts.length).fill(undefined);
    this.#exemplars[index] = { requestId, valueMs, atMs };
  }

  /** In this bucket alone. */
  countIn(index: number): number {
    return this.#counts[index] ?? 0;
  }

  exemplarIn(index: number): Exemplar | undefined {
    return this.#exemplars?.[index];
  }

  #indexOf(valueMs: number): number {
    const { boundsMs } = this.buckets;
    let index = 0;
    while (index < boundsMs.length && valueMs > boundsMs[index]!) index++;
    return index;
  }
}
