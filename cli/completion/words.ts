/** What can stand in a command line, read from the program itself. */
import type { Command, Option } from 'commander';

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagWords[];
  /** Of its first argument, where that is one of a few. */
  readonly choices: readonly string[];
}

export interface FlagWords {
  /** `--topic` */
  readonly flag: string;
  readonly description: string;
  /** Absent: the flag takes no value. */
  readonly value?: 'file' | 'any' | readonly string[];
}

export function wordsOf(program: Command): readonly CommandWords[] {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: [...command.options.filter(({ hidden }) => !hidden).map(flagWords), HELP],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }));
  const names = program.commands.map((command) => command.name());
  const help = { name: 'help', description: 'print the help of a command', flags: [], choices: names };
  return [...commands, help];
}

const HELP: FlagWords = { flag: '--help', description: 'print this help' };

function flagWords(option: Option): FlagWords {
  const { description, argChoices } = option;
  const words = { flag: option.long!, description };
  if (!option.required && !option.optional) return words;
  // `<file>` in the help is what tells a file from anything else.
  return { ...words, value: argChoices ?? (/[<[](file|folder)/.test(option.flags) ? 'file' : 'any') };
}
