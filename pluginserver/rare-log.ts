/**
 * The log for lines that a peer can cause as often as it likes: a few of each kind in five seconds, then how many more
 * there were. Messages are a closed list (log-events.ts), so there are few kinds.
 */

import { log, type LogFields, type LogLevel } from '../bridge/telemetry/log';
import type { LogMessage } from '../bridge/telemetry/log-events';

const LINES_PER_TICK = 10;

interface Line {
  readonly level: LogLevel;
  count: number;
}

export class RareLog {
  private readonly lines = new Map<LogMessage, Line>();

  write(level: LogLevel, message: LogMessage, fields?: LogFields): void {
    let line = this.lines.get(message);
    if (line === undefined) this.lines.set(message, (line = { level, count: 0 }));
    if (line.count++ < LINES_PER_TICK) log[level](message, fields);
  }

  /** Called by the process's one timer. */
  onTick(): void {
    for (const [message, { level, count }] of this.lines) {
      if (count > LINES_PER_TICK) log[level](message, { further_times: count - LINES_PER_TICK });
    }
    this.lines.clear();
  }
}
