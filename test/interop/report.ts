/** What was seen, as tables that read in a terminal and render as Markdown. */
import { failed, type Outcome, type RequestCounts } from './outcome';

/** One line for each framework and form of the plugins. */
export function summary(outcomes: readonly Outcome[]): string {
  return markdown([
    ['framework', 'version', 'plugins', 'their options', 'requests', 'cases', 'result'],
    ...outcomes.map((outcome) => [
      outcome.title,
      outcome.version,
      outcome.plugins,
      outcome.options,
      outcome.requests ? counts(outcome.requests) : '–',
      outcome.skipped === undefined ? `${right(outcome)} of ${outcome.cases.length}` : '–',
      result(outcome),
    ]),
  ]);
}

/** One line for each case: what happens in the service, what the client gets, with which plugins, and why. */
export function caseTable(outcomes: readonly Outcome[]): string {
  const rows: { cells: readonly string[]; plugins: string[]; because: string }[] = [];
  for (const { title, plugins, cases } of outcomes) {
    for (const { tried, answer, right } of cases) {
      const got = right ? answer : `${answer} (WRONG: ${expectation(tried.expected)})`;
      const cells = [title, tried.name, got];
      const same = rows.find((row) => row.cells.every((cell, index) => cell === cells[index]));
      if (same) same.plugins.push(plugins);
      else rows.push({ cells, plugins: [plugins], because: tried.because });
    }
  }
  return markdown([
    ['framework', 'in the service', 'the client gets', 'plugins', 'because'],
    ...rows.map(({ cells, plugins, because }) => [...cells, plugins.join(', '), because]),
  ]);
}

export function page(outcomes: readonly Outcome[], command: string): string {
  return `# Interoperability

<!-- Written by \`${command}\`. -->

Services of real frameworks, without a line of code for the gateway, answer it: a plugin server, the stand-in for Kong
and a real Apache Kafka with four partitions per topic. The services are in
[test/interop/services](../test/interop/services). Every request carries a nonce of its own, and 32 at a time wait for
their answers; "crossed" is an answer with the nonce of another request. They come through both forms of the plugins:
\`pair\` is custom_kafka_producer and custom_kafka_consumer, \`one-event\` is custom_kafka_request_reply. To see it again:

\`\`\`sh needs=minutes
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
