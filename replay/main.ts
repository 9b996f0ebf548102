#!/usr/bin/env node
// Before anything can start libuv's thread pool.
import '../bridge/thread-pool-size';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../bridge/clock';
import { createTopic } from '../bridge/kafka/admin';
import { GroupReader } from '../bridge/kafka/group-reader';
import { RecordProducer } from '../bridge/kafka/producer';
import { setLogLevel } from '../bridge/telemetry/log';
import { Audit } from './audit';
import { BackOff } from './back-off';
import { idsInTopic } from './ids-in-topic';
import { parseReplayOptions, USAGE, UsageError, type ReplayOptions } from './options';
import { produced } from './produced';
import { reached } from './reached';
import { Replayer } from './replayer';
import { Sending } from './send';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_SOME_DEAD = 3;
const IDLE_MS = 500;
/** Brokers that are there answer within a second; whoever starts this together with them gives them a while. */
const REACH_LIMIT_MS = 30_000;
const PROGRESS_MS = 5000;

async function main(): Promise<number> {
  const options = parseReplayOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  setLogLevel('error');
  const producer = new RecordProducer(options.connection);
  const reader = new GroupReader({
    connection: options.connection,
    topic: options.topic,
    groupId: options.dryRun ? `${options.group}-dry-run` : options.group,
  });
  const sending = new Sending();
  const audit = new Audit(options, (record) => produced(producer, record));
  try {
    await reached(producer, REACH_LIMIT_MS);
    await makeDoneTopic(options);
    const done = await idsInTopic(options.doneTopic, options.connection, producer);
    say(`${done.size} requests are carried out already. Reading ${options.topic} ...`);
    await reader.start();
    const turn = turns(options.rate);
    const replayer = new Replayer(
      options,
      {
        next: () => reader.next(IDLE_MS),
        isAtEnd: () => reader.isAtEnd(),
        produce: (record) => produced(producer, record),
        commit: (record) => reader.commit(record),
        send: (request, target) => sending.send(request, target),
        targetOf: (service) => options.targets.get(service ?? '') ?? options.targets.get(''),
        audit: (line) => audit.write(line),
        turn,
      },
      new BackOff(systemClock, options.backOff),
      done,
      options.dryRun ? await idsInTopic(options.deadTopic, options.connection, producer) : undefined,
    );
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => replayer.stop());
    // Whoever reads us may leave early (`| head`): a dry run has nobody to tell then, all else goes on.
    process.stdout.on('error', () => options.dryRun && replayer.stop());
    const progress = setInterval(() => say(summary(replayer)), PROGRESS_MS);
    const isDone = await replayer.run().finally(() => clearInterval(progress));
    await audit.end();
    process.stdout.write(`${JSON.stringify({ ...replayer.counts, attempts: replayer.attempts })}\n`);
    const { maybe_delivered, refused, failed_too_often, not_a_request } = replayer.counts;
    if (!isDone && !options.follow && !options.dryRun) {
      say('Stopped before the end of the topic: start it again.');
      return EXIT_FAILED;
    }
    return maybe_delivered + refused + failed_too_often + not_a_request > 0 ? EXIT_SOME_DEAD : 0;
  } finally {
    sending.close();
    await reader.close();
    await producer.close();
  }
}

async function makeDoneTopic({ connection, doneTopic, dryRun }: ReplayOptions): Promise<void> {
  if (dryRun) return;
  await createTopic(connection, doneTopic, {
    replicationFactor: -1,
    config: { 'cleanup.policy': 'compact' },
  });
}

/** At even distances. */
function turns(rate: number | undefined): () => Promise<void> {
  if (rate === undefined) return async () => undefined;
  let nextAtMs = performance.now();
  return async () => {
    const waitMs = nextAtMs - performance.now();
    nextAtMs = Math.max(nextAtMs, performance.now()) + 1000 / rate;
    if (waitMs > 0) await delay(waitMs);
  };
}

function summary({ counts, attempts }: Replayer): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return `${attempts} attempts; ${parts.map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`).join(', ') || 'nothing yet'}`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
main()
  .then((code) => (process.exitCode = code))
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  });
