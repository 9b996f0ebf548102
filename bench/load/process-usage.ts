/** CPU time and memory of this machine and its processes, as Linux tells them. */
import { readFileSync } from 'node:fs';

/** What `sysconf(_SC_CLK_TCK)` gives on every Linux that node runs on. */
const MICROSECONDS_PER_TICK = 10_000;
/** Positions in /proc/<pid>/stat behind the command's name, which may itself contain blanks. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** User and system time of all threads since the process began. */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * MICROSECONDS_PER_TICK;
}

export function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Time that the cores were not idle since the machine was started, whoever used it. */
export function busyMicroseconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = first
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + softInterrupts) * MICROSECONDS_PER_TICK;
}

export function threadCount(pid: number): number {
  return Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
