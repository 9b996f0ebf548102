/** What a drill of streams that go on elsewhere must show. */
import type { Verdict } from '../load/verdict';

export interface ResumeDrillReport {
  /** Streams that were asked for without an id to come back with. */
  readonly asked: number;
  /** In the topic of requests. */
  readonly records: number;
  /** Of those asked, by what their clients saw. */
  readonly complete: number;
  /** Still without their end when the drill gave up on them. */
  readonly unfinished: number;
  /** Replies that no client of a complete stream has seen, and those that one has seen again. */
  readonly missing: number;
  readonly twice: number;
  /** Replies that came before an earlier one of their partition. */
  readonly disordered: number;
  /** 410, and events that say that something was missed. */
  readonly gone: number;
  readonly gaps: number;
  /** Came back to another gateway because theirs was killed, and because they wanted to. */
  readonly cutOff: number;
  readonly moved: number;
  readonly killed: number;
  /** Partitions on which the replies to one stream came: the most. */
  readonly mostPartitions: number;
  /** From the end of a connection to the answer of another gateway, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function resumeDrillVerdicts(report: ResumeDrillReport): Verdict[] {
  const { asked, records, complete, unfinished, cutOff, moved, killed } = report;
  const none = (rule: string, count: number): Verdict => ({ rule, found: String(count), holds: count === 0 });
  return [
    {
      rule: 'gateways were killed, and clients came back to others',
      found: `${killed} killed; ${cutOff} were cut off, ${moved} moved`,
      holds: killed > 0 && cutOff > 0,
    },
    {
      rule: 'every stream came to its end',
      found: `${complete} of ${asked}, ${unfinished} not`,
      holds: complete > 0 && unfinished === 0,
    },
    none('replies that were missed', report.missing),
    none('replies that were seen twice', report.twice),
    none('replies out of the order of their partition', report.disordered),
    none('told that it is gone (410)', report.gone),
    none('told that something was missed (gap)', report.gaps),
    {
      rule: 'no record was sent for a client that came back',
      found: `${records} records, ${asked} asked for`,
      holds: records <= asked,
    },
  ];
}
