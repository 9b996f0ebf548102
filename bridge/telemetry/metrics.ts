/**
 * Metrics in the two text forms that Prometheus reads. Each group is asked at the moment of a scrape and tells what the
 * code counts anyway, so that a series costs nothing between two scrapes and goes away with what it tells of.
 *
 * Written here and not with npm prom-client: there every observation looks up its labels again (800 ns against 20), and
 * a registry cannot give both forms.
 */
import type { Histogram } from './histogram';

export interface Family {
  /** Counters end in `_total`; the unit comes before that. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Each of these has few values, and none that a client or a service can choose. */
  readonly labels: readonly string[];
  /** What the values of several workers of a node are together; `each`: told one by one. Default: sum. */
  readonly ofWorkers?: 'sum' | 'max' | 'min' | 'each';
}

export interface MetricGroup {
  readonly families: readonly Family[];
  collect(page: MetricsPage): void;
}

export type Labels = Readonly<Record<string, string>>;

/** Labels as they stand in both forms. Those of a configuration are made once, with it. */
export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

/** Backslash, quote and end of line, as both forms want them. */
function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export type MetricsType = typeof TEXT_TYPE | typeof OPEN_METRICS_TYPE;

/** Takes a tenth of a millisecond. */
const LINES_PER_PART = 200;

/** What is known at the moment of one scrape. */
export class MetricsPage {
  readonly #families = new Map<Family, Map<string, number | Histogram>>();

  /** @param labels by `labelText`. Values with the same labels are added up: two clients of one cluster, for example */
  add(family: Family, labels: string, value: number): void {
    const series = this.#of(family);
    const known = series.get(labels);
    series.set(labels, typeof known === 'number' ? known + value : value);
  }

  addHistogram(family: Family, labels: string, histogram: Histogram): void {
    this.#of(family).set(labels, histogram);
  }

  /** What was added, for whoever passes it on. */
  *series(): Generator<readonly [family: Family, labels: string, value: number | Histogram]> {
    for (const [family, series] of this.#families)
      for (const [labels, value] of series) yield [family, labels, value];
  }

  /** In parts, so that whoever sends a long page can let requests in between. No series is torn apart. */
  *parts(type: MetricsType): Generator<string> {
    const isOpen = type === OPEN_METRICS_TYPE;
    let lines: string[] = [];
    for (const [family, series] of this.#families) {
      // OpenMetrics calls a counter by its name without the ending that its samples have.
      const name = isOpen && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`);
      for (const [labels, value] of series) {
        if (typeof value === 'number') lines.push(`${family.name}${inBraces(labels)} ${value}`);
        else pushHistogram(lines, { name, labels, histogram: value, isOpen });
        if (lines.length < LINES_PER_PART) continue;
        yield joined(lines);
        lines = [];
      }
    }
    if (isOpen) lines.push('# EOF');
    yield joined(lines);
  }

  text(type: MetricsType): string {
    return [...this.parts(type)].join('');
  }

  #of(family: Family): Map<string, number | Histogram> {
    let series = this.#families.get(family);
    if (series === undefined) this.#families.set(family, (series = new Map<string, number | Histogram>()));
    return series;
  }
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function inBraces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function pushHistogram(
  lines: string[],
  {
    name,
    labels,
    histogram,
    isOpen,
  }: { name: string; labels: string; histogram: Histogram; isOpen: boolean },
): void {
  const before = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
  const bounds = isOpen ? histogram.buckets.openBounds : histogram.buckets.bounds;
  let total = 0;
  for (let index = 0; index < bounds.length; index++) {
    total += histogram.countIn(index);
    const exemplar = isOpen ? exemplarText(histogram, index) : '';
    lines.push(`${before}${bounds[index]}"} ${total}${exemplar}`);
  }
  const braces = inBraces(labels);
  lines.push(`${name}_sum${braces} ${histogram.sumSeconds}`, `${name}_count${braces} ${total}`);
}

/** Kong's ids are hex; whatever else comes as one is not quoted. */
const AN_ID = /^[\w-]{1,64}$/;

function exemplarText(histogram: Histogram, index: number): string {
  const exemplar = histogram.exemplarIn(index);
  if (exemplar === undefined || !AN_ID.test(exemplar.requestId)) return '';
  const { requestId, valueMs, atMs } = exemplar;
  const atSeconds = ((performance.timeOrigin + atMs) / 1000).toFixed(3);
  return ` # {request_id="${requestId}"} ${valueMs / 1000} ${atSeconds}`;
}

/** @throws RangeError when two families share a name: a defect of ours */
export class Metrics {
  readonly #groups: readonly MetricGroup[];

  constructor(groups: readonly MetricGroup[]) {
    // One family may be told of by several groups: clients of requests and of log entries, for example.
    const families = new Set(groups.flatMap((group) => group.families));
    const names = [...families].map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new RangeError(`two metrics are named ${twice}`);
    this.#groups = groups;
  }

  /** @returns the text in parts: see MetricsPage */
  scrape(type: MetricsType): Iterator<string> {
    return this.page().parts(type);
  }

  page(): MetricsPage {
    const page = new MetricsPage();
    for (const group of this.#groups) group.collect(page);
    return page;
  }
}
