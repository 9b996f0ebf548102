/** What Kong loads. The names are those of kong-pdk, so that Kong's stock JavaScript server can load it as well. */
import { configFields } from '../../bridge/config/kong-schema';
import { logSinks, logProcessHooks } from '../../bridge/log-sink/log-process';
import { LOG, LOG_OPTIONS, parseLogConfig } from './config';
import { LogHandler } from './handler';
import { logRoute } from './log-requests';
import { openSinksOfFile, SINKS_FILE_VARIABLE } from './sinks-file';

export class Plugin extends LogHandler {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  constructor(rawConfig: unknown) {
    super(parseLogConfig(rawConfig), logSinks);
  }
}

export const Name = LOG.name;
export const Version = LOG.version;
export const Priority = LOG.priority;
export const Schema = configFields(LOG, LOG_OPTIONS);
export const Process = {
  ...logProcessHooks,
  http: [logRoute(logSinks)],
  start: once(() => openSinksOfFile(logSinks, process.env[SINKS_FILE_VARIABLE])),
};

/** The server says it again when another plugin follows. */
function once(call: () => void): () => void {
  let wasCalled = false;
  return () => {
    if (!wasCalled) call();
    wasCalled = true;
  };
}
