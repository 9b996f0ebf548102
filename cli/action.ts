import { Option, type Command } from 'commander';
import { EXIT, type ExitCode } from './exit-codes';
import { Output } from './output';
import type { Surroundings } from './surroundings';

/**
 * Gives a command the flags that all have, and an action whose result is the exit code.
 * @param act gets the values of the flags as commander names them, and the arguments
 */
export function withAction<Flags>(
  command: Command,
  surroundings: Surroundings,
  act: (output: Output, flags: Flags, args: readonly string[]) => ExitCode | Promise<ExitCode>,
): Command {
  return command
    .addOption(new Option('--json', 'JSON on stdout: one document, or a line for each event'))
    .action(async () => {
      const { json, ...flags } = command.opts<{ json?: boolean }>();
      results.set(command, await act(new Output(surroundings, json === true), flags as Flags, command.args));
    });
}

/** Commander knows no results of actions. */
const results = new WeakMap<Command, ExitCode>();

/** The exit code of the command that has run, in this program. */
export function exitCodeOf(program: Command): ExitCode {
  const codes = allCommands(program).flatMap((command) => results.get(command) ?? []);
  return codes[0] ?? EXIT.fine;
}

/** The program and all below it. */
export function allCommands(program: Command): Command[] {
  return [program, ...program.commands.flatMap(allCommands)];
}
