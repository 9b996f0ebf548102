/** What every command of bench/ has in common: its command line, its exit codes, and what it leaves behind. */
import { UsageError, type CommandLine, type Flags, type Values } from './command-line';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** What was started, ended in the opposite order, also after a signal. */
export type CleanUps = (() => Promise<unknown>)[];

/** @param main resolves with whether every goal was met; the process ends with status 1 when not */
export function runCommand<F extends Flags>(
  command: CommandLine<F>,
  main: (values: Values<F>, cleanUps: CleanUps) => Promise<boolean>,
): void {
  const cleanUps: CleanUps = [];
  const cleanUp = async (): Promise<void> => {
    for (const end of cleanUps.splice(0).reverse()) await end().catch(() => undefined);
  };
  const failed = (error: unknown): number => {
    process.stderr.write(`${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  };
  const run = async (): Promise<number> => {
    const values = command.parse(process.argv.slice(2));
    if (values !== undefined) return (await main(values, cleanUps)) ? 0 : EXIT_FAILED;
    process.stdout.write(command.usage);
    return 0;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp().then(() => process.exit(EXIT_FAILED)));
  }
  void run()
    .catch(failed)
    .then(async (code) => {
      await cleanUp();
      process.exitCode = code;
    });
}
