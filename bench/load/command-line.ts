/**
 * One grammar for all commands of bench/: a flag is a row, and usage, default and check come from it.
 *
 *   const COMMAND = commandLine({
 *     make: 'drill',
 *     program: 'drill/cli.js',
 *     about: 'Stops a Kafka broker under load and starts it again.',
 *     flags: { stops: wholeNumber({ says: 'of the broker', byDefault: 20 }) },
 *   });
 *   COMMAND.parse(['--stops', '3'])      // { stops: 3 }
 */
import { parseArgs } from 'node:util';

/** A command line that cannot be followed; the message is one sentence. */
export class UsageError extends Error {}

export interface Flag<T> {
  /** What stands behind it, as in `<number>`; absent: nothing does. */
  readonly takes?: string;
  readonly says: string;
  readonly byDefault: T;
  /** For the usage; absent: there is nothing to say. */
  readonly shownDefault?: string;
  /** @throws UsageError */
  read(flag: string, text: string): T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;

export type Values<F extends Flags> = { readonly [Name in keyof F]: F[Name]['byDefault'] };

export interface CommandLine<F extends Flags> {
  /** How the command calls itself in its messages. */
  readonly name: string;
  readonly usage: string;
  /** @throws UsageError; undefined asks for the usage */
  parse(args: readonly string[]): Values<F> | undefined;
}

/** Everything after the name of a flag begins in one column, as far as it is not too far right. */
const USUAL_FLAG_WIDTH = 28;
const HELP = { says: 'show this text' };

export function commandLine<F extends Flags>(command: {
  /** The target of the Makefile. */
  readonly make: string;
  /** Path of the compiled program under dist/bench/. */
  readonly program: string;
  readonly about: string;
  readonly flags: F;
}): CommandLine<F> {
  const { make, program, about, flags } = command;
  const rows = Object.entries({ ...flags, help: HELP }).map(([name, flag]) => usageRow(name, flag));
  return {
    name: make,
    usage: [
      `Usage: node dist/bench/${program} [options]      (make ${make} ARGS="...")`,
      about.trim(),
      `${rows.join('\n')}\n`,
    ].join('\n\n'),
    parse: (args) => parse(flags, args),
  };
}

function usageRow(name: string, flag: Pick<Flag<unknown>, 'takes' | 'says' | 'shownDefault'>): string {
  const { takes = '', says, shownDefault } = flag;
  const head = `  --${name} ${takes}`.trimEnd().padEnd(USUAL_FLAG_WIDTH);
  return `${head} ${says}${shownDefault === undefined ? '' : ` (default ${shownDefault})`}`;
}

function parse<F extends Flags>(flags: F, args: readonly string[]): Values<F> | undefined {
  const given = parsed(flags, args);
  if (given.help) return undefined;
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => {
      const value = given[name];
      return [name, value === undefined ? flag.byDefault : flag.read(`--${name}`, String(value))];
    }),
  ) as Values<F>;
}

function parsed(
  flags: Flags,
  args: readonly string[],
): Readonly<Record<string, string | boolean | undefined>> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { takes }]) => [
      name,
      { type: takes === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } }).values;
  } catch (error) {
    // What node's parser says, without its advice about positionals.
    const [sentence = ''] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${sentence.replace(/\.$/, '')}.`, { cause: error });
  }
}

const MOST = 999_999;

/** From 1 to 999999, unless other bounds are given. */
export function wholeNumber(of: {
  says: string;
  byDefault: number;
  least?: number;
  most?: number;
}): Flag<number> {
  const { says, byDefault, least = 1, most = MOST } = of;
  return {
    takes: '<number>',
    says,
    byDefault,
    shownDefault: String(byDefault),
    read: (flag, text) => whole(flag, text, least, most),
  };
}

/** Undefined when it is not given: what it is then depends on other flags. */
export function wholeNumberOrNone(of: { says: string; shownDefault: string }): Flag<number | undefined> {
  return {
    takes: '<number>',
    ...of,
    byDefault: undefined,
    read: (flag, text) => whole(flag, text, 1, MOST),
  };
}

/** Several of them, separated by commas. */
export function wholeNumbers(of: { says: string; byDefault: readonly number[] }): Flag<readonly number[]> {
  return {
    takes: '<n>[,<n>]',
    says: of.says,
    byDefault: of.byDefault,
    shownDefault: of.byDefault.join(','),
    read: (flag, text) => text.split(',').map((part) => whole(flag, part, 1, MOST)),
  };
}

/** Some of a closed set, each once, separated by commas. */
export function namesOf<Name extends string>(
  all: readonly Name[],
  of: { says: string; byDefault: readonly Name[]; shownDefault: string },
): Flag<readonly Name[]> {
  return {
    takes: '<name>[,<name>]',
    ...of,
    read: (flag, text) => [...new Set(text.split(',').map((part) => oneOf(all, flag, part)))],
  };
}

export function nameOf<Name extends string>(
  all: readonly Name[],
  of: { says: string; byDefault: NoInfer<Name> },
): Flag<Name> {
  return { takes: '<name>', ...of, shownDefault: of.byDefault, read: (flag, text) => oneOf(all, flag, text) };
}

/** A file or a folder; undefined when it is not given. */
export function path(takes: '<file>' | '<folder>', says: string): Flag<string | undefined> {
  return {
    takes,
    says,
    byDefault: undefined,
    read: (flag, text) => {
      if (text === '') throw new UsageError(`${flag} needs a path.`);
      return text;
    },
  };
}

/** Several of them, separated by blanks; given behind an equals sign, as they may begin with dashes themselves. */
export function words(says: string): Flag<readonly string[]> {
  return { takes: '<words>', says, byDefault: [], read: (_, text) => text.split(' ').filter(Boolean) };
}

/** Given or not. */
export function toggle(says: string): Flag<boolean> {
  return { says, byDefault: false, read: () => true };
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${flag} needs a whole number from ${least} to ${most}, not '${text}'.`);
}

function oneOf<Name extends string>(all: readonly Name[], flag: string, text: string): Name {
  const found = all.find((name) => name === text);
  if (found === undefined) throw new UsageError(`${flag} takes ${all.join(', ')}, not '${text}'.`);
  return found;
}
