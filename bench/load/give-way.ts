/** Processes that are on this machine only because the measurement is: clients, services, the stand-in for Kong. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** From now on the threads of this process get what the others leave of the cores. Linux only. */
export function giveWay(pid: number = process.pid): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      setPriority(Number(thread), constants.priority.PRIORITY_LOW);
    } catch {
      // It has ended meanwhile.
    }
  }
}
