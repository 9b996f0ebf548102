/**
 * Structured log: one line per event, one write each, to stderr.
 *
 *     log.info('kafka topic followed', { topic, partitions });
 *
 * The messages and their stable names are those of log-events.ts. stderr and not stdout, because a query command's stdout
 * must stay pure JSON. Each line is written at once and by this process, since lines in a buffer or on their way to a
 * worker would be lost when Kong kills a managed server; so pino makes the lines here, and none of its destinations is
 * used. Never pass secrets or payloads.
 */
import pino from 'pino';
import { LOG_EVENTS, type LogMessage } from './log-events';
import { prettyLine } from './pretty-line';
import { noteEvent } from './recent-events';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Receives one finished line, newline included. */
export type LogSink = (line: string) => void;

let sink: LogSink = writeToStderr;
let format: LogFormat = 'json';
let configuredLevel: LogLevel = 'info';
let guarded = false;
let droppedLines = 0;

const logger = pino(
  {
    level: configuredLevel,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    // Errors are made readable under any name, below.
    serializers: {},
  },
  { write: (line: string) => sink(line) },
);

export const log = {
  debug: (message: LogMessage, fields?: LogFields): void => write('debug', message, fields),
  info: (message: LogMessage, fields?: LogFields): void => write('info', message, fields),
  warn: (message: LogMessage, fields?: LogFields): void => write('warn', message, fields),
  error: (message: LogMessage, fields?: LogFields): void => write('error', message, fields),
  /** True when an entry of this level would be written: guards facts that are costly to gather. */
  enabled: (level: LogLevel): boolean => logger.isLevelEnabled(level),
};

/** Set once by the process's main; everything below is dropped. Default: info. */
export function setLogLevel(level: LogLevel): void {
  configuredLevel = level;
  logger.level = level;
}

/** Set once by the process's main where there are several: which of them writes a line. */
export function setLogWorker(worker: number): void {
  logger.setBindings({ worker });
}

/** While the process runs: everything, or again what was configured. */
export function toggleDebug(): void {
  const level = logger.level === 'debug' ? configuredLevel : 'debug';
  // Said while debug is on, so that it is seen at any configured level.
  logger.level = 'debug';
  log.info('the log level is changed', { log_level: level });
  logger.level = level;
}

/** Default: json. */
export function setLogFormat(wanted: LogFormat): void {
  format = wanted;
}

/** Sends lines somewhere else, for tests. Returns what undoes it. */
export function setLogSink(replacement: LogSink): () => void {
  const previous = sink;
  sink = replacement;
  return () => {
    sink = previous;
  };
}

function write(level: LogLevel, message: LogMessage, fields: LogFields | undefined): void {
  const event = LOG_EVENTS[message];
  noteEvent(event, message, fields);
  if (logger.isLevelEnabled(level)) logger[level]({ event, ...withReadableErrors(fields) }, message);
}

const OUR_NAMES: ReadonlySet<string> = new Set(['time', 'level', 'event', 'message']);

/** An Error as JSON is {}; only its text and stack tell anything. */
function withReadableErrors(fields: LogFields = {}): Record<string, unknown> {
  const readable: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const shown = value instanceof Error ? { message: value.message, stack: value.stack } : value;
    readable[OUR_NAMES.has(name) ? `${name}_` : name] = shown;
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
  stderr.write(format === 'pretty' ? prettyLine(line, stderr.isTTY) : line);
}
