/**
 * Sockets that could not be bound when the process started, such as one whose folder comes later: they are tried again
 * until they can, while the others are served.
 */

import { systemClock, type Clock } from '../bridge/clock';
import { log } from '../bridge/telemetry/log';
import type { PluginServer } from './server';
import { takeOver } from './take-over';

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export class LateSockets {
  private cancel: () => void = () => undefined;
  private isStopped = false;

  constructor(
    private readonly onServing: (server: PluginServer) => void,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Once. */
  watch(servers: readonly PluginServer[]): void {
    if (servers.length > 0) this.retryAfter(FIRST_RETRY_MS, servers);
  }

  stop(): void {
    this.isStopped = true;
    this.cancel();
  }

  private retryAfter(delayMs: number, servers: readonly PluginServer[]): void {
    if (this.isStopped) return;
    this.cancel = this.clock.after(delayMs, () => void this.retry(delayMs, servers));
  }

  private async retry(delayMs: number, servers: readonly PluginServer[]): Promise<void> {
    const late: PluginServer[] = [];
    for (const server of servers) {
      try {
        await takeOver([server]);
        this.onServing(server);
      } catch (error) {
        log.debug('a socket still cannot be bound', { socket: server.socketPath, reason: String(error) });
        late.push(server);
      }
    }
    if (late.length > 0) this.retryAfter(Math.min(delayMs * 2, MAX_RETRY_MS), late);
  }
}
