/** What `tail` does: reads both topics back and on, and prints what belongs together. */
import { WAIT_OPTIONS, WAIT_RULES, type WaitConfig } from '../../bridge/config/wait-options';
import { configParser } from '../../bridge/config/parse';
import { replyOptions } from '../../bridge/config/reply-options';
import { GatewayError } from '../../bridge/errors';
import { KafkaClients } from '../../bridge/kafka/clients';
import type { TopicReader } from '../../bridge/kafka/reader';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { nodeId } from '../../bridge/node-id';
import { responseMapper } from '../../bridge/reply/http-response';
import { matchRule } from '../../bridge/reply/match-rule';
import { replyRoute } from '../../bridge/reply/reply-routing';
import { setLogLevel } from '../../bridge/telemetry/log';
import { CliError, EXIT, usageError, type ExitCode } from '../exit-codes';
import { workingConfig } from '../kong-config/kafka-routes';
import { connectionOrRoutes, routeFrom, type NamedRoute } from '../kong-config/route-topics';
import { credentialNames, maskOf } from '../masking';
import type { Output } from '../output';
import type { Surroundings } from '../surroundings';
import type { TailFlags } from './command';
import { inOrder, LiveOrder } from './in-order';
import { Pairs, type PairOptions, type TailedRecord } from './pairs';
import { print, printHeading } from './show';

const DEFAULT_SINCE_MS = 600_000;
/** A reader may be behind the other by this, with brokers that are well. */
const HOLD_MS = 2000;
const MOST_HISTORY = 100_000;

const waitOptions = configParser(WAIT_OPTIONS, WAIT_RULES);

export async function runTail(
  output: Output,
  flags: TailFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  setLogLevel('error');
  const named = await routeFrom(flags, surroundings);
  const connection = connectionOrRoutes(named, flags, surroundings);
  const { pairing, wait } = topicsFrom(flags, named);
  const { requestTopics, replyTopic } = pairing;
  const show = {
    mask: maskOf([...credentialNames(named?.entities.plugins ?? []), ...(flags.mask ?? [])]),
    headers: flags.headers === true,
    bodies: flags.bodies === true,
    toResponse: responseMapper(replyOptions(wait)),
  };
  const pairs = new Pairs(pairing);
  const isWanted = ({ id }: TailedRecord): boolean =>
    flags.id === undefined || id?.toLowerCase().startsWith(flags.id.toLowerCase()) === true;
  const printed = (taken: TailedRecord): void => {
    if (isWanted(taken)) print(output, taken, show);
  };
  const clients = new KafkaClients({ lingerMs: 0 });
  const lease = clients.acquire('tail', connection);
  const { reader } = lease;
  const topics = [...new Set([...requestTopics, replyTopic])];
  const { interrupted } = surroundings;
  const limits = { interrupted, limitMs: flags.connectTimeout };
  try {
    const live = new LiveOrder(pairs, HOLD_MS, printed);
    let early: ReceivedRecord[] | undefined = [];
    if (flags.follow)
      await followed(reader, topics, limits, (record) =>
        early ? void early.push(record) : live.take(record),
      );
    const sinceMs = flags.since ?? (flags.follow ? undefined : DEFAULT_SINCE_MS);
    const history = sinceMs === undefined ? [] : await readBack(reader, topics, Date.now() - sinceMs, limits);
    printHeading(output, requestTopics, replyTopic);
    if (history.length === MOST_HISTORY) output.progress(`Only the last ${MOST_HISTORY} records are shown.`);
    for (const taken of inOrder(history, pairs)) printed(taken);
    const since = early;
    early = undefined;
    for (const record of since) live.take(record);
    if (flags.follow) await untilAborted(interrupted);
    live.end();
  } finally {
    lease.release();
    await clients.close();
  }
  const { requests, replies, orphans, unanswered } = pairs.counters;
  output.progress(
    `${requests} requests, ${unanswered} of them without a reply; ${replies} replies, ${orphans} of them without a request.`,
  );
  return EXIT.fine;
}

interface Limits {
  readonly interrupted: AbortSignal;
  /** In which something has to move. */
  readonly limitMs: number;
}

