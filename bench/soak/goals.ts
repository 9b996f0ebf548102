/** What a soak must show. */
import type { Verdict } from '../load/verdict';
import { megabytes, type RestingState, type SoakReport } from './run';
import { sum } from '../load/statistics';

const MOST_HEAP_GROWTH = 0.05;
const LONGEST_STALL_MS = 200;

export function soakVerdicts(report: SoakReport): Verdict[] {
  const { before, after } = report;
  return [
    everyAnswer(report),
    heap(before, after),
    same('file descriptors and threads are back', before, after, ['fileDescriptors', 'threads']),
    same('instances, reply channels and Kafka clients are back', before, after, [
      'instances',
      'replyChannels',
      'clusters',
    ]),
    {
      rule: 'nothing waits, no connection is left',
      found: `${after.pending} pending, ${after.connections} connections`,
      holds: after.pending === 0 && after.connections === 0,
    },
    {
      rule: 'timers and calls under way are back',
      found: `${resources(before)} -> ${resources(after)}`,
      holds: resources(before) === resources(after),
    },
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

/** Of objects: compiled code is not counted. */
function heap(before: RestingState, after: RestingState): Verdict {
  const [bytesBefore, bytesAfter] = [before, after].map(
    ({ heapBytes, codeBytes }) => heapBytes - codeBytes,
  ) as [number, number];
  return {
    rule: `heap after a collection, without code, grows by at most ${MOST_HEAP_GROWTH * 100} %`,
    found: `${megabytes(bytesBefore)} MB -> ${megabytes(bytesAfter)} MB, ${percent(bytesAfter / bytesBefore - 1)}`,
    holds: bytesAfter <= bytesBefore * (1 + MOST_HEAP_GROWTH),
  };
}

/** Judged by the server's own part: where other programs have the cores, everything stands still. */
function noStall({ serverStalls: { maxMs, p99Ms, ownMaxMs }, bareStalls }: SoakReport): Verdict {
  return {
    rule: `the event loop is never busy for more than ${LONGEST_STALL_MS} ms`,
    found:
      `at most ${ownMaxMs.toFixed(0)} ms by itself, ${maxMs.toFixed(0)} ms with the waits for a core, ` +
      `p99 ${p99Ms.toFixed(1)} ms; a bare process beside it ${bareStalls.maxMs.toFixed(0)} ms, ` +
      `p99 ${bareStalls.p99Ms.toFixed(1)} ms`,
    holds: ownMaxMs <= LONGEST_STALL_MS,
  };
}

function same(
  rule: string,
  before: RestingState,
  after: RestingState,
  names: readonly ('fileDescriptors' | 'threads' | 'instances' | 'replyChannels' | 'clusters')[],
): Verdict {
  return {
    rule,
    found: names.map((name) => `${name} ${before[name]} -> ${after[name]}`).join(', '),
    holds: names.every((name) => before[name] === after[name]),
  };
}

function resources({ resources: counts }: RestingState): string {
  return Object.keys(counts)
    .sort()
    .map((kind) => `${kind} ${counts[kind]}`)
    .join(', ');
}

function percent(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
}
