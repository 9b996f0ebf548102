/** For lines that a broken route would flood the log with: of each kind one in a while, with the number in between. */
const EVERY_MS = 60_000;

interface Told {
  atMs: number;
  /** Since then. */
  further: number;
}

export class NowAndThen<Kind> {
  readonly #told = new Map<Kind, Told>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** @returns undefined: not now, it is counted. Else how many were not told since the last one; undefined for the first */
  due(kind: Kind): { readonly further: number | undefined } | undefined {
    const told = this.#told.get(kind);
    const nowMs = this.nowMs();
    if (told !== undefined && nowMs - told.atMs < EVERY_MS) {
      told.further++;
      return undefined;
    }
    this.#told.set(kind, { atMs: nowMs, further: 0 });
    return { further: told?.further };
  }
}