async function followed(
  reader: TopicReader,
  topics: readonly string[],
  limits: Limits,
  onRecord: (record: ReceivedRecord) => void,
): Promise<void> {
  const following = topics.map((topic) => reader.follow(topic, { from: 'end', onRecord }));
  await inTime(Promise.all(following.map((topic) => topic.whenReady())), limits, () =>
    reasonsOf(topics, following),
  );
}

async function readBack(
  reader: TopicReader,
  topics: readonly string[],
  sinceMs: number,
  limits: Limits,
): Promise<ReceivedRecord[]> {
  const records: ReceivedRecord[] = [];
  const onRecord = (record: ReceivedRecord): void => {
    records.push(record);
    if (records.length >= 2 * MOST_HISTORY) keepLast(records);
  };
  const caughtUp: Promise<void>[] = [];
  const following = topics.map((topic) => {
    let done = (): void => undefined;
    caughtUp.push(new Promise((resolve) => (done = resolve)));
    return reader.follow(topic, { from: { sinceMs }, upToNow: true, onRecord, onCaughtUp: done });
  });
  let before = -1;
  // As long as records come it goes on.
  await inTime(
    Promise.all(caughtUp),
    limits,
    () => reasonsOf(topics, following),
    () => {
      const isMoving = records.length !== before;
      before = records.length;
      return isMoving;
    },
  );
  keepLast(records);
  return records;
}

/** The newest ones. */
function keepLast(records: ReceivedRecord[]): void {
  if (records.length <= MOST_HISTORY) return;
  records.sort((one, other) => one.timestamp - other.timestamp);
  records.splice(0, records.length - MOST_HISTORY);
}

/** @throws CliError with what is missing, after a while in which nothing moved */
async function inTime(
  work: Promise<unknown>,
  { interrupted, limitMs }: Limits,
  reasons: () => string,
  isMoving: () => boolean = () => false,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      if (!isMoving()) reject(new CliError(`The topics cannot be read: ${reasons()}.`));
    }, limitMs);
  });
  try {
    await Promise.race([work, late, untilAborted(interrupted)]);
  } finally {
    clearInterval(timer);
  }
  if (interrupted.aborted) throw new CliError('Interrupted before the topics were read.');
}

function reasonsOf(
  topics: readonly string[],
  following: readonly { readonly ready: boolean; readonly reason: string | undefined }[],
): string {
  const reasons = following.flatMap(({ ready, reason }, index) =>
    ready ? [] : [`${topics[index]}: ${reason ?? 'still reading'}`],
  );
  return reasons.join('; ') || 'still reading';
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function topicsFrom(
  flags: TailFlags,
  named: NamedRoute | undefined,
): { readonly pairing: PairOptions; readonly wait: WaitConfig } {
  if (named) return topicsOfRoute(flags, named);
  const { topic: requestTopics, replyTopic, match, matchName } = flags;
  if (!requestTopics || replyTopic === undefined)
    throw usageError('Say which topics, by --topic and --reply-topic or by --config.');
  const wait = waitFrom({
    ...(match !== undefined && { match }),
    ...(matchName !== undefined && { match_name: matchName }),
  });
  const rule = matchRule(wait.match, wait.match_name);
  return { wait, pairing: { requestTopics, replyTopic, rule, bodyField: 'correlation_id' } };
}

function topicsOfRoute(flags: TailFlags, { route }: NamedRoute) {
  const given = (['topic', 'replyTopic', 'match', 'matchName'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (given !== undefined) throw usageError(`The topics come from --config or from flags, not from both.`);
  const config = workingConfig<(typeof route.request)['name']>(route.request);
  const { reply_topic, reply_routing, reply_partition, dialects } = config;
  if (reply_topic === undefined)
    throw usageError(`${route.request.where} is one-way: it has no reply_topic.`);
  const { replyTopic } = replyRoute(
    { mode: reply_routing, replyTopic: reply_topic, partition: reply_partition, dialects },
    nodeId(),
  );
  const wait = route.wait ?? waitFrom({});
  return {
    wait,
    pairing: {
      requestTopics: [config.topic, ...(config.allowed_topics ?? [])],
      replyTopic,
      rule: matchRule(wait.match, wait.match_name),
      bodyField: config.correlation_body_field,
    },
  };
}

function waitFrom(raw: object): WaitConfig {
  try {
    return waitOptions(raw);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw usageError(`The flags do not fit: ${error.detail}.`);
  }
}
