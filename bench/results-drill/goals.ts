/** What a drill of replies that are asked for later must show. */
import type { Verdict } from '../load/verdict';

export interface ResultsDrillReport {
  readonly sent: number;
  /** By what their clients were told. */
  readonly accepted: number;
  /** Refused, or cut off with their gateway: no id was given. */
  readonly notAccepted: number;
  /** Of those accepted, by what another gateway said in the end. */
  readonly answered: number;
  readonly gone: number;
  readonly unknown: number;
  /** Still not there when the drill gave up on them. */
  readonly missing: number;
  /** The reply to another request. */
  readonly crossed: number;
  /** Asked for on the results route of another reply topic, and those of it that were answered. */
  readonly strayAsked: number;
  readonly strayAnswered: number;
  /** Gateways that were killed, and added. */
  readonly killed: number;
  /** How long after its 202 a reply was had, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly repetitions: RepetitionsReport;
}

export interface RepetitionsReport {
  readonly sent: number;
  readonly answeredAlike: number;
  /** In the topic, with the id of the key. */
  readonly records: number;
}

/** Requests that a killed gateway had are cut off; the others must be accepted. */
const MOST_NOT_ACCEPTED = 0.1;
const GATEWAYS_OF_REPETITIONS = 2;

export function resultsDrillVerdicts(report: ResultsDrillReport): Verdict[] {
  const { sent, accepted, notAccepted, answered, gone, repetitions } = report;
  const none = (rule: string, count: number): Verdict => ({ rule, found: String(count), holds: count === 0 });
  return [
    {
      rule: 'most requests were accepted, and gateways killed meanwhile',
      found: `${accepted} of ${sent}, ${notAccepted} not; ${report.killed} killed`,
      holds: accepted > 0 && notAccepted <= sent * MOST_NOT_ACCEPTED && report.killed > 0,
    },
    {
      rule: 'each 202 was answered by another gateway than the one that gave it, or is 410',
      found: `${answered} answered, ${gone} gone, of ${accepted}`,
      holds: answered > 0 && answered + gone === accepted,
    },
    none('unknown to another gateway (404)', report.unknown),
    none('never there', report.missing),
    none('crossed', report.crossed),
    {
      rule: 'an id is no good for the results of another topic',
      found: `${report.strayAnswered} of ${report.strayAsked} answered`,
      holds: report.strayAsked > 0 && report.strayAnswered === 0,
    },
    {
      rule: 'repetitions at two gateways are at most two records, and all have one answer',
      found: `${repetitions.records} records, ${repetitions.answeredAlike} of ${repetitions.sent} answered alike`,
      holds:
        repetitions.records >= 1 &&
        repetitions.records <= GATEWAYS_OF_REPETITIONS &&
        repetitions.answeredAlike === repetitions.sent,
    },
  ];
}
