/** Metrics of several workers as those of one node. */
import { Buckets, Histogram } from '../../bridge/telemetry/histogram';
import { labelText, MetricsPage, type Family } from '../../bridge/telemetry/metrics';

export const WORKERS: Family = {
  name: 'kong_kafka_pluginserver_workers',
  type: 'gauge',
  help: 'Worker processes by state: serving, or missing while one is started again. Absent with one worker.',
  labels: ['state'],
};
export const WORKER_RESTARTS: Family = {
  name: 'kong_kafka_pluginserver_worker_restarts_total',
  type: 'counter',
  help: 'Workers that ended and were started again. Absent with one worker.',
  labels: [],
};
export const WORKER_FAMILIES: readonly Family[] = [WORKERS, WORKER_RESTARTS];

/** As it goes from a worker to the primary. */
export interface FamilySeries {
  readonly family: Family;
  readonly series: readonly (readonly [labels: string, value: number | HistogramFigures])[];
}

export interface HistogramFigures {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  readonly sumMs: number;
}

export function seriesOf(page: MetricsPage): FamilySeries[] {
  const byFamily = new Map<Family, [string, number | HistogramFigures][]>();
  for (const [family, labels, value] of page.series()) {
    const series = byFamily.get(family) ?? [];
    byFamily.set(family, series);
    series.push([labels, typeof value === 'number' ? value : figuresOf(value)]);
  }
  return [...byFamily].map(([family, series]) => ({ family, series }));
}

function figuresOf({ buckets, counts, sumSeconds }: Histogram): HistogramFigures {
  return { bounds: buckets.seconds, counts, sumMs: sumSeconds * 1000 };
}

/** @param own what the primary adds itself */
export function mergedPage(
  workers: readonly { readonly number: number; readonly families: readonly FamilySeries[] }[],
  own: (page: MetricsPage) => void = () => undefined,
): MetricsPage {
  const merged = new Map<string, MergedFamily>();
  for (const { number, families } of workers) {
    for (const { family, series } of families) {
      let known = merged.get(family.name);
      if (known === undefined) merged.set(family.name, (known = new MergedFamily(family)));
      for (const [labels, value] of series) known.add(number, labels, value);
    }
  }
  const page = new MetricsPage();
  for (const family of merged.values()) family.collect(page);
  own(page);
  return page;
}

class MergedFamily {
  readonly #series = new Map<string, number | Histogram>();

  constructor(private readonly family: Family) {}

  add(worker: number, labels: string, value: number | HistogramFigures): void {
    const how = this.family.ofWorkers ?? 'sum';
    const key =
      how === 'each' ? [labelText({ worker: String(worker) }), labels].filter(Boolean).join(',') : labels;
    const known = this.#series.get(key);
    if (typeof value !== 'number') {
      const histogram = known instanceof Histogram ? known : new Histogram(new Buckets(value.bounds));
      histogram.add(value.counts, value.sumMs);
      this.#series.set(key, histogram);
    } else if (typeof known !== 'number') this.#series.set(key, value);
    else if (how === 'max') this.#series.set(key, Math.max(known, value));
    else if (how === 'min') this.#series.set(key, Math.min(known, value));
    else this.#series.set(key, known + value);
  }

  collect(page: MetricsPage): void {
    for (const [labels, value] of this.#series) {
      if (typeof value === 'number') page.add(this.family, labels, value);
      else page.addHistogram(this.family, labels, value);
    }
  }
}
