/** `/metrics`: all groups of the process, in the text form that the scraper prefers. */
import { OPEN_METRICS_TYPE, TEXT_TYPE, type Metrics } from '../bridge/telemetry/metrics';

/** @param accept of the request: OpenMetrics is for those who name it, as Prometheus does */
export function metricsAnswer(
  metrics: Pick<Metrics, 'text'>,
  accept: string | undefined,
): readonly [code: number, body: string, contentType: string] {
  const type = /application\/openmetrics-text/i.test(accept ?? '') ? OPEN_METRICS_TYPE : TEXT_TYPE;
  return [200, metrics.text(type), type];
}
