/** What a soak must show. */
import type { Inventory } from '../load/probe';
import type { Stalls } from '../load/stall-watch';
import type { Verdict } from '../load/verdict';
import { megabytes, type RestingState, type SoakReport } from './run';
import { sum } from '../load/statistics';

const MOST_HEAP_GROWTH = 0.05;
const LONGEST_STALL_MS = 200;

export function soakVerdicts(report: SoakReport): Verdict[] {
  const { before, after } = report;
  return [
    everyAnswer(report),
    ofEach(report, heap),
    ofEach(report, handles),
    entities(before, after),
    {
      rule: 'nothing waits, no connection is left',
      found: `${after.pending} pending, ${after.connections} connections`,
      holds: after.pending === 0 && after.connections === 0,
    },
    ofEach(report, timers),
    noStall(report),
  ];
}

function everyAnswer({ counts }: SoakReport): Verdict {
  const unexpected = sum(Object.values(counts.unexpected));
  const example = Object.keys(counts.unexpected)[0];
  return {
    rule: 'every client got what it should',
    found:
      `${unexpected} others${example === undefined ? '' : ` (such as ${example})`}, ` +
      `${counts.lost} lost, ${counts.crossed} crossed of ${counts.requests}`,
    holds: unexpected === 0 && counts.lost === 0 && counts.crossed === 0,
  };
}

/** What must hold of one process, before and after. */
type OfProcess = (before: Inventory, after: Inventory, stalls: Stalls) => Verdict;

/** Holds when it does of every process. */
function ofEach({ before, after, serverStalls }: SoakReport, of: OfProcess): Verdict {
  const names = Object.keys(before.processes);
  const verdicts = names.map((name) =>
    of(before.processes[name]!, after.processes[name]!, serverStalls[name]!),
  );
  return {
    rule: verdicts[0]!.rule,
    found: verdicts
      .map(({ found }, index) => (names.length === 1 ? found : `${names[index]}: ${found}`))
      .join('; '),
    holds: verdicts.every(({ holds }) => holds),
  };
}

/** Of objects: compiled code is not counted. */
function heap(before: Inventory, after: Inventory): Verdict {
  const [bytesBefore, bytesAfter] = [before, after].map(
    ({ heapBytes, codeBytes }) => heapBytes - codeBytes,
  ) as [number, number];
  return {
    rule: `heap after a collection, without code, grows by at most ${MOST_HEAP_GROWTH * 100} %`,
    found: `${megabytes(bytesBefore)} MB -> ${megabytes(bytesAfter)} MB, ${percent(bytesAfter / bytesBefore - 1)}`,
    holds: bytesAfter <= bytesBefore * (1 + MOST_HEAP_GROWTH),
  };
}

function handles(before: Inventory, after: Inventory): Verdict {
  return same('file descriptors and threads are back', before, after, ['fileDescriptors', 'threads']);
}

function entities(before: RestingState, after: RestingState): Verdict {
  return same('instances, reply channels and Kafka clients are back', before, after, [
    'instances',
    'replyChannels',
    'clusters',
  ]);
}

function timers(before: Inventory, after: Inventory): Verdict {
  return {
    rule: 'timers and calls under way are back',
    found: `${resources(before)} -> ${resources(after)}`,
    holds: resources(before) === resources(after),
  };
}

/** Judged by the server's own part: where other programs have the cores, everything stands still. */
function stall(_before: Inventory, _after: Inventory, { maxMs, p99Ms, ownMaxMs }: Stalls): Verdict {
  return {
    rule: `the event loop is never busy for more than ${LONGEST_STALL_MS} ms`,
    found:
      `at most ${ownMaxMs.toFixed(0)} ms by itself, ${maxMs.toFixed(0)} ms with the waits for a core, ` +
      `p99 ${p99Ms.toFixed(1)} ms`,
    holds: ownMaxMs <= LONGEST_STALL_MS,
  };
}

/** Beside it what the machine does to a process that does nothing. */
function noStall(report: SoakReport): Verdict {
  const verdict = ofEach(report, stall);
  const { maxMs, p99Ms } = report.bareStalls;
  return {
    ...verdict,
    found: `${verdict.found}; a bare process beside it ${maxMs.toFixed(0)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  };
}

function same<Name extends string>(
  rule: string,
  before: Readonly<Record<Name, number>>,
  after: Readonly<Record<Name, number>>,
  names: readonly Name[],
): Verdict {
  return {
    rule,
    found: names.map((name) => `${name} ${before[name]} -> ${after[name]}`).join(', '),
    holds: names.every((name) => before[name] === after[name]),
  };
}

function resources({ resources: counts }: Inventory): string {
  return Object.keys(counts)
    .sort()
    .map((kind) => `${kind} ${counts[kind]}`)
    .join(', ');
}

function percent(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
}
