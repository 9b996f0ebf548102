#!/usr/bin/env node
// Before anything can start libuv's thread pool.
import '../bridge/thread-pool-size';
import { addAbortSignal } from 'node:stream';
import { runCli } from './program';

/** A second Ctrl-C ends what does not want to. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

/** Whoever reads us may leave early (`| head`). */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.stderr.on('error', () => undefined);

const { stdout, stderr, env } = process;
const interrupted = interruption();
// Somebody who does not type is not waited for either.
const stdin = addAbortSignal(interrupted, process.stdin).on('error', () => undefined);
void runCli(process.argv.slice(2), { stdout, stderr, stdin, env, interrupted }).then((code) => {
  process.exitCode = code;
});
