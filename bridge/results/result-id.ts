/**
 * The id by which a client asks for a reply later. It says itself what a gateway has to know: of which request, since when
 * and whose; signed, so that every gateway with the secret believes it and nobody can make one, or use somebody else's.
 *
 * base64url of a version, the time of issue in seconds, the id on the wire and half an HMAC-SHA256.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isUuid } from '../reply/id-forms';
import { OWN_SECRET } from './own-secret';

const VERSION = 1;
const TIME_AT = 1;
const WIRE_ID_AT = 5;
const SIGNATURE_AT = 21;
const BYTES = 37;
/** Without padding. */
const CHARACTERS = 50;
const FORM = /^[A-Za-z0-9_-]+$/;

/** Who may use an id. Equal ones sign alike. */
export interface ResultScope {
  readonly replyTopic: string;
  /** Of Kong; undefined where nobody has logged in. */
  readonly consumerId: string | undefined;
}

export interface IssuedResult {
  /** The correlation id of the request, a UUID in lower case. */
  readonly wireId: string;
  /** Since 1970, in whole seconds. */
  readonly issuedAtMs: number;
}

/** Whether a part of a path looks like one. Says nothing of its worth. */
export function hasFormOfResultId(text: string): boolean {
  return text.length === CHARACTERS && FORM.test(text);
}

export class ResultIds {
  readonly #key: Buffer;

  /**
   * @param secret undefined: one of this process
   * @param kind an id of one is none of the other
   */
  constructor(secret: string | undefined, kind: 'result ids' | 'stream ids' = 'result ids') {
    // Not the secret itself: it may sign something else in another place.
    this.#key = createHash('sha256')
      .update(`${kind}\n`)
      .update(secret ?? OWN_SECRET)
      .digest();
  }

  /** @param result its wire id must be a UUID */
  issue({ wireId, issuedAtMs }: IssuedResult, scope: ResultScope): string {
    if (!isUuid(wireId)) throw new RangeError('only ids of ours are signed');
    const bytes = Buffer.alloc(BYTES);
    bytes[0] = VERSION;
    bytes.writeUInt32BE(Math.floor(issuedAtMs / 1000), TIME_AT);
    bytes.write(wireId.replaceAll('-', ''), WIRE_ID_AT, 'hex');
    this.#sign(bytes.subarray(0, SIGNATURE_AT), scope).copy(bytes, SIGNATURE_AT);
    return bytes.toString('base64url');
  }

  /** @returns undefined for one that nobody with this secret has issued in this scope */
  read(id: string, scope: ResultScope): IssuedResult | undefined {
    if (!hasFormOfResultId(id)) return undefined;
    const bytes = Buffer.from(id, 'base64url');
    // The last character has bits to spare, and one result shall have one id.
    if (bytes.length !== BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== id)
      return undefined;
    const signature = this.#sign(bytes.subarray(0, SIGNATURE_AT), scope);
    if (!timingSafeEqual(signature, bytes.subarray(SIGNATURE_AT))) return undefined;
    return {
      wireId: uuidOf(bytes.toString('hex', WIRE_ID_AT, SIGNATURE_AT)),
      issuedAtMs: bytes.readUInt32BE(TIME_AT) * 1000,
    };
  }

  #sign(bytes: Buffer, { replyTopic, consumerId = '' }: ResultScope): Buffer {
    return createHmac('sha256', this.#key)
      .update(bytes)
      .update(`${replyTopic}\n${consumerId}`)
      .digest()
      .subarray(0, BYTES - SIGNATURE_AT);
  }
}

function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
