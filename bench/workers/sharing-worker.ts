/** Answers each connection with its own number. */
import { createServer, type Socket } from 'node:net';
import type { SharingOptions } from './sharing';

const BUSY_EVERY_MS = 200;
const { way, number, path, busyMs, workMs } = JSON.parse(process.argv[2]!) as SharingOptions & {
  readonly number: number;
};

const answer = Buffer.of(number);
const serve = (socket: Socket): void => {
  socket.on('error', () => undefined);
  socket.once('data', () => {
    spin(workMs);
    socket.write(answer);
  });
};
const server = createServer(serve);

function spin(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

if (busyMs > 0 && number === 1) setInterval(() => spin(busyMs), BUSY_EVERY_MS);

const ready = (): void => void process.send!('ready');
if (way === 'round-robin') server.listen({ path, backlog: 4096 }, ready);
else
  process.on('message', (message, handle) => {
    if (message === 'connection') {
      const socket = handle as Socket | undefined;
      if (socket === undefined) return;
      serve(socket);
      socket.resume();
    } else if (message === 'socket') {
      server.listen({ fd: (handle as unknown as { readonly fd: number }).fd, backlog: 4096 }, ready);
    } else ready();
  });
process.on('disconnect', () => process.exit(0));
