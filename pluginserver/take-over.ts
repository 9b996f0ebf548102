/**
 * Takes the sockets of a process that serves the same paths, so that no request notices: an upgrade, or `kong reload`.
 *
 * A request may be two events of two plugins, and what connects them is in the memory of one process. So between the
 * first rename and the last no request may begin here, and those that have begun there must get through both plugins:
 *
 *   1. all sockets are bound under names of their own, and answer nothing yet;
 *   2. the first plugin's name is taken; what comes in now waits;
 *   3. the predecessor is told. It looks at the name of its socket: only who may write in that folder can have taken it,
 *      which is all the proof there is and needs to be. Then it begins no further event of this plugin: on a connection
 *      that Kong had pooled it closes instead, and Kong comes here. Where another plugin goes on with this one's requests
 *      it answers when none is on its way to it, else at once;
 *   4. the next name is taken, and so on; with the last one the predecessor is asked for the status port, if it was
 *      taken. Then what has waited is served. Events of a plugin that nobody goes on with end where they are.
 *
 * A predecessor that knows nothing of this, an older version, answers step 3 at once.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { log } from '../bridge/telemetry/log';
import { encodeHandOver } from './messages';
import { saysNobodyListens } from './nobody-listens';
import type { LoadedPlugin } from './plugin-loader';
import type { PluginServer } from './server';

/** Requests wait this long for a predecessor that does not answer, for all of its sockets together, … */
const ANSWER_TIMEOUT_MS = 2000;
/** … and this long for each of those that are left then: another process may have them. */
const LATE_ANSWER_TIMEOUT_MS = 200;
const BUSY_POLL_MS = 10;

/** What is needed of a PluginServer. */
export type SocketOwner = Pick<
  PluginServer,
  'pluginName' | 'socketPath' | 'bind' | 'hold' | 'claim' | 'release'
> & { readonly plugin: Pick<LoadedPlugin, 'priority' | 'continues' | 'failure'> };

export interface TakeOverOptions<S extends SocketOwner> {
  readonly answerTimeoutMs?: number;
  /** Asked of the predecessor; undefined: this process has it, or wants none. */
  readonly wantedStatusPort?: number | undefined;
  /** Called with those whose socket is bound, before any name is taken. */
  readonly onBound?: (servers: readonly S[]) => void | Promise<void>;
}

/**
 * Like `listen` of each server, in the order in which Kong runs the plugins.
 *
 * One plugin of several that cannot be served does not keep the others from it, unless a process that serves them
 * already would lose its sockets to that.
 *
 * @returns those whose socket cannot be bound
 * @throws Error with one sentence for the operator when nothing is gained by serving
 */
export async function takeOver<S extends SocketOwner>(
  servers: readonly S[],
  { answerTimeoutMs = ANSWER_TIMEOUT_MS, wantedStatusPort, onBound }: TakeOverOptions<S> = {},
): Promise<S[]> {
  const inOrder = [...servers].sort((a, b) => b.plugin.priority - a.plugin.priority);
  const { bound, unbound, reason } = await bindAll(inOrder);
  const predecessors = await Promise.all(
    inOrder.map((server) => connectTo(server.socketPath, answerTimeoutMs)),
  );
  try {
    const isFirst = predecessors.every((socket) => socket === undefined);
    if (reason !== undefined) refuseUselessStart(reason, bound, isFirst);
    await onBound?.(bound);
    if (!isFirst) for (const server of bound) server.hold();
    const answersUntilMs = performance.now() + answerTimeoutMs;
    for (const [index, server] of bound.entries()) {
      server.claim();
      const isLast = index === bound.length - 1;
      const isFollowed = bound.some(({ plugin }) => plugin.continues === server.pluginName);
      const call = encodeHandOver(1, isFollowed, isLast ? wantedStatusPort : undefined);
      const leftMs = Math.max(answersUntilMs - performance.now(), LATE_ANSWER_TIMEOUT_MS);
      await tell(predecessors[inOrder.indexOf(server)], call, leftMs);
    }
  } finally {
    for (const server of bound) server.release();
    for (const socket of predecessors) socket?.end();
  }
  log.info('serving', { plugins: bound.map((server) => server.pluginName) });
  return unbound;
}

interface Bound<S> {
  readonly bound: S[];
  readonly unbound: S[];
  /** Of the first plugin that cannot be served, for whatever cause. */
  readonly reason: string | undefined;
}

async function bindAll<S extends SocketOwner>(servers: readonly S[]): Promise<Bound<S>> {
  const bound: S[] = [];
  const unbound: S[] = [];
  let reason: string | undefined;
  for (const server of servers) {
    reason ??= server.plugin.failure;
    try {
      await server.bind();
      bound.push(server);
    } catch (error) {
      unbound.push(server);
      reason ??= (error as Error).message;
    }
  }
  return { bound, unbound, reason };
}

/** @throws Error */
function refuseUselessStart(reason: string, bound: readonly SocketOwner[], isFirst: boolean): void {
  if (!isFirst) throw new Error(`${reason} The process that has these sockets goes on.`);
  if (!bound.some((server) => server.plugin.failure === undefined)) throw new Error(reason);
}

/** Nothing where nobody listens, as on a socket that a killed process has left, or where a process stays too busy to accept. */
async function connectTo(path: string, timeoutMs: number): Promise<Socket | undefined> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      return socket;
    } catch (error) {
      if (saysNobodyListens(error)) return undefined;
      if (performance.now() >= untilMs) {
        warnOfSilence();
        return undefined;
      }
      await pause(BUSY_POLL_MS);
    }
  }
}

function warnOfSilence(): void {
  log.warn('the process before this one does not say that it is ready; its sockets are taken all the same');
}

async function tell(predecessor: Socket | undefined, call: Buffer, answerTimeoutMs: number): Promise<void> {
  if (predecessor === undefined) return;
  predecessor.write(call);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      warnOfSilence();
      resolve();
    }, answerTimeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    predecessor.once('data', end);
    predecessor.once('close', end);
  });
}
