/**
 * How the process ends.
 *
 * External (a service of its own): what waits may finish. New events get a clean 503, and the sockets stay open so
 * that they do; then connections to Kafka are closed, the sockets removed, exit 0.
 *
 * Managed (started by Kong): between Kong's SIGTERM and SIGKILL lie 55 ms on a reload. So the first thing the
 * handler does, synchronously, is to write a 503 to every open event; a connection that closed unanswered would be
 * run again by Kong, or end as a 500. All else is a bonus.
 */

import { GatewayError } from '../bridge/errors';
import { log, toggleDebug } from '../bridge/telemetry/log';
import type { PluginProcesses } from './process-hooks';
import type { PluginServer } from './server';

/** Above the longest wait a plugin can be configured for, 300 s, so that a drain ends no request early. */
export const DEFAULT_DRAIN_TIMEOUT_MS = 305_000;
/** A plugin's close has a bound of its own; this one is for a plugin that forgets. */
const CLOSE_TIMEOUT_MS = 15_000;
/**
 * Kong kills a managed server 55 to 340 ms after its SIGTERM. Requests that are between two plugins at that moment
 * still come in: they get a 503 for as long as we live, where a closed socket would make Kong answer 500.
 */
const MANAGED_LAST_ANSWERS_MS = 1000;
/** Kong answers within a millisecond or two, a busy machine later. */
const ASKED_TIMEOUT_MS = 10_000;
/**
 * Kong drops a pooled connection that it has not used for 60 s. After a take-over it is left to do so: a StartInstance
 * that meets the end of a connection is a 500 in Kong.
 */
const ABANDON_TIMEOUT_MS = 65_000;
/** Kong drops a pooled connection as soon as it sees its end; with two plugins and two workers there may be a thousand. */
const DISCONNECT_TIMEOUT_MS = 2000;
const PARENT_POLL_MS = 1000;
/** Images based on Kong's are stopped with SIGQUIT, which node as the first process of a container would ignore. */
export const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** Taken when the process loads: a parent that dies before the watch begins would never be missed. */
const PARENT_AT_START = process.ppid;

export interface LifecycleOptions {
  readonly servers: readonly PluginServer[];
  readonly processes: PluginProcesses;
  readonly managed: boolean;
  readonly drainTimeoutMs: number;
  /** Called when nothing is left to do. */
  readonly exit: (code: number) => void;
  /** Further things to close, such as the status page. */
  readonly onClose?: () => void;
}

/** Bugs that reached the process. */
export interface StrayErrors {
  rejections: number;
  exceptions: number;
}

