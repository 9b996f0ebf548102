/** How many are open, and who is told, once, when none is any more. */
export class OpenCount {
  #open = 0;
  #whenNone: (() => void) | undefined;

  /** One more. The returned function, to be called once, is its end. */
  add(): () => void {
    this.#open++;
    return () => {
      if (--this.#open === 0) this.#tell();
    };
  }

  whenNone(callback: () => void): void {
    this.#whenNone = callback;
    if (this.#open === 0) this.#tell();
  }

  #tell(): void {
    const callback = this.#whenNone;
    // One that begins later, say after it has waited for Kafka, ends for nobody.
    this.#whenNone = undefined;
    callback?.();
  }
}
