/**
 * One healthy cluster beside many that are dead, in one process: what the healthy one's requests notice.
 *
 * Half of the dead ones refuse connections, half take them and never answer. They come and go in turns within one run,
 * so that a slow minute of the machine is in all figures alike.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PRODUCER_SETTINGS } from '../../bridge/kafka/producer-settings';
import { RequestReply } from '../../bridge/request-reply';
import { HEADER_RULE } from '../../bridge/reply/match-rule';
import type { Sender } from '../../bridge/sender';
import { UNTRACED } from '../../bridge/telemetry/tracing';
import { freePorts } from '../../dev/kafka/ports';
import { startKafka } from '../../dev/kafka/server';
import { startResponderProcess } from '../../dev/stack';
import { residentMegabytes, threadCount } from '../load/process-usage';
import { ascending, percentile } from '../load/statistics';

export interface DeadClustersOptions {
  readonly dead: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly settleSeconds: number;
  /** How long dead clusters are watched that nobody asks. */
  readonly watchSeconds: number;
  readonly onProgress?: (line: string) => void;
}

/** `alone`: no dead cluster; `idle`: nobody asks the dead ones; `asked`: each gets requests all the time. */
export const SITUATIONS = ['alone', 'idle', 'asked'] as const;
export type Situation = (typeof SITUATIONS)[number];

export interface Sample {
  readonly situation: Situation;
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly threads: number;
  readonly residentMegabytes: number;
  /** From the first look at a route to its first answer, for a healthy cluster that comes along then. */
  readonly newcomerMs?: number;
}

const REQUEST_TOPIC = 'requests';
const REPLY_TOPIC = 'replies';
const PARTITIONS = 4;
/** Of the healthy route; at the end of it the machine is far from busy. */
const PER_SECOND = 200;
const TIMEOUT_MS = 5000;
const WARM_UP_MS = 5000;
const WATCH_STEP_SECONDS = 10;
const PATIENCE_MS = 20_000;
/** How often each dead route is asked. */
const ASK_EVERY_MS = 500;

/** What dead clusters cost that nobody asks, some time after they came. */
export interface Footprint {
  readonly afterSeconds: number;
  readonly threads: number;
  readonly residentMegabytes: number;
}

export interface DeadClustersReport {
  readonly samples: readonly Sample[];
  readonly footprints: readonly Footprint[];
}

