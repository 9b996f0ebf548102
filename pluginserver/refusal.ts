/**
 * An answer the server gives in place of a handler, to many events at once.
 *
 * A thousand waiting events must have theirs before Kong kills a managed server, 55 ms after its SIGTERM. Encoding
 * each one took 50 ms; so it is encoded once, and only the request id is written anew.
 */

import { errorAnswer, type GatewayError } from '../bridge/errors';
import { encodeExit } from './messages';
import { pdkMethod } from './pdk';

const EXIT = pdkMethod('kong.response.exit');
/** Kong's request ids are 32 hexadecimal digits. Others may need escapes in JSON and are encoded in full. */
const PLAIN_ID = /^[0-9a-f]{32}$/;
const PLACEHOLDER = '0123456789abcdef'.repeat(2);

export class Refusal {
  private withoutId: Buffer | undefined;
  private withId: { readonly frames: Buffer; readonly idAt: number } | undefined;

  constructor(readonly error: GatewayError) {}

  /** The call of `exit` that answers an event. Not to be written into. */
  frames(requestId: string | undefined): Buffer {
    if (requestId === undefined) return (this.withoutId ??= this.encode(undefined));
    if (!PLAIN_ID.test(requestId)) return this.encode(requestId);
    if (this.withId === undefined) {
      const frames = this.encode(PLACEHOLDER);
      this.withId = { frames, idAt: frames.indexOf(PLACEHOLDER) };
    }
    const frames = Buffer.from(this.withId.frames);
    frames.write(requestId, this.withId.idAt, 'latin1');
    return frames;
  }

  private encode(requestId: string | undefined): Buffer {
    const { status, body, headers } = errorAnswer(this.error, { requestId });
    return Buffer.concat(encodeExit(EXIT.nameFrame, status, body, headers));
  }
}
