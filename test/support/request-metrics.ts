/** Counters of a topic pair that the test does not look at, or does by hand. */
import type { Clock } from '../../bridge/clock';
import { RequestMetrics } from '../../bridge/telemetry/request-metrics';
import { FakeClock } from './fake-clock';

export function requestMetrics(clock: Clock = new FakeClock()): RequestMetrics {
  return new RequestMetrics(
    { plugin: 'custom_kafka_producer', cluster: 'main', topic: 'orders', replyTopic: 'replies' },
    clock,
  );
}
