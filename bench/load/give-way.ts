/** For processes that are on this machine only because the measurement is: clients, services, the stand-in for Kong. */
import { spawnSync } from 'node:child_process';

/**
 * From now on this process, and what it starts, get what the others leave of the cores, and are interrupted at once when one
 * of those has something to do. The lowest nice value is not enough: Linux lets whoever runs go on for up to a slice, 3 ms,
 * which is more than a request takes.
 * @throws Error where there is no `chrt`, which is in util-linux
 */
export function giveWay(): void {
  const args = ['--all-tasks', '--idle', '--pid', '0', String(process.pid)];
  const { status, error, stderr } = spawnSync('chrt', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`chrt: ${error?.message ?? stderr}`);
}
