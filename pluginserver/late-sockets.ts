/**
 * Sockets that could not be bound when the process started, such as one whose folder comes later: they are tried again
 * until they can, while the others are served.
 */

import { systemClock, type Clock } from '../bridge/clock';
import { log } from '../bridge/telemetry/log';
import type { PluginServer } from './server';

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export class LateSockets<S extends Pick<PluginServer, 'listen' | 'socketPath'>> {
  /** @param isOver the sockets have gone to another process, or this one ends */
  constructor(
    private readonly onServing: (server: S) => void,
    private readonly isOver: () => boolean,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Once. */
  watch(servers: readonly S[]): void {
    if (servers.length > 0) this.retryAfter(FIRST_RETRY_MS, servers);
  }

  private retryAfter(delayMs: number, servers: readonly S[]): void {
    this.clock.after(delayMs, () => void this.retry(delayMs, servers));
  }

  private async retry(delayMs: number, servers: readonly S[]): Promise<void> {
    if (this.isOver()) return;
    const late: S[] = [];
    for (const server of servers) {
      try {
        await server.listen();
        this.onServing(server);
      } catch (error) {
        log.debug('a socket still cannot be bound', { socket: server.socketPath, reason: String(error) });
        late.push(server);
      }
    }
    if (late.length > 0) this.retryAfter(Math.min(delayMs * 2, MAX_RETRY_MS), late);
  }
}
