/** What a drill of the failover plugin must show. */
import type { Verdict } from '../load/verdict';
import type { FailoverDrillReport } from './run';

export function failoverDrillVerdicts(report: FailoverDrillReport): Verdict[] {
  const { sent, answered, kept, failed, others } = report;
  const none = (rule: string, count: number): Verdict => ({
    rule,
    found: `${count} requests`,
    holds: count === 0,
  });
  return [
    {
      rule: 'every client was told one of three: answered, kept, failed',
      found: `${sent} = ${answered} + ${kept} + ${failed}${others.length > 0 ? `, and ${others.slice(0, 3).join(', ')}` : ''}`,
      holds: others.length === 0 && answered + kept + failed === sent,
    },
    {
      rule: 'there were some of each',
      found: `${answered}, ${kept}, ${failed}`,
      holds: Math.min(answered, kept, failed) > 0,
    },
    ...(report.keptAtOnce === undefined
      ? []
      : [
          {
            rule: 'the breaker has kept some without a try',
            found: `${report.keptAtOnce} requests`,
            holds: report.keptAtOnce > 0,
          },
        ]),
    none('answered, and carried out by nobody', report.answeredByNobody),
    none('kept, and not in the topic', report.lost),
    none('in the topic twice', report.keptTwice),
    none('carried out twice', report.carriedOutTwice),
    none('answered, and kept as well', report.answeredAndKept),
    none('kept and carried out, without `delivered: maybe`', report.bothUnsaid),
  ];
}
