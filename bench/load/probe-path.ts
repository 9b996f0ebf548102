/** Where a process is asked: an abstract socket of Linux, of which no file is left. */
export function probePath(pid: number): string {
  return `\0kong-kafka-probe-${pid}`;
}
