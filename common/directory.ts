import { Roster } from './roster';

/**
 * Who is there just now, by name: a Map for those that come and go with every request. What a Map leaves behind (see
 * roster.ts) are names and numbers here.
 */
export class Directory<Member extends object> {
  readonly #places = new Map<string, number>();
  readonly #members = new Roster<Member>();

  get size(): number {
    return this.#places.size;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  get(name: string): Member | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.#members.at(place);
  }

  /** In place of whoever had the name. */
  set(name: string, member: Member): void {
    this.delete(name);
    this.#places.set(name, this.#members.enter(member));
  }

  /** @returns false when nobody has the name */
  delete(name: string): boolean {
    const place = this.#places.get(name);
    if (place === undefined) return false;
    this.#places.delete(name);
    return this.#members.leave(place, this.#members.at(place)!);
  }

  /** In no particular order. */
  values(): Iterable<Member> {
    return this.#members;
  }
}
