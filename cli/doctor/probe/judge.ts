/** What a responder did with the probe, from the records that came while it was waited for. Asks nobody. */
import { GatewayError } from '../../../bridge/errors';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { diagnose, LOOKS_LIKE_REQUEST, type Diagnosis } from '../../../bridge/reply/diagnosis';
import { isRequest } from '../../../bridge/reply/dialects';
import type { ResponseMapper } from '../../../bridge/reply/http-response';
import { everyIdOf, type MatchRule } from '../../../bridge/reply/match-rule';
import { adviceFor } from '../../../status/advice';
import { finding, type Finding } from '../finding';
import { traceOfId } from './traces-of-id';

export interface ProbeFacts {
  readonly where: string;
  readonly id: string;
  readonly topic: string;
  readonly replyTopic: string;
  /** The only one that the gateway reads; undefined: all. */
  readonly partition: number | undefined;
  readonly timeoutMs: number;
  /** How long it was listened, from the sending on. */
  readonly listenedMs: number;
  readonly rule: MatchRule;
  /** The client gets more than the first reply. */
  readonly takesSeveral: boolean;
  readonly errorHeaders: readonly string[];
  readonly respond: ResponseMapper;
  /** Of the reply topic and of others that are known, in the order in which they came. */
  readonly records: readonly ArrivedRecord[];
}

export interface ArrivedRecord {
  readonly record: ReceivedRecord;
  readonly afterMs: number;
  /** As the route's schemas read it; the record itself where it has none. */
  readonly readable: ReceivedRecord;
}

export function judge(facts: ProbeFacts): readonly Finding[] {
  const onReplyTopic = facts.records.filter(({ record }) => record.topic === facts.replyTopic);
  const isShared = facts.topic === facts.replyTopic;
  const candidates = onReplyTopic.filter(({ record }) => !(isShared && isRequest(record)));
  const replies = candidates.filter(({ record }) => everyIdOf(facts.rule, record).includes(facts.id));
  const [first, ...more] = replies;
  if (first) return [...judgeReply(first, facts), ...judgeMore(more, facts)];
  return [almostReply(facts, candidates, isShared) ?? noReply(facts, candidates.length)];
}

function judgeReply({ record, afterMs, readable }: ArrivedRecord, facts: ProbeFacts): readonly Finding[] {
  const { where, timeoutMs, partition, replyTopic } = facts;
  const found: Finding[] = [];
  if (afterMs > timeoutMs)
    found.push(
      finding('probe_late', {
        where,
        what: `The reply came after ${rounded(afterMs)} ms; the timeout is ${timeoutMs} ms.`,
        fix: `A faster service, more instances of it, or timeout: ${Math.ceil((afterMs * 2) / 1000) * 1000}`,
      }),
    );
  if (partition !== undefined && record.partition !== partition)
    found.push(
      finding('probe_wrong_partition', {
        where,
        what: `The reply came on partition ${record.partition} of ${replyTopic}; the request names ${partition}.`,
        fix: 'Let the service obey the header reply-partition (kafka_replyPartition), or set reply_routing: broadcast.',
      }),
    );
  try {
    const { status, body } = facts.respond(readable);
    const mark = record.headers.find(([name]) => facts.errorHeaders.includes(name))?.[0];
    if (status >= 400)
      found.push(
        finding('probe_error_reply', {
          where,
          what: mark === undefined ? `The reply has status ${status}.` : `The reply has the header ${mark}; clients get status ${status}.`, // prettier-ignore
          fix: ERROR_FIX,
        }),
      );
    else if (found.length === 0)
      found.push(
        finding('probe_answered', {
          where,
          what: `Answered after ${rounded(afterMs)} ms: status ${status}, ${body.length} bytes.`,
          fix: 'Nothing.',
        }),
      );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    found.push(
      error.code === 'responder_error'
        ? finding('probe_error_reply', { where, what: 'The reply has the mark of an error and no value.', fix: ERROR_FIX }) // prettier-ignore
        : finding('probe_invalid_reply', {
            where,
            what: `${error.code}: ${error.detail}.`,
            fix: adviceFor({ code: error.code })?.todo ?? 'docs/troubleshooting.md has what it means.',
          }),
    );
  }
  return found;
}

const ERROR_FIX = 'Give the probe a body that the service takes: --probe-body <file>. Else look at the log of the service.'; // prettier-ignore

