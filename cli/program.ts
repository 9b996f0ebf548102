/** `kong-kafka`: the commander program, and one run of it. */
import { Command, CommanderError } from 'commander';
import { GatewayError } from '../bridge/errors';
import { version } from '../bridge/version';
import { allCommands, exitCodeOf } from './action';
import { COMMANDS } from './commands';
import { CliError, EXIT, EXIT_MEANINGS, type ExitCode } from './exit-codes';
import type { Surroundings } from './surroundings';

export const PROGRAM_NAME = 'kong-kafka';

export function programOf(surroundings: Surroundings): Command {
  const program = new Command(PROGRAM_NAME)
    .description(
      'Looks after Kafka request-reply in Kong: finds what is wrong, tries it out, writes configuration.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print the help of a command')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', `\n${exitCodesHelp()}`);
  for (const factory of COMMANDS) program.addCommand(factory(surroundings));
  for (const command of allCommands(program)) {
    if (command !== program)
      command.copyInheritedSettings(program).helpOption('-h, --help', 'print this help');
    command
      .exitOverride()
      .showHelpAfterError(false)
      .configureHelp({ helpWidth: HELP_WIDTH })
      .configureOutput({
        writeOut: (text) => surroundings.stdout.write(text),
        writeErr: (text) => surroundings.stderr.write(text),
        // Said once, by runCli.
        outputError: () => undefined,
      });
  }
  return program;
}

/** The same on every terminal, so that it can be compared and copied. */
const HELP_WIDTH = 120;

/** @param args without node and the script @returns the exit code; never throws what a user did */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const program = programOf(surroundings);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCodeOf(program);
  } catch (error) {
    if (!(error instanceof CommanderError)) return explained(error, surroundings);
    // Help and version have been printed.
    if (error.exitCode === 0) return EXIT.fine;
    // Commander prints the help where the command is missing, and says nothing.
    if (error.code === 'commander.help') return EXIT.usage;
    const command = program.commands.find((candidate) => candidate.name() === args[0]);
    const help = command === undefined ? `${PROGRAM_NAME} help` : `${PROGRAM_NAME} help ${command.name()}`;
    surroundings.stderr.write(`${sentenceOf(error.message)} See: ${help}\n`);
    return EXIT.usage;
  }
}

function explained(error: unknown, { stderr, interrupted }: Surroundings): ExitCode {
  if (interrupted.aborted) {
    stderr.write('Interrupted.\n');
    return EXIT.failed;
  }
  if (error instanceof CliError) {
    stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const reason = error instanceof GatewayError ? error.detail : (error as Error).message;
  stderr.write(`${sentenceOf(reason)}\n`);
  return EXIT.failed;
}

/** "error: unknown option '--x'\n(Did you mean --y?)" -> "Unknown option '--x'. Did you mean --y?" */
function sentenceOf(message: string): string {
  const [first = '', ...more] = message
    .replace(/^error: /, '')
    .split('\n')
    .map((line) => line.replace(/^\((.*)\)$/, '$1').trim())
    .filter((line) => line !== '');
  const sentence = first.charAt(0).toUpperCase() + first.slice(1);
  return [/[.?!]$/.test(sentence) ? sentence : `${sentence}.`, ...more].join(' ');
}

function exitCodesHelp(): string {
  const rows = Object.entries(EXIT).map(
    ([name, code]) => `  ${code}  ${EXIT_MEANINGS[name as keyof typeof EXIT]}`,
  );
  return `Exit codes:\n${rows.join('\n')}\n`;
}
