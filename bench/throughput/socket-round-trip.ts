/**
 * What a round trip over a Unix socket costs between two bare processes on this machine: the yardstick for everything
 * that speaks Kong's protocol, which needs two of them per event. On virtual machines most of it is waking up.
 *
 * An event that ends with an exit leaves Kong without its connection, so the next one begins with a new one: that is the
 * second figure.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ascending, percentile } from '../load/statistics';

const WARM_UP = 1000;
const ROUND_TRIPS = 5000;
const MESSAGE = Buffer.alloc(64);

/** Medians in milliseconds. */
export interface RoundTripTimes {
  readonly openMs: number;
  /** With a connection of its own, from before it is made. */
  readonly newMs: number;
}

export async function socketRoundTrips(): Promise<RoundTripTimes> {
  const folder = await mkdtemp(join(tmpdir(), 'round-trip-'));
  const path = join(folder, 'socket');
  const child = fork(__filename, [path]);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`the other end of the socket ended with ${code}`)));
    });
    const socket = await connected(path);
    const openMs = await median(() => roundTrip(socket));
    socket.destroy();
    const newMs = await median(async () => {
      const own = await connected(path);
      await roundTrip(own);
      own.destroy();
    });
    return { openMs, newMs };
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

async function median(once: () => Promise<void>): Promise<number> {
  const timesMs: number[] = [];
  for (let count = 0; count < WARM_UP + ROUND_TRIPS; count++) {
    const sinceMs = performance.now();
    await once();
    timesMs.push(performance.now() - sinceMs);
  }
  return percentile(ascending(timesMs.slice(WARM_UP)), 0.5);
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
  });
}

function roundTrip(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve());
    socket.write(MESSAGE);
  });
}

if (require.main === module) {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => undefined);
  });
  server.listen(process.argv[2], () => process.send?.('listening'));
}
