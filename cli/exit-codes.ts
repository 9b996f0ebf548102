/** How `kong-kafka` ends: a script may rely on these. The texts are part of the help. */
export const EXIT = { fine: 0, failed: 1, usage: 2, findings: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  fine: 'done, and nothing to complain of',
  failed: 'it could not be done; the reason is on stderr',
  usage: 'the command line, or a file that it names, is wrong',
  findings: 'done, and something was found: warnings or errors, an answer that is an error, no answer',
};

/** Ends a command with a sentence on stderr. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    sentence: string,
    readonly exitCode: ExitCode = EXIT.failed,
  ) {
    super(sentence);
  }
}

/** A command line that cannot be followed; the message is one sentence. */
export const usageError = (sentence: string): CliError => new CliError(sentence, EXIT.usage);
