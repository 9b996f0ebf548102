/** `/metrics`: all groups of the process, in the text form that the scraper prefers. */
import type { ServerResponse } from 'node:http';
import { log } from '../bridge/telemetry/log';
import { OPEN_METRICS_TYPE, TEXT_TYPE, type MetricsType } from '../bridge/telemetry/metrics';

/** @param accept of the request: OpenMetrics is for those who name it, as Prometheus does */
export async function metricsAnswer(
  metrics: { scrape(type: MetricsType): Iterator<string> | Promise<Iterator<string>> },
  accept: string | undefined,
): Promise<{ readonly status: number; readonly type: MetricsType; readonly body: Iterator<string> }> {
  const type = /application\/openmetrics-text/i.test(accept ?? '') ? OPEN_METRICS_TYPE : TEXT_TYPE;
  return { status: 200, type, body: await metrics.scrape(type) };
}

/** One part in each turn of the event loop: with thousands of configurations requests would notice the whole. */
export function sendParts(response: ServerResponse, parts: Iterator<string>): void {
  const next = (): void => {
    if (response.destroyed) return;
    try {
      const part = parts.next();
      if (part.done === true) {
        response.end();
        return;
      }
      response.write(part.value);
      setImmediate(next);
    } catch (error) {
      log.error('the status page failed', { error });
      response.destroy();
    }
  };
  next();
}
