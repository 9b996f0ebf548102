import { spawn } from 'node:child_process';

const OUTPUT_TAIL_CHARACTERS = 2000;

/** Runs a program to its end. @throws Error with the end of its output, or `whenMissing` where there is none */
export async function runTool(
  command: string,
  args: readonly string[],
  whenMissing: string,
  options: { readonly cwd?: string } = {},
): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-OUTPUT_TAIL_CHARACTERS));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(whenMissing, { cause: error }) : error),
    );
    child.once('close', (code, signal) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code ?? signal}:\n${output}`)),
    );
  });
}
