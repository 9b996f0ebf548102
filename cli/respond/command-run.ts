/**
 * One run of a command as the service behind a topic: the value of the request on its stdin, what else there is of it in
 * its environment, its stdout the answer. No shell sees any of it. Time and output are bounded, and nothing of it is
 * left running.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { bytesResult, type Result } from './reply';

export interface CommandOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the command says on its stderr. */
  readonly onComplaint: (text: string) => void;
}

const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
const MOST_COMPLAINT_BYTES = 64 * 1024;
/** Systems allow 128 KiB for one variable, and not much more for all. */
const MOST_VARIABLE_BYTES = 8192;
const MOST_VARIABLES = 64;

/** Also where this process is ended at once, as by a reader that leaves early (`| head`). */
const stops = new Set<() => void>();
process.once('exit', () => stops.forEach((stop) => stop()));

/** Never rejects: a command that fails makes an answer that is an error. */
export function runCommand(
  request: ReceivedRecord,
  correlationId: string,
  { command, args, timeoutMs, env, onComplaint }: CommandOptions,
  stopped: AbortSignal,
): Promise<Result> {
  return new Promise((resolve) => {
    let child: ChildProcessWithoutNullStreams;
    try {
      child = spawn(command, args, {
        env: environmentOf(request, correlationId, env),
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: what the command has started ends with it.
        detached: true,
      });
    } catch (error) {
      // Some reasons are told by an event, some so.
      resolve(failed(cannotRun(error as Error)));
      return;
    }
    const output: Buffer[] = [];
    let bytes = 0;
    let complained = 0;
    let failure: string | undefined;
    const kill = (why: string): void => {
      failure ??= why;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended just now.
      }
    };
    const limit = setTimeout(() => kill(`the command was not done after ${timeoutMs} ms`), timeoutMs);
    const stop = (): void => kill('the responder was stopped');
    stopped.addEventListener('abort', stop);
    stops.add(stop);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_OUTPUT_BYTES) kill(`the command printed more than ${MOST_OUTPUT_BYTES} bytes`);
      else output.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complained += chunk.length;
      if (complained <= MOST_COMPLAINT_BYTES) onComplaint(chunk.toString());
    });
    child.on('error', (error) => (failure ??= cannotRun(error)));
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      stopped.removeEventListener('abort', stop);
      stops.delete(stop);
      if (code !== 0)
        failure ??= signal === null ? `the command ended with ${code}` : `the command ended by ${signal}`;
      resolve(failure === undefined ? bytesResult(Buffer.concat(output)) : failed(failure));
    });
    // It need not read what it gets.
    child.stdin.on('error', () => undefined);
    child.stdin.end(request.value ?? '');
    if (stopped.aborted) stop();
  });
}

const cannotRun = ({ message }: Error): string => `the command cannot be run: ${message}`;

const failed = (error: string): Result => ({
  value: Buffer.from(error),
  contentType: 'text/plain; charset=utf-8',
  error,
  status: 500,
});

/** Of our own environment only what programs cannot do without: the rest may hold passwords of Kafka. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER'];

function environmentOf(
  { topic, partition, offset, timestamp, key, headers }: ReceivedRecord,
  correlationId: string,
  env: CommandOptions['env'],
): Record<string, string> {
  const variables: [string, string][] = [
    ['KAFKA_TOPIC', topic],
    ['KAFKA_PARTITION', String(partition)],
    ['KAFKA_OFFSET', String(offset)],
    ['KAFKA_TIMESTAMP', String(timestamp)],
    ['KAFKA_CORRELATION_ID', correlationId],
    ...(key === null ? [] : [['KAFKA_KEY', key.toString()] as [string, string]]),
    // A prefix, so that no header becomes a variable that means something to a program.
    ...headers
      .slice(0, MOST_VARIABLES)
      .map(([name, value]): [string, string] => [
        `KAFKA_HEADER_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`,
        value.toString(),
      ]),
  ];
  const usable = variables.filter(
    ([, value]) => !value.includes('\0') && value.length <= MOST_VARIABLE_BYTES,
  );
  const own = PASSED_ON.flatMap((name): [string, string][] =>
    env[name] === undefined ? [] : [[name, env[name]]],
  );
  return Object.fromEntries([...usable.reverse(), ...own]);
}
