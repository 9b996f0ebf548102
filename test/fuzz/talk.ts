/** One peer on a socket, from its first byte to the end of its connection. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';

/** Of the bytes in front of an input that say how the rest is cut. */
export const CUTS = 2;

/** Writes the pieces, says that this was all, and collects what the other side has written until it closes. */
export function talk(to: string | number, pieces: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = typeof to === 'string' ? connect(to) : connect({ port: to, host: '127.0.0.1', ...from() });
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.on('connect', () => {
      const next = (index: number): void => {
        const piece = pieces[index];
        if (piece === undefined || !socket.writable) socket.end();
        else socket.write(piece, () => setImmediate(next, index + 1));
      };
      next(0);
    });
  });
}

let talks = 0;

/** Another address of this machine each time, as an address has ports for some thousand connections a minute. */
function from(): { localAddress: string } | undefined {
  if (process.platform !== 'linux') return undefined;
  talks = (talks + 1) % 64_000;
  return { localAddress: `127.0.${Math.floor(talks / 250)}.${(talks % 250) + 1}` };
}

/** Three, cut where the first two bytes say. */
export function inPieces(input: Buffer, headBytes: number): Buffer[] {
  const [first = 0, second = 0] = input;
  const rest = input.subarray(headBytes);
  const cuts = [0, Math.min(first, rest.length), Math.min(first + second, rest.length), rest.length];
  return cuts.slice(1).map((cut, index) => rest.subarray(cuts[index], cut));
}

/** Frames and nothing after them. */
export function assertWholeFrames(written: Buffer): void {
  let at = 0;
  while (at + 4 <= written.length) at += 4 + written.readUInt32LE(at);
  assert.equal(at, written.length, 'the server has written half a frame');
}
