/** What Kong loads. The names are those of kong-pdk, so that Kong's stock JavaScript server can load it as well. */
import { configFields } from '../../bridge/config/kong-schema';
import { Captures } from '../../bridge/failover/captures';
import { processHooks, requestReply } from '../../bridge/process';
import { FailoverMetrics } from '../../bridge/telemetry/failover-metrics';
import type { MetricGroup } from '../../bridge/telemetry/metrics';
import { FAILOVER, FAILOVER_TABLE, parseFailoverConfig } from './config';
import { FailoverHandler } from './handler';

const captures = new Captures();
const metrics = new FailoverMetrics(() => captures.reading());

export class Plugin extends FailoverHandler {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  constructor(rawConfig: unknown) {
    super(parseFailoverConfig(rawConfig), captures, requestReply);
  }
}

export const Name = FAILOVER.name;
export const Version = FAILOVER.version;
export const Priority = FAILOVER.priority;
/** Snapshots, breakers and the listener know of each other. */
export const OneProcess = true;
export const Schema = configFields(FAILOVER, FAILOVER_TABLE);
export const Process = {
  ...processHooks,
  http: [...processHooks.http, captures.route],
  idle: async (): Promise<void> => {
    await Promise.all([processHooks.idle(), captures.idle()]);
  },
  close: async (): Promise<void> => {
    captures.snapshots.clear();
    await processHooks.close();
  },
  metrics: (): readonly MetricGroup[] => [...processHooks.metrics(), metrics],
  status: (): { ready: boolean } => ({ ready: true, ...captures.status() }),
};
