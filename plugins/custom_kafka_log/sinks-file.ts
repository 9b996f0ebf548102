/**
 * Sinks that are there as soon as the plugin server is, without a request that starts an instance: for Kong's HTTP Log
 * plugin where no route has custom_kafka_log itself.
 *
 *     { "main": { "bootstrap_servers": [{ "host": "kafka", "port": 9092 }], "topic": "logs", "sink": { "secret": "…" } } }
 */
import { readFileSync } from 'node:fs';
import { toGatewayError } from '../../bridge/errors';
import type { LogSinks } from '../../bridge/log-sink/log-sinks';
import { log } from '../../bridge/telemetry/log';
import { parseLogConfig } from './config';
import { sinkOptions } from './handler';

/** Names the file. */
export const SINKS_FILE_VARIABLE = 'KONG_KAFKA_LOG_SINKS';

/** A file that cannot be used is said, and hurts no request. */
export function openSinksOfFile(sinks: LogSinks, path: string | undefined): void {
  if (path === undefined || path === '') return;
  let configurations: unknown;
  try {
    configurations = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's message quotes the text, secrets included.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    log.error('the file of log sinks cannot be read', { path, reason });
    return;
  }
  for (const [name, config] of Object.entries(configurations ?? {})) openSink(sinks, name, config);
}

function openSink(sinks: LogSinks, name: string, config: unknown): void {
  try {
    const { sink = {}, ...others } = (config ?? {}) as { sink?: object };
    sinks.open(sinkOptions(parseLogConfig({ ...others, sink: { ...sink, name } })));
  } catch (error) {
    log.error('a log sink of the file cannot work', { sink: name, reason: toGatewayError(error).detail });
  }
}
