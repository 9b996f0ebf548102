/** A Prometheus that scrapes a few processes, for as long as a test or a drawing needs it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild, type Child } from '../child-process';
import { freePorts } from '../kafka/ports';
import { temporaryRoot } from '../kafka/paths';
import { preparePrometheus } from './distribution';

export interface PrometheusOptions {
  /** "host:port" that have `/metrics`. */
  readonly targets: readonly string[];
  /** Default: one second. */
  readonly scrapeIntervalMs?: number;
  /** Rules that are evaluated as often. */
  readonly ruleFiles?: readonly string[];
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as text. */
  readonly values: readonly (readonly [number, string])[];
}

export interface Rule {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
}

export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly child: Child,
    private readonly folder: string,
  ) {}

  static async start({
    targets,
    scrapeIntervalMs = 1000,
    ruleFiles = [],
  }: PrometheusOptions): Promise<Prometheus> {
    const { prometheus } = await preparePrometheus();
    const folder = await mkdtemp(join(temporaryRoot(), 'prometheus-'));
    const config = join(folder, 'prometheus.yml');
    // JSON is YAML.
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: `${scrapeIntervalMs}ms`, evaluation_interval: `${scrapeIntervalMs}ms` },
        scrape_configs: [{ job_name: 'kong-kafka', static_configs: [{ targets }] }],
        rule_files: ruleFiles,
      }),
    );
    const [port] = await freePorts(1);
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ];
    try {
      const child = await startChild('prometheus', flags, {
        command: prometheus,
        readyWhen: /Server is ready to receive web requests/,
      });
      return new Prometheus(`http://127.0.0.1:${port}`, child, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What an expression has now. @throws Error for one that Prometheus does not understand */
  async query(expression: string): Promise<Series[]> {
    const result = await this.get<{ metric: Series['metric']; value: [number, string] }[]>('query', {
      query: expression,
    });
    return result.map(({ metric, value }) => ({ metric, values: [value] }));
  }

  /** @param startSeconds and `endSeconds` since 1970 */
  async queryRange(
    expression: string,
    { startSeconds, endSeconds, stepSeconds }: Record<'startSeconds' | 'endSeconds' | 'stepSeconds', number>,
  ): Promise<Series[]> {
    return this.get('query_range', {
      query: expression,
      start: String(startSeconds),
      end: String(endSeconds),
      step: String(stepSeconds),
    });
  }

  /** Those that were scraped of a metric in the last minutes. */
  async exemplars(metric: string): Promise<readonly { readonly labels: Readonly<Record<string, string>> }[]> {
    const nowSeconds = Date.now() / 1000;
    const answer = await this.fetch('query_exemplars', {
      query: metric,
      start: String(nowSeconds - 300),
      end: String(nowSeconds + 1),
    });
    const found = answer as { exemplars: { labels: Record<string, string> }[] }[];
    return found.flatMap(({ exemplars }) => exemplars);
  }

  /** Those that were evaluated; until the first evaluation none. */
  async rules(): Promise<readonly Rule[]> {
    const answer = (await this.fetch('rules', {})) as { groups: { rules: Rule[] }[] };
    return answer.groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== 'unknown');
  }

  async stop(): Promise<void> {
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async get<Result>(path: string, query: Record<string, string>): Promise<Result> {
    return ((await this.fetch(path, query)) as { result: Result }).result;
  }

  private async fetch(path: string, query: Record<string, string>): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const { data, error } = (await answer.json()) as { data?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${query.query ?? path}: ${error}`);
    return data;
  }
}
