/** The schemas that records are written with. */
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';

export interface SubjectReading {
  readonly ready: boolean;
  /** Why there is no schema, or no newer one. */
  readonly reason: string | undefined;
}

const SUBJECTS: Family = {
  name: 'kong_kafka_schema_subjects',
  type: 'gauge',
  help: 'Subjects that configurations write with, by state: current, stale (a newer schema could not be had, and requests go on with the one before) or missing (what needs them waits or is refused).',
  labels: ['state'],
};

export const SCHEMA_FAMILIES: readonly Family[] = [SUBJECTS];

export class SchemaMetrics implements MetricGroup {
  readonly families = SCHEMA_FAMILIES;

  /** @param subjects asked at each scrape */
  constructor(private readonly subjects: () => readonly SubjectReading[]) {}

  collect(page: MetricsPage): void {
    const counts = { current: 0, stale: 0, missing: 0 };
    for (const { ready, reason } of this.subjects()) {
      if (!ready) counts.missing++;
      else if (reason !== undefined) counts.stale++;
      else counts.current++;
    }
    for (const [state, count] of Object.entries(counts)) page.add(SUBJECTS, labelText({ state }), count);
  }
}
