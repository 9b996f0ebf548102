/** What a history must show: every request has its own answer or a good reason for none. */
import type { Verdict } from '../load/verdict';
import type { HistoryEvent } from './history';

/**
 * While a killed broker's session lasts nobody takes its partitions over (`broker.session.timeout.ms`, 9 s unless set).
 * A controller among the killed is replaced first, and its successor gives every broker a whole session.
 */
export const FAILOVER_MS = 12_000;

export interface ChaosReport {
  readonly requests: number;
  readonly answered: number;
  readonly crossed: number;
  /** Records that the request topic holds beyond one for each request. */
  readonly duplicates: number;
  /** Without an answer because their gateway was killed under them. */
  readonly diedWithGateway: number;
  /** 503 and 504 that touch the failover of a broker, by answer. */
  readonly inFailover: Readonly<Record<string, number>>;
  /** Everything else that was not answered with 200: there must be none. */
  readonly unexplained: readonly string[];
  readonly stillOpen: number;
  readonly gatewaysAdded: number;
  readonly gatewaysKilled: number;
  readonly brokersKilled: number;
  /** Of the gateways that lived to the end. */
  readonly replies: Readonly<Record<string, number>>;
}

type Request = Extract<HistoryEvent, { event: 'request' }>;

export function checkHistory(events: readonly HistoryEvent[]): ChaosReport {
  const of = <E extends HistoryEvent['event']>(kind: E) =>
    events.filter((each): each is Extract<HistoryEvent, { event: E }> => each.event === kind);
  const requests = of('request');
  const killedAt = new Map(of('gateway killed').map(({ gateway, atMs }) => [gateway, atMs]));
  const failovers = of('broker killed').map(({ atMs }) => atMs);
  const inFailover: Record<string, number> = {};
  const unexplained: string[] = [];
  let diedWithGateway = 0;
  for (const request of requests) {
    if (request.status === 200) continue;
    const { status, code, sentMs, endedMs = sentMs, target = '' } = request;
    const name = status === undefined ? 'none' : `${status} ${code}`;
    if (status === undefined && (killedAt.get(target) ?? Infinity) <= endedMs) diedWithGateway++;
    else if ((status === 503 || status === 504) && failovers.some((atMs) => touches(request, atMs)))
      inFailover[name] = (inFailover[name] ?? 0) + 1;
    else unexplained.push(`${name} of ${target}, sent ${sentMs} ms, ended ${endedMs} ms`);
  }
  const ends = of('gateway at the end');
  return {
    requests: requests.length,
    answered: requests.filter(({ status }) => status === 200).length,
    crossed: requests.filter(({ crossed }) => crossed).length,
    duplicates: duplicates(of('record').map(({ nonce }) => nonce)),
    diedWithGateway,
    inFailover,
    unexplained,
    stillOpen: ends.reduce((sum, { open }) => sum + open, 0),
    gatewaysAdded: of('gateway added').length,
    gatewaysKilled: killedAt.size,
    brokersKilled: failovers.length,
    replies: added(ends.map(({ replies }) => replies)),
  };
}

export function chaosVerdicts(report: ChaosReport): Verdict[] {
  const none = (rule: string, count: number): Verdict => ({
    rule,
    found: `${count} of ${report.requests}`,
    holds: count === 0,
  });
  return [
    none('no crossed replies', report.crossed),
    none('no request produced twice', report.duplicates),
    none('nothing lost but with its gateway, and in a failover only 503 and 504', report.unexplained.length),
    none('nothing left open', report.stillOpen),
    {
      rule: 'gateways and brokers were killed',
      found: `${report.gatewaysKilled} gateways killed, ${report.gatewaysAdded} added, ${report.brokersKilled} brokers killed`,
      holds: report.gatewaysKilled > 0 && report.brokersKilled > 0,
    },
  ];
}

function touches({ sentMs, endedMs = sentMs }: Request, killedMs: number): boolean {
  return sentMs < killedMs + FAILOVER_MS && endedMs >= killedMs;
}

function duplicates(nonces: readonly string[]): number {
  return nonces.length - new Set(nonces).size;
}

function added(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const count of counts)
    for (const [name, value] of Object.entries(count)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
