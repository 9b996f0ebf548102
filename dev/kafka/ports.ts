/**
 * Ports for nodes that come back on the same port after an outage.
 *
 * They are taken below the range from which the system serves outgoing connections: from inside it, another
 * process could be given the port while the node is down, and a client that retries a closed loopback port out of
 * that range now and then connects to itself.
 */
import { createServer } from 'node:net';

const FIRST_PORT = 20_000;
const LAST_PORT = 31_999; // Linux's ephemeral range starts at 32768.

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt > 500) throw new Error(`No ${count} free ports between ${FIRST_PORT} and ${LAST_PORT}.`);
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
