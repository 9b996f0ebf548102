/**
 * The id of a request whose client says which of its requests are one: made of that key, so that every gateway with the
 * secret makes the same, and one reply answers all of them. Nobody without the secret can know the id of a key.
 *
 * A UUID of version 8 (RFC 9562: contents up to the vendor) with 96 bits of the key and 26 of the rest of the request: ids
 * of one key and another request are alike in the first part only.
 */
import { createHash, createHmac } from 'node:crypto';
import { GatewayError } from '../errors';
import { headerOf, type HttpRequest } from '../request/http-request';
import { OWN_SECRET } from './own-secret';

const MAX_KEY_CHARACTERS = 255;
const PRINTABLE = /^[\x21-\x7e]+$/;
const VERSION = '8';
const VERSION_AT = 14;

export interface IdempotencyKeyOptions {
  /** In lower case. */
  readonly header: string;
  readonly secret: string | undefined;
  /** Requests that differ in these are others, whatever their keys are. */
  readonly topic: string;
  readonly replyTopic: string;
}

export class IdempotencyKeys {
  readonly #options: IdempotencyKeyOptions;
  readonly #secret: Buffer;

  constructor(options: IdempotencyKeyOptions) {
    this.#options = options;
    this.#secret = createHash('sha256')
      .update('idempotency keys\n')
      .update(options.secret ?? OWN_SECRET)
      .digest();
  }

  /** @returns undefined for a request without a key @throws GatewayError `request_invalid` */
  wireIdOf(request: HttpRequest): string | undefined {
    const { header, topic, replyTopic } = this.#options;
    const key = headerOf(request, header);
    if (key === undefined) return undefined;
    const ofKey = createHmac('sha256', this.#secret)
      .update([topic, replyTopic, request.consumer?.id ?? '', usableKey(key, header)].join('\n'))
      .digest('hex');
    const ofRequest = fingerprint(request);
    // Its two low bits belong to the request; the others are the variant of every UUID.
    const variant = (8 + (Number.parseInt(ofRequest.slice(0, 1), 16) & 3)).toString(16);
    return [
      ofKey.slice(0, 8),
      ofKey.slice(8, 12),
      `${VERSION}${ofKey.slice(12, 15)}`,
      `${variant}${ofKey.slice(15, 18)}`,
      `${ofKey.slice(18, 24)}${ofRequest.slice(1, 7)}`,
    ].join('-');
  }
}

/** @param name what the client knows it by @throws GatewayError `request_invalid` */
export function usableKey(key: unknown, name: string): string {
  if (typeof key === 'string' && key.length <= MAX_KEY_CHARACTERS && PRINTABLE.test(key)) return key;
  throw new GatewayError(
    'request_invalid',
    `${name} must be 1 to ${MAX_KEY_CHARACTERS} printable ASCII characters without blanks`,
  );
}

/** What of an id is that of the key: equal ones have the same key. Undefined for an id that no key made. */
export function keyPart(id: string): string | undefined {
  return id[VERSION_AT] === VERSION ? id.slice(0, 19) + id.slice(20, 30) : undefined;
}

/** Of everything that was read of the request: what the record does not tell apart is one request to the service, too. */
function fingerprint({ method, uri, rawQuery, captures, body }: HttpRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([method, uri, rawQuery, captures]))
    .update('\n')
    .update(body)
    .digest('hex');
}
