/** What a drill of the log plugin must show. */
import type { Verdict } from '../load/verdict';
import type { Latency, RequestLatencyReport } from './requests';
import type { LogDrillReport } from './run';

/** Beside what the process needs anyway: 64 MiB of entries, their copies in the client library, and garbage. */
const MOST_MEGABYTES = 400;

export function logDrillVerdicts(report: LogDrillReport): Verdict[] {
  const { sent, accepted, delivered, dropped, lost, found, outOfOrder, megabytes } = report;
  return [
    {
      rule: 'every entry that was sent has an end',
      found: `${delivered} delivered + ${dropped} dropped + ${lost} lost of ${sent}`,
      holds: accepted === sent && delivered + dropped + lost === sent,
    },
    {
      rule: 'what was acknowledged is in the topic, once',
      found: `${found} records of ${delivered}`,
      holds: found === delivered,
    },
    {
      rule: 'nothing twice or out of order',
      found: `${outOfOrder} records`,
      holds: outOfOrder === 0,
    },
    {
      rule: `memory stays bounded, at ${MOST_MEGABYTES} MB more than before`,
      found: `${megabytes.before.toFixed(0)} MB before, ${megabytes.most.toFixed(0)} MB at most`,
      holds: megabytes.most - megabytes.before <= MOST_MEGABYTES,
    },
    {
      rule: 'SIGTERM ends the process in order',
      found: `status ${report.exitCode}`,
      holds: report.exitCode === 0,
    },
  ];
}

/**
 * The event is run after the answer, and the work for it takes its share of the cores. A plugin that makes requests wait does
 * so in every turn; one turn that is worse than the others tells about the machine.
 */
const MOST_MORE_MS = 5;

export function requestLatencyVerdicts(report: RequestLatencyReport): Verdict[] {
  const { plain, logged, plainWithout, loggedWithout, failed } = report;
  const beside = (what: string, without: Latency, withPlugin: Latency): Verdict => ({
    rule: `a request waits ${MOST_MORE_MS} ms more with the plugin at most (p99), ${what}`,
    found: `${p99Text(withPlugin)}, without ${p99Text(without)}`,
    holds:
      withPlugin.count > 0 &&
      (withPlugin.p99Ms <= without.p99Ms + MOST_MORE_MS ||
        withPlugin.p99SpreadMs[0] <= without.p99SpreadMs[1]),
  });
  return [
    beside('Kafka there', plain, logged),
    beside('Kafka away', plainWithout, loggedWithout),
    { rule: 'every request is answered', found: `${failed} failed`, holds: failed === 0 },
  ];
}

function p99Text({ p99Ms, p99SpreadMs, count }: Latency): string {
  const [least, most] = p99SpreadMs.map((ms) => ms.toFixed(2));
  return `${p99Ms.toFixed(2)} [${least}–${most}] ms of ${count}`;
}
