/** Which of the client's headers become record headers, and under which name: compiled once per configuration. */
import { isCredential, isForbidden, normalName, OWN_NAMES } from './reserved-headers';

export interface HeaderRules {
  /** False: none at all. */
  readonly forward: boolean;
  /** True: all that are not excluded. False: those of `include`. */
  readonly forwardAll: boolean;
  /** Names; one that ends in `*` stands for all that begin so. Letter case does not matter. */
  readonly include: readonly string[];
  /** As `include`, but `_` and `-` are alike. Wins over `include`. */
  readonly exclude: readonly string[];
  /** HTTP name -> record name. */
  readonly rename: Readonly<Record<string, string>>;
  readonly repeated: RepeatedHeaders;
}

export const REPEATED_HEADERS = ['retain_duplicates', 'concatenate_by_comma', 'take_first'] as const;
export type RepeatedHeaders = (typeof REPEATED_HEADERS)[number];

export interface CompiledRules {
  /** The only names (in lower case) that can pass; undefined when they must be looked at one by one. */
  readonly only: readonly string[] | undefined;
  /** The record's name for a header of the client, or undefined when it is not forwarded. */
  readonly recordName: (httpName: string) => string | undefined;
  readonly isExcluded: (httpName: string) => boolean;
  /** For what is forwarded in a form of its own, unless the configuration says otherwise. */
  readonly forwards: (httpName: string) => boolean;
  readonly isIncludedByName: (httpName: string) => boolean;
}

/** An RFC 9110 token; nginx lets nothing else through, but nothing here should depend on that. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const RECORD_NAME = /^[\x20-\x7e]{1,249}$/;

/** @param taken names that the gateway writes itself */
export function compileHeaderRules(rules: HeaderRules, taken: Iterable<string> = []): CompiledRules {
  const reserved = new Set([...OWN_NAMES, ...[...taken].map(normalName)]);
  const include = namePatterns(rules.include, (name) => name.toLowerCase());
  const exclude = namePatterns(rules.exclude, normalName);
  const rename = new Map(Object.entries(rules.rename).map(([from, to]) => [from.toLowerCase(), to]));
  const mayPass = (name: string) => !isForbidden(name) && !reserved.has(normalName(name));

  const decide = (httpName: string): string | undefined => {
    if (!rules.forward || !HEADER_NAME.test(httpName)) return undefined;
    const name = httpName.toLowerCase();
    if (!mayPass(name) || exclude.matches(name)) return undefined;
    if (!include.names.has(name) && (isCredential(name) || !(rules.forwardAll || include.matches(name))))
      return undefined;
    const recordName = rename.get(name) ?? name;
    return RECORD_NAME.test(recordName) && mayPass(recordName) ? recordName : undefined;
  };

  const oneByOne = rules.forward && (rules.forwardAll || include.beginnings.length > 0);
  return {
    only: oneByOne ? undefined : [...include.names].filter((name) => decide(name) !== undefined),
    recordName: rememberedByName(decide),
    isExcluded: (name) => exclude.matches(name),
    forwards: (name) => rules.forward && !exclude.matches(name),
    isIncludedByName: (name) => include.names.has(name.toLowerCase()),
  };
}

/** Names come from clients, so the memory of decisions needs a bound. */
const MAX_REMEMBERED = 512;

/** The same function, which decides each name once: clients send the same few again and again. */
export function rememberedByName<T>(decide: (name: string) => T): (name: string) => T {
  const remembered = new Map<string, T>();
  return (name) => {
    const known = remembered.get(name);
    if (known !== undefined || remembered.has(name)) return known as T;
    const decided = decide(name);
    if (remembered.size < MAX_REMEMBERED) remembered.set(name, decided);
    return decided;
  };
}

interface NamePatterns {
  readonly names: ReadonlySet<string>;
  readonly beginnings: readonly string[];
  matches(name: string): boolean;
}

function namePatterns(patterns: readonly string[], form: (name: string) => string): NamePatterns {
  const names = new Set(patterns.filter((pattern) => !pattern.endsWith('*')).map(form));
  const beginnings = patterns
    .filter((pattern) => pattern.endsWith('*'))
    .map((pattern) => form(pattern.slice(0, -1)));
  return {
    names,
    beginnings,
    matches: (name) => {
      const formed = form(name);
      return names.has(formed) || beginnings.some((beginning) => formed.startsWith(beginning));
    },
  };
}
