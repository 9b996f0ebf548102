/**
 * Log entries at full speed while Kafka is stopped and started again: what a plugin server with custom_kafka_log says
 * of them, against what is in the topic. Everything is real but Kong, whose part a driver plays.
 */
import { startKafka } from '../../dev/kafka/server';
import { PluginServerProcess } from '../../dev/stack';
import { TopicReader } from '../../bridge/kafka/reader';
import { RecordProducer } from '../../bridge/kafka/producer';
import { ProtocolEnd } from '../load/protobuf-end';
import { residentMegabytes } from '../load/process-usage';
import { ascending, percentile } from '../load/statistics';
import { Account, entryId } from './account';

export interface LogDrillOptions {
  readonly entries: number;
  readonly stops: number;
  /** How long Kafka is away each time. */
  readonly outageMs: number;
  /** Entries under way at once: as many as a worker of Kong has timers for this. */
  readonly lanes: number;
  /** Default: as fast as it goes. */
  readonly perSecond?: number;
  /** Of the plugin, beside brokers and topic. */
  readonly config?: object;
  readonly say?: (line: string) => void;
}

export interface LogDrillReport {
  readonly sent: number;
  readonly perSecond: number;
  /** As the plugin server counts. */
  readonly accepted: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly lost: number;
  /** In the topic. */
  readonly found: number;
  readonly outOfOrder: number;
  /** Of the plugin server, before, at most, and at the end. */
  readonly megabytes: { readonly before: number; readonly most: number; readonly after: number };
  /** How long an event took, in milliseconds: while Kafka was there, and while it was not. */
  readonly p99Ms: { readonly up: number; readonly down: number };
  /** How the plugin server ended at SIGTERM. */
  readonly exitCode: number | null;
}

const TOPIC = 'log.drill';
/** Of all entries, by which the first stop comes, and each further one. */
const shareAt = (stop: number, stops: number): number => (stop + 0.5) / (stops + 0.5);
/** Durations of a million events are more than is needed. */
const SAMPLE_EVERY = 8;
const DELIVERY_LIMIT_MS = 60_000;
const READ_LIMIT_MS = 120_000;

export async function runLogDrill(options: LogDrillOptions): Promise<LogDrillReport> {
  const { entries, stops, outageMs, lanes, perSecond = Infinity, say = () => undefined } = options;
  const kafka = await startKafka();
  const server = await PluginServerProcess.start();
  try {
    await kafka.createTopic(TOPIC, { partitions: 1 });
    const [host = '', port] = kafka.bootstrapServers.split(':');
    const end = new ProtocolEnd({
      plugin: 'custom_kafka_log',
      socket: server.socketOf('custom_kafka_log'),
      phase: 'log',
      config: { bootstrap_servers: [{ host, port: Number(port) }], topic: TOPIC, ...options.config },
    });
    await end.startInstance();
    await until(
      async () => (await logStatus(server)).clusters.some(isUp),
      DELIVERY_LIMIT_MS,
      'Kafka is not reached',
    );

    const memory = watchMemory(server.child.pid);
    const tookMs = { up: [] as number[], down: [] as number[] };
    let isDown = false;
    let sent = 0;
    const startedAtMs = performance.now();
    const outages = (async () => {
      for (let stop = 0; stop < stops; stop++) {
        await until(() => sent >= entries * shareAt(stop, stops) * 0.8, Infinity, '');
        say(`Kafka stops at ${sent} of ${entries} entries`);
        await kafka.nodes[0]?.stop('SIGKILL');
        isDown = true;
        await pause(outageMs);
        await kafka.nodes[0]?.start();
        isDown = false;
        say(`Kafka is back at ${sent} entries`);
      }
    })();
    const sendAll = async (lane: number): Promise<void> => {
      for (let number = 1; sent < entries; number++) {
        const dueAtMs = startedAtMs + (sent++ / perSecond) * 1000;
        await pauseUntil(dueAtMs);
        const began = performance.now();
        const phase = isDown ? tookMs.down : tookMs.up;
        await new Promise<void>((resolve) => end.run(entryId(lane, number), () => resolve()));
        if (number % SAMPLE_EVERY === 0) phase.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => sendAll(lane)));
    const seconds = (performance.now() - startedAtMs) / 1000;
    await outages;
    say('all are sent');
    await until(
      async () => (await logStatus(server)).held === 0,
      DELIVERY_LIMIT_MS,
      'entries are held for ever',
    );
    const { accepted, delivered, dropped, lost } = await logStatus(server);
    const megabytes = memory.stop();
    const account = await readTopic(kafka.connection, delivered);
    return {
      sent,
      perSecond: sent / seconds,
      ...{ accepted, delivered, dropped, lost },
      found: account.found,
      outOfOrder: account.outOfOrder,
      megabytes,
      p99Ms: { up: p99(tookMs.up), down: p99(tookMs.down) },
      exitCode: await server.stop(),
    };
  } finally {
    await server.stop();
    await kafka.stop();
  }
}

interface LogStatus {
  readonly held: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly lost: number;
  readonly clusters: readonly { readonly producer: { readonly state: string } }[];
}

export async function logStatus(server: PluginServerProcess): Promise<LogStatus> {
  const { plugins } = (await server.status()) as { plugins: Record<string, { process: LogStatus }> };
  const status = plugins.custom_kafka_log?.process;
  if (status === undefined) throw new Error('the plugin server does not serve custom_kafka_log');
  return status;
}

function p99(values: readonly number[]): number {
  return percentile(ascending(values), 0.99);
}

function isUp({ producer }: LogStatus['clusters'][number]): boolean {
  return producer.state === 'up';
}

function watchMemory(pid: number): { stop(): LogDrillReport['megabytes'] } {
  const before = residentMegabytes(pid);
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, residentMegabytes(pid))), 200);
  return {
    stop: () => {
      clearInterval(timer);
      return { before, most, after: residentMegabytes(pid) };
    },
  };
}

async function readTopic(
  connection: { readonly bootstrapServers: readonly string[] },
  count: number,
): Promise<Account> {
  const account = new Account();
  const producer = new RecordProducer(connection);
  const reader = new TopicReader(connection, producer, {
    // A gateway asks for little at once; here nobody else is there.
    overrides: { 'queued.min.messages': 10_000, 'queued.max.messages.kbytes': 65_536 },
  });
  try {
    reader.follow(TOPIC, {
      from: { sinceMs: 0 },
      onRecord: ({ value }) => {
        if (value !== null) account.onRecord(value);
      },
    });
    await until(() => account.found >= count, READ_LIMIT_MS, 'the topic has less than was acknowledged');
    // What came twice would come now.
    await pause(500);
    return account;
  } finally {
    await reader.close();
    await producer.close();
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

async function pauseUntil(atMs: number): Promise<void> {
  const remainingMs = atMs - performance.now();
  if (remainingMs > 0) await pause(remainingMs);
}

async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  otherwise: string,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(otherwise);
    await pause(20);
  }
}
