/**
 * What goes over the connection of one request, recorded between the stand-in for a Kong worker and a plugin server, in the
 * form that replay.c plays.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { nextNonce } from '../load/payload';
import { ProtocolEnd } from '../load/protobuf-end';
import type { PluginSocket } from '../load/kong-events';

/** What is done once, at the first request of a process or an instance, is over. */
const REQUESTS_BEFORE = 100;

/** Starts an instance, which stays, and runs requests until one is as all that follow. */
export async function recordExchange(options: PluginSocket, atPath: string): Promise<string> {
  let tape = new Tape();
  const between = createServer((kong) => join(kong, connect(options.socket), tape));
  between.listen(atPath);
  await once(between, 'listening');
  try {
    const end = new ProtocolEnd({ ...options, socket: atPath });
    await end.startInstance();
    end.closeIdle();
    let nonce = '';
    for (let count = 0; count <= REQUESTS_BEFORE; count++) {
      tape = new Tape();
      nonce = nextNonce();
      await answered(end, nonce);
    }
    return tape.script(nonce);
  } finally {
    between.close();
  }
}

function join(kong: Socket, server: Socket, tape: Tape): void {
  kong.on('data', (chunk) => {
    tape.wrote(chunk);
    server.write(chunk);
  });
  server.on('data', (chunk) => {
    tape.heard(chunk);
    kong.write(chunk);
  });
  kong.on('close', () => server.destroy());
  server.on('close', () => kong.destroy());
  // Its end says so as well.
  for (const socket of [kong, server]) socket.on('error', () => undefined);
}

function answered(end: ProtocolEnd, nonce: string): Promise<void> {
  return new Promise((resolve, reject) => {
    end.run(nonce, (exit) => {
      if (exit?.status === 200) resolve();
      else reject(new Error(`The request to record was answered with ${exit?.status ?? 'nothing'}.`));
    });
  });
}

class Tape {
  readonly #heard: Buffer[] = [];
  readonly #writes: string[] = [];
  #heardBytes = 0;

  wrote(bytes: Buffer): void {
    this.#writes.push(`${this.#heardBytes} ${bytes.toString('hex')}`);
  }

  heard(bytes: Buffer): void {
    this.#heard.push(bytes);
    this.#heardBytes += bytes.length;
  }

  script(nonce: string): string {
    return `${[nonce, Buffer.concat(this.#heard).toString('hex'), ...this.#writes].join('\n')}\n`;
  }
}
