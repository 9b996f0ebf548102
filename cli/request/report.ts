/** What `request` says of a request: the answer on stdout, and with -v all that happened on stderr, as curl has it. */
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { EXIT, type ExitCode } from '../exit-codes';
import type { Mask } from '../masking';
import type { Output } from '../output';
import { bodyAsJson, headerLines, headersAsJson, shownBody, shownKey } from '../record-lines';
import { shownText } from '../shown-text';
import type { AskedAnswer } from './ask';
import type { SentRecord } from './observed-clients';

export interface RequestReport {
  readonly answer: AskedAnswer;
  readonly sent: SentRecord | undefined;
  readonly reply: { readonly record: ReceivedRecord; readonly atMs: number } | undefined;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface ReportOptions {
  readonly verbose: boolean;
  readonly include: boolean;
  readonly mask: Mask;
}

export function printReport(output: Output, report: RequestReport, options: ReportOptions): void {
  if (output.isJson) return output.document(asJson(report, options.mask));
  if (options.verbose) for (const line of verboseLines(report, options.mask)) output.progress(line);
  const { answer } = report;
  for (const hint of answer.hints) output.progress(`Hint: ${shownText(hint)}`);
  if (options.include) {
    output.line(`${answer.status}`);
    for (const [name, value] of Object.entries(answer.headers))
      for (const one of [value].flat())
        output.line(`${name}: ${shownText(Buffer.from(one, 'latin1').toString())}`);
    output.line();
  }
  output.foreign(answer.body);
}

/** Of a request that was carried out and refused, or not answered: something was found. */
const NOT_SENT = ['not_ready', 'draining', 'overloaded', 'misconfigured', 'internal', 'produce_failed'];

export function exitCodeFor({ code, status }: AskedAnswer): ExitCode {
  if (NOT_SENT.includes(code)) return EXIT.failed;
  return code === 'ok' && status < 400 ? EXIT.fine : EXIT.findings;
}

function verboseLines({ answer, sent, reply, startedAtMs, endedAtMs }: RequestReport, mask: Mask): string[] {
  const since = (atMs: number): string => `${(atMs - startedAtMs).toFixed(1)} ms`;
  const lines: string[] = [];
  if (sent) {
    const { topic, key, value } = sent.record;
    const shown = shownKey(key);
    lines.push(`> ${topic}${shown === undefined ? '' : `, key ${shown}`}`);
    lines.push(...headerLines(sent.record, mask).map((line) => `> ${line}`), '>', `> ${shownBody(value)}`);
  }
  if (reply) {
    const { topic, partition, offset, key, value } = reply.record;
    const shown = shownKey(key);
    lines.push(`< ${topic}[${partition}]@${offset}${shown === undefined ? '' : `, key ${shown}`}`);
    lines.push(...headerLines(reply.record, mask).map((line) => `< ${line}`), '<', `< ${shownBody(value)}`);
  }
  lines.push(
    `* ${answer.code}, HTTP status ${answer.status}${answer.correlationId === undefined ? '' : `, correlation id ${answer.correlationId}`}`,
  );
  const times = [
    sent && `record sent at ${since(sent.atMs)}`,
    sent?.acknowledgedAtMs !== undefined && `acknowledged at ${since(sent.acknowledgedAtMs)}`,
    reply && `reply at ${since(reply.atMs)}`,
    reply && sent && `${(reply.atMs - sent.atMs).toFixed(1)} ms between record and reply`,
    `${since(endedAtMs)} in all`,
  ];
  lines.push(`* ${times.filter((time) => typeof time === 'string').join(', ')}`);
  return lines;
}

function asJson({ answer, sent, reply, startedAtMs, endedAtMs }: RequestReport, mask: Mask): object {
  const since = (atMs: number | undefined) =>
    atMs === undefined ? undefined : Math.round((atMs - startedAtMs) * 10) / 10;
  return {
    code: answer.code,
    status: answer.status,
    headers: answer.headers,
    ...bodyAsJson(answer.body),
    correlation_id: answer.correlationId,
    hints: answer.hints,
    record: sent && {
      topic: sent.record.topic,
      key: sent.record.key?.toString() ?? null,
      headers: headersAsJson(sent.record, mask),
      ...bodyAsJson(sent.record.value),
    },
    reply: reply && {
      topic: reply.record.topic,
      partition: reply.record.partition,
      offset: reply.record.offset,
      key: reply.record.key?.toString() ?? null,
      headers: headersAsJson(reply.record, mask),
      ...bodyAsJson(reply.record.value),
    },
    times_ms: {
      sent: since(sent?.atMs),
      acknowledged: since(sent?.acknowledgedAtMs),
      reply: since(reply?.atMs),
      total: since(endedAtMs),
    },
  };
}
