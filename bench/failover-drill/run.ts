/**
 * Requests at an even rate while their upstream and Kafka are stopped in turns: what each client was told, against what
 * the upstream has carried out and what is in the topic. Everything is real but Kong, for which the stand-in gateway
 * stands with what the two includes make of nginx.
 */
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import { startKafka } from '../../dev/kafka/server';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';

export interface FailoverDrillOptions {
  readonly durationMs: number;
  readonly perSecond: number;
  /** How long upstream or Kafka is away each time. */
  readonly outageMs: number;
  /** That open the circuit breaker. Default: there is none. */
  readonly breakerFailures?: number;
  readonly say?: (line: string) => void;
}

export interface FailoverDrillReport {
  readonly sent: number;
  /** By what their clients were told. */
  readonly answered: number;
  readonly kept: number;
  /** Of those, by an open breaker, as the plugin server counts; undefined where there is none. */
  readonly keptAtOnce?: number;
  readonly failed: number;
  /** Neither of the three: a wrong answer, or none. */
  readonly others: readonly string[];
  /** Answered, and not carried out by the upstream. */
  readonly answeredByNobody: number;
  /** Kept, and not in the topic. */
  readonly lost: number;
  /** In the topic more than once. */
  readonly keptTwice: number;
  /** Carried out by the upstream more than once. */
  readonly carriedOutTwice: number;
  /** Kept although the upstream has carried them out: those that say so, and those that do not. */
  readonly bothMaybe: number;
  readonly bothUnsaid: number;
  /** Answered, and in the topic as well. */
  readonly answeredAndKept: number;
  /** In the topic although their clients were told of a failure: a broker took them, and could not say so. */
  readonly failedAndKept: number;
}

const TOPIC = 'failover.drill';
const WORK_MS = 15;

export async function runFailoverDrill(options: FailoverDrillOptions): Promise<FailoverDrillReport> {
  const { say = () => undefined } = options;
  const kafka = await startKafka();
  const upstream = new Upstream();
  const server = await PluginServerProcess.start();
  const endings: (() => Promise<unknown>)[] = [];
  try {
    await kafka.createTopic(TOPIC, { partitions: 3 });
    const port = await upstream.start();
    const gateway = await startGatewayProcess(
      server,
      kongYml(port, kafka.bootstrapServers, options.breakerFailures ?? 0),
      0,
    );
    endings.push(() => gateway.child.stop());
    // The first request starts the instance.
    await tell(gateway.url, 'first');

    const told = new Map<string, number | string>();
    const requests: Promise<void>[] = [];
    const outages = new AbortController();
    const stopping = stopInTurns(options, upstream, kafka.nodes[0]!, outages.signal);
    const startedAtMs = performance.now();
    for (let number = 0; performance.now() - startedAtMs < options.durationMs; number++) {
      const id = `r${number}`;
      requests.push(tell(gateway.url, id).then((outcome) => void told.set(id, outcome)));
      const dueAtMs = startedAtMs + ((number + 1) / options.perSecond) * 1000;
      await pause(Math.max(0, dueAtMs - performance.now()));
    }
    outages.abort();
    await stopping;
    say('all are sent');
    await Promise.all(requests);
    const inTopic = await readTopic(kafka.connection);
    const report = account(told, upstream.carriedOut, inTopic);
    return options.breakerFailures ? { ...report, keptAtOnce: await keptAtOnce(server) } : report;
  } finally {
    for (const end of endings) await end();
    await server.stop();
    await upstream.stop();
    await kafka.stop();
  }

  /** The upstream alone, Kafka alone, both. */
  async function stopInTurns(
    { outageMs }: FailoverDrillOptions,
    target: Upstream,
    broker: { stop(signal: 'SIGKILL'): Promise<void>; start(): Promise<void> },
    signal: AbortSignal,
  ): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const [withoutUpstream, withoutKafka] = [turn % 3 !== 1, turn % 3 !== 0];
      await pause(outageMs);
      say(`away: ${[withoutUpstream && 'upstream', withoutKafka && 'Kafka'].filter(Boolean).join(', ')}`);
      if (withoutKafka) await broker.stop('SIGKILL');
      if (withoutUpstream) await target.stop();
      await pause(outageMs);
      if (withoutKafka) await broker.start();
      if (withoutUpstream) await target.start();
      say('back');
    }
  }
}

