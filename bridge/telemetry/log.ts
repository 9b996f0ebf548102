/**
 * Structured log: one JSON line per entry, one write each, to stderr.
 *
 *     log.info('reply reader assigned', { topic, partitions });
 *
 * stderr and not stdout, because a query command's stdout must stay pure JSON. Each line is written at once,
 * since buffered lines would be lost when Kong kills a managed server. Never pass secrets or payloads.
 */

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Receives one finished line, newline included. */
export type LogSink = (line: string) => void;

let threshold: number = LOG_LEVELS.indexOf('info');
let sink: LogSink = writeToStderr;
let guarded = false;
let droppedLines = 0;

export const log = {
  debug: (message: string, fields?: LogFields): void => write('debug', message, fields),
  info: (message: string, fields?: LogFields): void => write('info', message, fields),
  warn: (message: string, fields?: LogFields): void => write('warn', message, fields),
  error: (message: string, fields?: LogFields): void => write('error', message, fields),
  /** True when an entry of this level would be written: guards facts that are costly to gather. */
  enabled: (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= threshold,
};

/** Set once by the process's main; everything below is dropped. Default: info. */
export function setLogLevel(level: LogLevel): void {
  threshold = LOG_LEVELS.indexOf(level);
}

/** Sends lines somewhere else, for tests. Returns what undoes it. */
export function setLogSink(replacement: LogSink): () => void {
  const previous = sink;
  sink = replacement;
  return () => {
    sink = previous;
  };
}

function write(level: LogLevel, message: string, fields: LogFields | undefined): void {
  if (LOG_LEVELS.indexOf(level) < threshold) return;
  const head = { time: new Date().toISOString(), level, message };
  sink(serialize(fields === undefined ? head : { ...head, ...withReadableErrors(fields) }, head) + '\n');
}

/** A log call must never throw, so facts that are not JSON (a cycle, a BigInt) are given up, not the entry. */
function serialize(entry: object, head: object): string {
  try {
    return JSON.stringify(entry);
  } catch {
    return JSON.stringify({ ...head, fields: 'not serializable' });
  }
}

/** JSON.stringify turns an Error into {}; only its text and stack tell anything. */
function withReadableErrors(fields: LogFields): Record<string, unknown> {
  const readable: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'time' || name === 'level' || name === 'message') readable[`${name}_`] = value;
    else readable[name] = value instanceof Error ? { message: value.message, stack: value.stack } : value;
  }
  return readable;
}

/** A reader that has stopped reading must not cost memory without end; what is lost is counted, and said later. */
const MAX_UNREAD_BYTES = 1024 * 1024;

function writeToStderr(line: string): void {
  const { stderr } = process;
  if (!guarded) {
    guarded = true;
    // Whoever read our stderr may be gone (EPIPE), the disk full; without a handler that would end the process.
    stderr.on('error', () => undefined);
  }
  if (stderr.writableLength > MAX_UNREAD_BYTES) {
    droppedLines++;
    return;
  }
  if (droppedLines > 0) {
    const lines = droppedLines;
    droppedLines = 0;
    log.warn('the log was not read for a while, and lines were dropped', { lines });
  }
  stderr.write(line);
}
