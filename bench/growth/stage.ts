/**
 * What all questions of `make growth` stand on: one Kafka, one process that makes the load, and for each question its own
 * topics, responder and plugin servers, which end with it.
 */
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import { PluginServerProcess, startResponderProcess } from '../../dev/stack';
import type { TopicLayout } from '../../bridge/kafka/admin';
import type { KongOptions } from '../load/kong-events';
import type { Load } from '../load/load';
import { LoadProcess } from '../load/load-process';
import { busyMicroseconds, cpuMicroseconds, residentMegabytes } from '../load/process-usage';
import type { CleanUps } from '../load/run-command';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import { median, sum } from '../load/statistics';
import type { Point } from './curve';
import type { GrowthTarget } from './driver';

const PARTITIONS = 4;
/** Java needs some 50,000 records before its broker is as fast as it gets. */
const WARM_UP_MS = 6000;
/** Of a plugin server that has just been started. */
const SHORT_WARM_UP_MS = 1500;
const WARM_UP_IN_FLIGHT = 128;

export interface Topics {
  readonly requests: string;
  readonly replies: string;
}

export interface StageOptions {
  /** Of each measurement. */
  readonly seconds: number;
  readonly say: (line: string) => void;
}

export class Stage {
  readonly #foreignCores: number[] = [];
  readonly #ends: CleanUps = [];
  #own: number[] = [];
  #isWarm = false;

  private constructor(
    readonly kafka: KafkaServer,
    readonly driver: LoadProcess,
    private readonly options: StageOptions,
  ) {}

  static async open(options: StageOptions, cleanUps: CleanUps): Promise<Stage> {
    options.say('starting Kafka');
    const kafka = await startKafka({ optimizeFor: 'throughput' });
    cleanUps.push(() => kafka.stop());
    const driver = await LoadProcess.start('growth/driver');
    cleanUps.push(() => driver.stop());
    const stage = new Stage(kafka, driver, options);
    cleanUps.push(() => stage.clear());
    return stage;
  }

  get durationMs(): number {
    return this.options.seconds * 1000;
  }

  /** Cores that programs outside the run kept busy, the median of all measurements; NaN without any. */
  get foreignCores(): number {
    return median(this.#foreignCores);
  }

  say(line: string): void {
    this.options.say(line);
  }

  /** @param serve options of the responder behind the topic of requests, as in `,delay-ms=100` */
  async topics(name: string, config: TopicLayout['config'] = {}, serve = ''): Promise<Topics> {
    const topics = { requests: `growth.${name}.requests`, replies: `growth.${name}.replies` };
    for (const topic of Object.values(topics))
      await this.kafka.createTopic(topic, { partitions: PARTITIONS, config });
    const responder = await startResponderProcess(this.kafka.bootstrapServers, [topics.requests + serve]);
    this.keep(responder.pid, () => responder.stop());
    return topics;
  }

  async server(options: { env?: Readonly<Record<string, string>> } = {}): Promise<PluginServerProcess> {
    const server = await PluginServerProcess.start({ nodeFlags: SHIPPED_NODE_FLAGS, ...options });
    this.keep(server.child.pid, () => server.stop());
    return server;
  }

  async process(program: string, options: object): Promise<LoadProcess> {
    const started = await LoadProcess.start(program, options);
    this.keep(started.pid, () => started.stop());
    return started;
  }

  /** A route of Kong with both plugins. */
  route(
    server: PluginServerProcess,
    topics: Topics,
    of: { bodyBytes?: number; producer?: object; consumer?: object } = {},
  ): KongOptions {
    const bootstrap_servers = this.kafka.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const { bodyBytes } = of;
    const size = bodyBytes === undefined ? {} : { bodyBytes };
    return {
      plugins: [
        {
          ...size,
          plugin: 'custom_kafka_producer',
          socket: server.socketOf('custom_kafka_producer'),
          config: {
            bootstrap_servers,
            topic: topics.requests,
            reply_topic: topics.replies,
            max_in_flight: 100_000,
            ...of.producer,
          },
        },
        {
          ...size,
          plugin: 'custom_kafka_consumer',
          socket: server.socketOf('custom_kafka_consumer'),
          // Longer than any queue here: what is measured is the cost, and not who gives up.
          config: { timeout: 60_000, ...of.consumer },
        },
      ],
    };
  }

  /** Kong's workers know these routes from now on. */
  async connect(target: string, routes: readonly KongOptions[]): Promise<void> {
    await this.driver.connect(target, { routes } satisfies GrowthTarget);
    const durationMs = this.#isWarm ? SHORT_WARM_UP_MS : WARM_UP_MS;
    this.#isWarm = true;
    await this.driver.run(target, { inFlight: WARM_UP_IN_FLIGHT, durationMs });
  }

  async measure(
    target: string,
    servers: readonly PluginServerProcess[],
    load: Load,
    { x, name }: Pick<Point, 'x' | 'name'>,
  ): Promise<Point> {
    const serverIds = servers.map(({ child }) => child.pid);
    const used = (ids: readonly number[]) => sum(ids.map(cpuMicroseconds));
    const brokerIds = this.kafka.nodes.flatMap(({ processId }) =>
      processId === undefined ? [] : [processId],
    );
    const own = [process.pid, this.driver.pid, ...brokerIds, ...this.#own];
    const before = {
      servers: used(serverIds),
      others: busyMicroseconds() - used(own),
      ms: performance.now(),
    };
    const result = await this.driver.run(target, load);
    const cpuMicros = (used(serverIds) - before.servers) / Math.max(result.ended, 1);
    const others = busyMicroseconds() - used(own) - before.others;
    // Ticks of 10 ms: a quiet machine may come out a little below zero.
    this.#foreignCores.push(Math.max(others / 1000 / (performance.now() - before.ms), 0));
    const { perSecond, p50Ms, p99Ms, lost, crossed, lostStatus } = result;
    const failures = lost + crossed === 0 ? '' : `  ${lost} lost (status ${lostStatus}), ${crossed} crossed`;
    this.say(
      `${target.padEnd(16)} ${name.padStart(10)}${perSecond.toFixed(0).padStart(7)} req/s  ` +
        `p99 ${p99Ms.toFixed(1)} ms  ${cpuMicros.toFixed(0)} µs CPU${failures}`,
    );
    return {
      x,
      name,
      perSecond,
      p50Ms,
      p99Ms,
      cpuMicros,
      residentMegabytes: sum(serverIds.map(residentMegabytes)),
      lost,
      crossed,
    };
  }

  /**
   * Rate and latency of a closed loop, and the cost at a steady rate: where the gateways are as busy as they can be,
   * batches grow with what there is to do, and costs of different points cannot be compared.
   */
  async measureBoth(
    target: string,
    servers: readonly PluginServerProcess[],
    loads: { readonly inFlight: number; readonly perSecond: number },
    place: Pick<Point, 'x' | 'name'>,
  ): Promise<Point> {
    const { durationMs } = this;
    const { inFlight, perSecond } = loads;
    const busy = await this.measure(target, servers, { inFlight, durationMs }, place);
    const steady = await this.measure(target, servers, { perSecond, durationMs }, place);
    return {
      ...busy,
      cpuMicros: steady.cpuMicros,
      lost: busy.lost + steady.lost,
      crossed: busy.crossed + steady.crossed,
    };
  }

  /** Ends what a question has started. */
  async clear(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    this.#own = [];
  }

  /** A process of this question, and what ends it. */
  keep(pid: number, end: () => Promise<unknown>): void {
    this.#own.push(pid);
    this.#ends.push(end);
  }
}
