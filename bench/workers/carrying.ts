/** What two workers carry where one is at its end, and what each request costs them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../../dev/child-process';
import { PLUGIN_SERVER } from '../../dev/stack';
import type { GrowthTarget } from '../growth/driver';
import type { LoadProcess } from '../load/load-process';
import { cpuMicroseconds } from '../load/process-usage';
import type { CleanUps } from '../load/run-command';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import { sum } from '../load/statistics';
import { processTree } from '../load/process-tree';

const PLUGIN = join(__dirname, 'looped-plugin');
const CONFIG = {
  bootstrap_servers: [{ host: 'nowhere', port: 9092 }],
  topic: 'looped.requests',
  reply_topic: 'looped.replies',
  max_in_flight: 100_000,
  reply: { timeout: 60_000 },
};
const IN_FLIGHT = 256;
const WARM_UP_MS = 3000;

export interface Carried {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly driverMicros: number;
  readonly p99Ms: number;
  readonly lost: number;
}

export class Carrying {
  private constructor(
    private readonly driver: LoadProcess,
    private readonly target: string,
    private readonly processIds: () => number[],
  ) {}

  /** A plugin server with so many workers, warm. */
  static async start(
    workers: number,
    clientMicros: number,
    driver: LoadProcess,
    cleanUps: CleanUps,
  ): Promise<Carrying> {
    const folder = await mkdtemp(join(tmpdir(), 'kong-kafka-'));
    cleanUps.push(() => rm(folder, { recursive: true, force: true }));
    const socket = join(folder, 'looped.sock');
    const flags = ['--plugin', `${PLUGIN}=${socket}`, '--workers', String(workers)];
    const server = new Child('plugin server', [...SHIPPED_NODE_FLAGS, PLUGIN_SERVER, ...flags], {
      env: { LOOPED_CLIENT_US: String(clientMicros) },
    });
    cleanUps.push(() => server.stop());
    await server.until(/"serving"/);
    const target = `${workers} workers, ${clientMicros} µs`;
    const route = { plugins: [{ plugin: 'custom_kafka_request_reply', socket, config: CONFIG }] };
    await driver.connect(target, { routes: [route] } satisfies GrowthTarget);
    await driver.run(target, { inFlight: IN_FLIGHT, durationMs: WARM_UP_MS });
    return new Carrying(driver, target, () => processTree(server.pid));
  }

  async measure(durationMs: number): Promise<Carried> {
    const ids = this.processIds();
    const used = (): number => sum(ids.map(cpuMicroseconds));
    const [before, driverBefore] = [used(), cpuMicroseconds(this.driver.pid)];
    const result = await this.driver.run(this.target, { inFlight: IN_FLIGHT, durationMs });
    return {
      perSecond: result.perSecond,
      cpuMicros: (used() - before) / result.ended,
      driverMicros: (cpuMicroseconds(this.driver.pid) - driverBefore) / result.ended,
      p99Ms: result.p99Ms,
      lost: result.lost + result.crossed,
    };
  }
}
