/** Before a request goes to its upstream: a mark, by which nginx finds the way here when the upstream fails. */
import { connectionOf } from '../../bridge/config/connection-options';
import { failedRequestOptions } from '../../bridge/config/failover-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { producerSettings } from '../../bridge/config/produce-options';
import type { Captures } from '../../bridge/failover/captures';
import { failedRequestValue } from '../../bridge/failover/failed-request';
import { reportTimeoutMs } from '../../bridge/kafka/producer-settings';
import type { Kong } from '../../bridge/kong';
import { overPromises, type Phase } from '../../bridge/phase';
import type { RequestReply } from '../../bridge/request-reply';
import { FAILOVER, FAILOVER_TABLE, type FailoverPluginConfig } from './config';

/** What kong/failover-proxy.conf looks for in `ngx.ctx`. */
const MARK = 'kafka_failover';

export class FailoverHandler {
  /** What was marked until then is still kept. */
  readonly close: () => void;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: FailoverPluginConfig, captures: Captures, requestReply: RequestReply) {
    const key = configKey(FAILOVER_TABLE, config);
    const produce = producerSettings(config);
    const sender = () =>
      requestReply.openSender({
        plugin: FAILOVER.name,
        key,
        connectionKey: configKey(FAILOVER_TABLE, config, isConnectionRow),
        connection: { ...connectionOf(config, config.bootstrap_servers, config.timeout), produce },
        topic: config.topic,
        route: undefined,
        // The request is followed to its upstream; what is kept of it begins anew.
        trace: { replyTopic: undefined, b3: 'off' },
        maxInFlight: 0,
        reportTimeoutMs: reportTimeoutMs(produce),
      });
    const { answer } = config;
    this.close = captures.open(key, () => ({
      topic: config.topic,
      statuses: config.statuses,
      methods: config.methods,
      maxRequestBytes: config.max_request_bytes,
      answer: { status: answer.status, message: answer.message, retryAfterSeconds: answer.retry_after },
      toValue: failedRequestValue(failedRequestOptions(config)),
      sender: sender(),
    }));
    this.planned = {
      access: {
        reads: [],
        run: (event) => {
          event.tell('kong.nginx.set_ctx', MARK, captures.ticketFor(key, event.requestId));
          event.pass();
        },
      },
    };
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }
}
