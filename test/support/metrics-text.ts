import { MetricsPage, TEXT_TYPE, type MetricGroup } from '../../bridge/telemetry/metrics';

/** What a scrape of these groups would give. */
export function textOf(groups: readonly MetricGroup[]): string {
  const page = new MetricsPage();
  for (const group of groups) group.collect(page);
  return page.text(TEXT_TYPE);
}
