/** What was seen, as tables that read in a terminal and render as Markdown. */
import { failed, type Outcome, type RequestCounts } from './outcome';

/** One line for each framework. */
export function summary(outcomes: readonly Outcome[]): string {
  return markdown([
    ['framework', 'version', 'plugin options', 'requests', 'cases', 'result'],
    ...outcomes.map((outcome) => [
      outcome.title,
      outcome.version,
      outcome.options,
      outcome.requests ? counts(outcome.requests) : '–',
      outcome.skipped === undefined ? `${right(outcome)} of ${outcome.cases.length}` : '–',
      result(outcome),
    ]),
  ]);
}

/** One line for each case: what happens in the service, what the client gets, and why. */
export function caseTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ title, cases }) =>
    cases.map(({ tried, answer, right }) => [
      title,
      tried.name,
      right ? answer : `${answer} (WRONG: ${expectation(tried.expected)})`,
      tried.because,
    ]),
  );
  return markdown([['framework', 'in the service', 'the client gets', 'because'], ...rows]);
}

export function page(outcomes: readonly Outcome[], command: string): string {
  return `# Interoperability

<!-- Written by \`${command}\`. -->

Services of real frameworks, without a line of code for the gateway, answer it: a plugin server, the stand-in for Kong
and a real Apache Kafka with four partitions per topic. The services are in
[test/interop/services](../test/interop/services). Every request carries a nonce of its own, and 32 at a time wait for
their answers; "crossed" is an answer with the nonce of another request. To see it again:

\`\`\`sh
${command}
\`\`\`

${summary(outcomes)}

## When something goes wrong in a service

No framework tells the caller of an exception unless it is asked to, except NestJS. Where nothing is sent, the client
gets 504 when its time is up.

${caseTable(outcomes)}
`;
}

export function expectation({
  status,
  code,
  body,
}: {
  status: number;
  code?: string;
  body?: string;
}): string {
  return [status, code, body].filter((part) => part !== undefined).join(' ');
}

function counts({ sent, answered, crossed, lost }: RequestCounts): string {
  return `${answered} of ${sent} answered, ${crossed} crossed, ${lost} lost`;
}

function right(outcome: Outcome): number {
  return outcome.cases.filter((each) => each.right).length;
}

function result(outcome: Outcome): string {
  if (outcome.skipped !== undefined) return `skipped: ${outcome.skipped}`;
  if (outcome.problem !== undefined) return `FAILED: ${outcome.problem}`;
  return failed(outcome) ? 'FAILED' : 'passed';
}

function markdown(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')));
  const [head = [], ...body] = cells;
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...body.map(line)].join('\n');
}
