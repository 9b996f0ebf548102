/** What a drill of the log plugin must show. */
import type { Verdict } from '../load/verdict';
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
