/** What `respond` does: reads the topics, answers, and says so. */
import { readFileSync } from 'node:fs';
import { ConsumerSession } from '../../bridge/kafka/consumer-session';
import { KafkaClients, type KafkaLease } from '../../bridge/kafka/clients';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { isStatus } from '../../bridge/reply/reply-status';
import { setLogLevel } from '../../bridge/telemetry/log';
import { EXIT, usageError, type ExitCode } from '../exit-codes';
import { workingConfig } from '../kong-config/kafka-routes';
import { connectionOrRoutes, routeFrom, type NamedRoute } from '../kong-config/route-topics';
import type { Output } from '../output';
import { shownText } from '../shown-text';
import type { Surroundings } from '../surroundings';
import type { RespondFlags } from './command';
import { runCommand } from './command-run';
import { bytesResult, echo } from './reply';
import type { AddressRules } from './reply-address';
import { Responder, type Handled, type ResponderOptions } from './responder';

export async function runRespond(
  output: Output,
  flags: RespondFlags,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  setLogLevel('error');
  const named = await routeFrom(flags, surroundings);
  const connection = connectionOrRoutes(named, flags, surroundings);
  const rules = rulesFrom(flags, named);
  const work = workFrom(flags, args, surroundings, output);
  const reply = { status: statusFrom(flags), error: flags.error, headers: headersFrom(flags) };
  const ended = endOf(surroundings.interrupted);
  const clients = new KafkaClients({ lingerMs: 0 });
  const lease = clients.acquire('respond', connection);
  const responder = new Responder({
    rules,
    reply,
    work,
    delayMs: flags.delay,
    concurrency: Math.max(flags.concurrency, 1),
    producer: lease.producer,
    onHandled: (handled) => {
      tell(output, handled);
      if (flags.count !== undefined && responder.counters.answered >= flags.count) ended.now();
    },
  });
  const reading = read(rules.topics, {
    connection,
    lease,
    groupId: flags.group,
    onRecord: (record) => responder.take(record),
  });
  try {
    const isReady = await Promise.race([reading.ready.then(() => true), ended.promise.then(() => false)]);
    if (isReady) output.progress(`Answering ${rules.topics.join(', ')}. Ctrl-C ends it.`);
    await ended.promise;
  } finally {
    await responder.stop();
    await reading.close();
    lease.release();
    await clients.close();
  }
  const { answered, not_answered, failed } = responder.counters;
  output.progress(`${answered} answered, ${not_answered} not answered, ${failed} failed.`);
  return EXIT.fine;
}

function endOf(interrupted: AbortSignal): { readonly promise: Promise<void>; readonly now: () => void } {
  let now = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    now = resolve;
    if (interrupted.aborted) resolve();
    interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  return { promise, now };
}

interface Reading {
  readonly ready: Promise<unknown>;
  close(): Promise<void>;
}

function read(
  topics: readonly string[],
  {
    connection,
    lease,
    groupId,
    onRecord,
  }: {
    readonly connection: ConnectionOptions;
    readonly lease: KafkaLease;
    readonly groupId: string | undefined;
    readonly onRecord: (record: ReceivedRecord) => void;
  },
): Reading {
  if (groupId === undefined) {
    const followed = topics.map((topic) => lease.reader.follow(topic, { from: 'end', onRecord }));
    const ready = Promise.all([lease.producer.whenUp(), ...followed.map((topic) => topic.whenReady())]);
    // A close while it is not ready is no news.
    ready.catch(() => undefined);
    return { ready, close: async () => followed.forEach((topic) => topic.stop()) };
  }
  const session = new ConsumerSession({
    name: 'responder',
    connection,
    tuning: { groupId, groupStart: 'earliest' },
    subscribe: topics,
    onRecord,
  });
  const ready = Promise.all([lease.producer.whenUp(), session.whenUp()]);
  ready.catch(() => undefined);
  return { ready, close: () => session.close() };
}

function rulesFrom(flags: RespondFlags, named: NamedRoute | undefined): AddressRules {
  if (named && flags.topic) throw usageError('--topic cannot be combined with --config: the route says it.');
  const config = named && workingConfig<(typeof named.route.request)['name']>(named.route.request);
  const topics = config ? [config.topic, ...(config.allowed_topics ?? [])] : (flags.topic ?? []);
  if (topics.length === 0) throw usageError('Say which requests, by --topic or by --config.');
  const ofRoute = config?.reply_topic === undefined ? [] : [config.reply_topic];
  const replyTopics = flags.replyTopic ?? ofRoute;
  const { dialect } = flags;
  if (dialect === 'body' || dialect === 'key') {
    const [only, ...more] = replyTopics;
    if (only === undefined || more.length > 0 || topics.includes(only))
      throw usageError(`--dialect ${dialect} needs one --reply-topic, which is no topic of requests.`);
  }
  return { dialect, replyTopics, topics: [...new Set(topics)] };
}

function workFrom(
  flags: RespondFlags,
  args: readonly string[],
  { env }: Surroundings,
  output: Output,
): ResponderOptions['work'] {
  const { body, bodyFile, exec } = flags;
  if ([body, bodyFile, exec].filter((source) => source !== undefined).length > 1)
    throw usageError('Give one of --body, --body-file and --exec.');
  if (exec === undefined && args[0] !== undefined)
    throw usageError(`${args[0]} is an argument of no command: --exec is missing.`);
  if (exec !== undefined) {
    const options = {
      command: exec,
      args,
      timeoutMs: flags.execTimeout,
      env,
      onComplaint: (text: string) => output.progress(shownText(text.trimEnd())),
    };
    return (request, correlationId, stopped) => runCommand(request, correlationId, options, stopped);
  }
  const bytes = bodyFile === undefined ? body && Buffer.from(body) : bytesIn(bodyFile);
  if (bytes === undefined) return async (request) => echo(request);
  const fixed = bytesResult(Buffer.from(bytes));
  return async () => fixed;
}

function bytesIn(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usageError(`--body-file: ${(error as Error).message}.`);
  }
}

function statusFrom({ status }: RespondFlags): number | undefined {
  if (status === undefined || isStatus(status)) return status;
  throw usageError('--status needs 200 to 599.');
}

function headersFrom({ header = [] }: RespondFlags): [name: string, value: string][] {
  return header.map((text) => {
    const [, name, value] = /^([\x21-\x39\x3b-\x7e]+|:[\x21-\x39\x3b-\x7e]+):\s*([^\0]*)$/.exec(text) ?? [];
    if (name === undefined) throw usageError('--header needs <name: value>.');
    return [name, value ?? ''];
  });
}

function tell(output: Output, handled: Handled): void {
  const { request, outcome, correlationId, replyTopic, status, bytes, tookMs, reason } = handled;
  const { topic, partition, offset } = request;
  output.event({
    at: new Date().toISOString(),
    outcome,
    topic,
    partition,
    offset,
    correlation_id: correlationId,
    reply_topic: replyTopic,
    status,
    bytes,
    took_ms: Math.round(tookMs * 10) / 10,
    reason,
  });
  const where = `${topic}[${partition}]@${offset}`;
  const id = correlationId === undefined ? '' : ` ${shownText(correlationId)}`;
  if (outcome === 'answered')
    output.line(
      `${output.styled('green', 'answered')} ${where}${id} on ${shownText(replyTopic ?? '')}: ${status === undefined ? '' : `status ${status}, `}${bytes} bytes in ${tookMs.toFixed(1)} ms`,
    );
  else
    output.line(
      `${output.styled('yellow', outcome.replace('_', ' '))} ${where}${id}: ${shownText(reason ?? '')}`,
    );
}
