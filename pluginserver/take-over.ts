/**
 * Takes the sockets of a process that serves the same paths, so that no request notices: an upgrade.
 *
 * A request is two events of two plugins, and what connects them is in the memory of one process. So between the first
 * rename and the last no request may begin here, and those that have begun there must get through both plugins:
 *
 *   1. all sockets are bound under names of their own, and answer nothing yet;
 *   2. the first plugin's name is taken; what comes in now waits;
 *   3. the predecessor is told. It begins no further event of this plugin: on a connection that Kong had pooled it closes
 *      instead, and Kong comes here. It answers when no request is on its way from this plugin to the next;
 *   4. the next name is taken, and so on; then what has waited is served. Events of the last plugin end where they are.
 *
 * A predecessor that knows nothing of this, an older version, answers step 3 at once.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { log } from '../bridge/telemetry/log';
import { encodeHandOver } from './messages';
import type { PluginServer } from './server';

/** Requests wait this long at most for a predecessor that does not answer. */
const ANSWER_TIMEOUT_MS = 2000;

/** Like `listen` of each server, in the order in which Kong runs the plugins. @throws SocketPathError */
export async function takeOver(
  servers: readonly PluginServer[],
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
): Promise<void> {
  const inOrder = [...servers].sort((a, b) => b.plugin.priority - a.plugin.priority);
  for (const server of inOrder) await server.bind();
  const predecessors = await Promise.all(inOrder.map((server) => connectTo(server.socketPath)));
  try {
    if (predecessors.some((socket) => socket !== undefined)) for (const server of inOrder) server.hold();
    for (const [index, server] of inOrder.entries()) {
      server.claim();
      const isFollowed = index < inOrder.length - 1;
      await tell(predecessors[index], isFollowed, answerTimeoutMs);
    }
  } finally {
    for (const server of inOrder) server.release();
    for (const socket of predecessors) socket?.end();
  }
  log.info('serving', { plugins: inOrder.map((server) => server.pluginName) });
}

/** Nothing where nobody listens, as on a socket that a killed process has left. */
async function connectTo(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch {
    return undefined;
  }
  socket.on('error', () => undefined);
  return socket;
}

async function tell(
  predecessor: Socket | undefined,
  isFollowed: boolean,
  answerTimeoutMs: number,
): Promise<void> {
  if (predecessor === undefined) return;
  predecessor.write(encodeHandOver(1, isFollowed));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      log.warn(
        'the process before this one does not say that it is ready; its sockets are taken all the same',
      );
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
