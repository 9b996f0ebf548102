/** A record of one of the topics as a line: requests on the left, replies on the right. */
import { GatewayError } from '../../bridge/errors';
import type { ResponseMapper } from '../../bridge/reply/http-response';
import type { Mask } from '../masking';
import type { Output } from '../output';
import { bodyAsJson, headerLines, headersAsJson, shownBody, shownKey } from '../record-lines';
import { shownText } from '../shown-text';
import type { TailedRecord } from './pairs';

export interface ShowOptions {
  readonly mask: Mask;
  readonly headers: boolean;
  readonly bodies: boolean;
  /** What a client would get of a reply. */
  readonly toResponse: ResponseMapper;
}

const TIME_WIDTH = 12;
const ID_WIDTH = 13;
const LEFT_WIDTH = 34;

export function printHeading(output: Output, topics: readonly string[], replyTopic: string): void {
  output.line(
    output.styled('dim', row('time', 'id', topics.map(shownText).join(', '), shownText(replyTopic))),
  );
}

export function print(output: Output, taken: TailedRecord, options: ShowOptions): void {
  if (output.isJson) return output.event(asJson(taken, options));
  const { record, kind, id } = taken;
  const time = isoTime(record.timestamp)?.slice(11, 23) ?? '';
  const place = `[${record.partition}]@${record.offset} ${sizeOf(record.value)}`;
  const shownId = id === undefined ? '(no id)' : shownText(id).slice(0, ID_WIDTH);
  const key = shownKey(record.key);
  if (kind === 'request')
    output.line(row(time, shownId, `${place}${key === undefined ? '' : ` key ${key}`}`, ''));
  else output.line(row(time, shownId, '', `${place} ${outcomeOf(taken, options)}${remark(output, taken)}`));
  const indent = kind === 'request' ? TIME_WIDTH + 2 : TIME_WIDTH + ID_WIDTH + LEFT_WIDTH + 6;
  const details = [
    ...(options.headers ? headerLines(record, options.mask) : []),
    ...(options.bodies ? [shownBody(record.value)] : []),
  ];
  for (const line of details) output.line(output.styled('dim', `${' '.repeat(indent)}${line}`));
}

function remark(output: Output, { request, afterMs, isFurther }: TailedRecord): string {
  if (!request) return ` ${output.styled('yellow', 'orphan: no request seen')}`;
  const after = afterMs === undefined ? '' : ` ${afterMs < 0 ? '' : '+'}${afterMs} ms`;
  return isFurther === true ? `${after} ${output.styled('yellow', 'a further reply')}` : after;
}

function row(time: string, id: string, left: string, right: string): string {
  const line = [time.padEnd(TIME_WIDTH), id.padEnd(ID_WIDTH), left.padEnd(LEFT_WIDTH), right].join('  ');
  return line.trimEnd();
}

/** Producers choose it. @returns undefined where it is none, or one that no calendar has */
function isoTime(timestamp: number): string | undefined {
  const time = new Date(timestamp);
  return timestamp < 0 || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

const sizeOf = (value: Buffer | null): string => (value === null ? 'null' : `${value.length} B`);

/** The status of the answer, or the code of the error that it would be. */
function outcomeOf({ record }: TailedRecord, { toResponse }: ShowOptions): string {
  try {
    return String(toResponse(record).status);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `${error.status} ${error.code}`;
  }
}

function asJson(taken: TailedRecord, options: ShowOptions): object {
  const { record, kind, id, request, afterMs, isFurther } = taken;
  const { topic, partition, offset, timestamp, key, value } = record;
  return {
    kind,
    topic,
    partition,
    offset,
    time: isoTime(timestamp) ?? null,
    id: id ?? null,
    key: key?.toString() ?? null,
    bytes: value?.length ?? null,
    ...(kind === 'reply' && {
      outcome: outcomeOf(taken, options),
      orphan: request === undefined,
      after_ms: afterMs,
      request: request && { topic: request.topic, partition: request.partition, offset: request.offset },
      further: isFurther,
    }),
    headers: headersAsJson(record, options.mask),
    ...(options.bodies && bodyAsJson(value)),
  };
}
