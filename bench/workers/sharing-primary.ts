/** The process that has the socket, and those behind it. */
import cluster from 'node:cluster';
import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SharedSocket } from '../../pluginserver/workers/shared-socket';
import type { SharingOptions } from './sharing';

const WORKER = join(__dirname, 'sharing-worker.js');
const options = JSON.parse(process.argv[2]!) as SharingOptions;
const { way, workers, path } = options;
const numbers = Array.from({ length: workers }, (_, index) => index + 1);
const argumentsOf = (number: number): string[] => [JSON.stringify({ ...options, number })];
const isReady = (child: { once(event: 'message', listener: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => child.once('message', resolve));

async function main(): Promise<void> {
  if (way === 'round-robin') {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    await Promise.all(
      numbers.map((number) => {
        cluster.setupPrimary({ exec: WORKER, args: argumentsOf(number) });
        return isReady(cluster.fork());
      }),
    );
  } else {
    const children = numbers.map((number) => fork(WORKER, argumentsOf(number)));
    const ready = Promise.all(children.map(isReady));
    await (way === 'shared' ? share(children) : handOver(children));
    await ready;
  }
  process.send!('ready');
}

async function share(children: readonly ChildProcess[]): Promise<void> {
  const socket = new SharedSocket({
    plugin: { name: 'sharing', version: '1', priority: 0, continues: undefined },
    socketPath: path,
    give: async () => undefined,
    open: () => undefined,
  });
  await socket.bind();
  for (const child of children) child.send('socket', socket.handle as never);
  socket.claim();
}

async function handOver(children: readonly ChildProcess[]): Promise<void> {
  let turn = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) =>
    children[turn++ % children.length]!.send('connection', socket),
  );
  await new Promise<void>((resolve) => server.listen({ path, backlog: 4096 }, resolve));
  for (const child of children) child.send('ready?');
}

for (const signal of ['SIGTERM', 'disconnect'] as const)
  process.on(signal, () => {
    process.exit(0);
  });
void main();
