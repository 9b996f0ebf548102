#!/usr/bin/env node
// Before anything can start libuv's thread pool.
import '../bridge/thread-pool-size';
import { runCli } from './program';

/** A second Ctrl-C ends what does not want to. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

/** Whoever reads us may leave early (`| head`). */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { stdout, stderr, stdin, env } = process;
void runCli(process.argv.slice(2), { stdout, stderr, stdin, env, interrupted: interruption() }).then(
  (code) => {
    process.exitCode = code;
  },
);
