/** One request to a broker in Kafka's own protocol, for what the client library cannot ask. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { int16, int32, text } from './protocol-bytes';

const CLIENT_ID = 'test-tool';
const ANSWER_LIMIT_MS = 10_000;

/**
 * @param port of a listener without security
 * @returns the answer behind its correlation id
 */
export async function askBroker(port: number, api: number, version: number, body: Buffer): Promise<Buffer> {
  const request = Buffer.concat([int16(api), int16(version), int32(1), text(CLIENT_ID), body]);
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(Buffer.concat([int32(request.length), request]));
    let received = Buffer.alloc(0);
    while (received.length < 4 || received.length < 4 + received.readInt32BE(0)) {
      const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })) as [Buffer]; // prettier-ignore
      received = Buffer.concat([received, chunk]);
    }
    return received.subarray(8);
  } finally {
    socket.destroy();
  }
}