function judgeMore(
  more: readonly ArrivedRecord[],
  { where, replyTopic, takesSeveral }: ProbeFacts,
): readonly Finding[] {
  if (more.length === 0 || takesSeveral) return [];
  return [
    finding('probe_many_replies', {
      where,
      what: `${more.length + 1} replies came on ${replyTopic}, the last one after ${rounded(more.at(-1)!.afterMs)} ms.`,
      fix: 'Let one group of consumers answer, and one instance of each request: a group.id that all instances share.',
    }),
  ];
}

/** What came and may have been meant as the reply, the surest sign first. */
function almostReply(
  facts: ProbeFacts,
  candidates: readonly ArrivedRecord[],
  isShared: boolean,
): Finding | undefined {
  const { where, id, replyTopic, topic } = facts;
  const elsewhere = facts.records.find(
    ({ record }) => record.topic !== replyTopic && record.topic !== topic && traceOfId(record, id),
  );
  const traced = candidates.flatMap(({ record }) => traceOfId(record, id) ?? [])[0];
  if (traced) {
    const expected = expectedPlace(facts.rule);
    if (traced.form === undefined)
      return finding('probe_wrong_header', {
        where,
        what: `The id of the request is in ${traced.place}; expected in ${expected}.`,
        fix: fixFor(traced.place),
      });
    return finding('probe_wrong_id', {
      where,
      what: `The id of the request is in ${traced.place} ${traced.form}; expected as it was sent.`,
      fix: 'Let the service copy the bytes of the header as they are.',
    });
  }
  if (elsewhere)
    return finding('probe_wrong_topic', {
      where,
      what: `The reply came on topic ${elsewhere.record.topic}; expected on ${replyTopic}.`,
      fix: `Let the service answer on the topic that the request names, or set reply_topic: ${elsewhere.record.topic}`,
    });
  const loopsBack =
    isShared &&
    facts.records.some(
      ({ record, afterMs }) =>
        record.topic === replyTopic && afterMs > 0 && isRequest(record) && !hasMark(record) && traceOfId(record, id),
    ); // prettier-ignore
  if (loopsBack) return guessed(LOOKS_LIKE_REQUEST, where);
  for (const { record } of candidates) {
    const diagnosis = diagnose(record, everyIdOf(facts.rule, record), [facts.rule], true);
    if (diagnosis) return guessed(diagnosis, where);
  }
  const marked = candidates.find(({ record }) => hasMark(record));
  if (!marked) return undefined;
  return finding('probe_wrong_id', {
    where,
    what: `A reply came with the headers of the probe and the id of somebody else.`,
    fix: 'Let the service copy the id of the request that it answers, and make none of its own.',
  });
}

/** Tells the probe from what clients send: a record header that services ignore, and some copy. */
export const PROBE_HEADER = 'kong-kafka-probe';

const hasMark = ({ headers }: ReceivedRecord) => headers.some(([name]) => name === PROBE_HEADER);

function guessed({ reason, describe }: Diagnosis, where: string): Finding {
  return finding(reason === 'unknown_id_form' ? 'probe_wrong_id' : 'probe_wrong_header', {
    where,
    what: `Nothing has the id of the request, but ${describe()}.`,
    fix: adviceFor({ hint: reason })?.todo ?? 'docs/troubleshooting.md has what it means.',
  });
}

function expectedPlace({ headerNames, place }: MatchRule): string {
  return headerNames.length === 0 ? place : `one of the headers ${headerNames.slice(0, 8).join(', ')}`;
}

function fixFor(place: string): string {
  const [, header] = /^header (.*)$/.exec(place) ?? [];
  if (header !== undefined)
    return `Let the service copy the header of the request under its name, or set match_name: ${header}`;
  if (place === 'the key')
    return 'Let the service copy the correlation header of the request, or set match: key';
  return 'Let the service copy the correlation header of the request, or set match: body_field and match_name to the field';
}

function noReply({ where, topic, replyTopic, listenedMs }: ProbeFacts, others: number): Finding {
  const rest =
    others === 0
      ? 'nothing else came there'
      : `${others} ${others === 1 ? 'record' : 'records'} came there for others`;
  return finding('probe_no_reply', {
    where,
    what: `Sent to ${topic}; no reply on ${replyTopic} within ${rounded(listenedMs)} ms, ${rest}.`,
    fix: `Look whether a service reads ${topic}: kafka-consumer-groups.sh --describe --all-groups shows who is behind.`,
  });
}

const rounded = (ms: number) => Math.round(ms);
