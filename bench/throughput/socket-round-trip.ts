/**
 * What a round trip over a Unix socket costs between two bare processes on this machine: the yardstick for everything
 * that speaks Kong's protocol, which needs two of them per event. On virtual machines most of it is waking up.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ascending, percentile } from '../load/statistics';

const WARM_UP = 2000;
const ROUND_TRIPS = 10_000;
const MESSAGE = Buffer.alloc(64);

/** Median in milliseconds. */
export async function socketRoundTripMs(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'round-trip-'));
  const path = join(folder, 'socket');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const child = fork(__filename, [path]);
  try {
    const socket = await new Promise<Socket>((resolve, reject) => {
      server.once('connection', resolve);
      child.once('exit', (code) => reject(new Error(`the other end of the socket ended with ${code}`)));
    });
    const timesMs = await roundTrips(socket);
    return percentile(ascending(timesMs.slice(WARM_UP)), 0.5);
  } finally {
    child.kill('SIGKILL');
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function roundTrips(socket: Socket): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const timesMs: number[] = [];
    let sentMs = performance.now();
    socket.on('error', reject);
    socket.on('data', () => {
      timesMs.push(performance.now() - sentMs);
      if (timesMs.length === WARM_UP + ROUND_TRIPS) {
        socket.destroy();
        resolve(timesMs);
        return;
      }
      sentMs = performance.now();
      socket.write(MESSAGE);
    });
    socket.write(MESSAGE);
  });
}

if (require.main === module) {
  const socket = connect(process.argv[2] ?? '');
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('error', () => process.exit());
}