export async function runDeadClusters(options: DeadClustersOptions): Promise<DeadClustersReport> {
  const say = options.onProgress ?? (() => undefined);
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const kafka = await startKafka({ optimizeFor: 'throughput' });
    cleanUps.push(() => kafka.stop());
    for (const topic of [REQUEST_TOPIC, REPLY_TOPIC])
      await kafka.createTopic(topic, { partitions: PARTITIONS });
    const responder = await startResponderProcess(kafka.bootstrapServers, [REQUEST_TOPIC]);
    cleanUps.push(() => responder.stop());
    const mute = await MuteListener.start();
    cleanUps.push(() => mute.close());
    const healthy = new Route('healthy', kafka.connection.bootstrapServers);
    cleanUps.push(() => healthy.close());
    say('warming up');
    await healthy.load(WARM_UP_MS);

    const samples: Sample[] = [];
    const measure = async (situation: Situation, newcomerMs?: number) => {
      const sample = {
        situation,
        ...(await healthy.load(options.seconds * 1000)),
        threads: threadCount(process.pid),
        residentMegabytes: residentMegabytes(process.pid),
        ...(newcomerMs !== undefined && { newcomerMs }),
      };
      samples.push(sample);
      say(line(sample));
    };
    for (let round = 1; round <= options.rounds; round++) {
      say(`round ${round} of ${options.rounds}`);
      await measure('alone', await newcomer(kafka.connection.bootstrapServers));
      const dead = await DeadRoutes.open(options.dead, mute.port);
      const newcomerMs = await newcomer(kafka.connection.bootstrapServers);
      await delay(options.settleSeconds * 1000);
      await measure('idle', newcomerMs);
      dead.ask();
      await delay(options.settleSeconds * 500);
      await measure('asked', await newcomer(kafka.connection.bootstrapServers));
      await dead.close();
    }
    return { samples, footprints: await watch(options, mute.port) };
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

async function watch(
  { dead, watchSeconds, onProgress: say = () => undefined }: DeadClustersOptions,
  mutePort: number,
): Promise<Footprint[]> {
  say(`watching for ${watchSeconds} s what they cost`);
  const routes = await DeadRoutes.open(dead, mutePort);
  const footprints: Footprint[] = [];
  for (
    let afterSeconds = WATCH_STEP_SECONDS;
    afterSeconds <= watchSeconds;
    afterSeconds += WATCH_STEP_SECONDS
  ) {
    await delay(WATCH_STEP_SECONDS * 1000);
    const footprint = {
      afterSeconds,
      threads: threadCount(process.pid),
      residentMegabytes: residentMegabytes(process.pid),
    };
    footprints.push(footprint);
    say(`${afterSeconds} s  ${footprint.threads} threads  RSS ${footprint.residentMegabytes.toFixed(0)} MB`);
  }
  await routes.close();
  return footprints;
}

function line(sample: Sample): string {
  const { situation, requests, failed, p50Ms, p99Ms, threads, newcomerMs = NaN } = sample;
  return (
    `${situation.padEnd(6)}${String(requests).padStart(6)} requests, ${failed} failed  p50 ${p50Ms.toFixed(2)} ms  ` +
    `p99 ${p99Ms.toFixed(2)} ms  ${threads} threads  RSS ${sample.residentMegabytes.toFixed(0)} MB  ` +
    `newcomer ${newcomerMs.toFixed(0)} ms`
  );
}

/** How long the first request of a healthy cluster takes that nobody has used yet, if it has an answer in time. */
async function newcomer(bootstrapServers: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const route = new Route(`newcomer ${startedMs}`, bootstrapServers);
  while (!(await route.exchange()) && performance.now() - startedMs < PATIENCE_MS) await delay(10);
  const tookMs = performance.now() - startedMs;
  await route.close();
  return tookMs;
}

/** A route as a plugin configuration makes it, without Kong. */
class Route {
  readonly #requestReply = new RequestReply();
  readonly #sender: Sender;
  #next = 0;

  constructor(
    private readonly name: string,
    bootstrapServers: readonly string[],
  ) {
    this.#requestReply.setTogether(true);
    this.#sender = openSender(this.#requestReply, name, bootstrapServers);
  }

  /** @returns whether the reply came */
  async exchange(): Promise<boolean> {
    const id = `${this.name}-${this.#next++}`;
    try {
      await this.#sender.whenReady();
      const headers = [
        ['correlation-id', id],
        ['reply-to', REPLY_TOPIC],
      ] as const;
      const record = { topic: REQUEST_TOPIC, value: Buffer.from('{"hello":"world"}'), headers };
      const facts = { accept: undefined, prefer: undefined, shownId: id };
      const { channel, wait } = this.#sender.request({ record, wire: { id }, trace: UNTRACED }, facts);
      channel.claim(wait, TIMEOUT_MS, HEADER_RULE);
      const outcome = await new Promise<object>((resolve) => wait.whenEnded(resolve));
      return 'reply' in outcome;
    } catch {
      return false;
    }
  }

  /** Requests at a steady rate, however long the earlier ones take. */
  async load(durationMs: number): Promise<Pick<Sample, 'requests' | 'failed' | 'p50Ms' | 'p99Ms'>> {
    const tookMs: number[] = [];
    const open = new Set<Promise<void>>();
    let failed = 0;
    const untilMs = performance.now() + durationMs;
    for (let dueMs = performance.now(); dueMs < untilMs; dueMs += 1000 / PER_SECOND) {
      const aheadMs = dueMs - performance.now();
      if (aheadMs > 0) await delay(aheadMs);
      const sentMs = performance.now();
      const ended = this.exchange().then((answered) => {
        if (answered) tookMs.push(performance.now() - sentMs);
        else failed++;
        open.delete(ended);
      });
      open.add(ended);
    }
    await Promise.all(open);
    const sorted = ascending(tookMs);
    return {
      requests: tookMs.length + failed,
      failed,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
    };
  }

  close(): Promise<void> {
    return this.#requestReply.close();
  }
}

class DeadRoutes {
  readonly #requestReply = new RequestReply();
  readonly #senders: Sender[] = [];
  #timer: NodeJS.Timeout | undefined;

  static async open(count: number, mutePort: number): Promise<DeadRoutes> {
    const routes = new DeadRoutes();
    routes.#requestReply.setTogether(true);
    const refused = await freePorts(Math.floor(count / 2));
    for (let i = 0; i < count; i++) {
      const port = refused[i] ?? mutePort;
      routes.#senders.push(openSender(routes.#requestReply, `dead ${i}`, [`127.0.0.1:${port}`]));
    }
    return routes;
  }

  ask(): void {
    this.#timer = setInterval(() => {
      for (const sender of this.#senders) sender.whenReady().catch(() => undefined);
    }, ASK_EVERY_MS);
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#requestReply.close();
  }
}

function openSender(requestReply: RequestReply, key: string, bootstrapServers: readonly string[]): Sender {
  return requestReply.openSender({
    key,
    connectionKey: key,
    connection: { bootstrapServers, produce: DEFAULT_PRODUCER_SETTINGS },
    topic: REQUEST_TOPIC,
    route: { replyTopic: REPLY_TOPIC, partitionHeaders: [] },
    maxInFlight: 1000,
    reportTimeoutMs: TIMEOUT_MS,
    trace: { replyTopic: REPLY_TOPIC, b3: 'off' },
  });
}

/** Takes connections and never says a word. */
class MuteListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.resume();
    });
  }

  static async start(): Promise<MuteListener> {
    const listener = new MuteListener();
    listener.#server.listen(0, '127.0.0.1');
    await once(listener.#server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
