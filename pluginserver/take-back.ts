/**
 * A successor that dies after it has taken the sockets leaves names behind that nobody answers. As long as the process
 * that was replaced still runs, it takes them back and serves again.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { log } from '../bridge/telemetry/log';
import { saysNobodyListens } from './nobody-listens';
import type { PluginServer } from './server';

/** Whoever restarts the successor does so within a second or two. */
const DEAD_TICKS = 2;

export interface TakeBackOptions {
  readonly servers: readonly Pick<PluginServer, 'isReplaced' | 'socketPath' | 'bindAgain' | 'claim'>[];
  readonly isDraining: () => boolean;
  /** All sockets are ours again. */
  readonly onTakenBack: () => void;
}

export class TakeBack {
  private deadTicks = 0;
  private isLooking = false;

  constructor(private readonly options: TakeBackOptions) {}

  /** Called by the process's one timer. */
  onTick(): void {
    if (!this.isLooking && this.lost.length > 0 && !this.options.isDraining()) void this.look();
  }

  /** A successor that died while it took them has not taken all. */
  private get lost(): TakeBackOptions['servers'] {
    return this.options.servers.filter((server) => server.isReplaced);
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.isLooking = true;
    try {
      const answers = await Promise.all(this.lost.map(({ socketPath }) => isAnswered(socketPath)));
      this.deadTicks = answers.includes(true) ? 0 : this.deadTicks + 1;
      if (this.deadTicks >= DEAD_TICKS && !this.options.isDraining()) await this.takeBack();
    } catch (error) {
      log.error('the sockets of a process that died cannot be taken back', { error });
    } finally {
      this.isLooking = false;
    }
  }

  private async takeBack(): Promise<void> {
    log.warn('the process that took the sockets is gone; this one takes them back and serves again');
    this.deadTicks = 0;
    const { lost } = this;
    for (const server of lost) await server.bindAgain();
    for (const server of lost) server.claim();
    this.options.onTakenBack();
  }
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    return !saysNobodyListens(error);
  } finally {
    socket.destroy();
  }
}
