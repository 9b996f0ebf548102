/** Findings for people and for programs. */
import type { Output, Style } from '../output';
import { shownLines } from '../shown-text';
import type { Finding, Level } from './finding';
import type { MadeTopic } from './fix-topics';

export interface Report {
  readonly findings: readonly Finding[];
  readonly made: readonly MadeTopic[];
  /** What was looked at, in a sentence. */
  readonly looked: string;
}

const STYLES: Readonly<Record<Level, Style>> = {
  error: ['red', 'bold'],
  warning: ['yellow', 'bold'],
  note: 'cyan',
};

export function print(output: Output, { findings, made, looked }: Report): void {
  output.document({ ok: !isAboveNote(findings), looked, counts: countsOf(findings), findings, made });
  for (const { name, reason, partitions } of made)
    output.line(
      reason === undefined
        ? `Made topic ${name} with ${partitions} partitions.`
        : `Not made: ${shownLines(reason)}`,
    );
  if (made.length > 0) output.line();
  for (const { level, code, where, what, why, fix } of findings) {
    output.line(
      `${output.styled(STYLES[level], level)}  ${output.styled('bold', code)}  ${shownLines(where)}`,
    );
    output.line(indented(shownLines(what)));
    output.line(indented(output.styled('dim', why)));
    output.line(indented(`fix: ${shownLines(fix).replaceAll('\n', '\n     ')}`));
    output.line();
  }
  const counts = countsOf(findings);
  const verdict = isAboveNote(findings)
    ? `${plural(counts.error, 'error')}, ${plural(counts.warning, 'warning')}, ${plural(counts.note, 'note')}.`
    : `Nothing wrong was found; ${plural(counts.note, 'note')}.`;
  output.line(`${looked} ${verdict}`);
}

export const isAboveNote = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level !== 'note');

function countsOf(findings: readonly Finding[]): Record<Level, number> {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { level } of findings) counts[level]++;
  return counts;
}

export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const indented = (text: string): string => text.replaceAll(/^/gm, '  ');