/** Counts what it has carried out before it says so; stopped, it cuts what it is working on. */
class Upstream {
  readonly carriedOut = new Map<string, number>();
  #server: Server | undefined;
  #port = 0;

  async start(): Promise<number> {
    const server = createServer((request, response) => {
      let id = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (id += chunk));
      request.on('end', () => {
        this.carriedOut.set(id, (this.carriedOut.get(id) ?? 0) + 1);
        setTimeout(() => response.end(id), WORK_MS);
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this.#port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** @returns the status, or what was wrong with the answer */
function tell(url: string, id: string): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = httpRequest(`${url}/`, { method: 'POST', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('error', (error) => resolve(error.message));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        resolve(status === 200 && body !== id ? `200 with ${body}` : status);
      });
    });
    sent.on('error', (error) => resolve(error.message));
    sent.end(id);
  });
}

/** Of each id, whether its records say that it may have been delivered. */
async function readTopic(connection: {
  readonly bootstrapServers: readonly string[];
}): Promise<Map<string, boolean[]>> {
  const found = new Map<string, boolean[]>();
  const producer = new RecordProducer(connection);
  const reader = new TopicReader(connection, producer);
  try {
    await new Promise<void>((resolve, reject) =>
      reader.follow(TOPIC, {
        from: { sinceMs: 0 },
        upToNow: true,
        onRecord: ({ value }) => {
          const { body, delivered } = JSON.parse(String(value)) as { body: string; delivered: string };
          found.set(body, [...(found.get(body) ?? []), delivered === 'maybe']);
        },
        onCaughtUp: resolve,
        onLost: reject,
      }),
    );
    return found;
  } finally {
    await reader.close();
    await producer.close();
  }
}

export function account(
  told: ReadonlyMap<string, number | string>,
  carriedOut: ReadonlyMap<string, number>,
  inTopic: ReadonlyMap<string, readonly boolean[]>,
): FailoverDrillReport {
  const ids = [...told.keys()];
  const count = (holds: (id: string) => boolean): number => ids.filter(holds).length;
  const isAnswered = (id: string): boolean => told.get(id) === 200;
  const isKept = (id: string): boolean => told.get(id) === 202;
  const isFailed = (id: string): boolean => told.get(id) === 502 || told.get(id) === 504;
  const isBoth = (id: string): boolean => isKept(id) && carriedOut.has(id) && inTopic.has(id);
  const saysSo = (id: string): boolean => inTopic.get(id)?.every((maybe) => maybe) === true;
  return {
    sent: told.size,
    answered: count(isAnswered),
    kept: count(isKept),
    failed: count(isFailed),
    others: ids
      .filter((id) => !isAnswered(id) && !isKept(id) && !isFailed(id))
      .map((id) => `${id}: ${told.get(id)}`),
    answeredByNobody: count((id) => isAnswered(id) && !carriedOut.has(id)),
    lost: count((id) => isKept(id) && !inTopic.has(id)),
    keptTwice: count((id) => (inTopic.get(id)?.length ?? 0) > 1),
    carriedOutTwice: count((id) => (carriedOut.get(id) ?? 0) > 1),
    bothMaybe: count((id) => isBoth(id) && saysSo(id)),
    bothUnsaid: count((id) => isBoth(id) && !saysSo(id)),
    answeredAndKept: count((id) => isAnswered(id) && inTopic.has(id)),
    failedAndKept: count((id) => isFailed(id) && inTopic.has(id)),
  };
}

async function keptAtOnce(server: PluginServerProcess): Promise<number> {
  const { plugins } = (await server.status()) as {
    plugins: { custom_kafka_failover: { process: { kept_at_once: number } } };
  };
  return plugins.custom_kafka_failover.process.kept_at_once;
}

function kongYml(upstreamPort: number, bootstrapServers: string, breakerFailures: number): string {
  const [host, port] = bootstrapServers.split(':');
  return JSON.stringify({
    _format_version: '3.0',
    services: [
      {
        name: 'upstream',
        url: `http://127.0.0.1:${upstreamPort}`,
        retries: 0,
        routes: [{ name: 'all', paths: ['/'] }],
        plugins: [
          {
            name: 'custom_kafka_failover',
            config: {
              bootstrap_servers: [{ host, port: Number(port) }],
              topic: TOPIC,
              breaker: { failures: breakerFailures, open_for: 1 },
            },
          },
        ],
      },
    ],
  });
}
