/**
 * Who is there just now, of those that come and go with every request.
 *
 * A Set or Map of V8 copies its table whenever that is full of deleted entries, and the old table keeps what was in it and
 * a reference to the new one. Once a table has got among the old objects, as at each full collection the current one does,
 * everything that was in its successors stays until the next full collection: thousands of ended requests with all that
 * hangs on them are copied from collection to collection, and moved among the old ones, instead of dropped. That was half
 * of what survived a collection (docs/performance.md, Node). A place that is left here refers to nothing.
 */
export class Roster<Member extends object> {
  readonly #members: (Member | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#members.length - this.#free.length;
  }

  /** How many places there are, taken and free. */
  get places(): number {
    return this.#members.length;
  }

  /** @returns its place, which nobody else has until it leaves */
  enter(member: Member): number {
    const place = this.#free.pop() ?? this.#members.length;
    this.#members[place] = member;
    return place;
  }

  at(place: number): Member | undefined {
    return this.#members[place];
  }

  /** @returns false when it has left already */
  leave(place: number, member: Member): boolean {
    if (this.#members[place] !== member) return false;
    this.#members[place] = undefined;
    this.#free.push(place);
    return true;
  }

  /** In no particular order. Who leaves meanwhile is not met any more; who enters may be. */
  *[Symbol.iterator](): Generator<Member> {
    for (let place = 0; place < this.#members.length; place++) {
      const member = this.#members[place];
      if (member !== undefined) yield member;
    }
  }
}
