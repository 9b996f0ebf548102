import { Readable } from 'node:stream';
import { runCli } from '../../cli/program';

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the command line in this process, on surroundings of its own. */
export async function runInside(
  args: readonly string[],
  {
    env = {},
    stdin = '',
    isTTY = false,
    interrupted = new AbortController().signal,
  }: { env?: Record<string, string>; stdin?: string; isTTY?: boolean; interrupted?: AbortSignal } = {},
): Promise<Run> {
  const text = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof text) => ({
    write: (chunk: string | Uint8Array) =>
      void (text[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()),
    isTTY,
  });
  const code = await runCli(args, {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: Object.assign(Readable.from([stdin]), { isTTY }),
    env,
    interrupted,
  });
  return { code, ...text };
}
