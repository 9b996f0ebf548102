const EXIT_FAILED = 1;

/** A full disk or a reader that has gone (EPIPE) must not end the process, nor print a stack about it. */
export function surviveLostOutput(): void {
  process.stdout.on('error', () => (process.exitCode ??= EXIT_FAILED));
  process.stderr.on('error', () => undefined);
}
