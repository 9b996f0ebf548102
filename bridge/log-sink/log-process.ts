/** The log sinks of this process, and how they follow the life of our plugin server. The stock server calls none. */
import { LogSinks } from './log-sinks';

export const logSinks = new LogSinks();

export const logProcessHooks = {
  drain: (): void => logSinks.drain(),
  idle: (): Promise<void> => logSinks.idle(),
  close: (): Promise<void> => logSinks.close(),
  status: (): { ready: boolean } => logSinks.status(),
};
