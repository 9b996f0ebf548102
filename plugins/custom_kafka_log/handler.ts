/** After the answer: Kong's log entry -> record. No request waits for any of this. */
import { connectionOf } from '../../bridge/config/connection-options';
import { shapeOptions } from '../../bridge/config/log-entry-options';
import { logProducerSettings, sinkLimits } from '../../bridge/config/log-produce-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { requestSchemaOptions } from '../../bridge/config/schema-registry-options';
import type { Kong } from '../../bridge/kong';
import { recordShape } from '../../bridge/log-entry/record-shape';
import type { LogSinks, OpenSinkOptions, SinkHold } from '../../bridge/log-sink/log-sinks';
import { answerOf, type Phase } from '../../bridge/phase';
import { LOG_OPTIONS, type LogConfig } from './config';

export class LogHandler {
  readonly #sink: SinkHold;
  /** What our plugin server runs. */
  readonly planned: { readonly log: Phase };

  constructor(config: LogConfig, sinks: LogSinks) {
    this.#sink = sinks.open(sinkOptions(config));
    this.planned = {
      log: {
        reads: [['kong.log.serialize']],
        run: (event, answers) => {
          // Before anything else: the worker of Kong has a timer for each event that is not over.
          event.pass();
          // With our server text from Kong is bytes, one character each.
          this.#sink.write(Buffer.from(answerOf<string>(answers, 0), 'latin1'));
        },
      },
    };
  }

  /** What Kong's stock server runs, which has decoded the text. */
  async log(kong: Kong): Promise<void> {
    this.#sink.write(Buffer.from(await kong.log.serialize()));
  }

  close(): void {
    this.#sink.close();
  }
}

export function sinkOptions(config: LogConfig): OpenSinkOptions {
  const { sink } = config;
  const schemas = requestSchemaOptions(config);
  return {
    key: configKey(LOG_OPTIONS, config),
    connectionKey: configKey(LOG_OPTIONS, config, isConnectionRow),
    connection: {
      ...connectionOf(config, config.bootstrap_servers, config.timeout),
      produce: logProducerSettings(config),
    },
    topic: config.topic,
    name: sink.name,
    secret: sink.secret,
    shape: recordShape(shapeOptions(config)),
    schemas: schemas && { ...schemas, mayWait: true },
    ...sinkLimits(config),
  };
}
