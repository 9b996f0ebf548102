/** When something happened last, for the status page: a count since the start does not tell whether it still does. */
export class LastTime {
  #atMs: number | undefined;

  note(): void {
    this.#atMs = Date.now();
  }

  /** An object, so that of several workers the latest counts. Undefined: never. */
  get status(): { readonly at: string } | undefined {
    return this.#atMs === undefined ? undefined : { at: new Date(this.#atMs).toISOString() };
  }
}
