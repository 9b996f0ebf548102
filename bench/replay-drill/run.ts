/**
 * kong-kafka-replay against a service that fails one time in three, killed with SIGKILL again and again: what the service
 * has seen, against what was kept and what is in the dead topic. Everything is real.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTopic } from '../../bridge/kafka/admin';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { RecordProducer } from '../../bridge/kafka/producer';
import { Child } from '../../dev/child-process';
import { startKafka } from '../../dev/kafka/server';
import { idsInTopic } from '../../replay/ids-in-topic';
import { sum } from '../load/statistics';

export interface ReplayDrillOptions {
  readonly requests: number;
  readonly partitions: number;
  /** The service fails one time in so many. */
  readonly failOneIn: number;
  readonly killEveryMs: number;
  /** Attempts per second: so slow that there is time for kills. */
  readonly rate: number;
  readonly say?: (line: string) => void;
}

export interface ReplayDrillReport {
  readonly requests: number;
  readonly partitions: number;
  readonly kills: number;
  /** How often the service was asked. */
  readonly asked: number;
  readonly carriedOut: number;
  readonly dead: number;
  /** Neither carried out nor in the dead topic. */
  readonly lost: number;
  /** Carried out, and in the dead topic as well. */
  readonly both: number;
  /** The service has said yes more than once, how often in all. */
  readonly repeated: number;
  /** Requests that came under a key that is not theirs. */
  readonly otherKeys: number;
  readonly exitCode: number | null;
}

const MAIN = join(__dirname, '..', '..', 'replay', 'main.js');
const TOPIC = 'replay.drill';
const DEAD_TOPIC = `${TOPIC}.dead`;
/** Of which none ends in another way than this. */
const ENDED = new Set([0, 3]);

export async function runReplayDrill(options: ReplayDrillOptions): Promise<ReplayDrillReport> {
  const { requests, partitions, killEveryMs, rate, say = () => undefined } = options;
  const kafka = await startKafka();
  const service = new FailingService(options.failOneIn);
  try {
    for (const topic of [TOPIC, DEAD_TOPIC]) await createTopic(kafka.connection, topic, { partitions });
    await writeKept(kafka.connection, requests);
    const url = await service.start();
    say(`${requests} requests are kept`);
    let kills = 0;
    for (;;) {
      const replay = new Child('replay', [
        ...[MAIN, '--bootstrap', kafka.bootstrapServers, '--topic', TOPIC, '--to', url],
        ...['--rate', String(rate), '--back-off-ms', '5,100'],
      ]);
      const killed = await endedOrKilled(replay, killEveryMs);
      const exitCode = await replay.exited;
      if (killed) {
        kills++;
        say(`killed; ${service.carriedOut.size} are carried out`);
      } else if (ENDED.has(exitCode ?? NaN)) {
        return account(options, { kills, exitCode }, service, await idsIn(kafka.connection, DEAD_TOPIC));
      } else throw new Error(`the replay ended with ${exitCode}:\n${replay.output}`);
    }
  } finally {
    service.stop();
    await kafka.stop();
  }
}

/** @returns whether it was killed */
async function endedOrKilled(replay: Child, afterMs: number): Promise<boolean> {
  const timer = new AbortController();
  const isLeft = pause(afterMs, true, { signal: timer.signal }).catch(() => false);
  const isDue = await Promise.race([isLeft, replay.exited.then(() => false)]);
  timer.abort();
  if (!isDue || !replay.alive) return false;
  replay.kill('SIGKILL');
  return true;
}

/** Fails one time in so many, whoever asks. Counts what it has carried out before it says so. */
export class FailingService {
  asked = 0;
  otherKeys = 0;
  readonly carriedOut = new Map<string, number>();
  #server: Server | undefined;

  constructor(private readonly failOneIn: number) {}

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      let id = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (id += chunk));
      request.on('end', () => {
        response.writeHead(this.take(id, request.headers['idempotency-key'])).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @returns the status of its answer */
  take(id: string, key: string | string[] | undefined): number {
    if (key !== id) this.otherKeys++;
    if (++this.asked % this.failOneIn === 0) return 503;
    this.carriedOut.set(id, (this.carriedOut.get(id) ?? 0) + 1);
    return 200;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

const idOf = (number: number): string => `r${number}`;

async function writeKept(connection: ConnectionOptions, count: number): Promise<void> {
  const producer = new RecordProducer(connection);
  try {
    await producer.whenUp();
    const deliveries: Promise<void>[] = [];
    for (let number = 0; number < count; number++) {
      const id = idOf(number);
      const kept = {
        ...{ id, timestamp: Date.now() / 1000, attempt: 0, method: 'POST', uri: '/orders', headers: {} },
        ...{ body: id, service: 'orders', status: 502, delivered: 'no' },
      };
      const record = { topic: TOPIC, key: id, value: Buffer.from(JSON.stringify(kept)), headers: [] };
      deliveries.push(
        new Promise((resolve, reject) =>
          producer.produce(record, (error) => (error ? reject(error) : resolve()), { awaited: true }),
        ),
      );
      if (deliveries.length % 500 === 0) await Promise.all(deliveries);
    }
    await Promise.all(deliveries);
  } finally {
    await producer.close();
  }
}

async function idsIn(connection: ConnectionOptions, topic: string): Promise<Set<string>> {
  const producer = new RecordProducer(connection);
  try {
    await producer.whenUp();
    return await idsInTopic(topic, connection, producer);
  } finally {
    await producer.close();
  }
}

export function account(
  { requests, partitions }: Pick<ReplayDrillOptions, 'requests' | 'partitions'>,
  ended: Pick<ReplayDrillReport, 'kills' | 'exitCode'>,
  service: Pick<FailingService, 'asked' | 'otherKeys' | 'carriedOut'>,
  dead: ReadonlySet<string>,
): ReplayDrillReport {
  const ids = Array.from({ length: requests }, (_, number) => idOf(number));
  const { carriedOut, asked, otherKeys } = service;
  return {
    requests,
    partitions,
    ...ended,
    asked,
    otherKeys,
    carriedOut: carriedOut.size,
    dead: dead.size,
    lost: ids.filter((id) => !carriedOut.has(id) && !dead.has(id)).length,
    both: ids.filter((id) => carriedOut.has(id) && dead.has(id)).length,
    repeated: sum([...carriedOut.values()].map((times) => times - 1)),
  };
}
