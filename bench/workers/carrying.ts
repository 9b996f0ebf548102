/** What two workers carry where one is at its end, and what each request costs them. */
import { join } from 'node:path';
import { Child } from '../../dev/child-process';
import { PLUGIN_SERVER } from '../../dev/stack';
import { cpuMicroseconds } from '../load/process-usage';
import type { CleanUps } from '../load/run-command';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import { sum } from '../load/statistics';
import { processTree } from '../load/process-tree';
import { recordExchange } from './recording';
import { replay } from './replay';

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
    private readonly program: string,
    private readonly recording: string,
    private readonly socket: string,
    private readonly processIds: () => number[],
  ) {}

  /**
   * A plugin server with so many workers, warm.
   *
   * @param program that replays, see replay.ts
   */
  static async start(
    workers: number,
    program: string,
    folder: string,
    cleanUps: CleanUps,
  ): Promise<Carrying> {
    const socket = join(folder, `${workers}.sock`);
    const flags = ['--plugin', `${PLUGIN}=${socket}`, '--workers', String(workers)];
    const server = new Child('plugin server', [...SHIPPED_NODE_FLAGS, PLUGIN_SERVER, ...flags]);
    cleanUps.push(() => server.stop());
    await server.until(/"serving"/);
    const recording = await recordExchange(
      { plugin: 'custom_kafka_request_reply', socket, config: CONFIG },
      join(folder, `recorded-${workers}.sock`),
    );
    const carrying = new Carrying(program, recording, socket, () => processTree(server.pid));
    await carrying.measure(WARM_UP_MS);
    return carrying;
  }

  async measure(durationMs: number): Promise<Carried> {
    const ids = this.processIds();
    const used = (): number => sum(ids.map(cpuMicroseconds));
    const before = used();
    const result = await replay(this.program, this.recording, {
      socket: this.socket,
      inFlight: IN_FLIGHT,
      durationMs,
    });
    return {
      perSecond: result.perSecond,
      cpuMicros: (used() - before) / result.ended,
      driverMicros: result.driverMicros,
      p99Ms: result.p99Ms,
      lost: result.lost + result.crossed,
    };
  }
}
