/** The one RequestReply of this process, and how it follows the life of our plugin server. */
import type { PluginName } from '../common/plugins';
import { RequestReply } from './request-reply';
import type { ListenerAddress } from './streams/streams';
import { openTracing, type Tracing } from './telemetry/tracing';
import type { MetricGroup } from './telemetry/metrics';

export const requestReply = new RequestReply();

let tracing: Tracing | undefined;

const BOTH_HALVES: readonly PluginName[] = ['custom_kafka_producer', 'custom_kafka_consumer'];

/** Each plugin exports these; all of them may be called more than once. The stock server calls none. */
export const processHooks = {
  start: (
    servedPlugins: readonly string[],
    listener?: () => ListenerAddress | null | undefined,
    tellOthers?: (news: unknown) => Promise<void>,
  ): void => {
    requestReply.tellOthers = tellOthers;
    if (listener !== undefined) requestReply.streams.listener = listener;
    requestReply.tracing = tracing ??= openTracing();
    requestReply.setTogether(BOTH_HALVES.every((half) => servedPlugins.includes(half)));
  },
  told: (news: unknown): void => requestReply.told(news),
  drain: (): void => requestReply.drain(),
  between: (): number => requestReply.notHandedOver,
  idle: (): Promise<void> => requestReply.idle(),
  close: (): Promise<void> => requestReply.close(),
  http: [requestReply.streams.route],
  status: (): { ready: boolean } => requestReply.status(),
  metrics: (): readonly MetricGroup[] => requestReply.metrics,
};
