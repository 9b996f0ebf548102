/**
 * The request body, from memory or from the file nginx wrote it to.
 *
 * nginx keeps bodies above about 10 KB in a file that only Kong's worker user can read and that vanishes 50 ms
 * after the request has ended, so it must be read before `exit`.
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { GatewayError } from '../bridge/errors';
import type { RawBody } from './messages';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * @param maxBytes a larger body is refused without being read; 0 or undefined: no limit
 * @param reserve called with the size before memory is taken for it; may throw
 * @throws GatewayError request_too_large, misconfigured (the file cannot be read from here), internal
 */
export function bodyBytes(
  body: RawBody,
  maxBytes: number | undefined,
  reserve: (sizeBytes: number) => void = () => undefined,
): Buffer | Promise<Buffer> {
  if (body.kind === 'file') return readBodyFile(body.path, maxBytes, reserve);
  if (body.kind === 'error')
    throw new GatewayError('internal', `Kong could not read the body: ${body.message}`);
  refuseAbove(maxBytes, body.content.length);
  reserve(body.content.length);
  return body.content;
}

/** How nginx names what it keeps of a body. No file of anybody else's has such a name, at least none with secrets. */
const BODY_FILE = /\/\d{10}$/;

async function readBodyFile(
  path: string,
  maxBytes: number | undefined,
  reserve: (sizeBytes: number) => void,
): Promise<Buffer> {
  // Whoever may connect to the socket could otherwise have any file read that this process may read.
  if (!BODY_FILE.test(path)) throw new GatewayError('internal', "Kong named a file that is none of nginx's");
  // The path came as bytes, like every string of Kong's.
  const file = await open(Buffer.from(path, 'latin1'), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new GatewayError(
        'misconfigured',
        `Kong keeps the body in ${path}, which this process cannot read: run it on the same file system as Kong's ` +
          'workers and under their user, or raise nginx_http_client_body_buffer_size above the largest body',
        { cause },
      );
    },
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new GatewayError('internal', 'Kong named something that is not a file');
    const { size } = stat;
    refuseAbove(maxBytes, size);
    reserve(size);
    const content = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await file.read(content, filled, size - filled, filled);
      if (bytesRead === 0)
        throw new GatewayError('internal', `${path} ended after ${filled} of ${size} bytes`);
      filled += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}

function refuseAbove(maxBytes: number | undefined, sizeBytes: number): void {
  if (maxBytes !== undefined && maxBytes > 0 && sizeBytes > maxBytes) {
    throw new GatewayError('request_too_large', `the body has ${sizeBytes} bytes, the limit is ${maxBytes}`);
  }
}
