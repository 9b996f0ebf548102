/** One thing after the other, in the order in which they came, also where one takes a while. */
export class InTurn<Thing> {
  readonly #next: () => Thing | undefined;
  readonly #do: (thing: Thing, done: () => void) => void;
  #isBusy = false;

  /** @param next what is to be done now, if there is something */
  constructor(next: () => Thing | undefined, act: (thing: Thing, done: () => void) => void) {
    this.#next = next;
    this.#do = act;
  }

  /** There may be more to do. */
  goOn(): void {
    while (!this.#isBusy) {
      const thing = this.#next();
      if (thing === undefined) return;
      let isLater = false;
      this.#isBusy = true;
      this.#do(thing, () => {
        this.#isBusy = false;
        // Or this loop would be one in another, for each thing that is there.
        if (isLater) this.goOn();
      });
      isLater = true;
    }
  }
}
