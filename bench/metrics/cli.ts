/** The cost of the metrics as a command: `node dist/bench/metrics/cli.js --help`. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { commandLine, wholeNumber } from '../load/command-line';
import { markdown } from '../load/markdown';
import { runCommand } from '../load/run-command';
import { verdictLine, type Verdict } from '../load/verdict';
import { measure, type Cost } from './run';

const COMMAND = commandLine({
  make: 'bench-metrics',
  program: 'metrics/cli.js',
  about: `
Measures what counting adds to a request, what a scrape of all configurations takes, and what is held after all requests.
Ends with status 1 when one of these is more than it may be.`,
  flags: {
    configurations: wholeNumber({ says: 'each with topics of its own', byDefault: 100 }),
    requests: wholeNumber({ says: 'that are counted', byDefault: 1_000_000 }),
  },
});

/** Two percent of the 50 us that a request of the fastest build takes. */
const MOST_NS_PER_REQUEST = 1000;
/** A scrape every second: one percent of a core. */
const MOST_MS_PER_SCRAPE = 10;
const MOST_GROWTH_BYTES = 1024 * 1024;

function table(cost: Cost): string {
  const { nsPerRequest, msPerScrape, lines, bytes, heapGrowthBytes } = cost;
  return markdown([
    ['ns per request', 'ms per scrape', 'lines', 'KB', 'heap growth, KB'],
    [
      nsPerRequest.toFixed(0),
      msPerScrape.toFixed(2),
      String(lines),
      (bytes / 1024).toFixed(0),
      (heapGrowthBytes / 1024).toFixed(0),
    ],
  ]);
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function judge({ nsPerRequest, msPerScrape, heapGrowthBytes }: Cost): Verdict[] {
  return [
    {
      rule: `counting takes at most ${MOST_NS_PER_REQUEST} ns of a request`,
      found: `${nsPerRequest.toFixed(0)} ns`,
      holds: nsPerRequest <= MOST_NS_PER_REQUEST,
    },
    {
      rule: `a scrape takes at most ${MOST_MS_PER_SCRAPE} ms`,
      found: `${msPerScrape.toFixed(2)} ms`,
      holds: msPerScrape <= MOST_MS_PER_SCRAPE,
    },
    {
      rule: 'all requests together leave less than 1 MB behind',
      found: `${(heapGrowthBytes / 1024).toFixed(0)} KB`,
      holds: heapGrowthBytes <= MOST_GROWTH_BYTES,
    },
  ];
}

runCommand(COMMAND, ({ configurations, requests }) => {
  const collect = collector();
  const cost = measure(configurations, requests, () => {
    collect();
    return process.memoryUsage().heapUsed;
  });
  const verdicts = judge(cost);
  process.stdout.write(`${table(cost)}\n${verdicts.map(verdictLine).join('\n')}\n`);
  return Promise.resolve(verdicts.every(({ holds }) => holds));
});