/** Counts and tells them, and the process lives on. @returns what stops it */
export function catchStrays(counts: StrayErrors): () => void {
  const onRejection = (error: unknown): void => {
    counts.rejections++;
    log.error('a promise was rejected and nobody noticed', { error });
  };
  const onException = (error: unknown): void => {
    counts.exceptions++;
    log.error('an exception was not caught', { error });
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}

export class Lifecycle {
  private ending = false;
  private readonly unhandled: StrayErrors = { rejections: 0, exceptions: 0 };

  constructor(private readonly options: LifecycleOptions) {}

  get draining(): boolean {
    return this.ending;
  }

  /** Bugs that reached the process; each is in the log with its stack. */
  get unhandledErrors(): Readonly<StrayErrors> {
    return this.unhandled;
  }

  /** For a worker, which is ended by its primary and not by signals. */
  catchStrays(): void {
    catchStrays(this.unhandled);
  }

  /** The first signal ends in order, the second at once. */
  onSignal(signal: string): void {
    if (this.ending) {
      log.warn('second signal, ending at once', { signal });
      this.options.exit(1);
      return;
    }
    this.ending = true;
    if (this.options.managed) this.endManaged(signal);
    else void this.endExternal(signal);
  }

  private endManaged(signal: string): void {
    const { servers } = this.options;
    const openEvents = this.countOpenEvents();
    for (const server of servers) {
      server.refuseNewEvents(draining());
      server.refuseOpenEvents(draining());
    }
    log.info('ending: every open event was answered with 503', { signal, open_events: openEvents });
    this.options.processes.drain();
    // Kong has gone over to the successor; of what it still has pooled to us, nothing shall break when we are killed.
    for (const server of servers) if (server.isReplaced) void server.disconnect();
    void this.finish(MANAGED_LAST_ANSWERS_MS);
  }

  private async endExternal(signal: string): Promise<void> {
    const { servers, processes, drainTimeoutMs } = this.options;
    log.info('draining', { signal, open_events: this.countOpenEvents(), drain_timeout_ms: drainTimeoutMs });
    for (const server of servers) {
      // Plugins with a hook of their own refuse what is new, but may have to go on with what they accepted.
      if (server.plugin.hooks?.drain === undefined) server.refuseNewEvents(draining());
    }
    // Of an upgrade no request notices anything, not even one that had just come in. None comes in any more.
    if (servers.every((server) => server.isReplaced))
      await within(ASKED_TIMEOUT_MS, Promise.all(servers.map((server) => server.whenAsked())));
    processes.drain();
    const idle = await within(drainTimeoutMs, this.whenIdle());
    for (const server of servers) server.refuseNewEvents(draining());
    if (!idle) {
      log.warn('the drain took too long; what is still open is answered with 503', {
        open_events: this.countOpenEvents(),
      });
      for (const server of servers) server.refuseOpenEvents(draining());
    }
    await this.finish();
  }

  private async whenIdle(): Promise<void> {
    const { servers, processes } = this.options;
    await processes.idle();
    await Promise.all(servers.map((server) => server.whenIdle()));
    // A request that was accepted in the meantime may wait in a plugin again.
    await processes.idle();
  }

  /** The sockets go last: until then a new event gets a 503 instead of a refused connection. */
  private async finish(lastAnswersMs = 0): Promise<void> {
    const { servers, processes, onClose, exit } = this.options;
    const lastAnswers = new Promise((resolve) => setTimeout(resolve, lastAnswersMs));
    if (!(await within(CLOSE_TIMEOUT_MS, processes.close()))) log.error('closing the plugins took too long');
    await lastAnswers;
    await within(ABANDON_TIMEOUT_MS, Promise.all(servers.map((server) => server.whenAbandoned())));
    await within(DISCONNECT_TIMEOUT_MS, Promise.all(servers.map((server) => server.disconnect())));
    for (const server of servers) server.close();
    onClose?.();
    log.info('ended');
    exit(0);
  }

  private countOpenEvents(): number {
    return this.options.servers.reduce((sum, server) => sum + server.openEventCount, 0);
  }

  /**
   * Signals, and errors that nobody caught. After one of those the process lives on: ending it, or refusing new
   * requests until the old ones are done, would let one request hurt all others.
   *
   * @returns what removes the handlers
   */
  install(): () => void {
    const onSignal = (signal: NodeJS.Signals): void => this.onSignal(signal);
    for (const signal of END_SIGNALS) process.on(signal, onSignal);
    const stopCatching = catchStrays(this.unhandled);
    const stopWatching = this.options.managed ? watchParent(() => this.onParentGone()) : () => undefined;
    return () => {
      for (const signal of END_SIGNALS) process.off(signal, onSignal);
      stopCatching();
      stopWatching();
    };
  }

  private onParentGone(): void {
    if (!this.ending) this.onSignal('parent gone');
  }
}

/**
 * A killed Kong worker sends no signal, and the end of stdin says nothing, as sibling processes hold its other end.
 * Returns what stops the watch.
 */
export function watchParent(
  onGone: () => void,
  parentPid: () => number = () => process.ppid,
  parent: number = PARENT_AT_START,
): () => void {
  const timer = setInterval(() => {
    if (parentPid() === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_POLL_MS);
  return () => clearInterval(timer);
}

/**
 * SIGUSR2 switches level debug on and off. What rotates logs sends SIGUSR1 by habit; without a handler it opens node's
 * debugger to every local user, and SIGUSR2 ends the process.
 */
export function obeyLogSignals(): void {
  process.on('SIGUSR1', (signal) =>
    log.info('nothing to do at this signal: the log goes to stderr, no file needs to be opened again', {
      signal,
    }),
  );
  process.on('SIGUSR2', toggleDebug);
}

function draining(): GatewayError {
  return new GatewayError('draining', 'the plugin server is ending');
}

/** True when the promise resolved in time. */
async function within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
