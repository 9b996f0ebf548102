/** What people call a configuration by, and what has become of its requests. */
import type { Activity } from './telemetry/activity';
import type { RequestMetrics } from './telemetry/request-metrics';

export interface Configuration {
  /** Where its requests go, as configured; undefined where only the process of the producer knows. */
  readonly topic: string | undefined;
  /** Undefined: nobody waits for replies. */
  readonly replyTopic: string | undefined;
  /** `cluster_name`, or the `bootstrap_servers`. */
  readonly cluster: string;
  readonly activity: Activity;
  /** Shared with whatever has the same topics. */
  readonly metrics: RequestMetrics;
}
