/** Lua 5.1 as Kong has it, for what is generated for it: the program of the system, or Debian's, fetched once. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { unpackDebianPackages } from './debian-packages';

/** @throws Error with one sentence where it cannot be had */
export async function lua(script: string): Promise<string> {
  const installed = ['lua5.1', 'luajit'].find((name) => spawnSync(name, ['-v']).status === 0);
  const program = installed ?? join(await unpackDebianPackages('lua', ['lua5.1']), 'usr', 'bin', 'lua5.1');
  return execFileSync(program, ['-e', script], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}
