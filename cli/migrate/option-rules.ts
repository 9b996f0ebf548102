/** What becomes of an option of another plugin: each has a rule, and each rule says something where it changes anything. */

export type Fate =
  /** Here under another name, or in another form. */
  | 'changed'
  /** It has no meaning here, and nothing is missed. */
  | 'dropped'
  /** What it did is not to be had here. */
  | 'refused';

export interface OptionRule {
  /** Path with dots. */
  readonly from: string;
  /** Absent: the same. Undefined: nowhere. */
  readonly to?: string | undefined;
  readonly fate?: Fate;
  /** What is different, as a sentence; absent where nothing is. */
  readonly words?: string;
  /** Of the value; what throws a RefusedValue is told and left out. */
  readonly convert?: (value: unknown) => unknown;
  /** Left out without a word where it is this: the other plugin's way to say that it is not used. */
  readonly silentWhen?: (value: unknown) => boolean;
}

/** A value that has no equal, with the reason. */
export class RefusedValue extends Error {}

export const same = (...names: readonly string[]): OptionRule[] => names.map((from) => ({ from }));

export const dropped = (words: string, ...names: readonly string[]): OptionRule[] =>
  names.map((from) => ({ from, to: undefined, fate: 'dropped' as const, words }));

export const refused = (
  words: string,
  from: string,
  silentWhen: OptionRule['silentWhen'] = isEmpty,
): OptionRule => ({
  from,
  to: undefined,
  fate: 'refused',
  words,
  silentWhen,
});

/** How configurations say that there is nothing. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
