/**
 * What a request carries from the access phase to the listener, through Kong's memory and nginx: which configuration it
 * ran under, signed, so that nobody but a plugin server can have written it. Nothing is kept for it here: most requests are
 * served by their upstream, and the ticket of those is forgotten by Kong.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Ticket {
  /** Of the configuration: see `configKey`. */
  readonly key: string;
  /** Kong's id of the request, and the id of its record. */
  readonly requestId: string;
  readonly issuedAtMs: number;
}

/** Longer than any upstream is waited for, retries included. */
const VALID_MS = 60 * 60 * 1000;
/** Of the signature: 128 bits. */
const MAC_CHARACTERS = 22;
const MAX_CHARACTERS = 300;

/** Of at least 16 characters; plugin servers that have the same one take each other's tickets. */
const SECRET_VARIABLE = 'KONG_KAFKA_FAILOVER_SECRET';
const MIN_SECRET_CHARACTERS = 16;

/** @returns undefined where there is none @throws Error for one that could be guessed */
export function secretOfEnvironment(environment: NodeJS.ProcessEnv = process.env): Buffer | undefined {
  const secret = environment[SECRET_VARIABLE];
  if (secret === undefined || secret === '') return undefined;
  if (secret.length < MIN_SECRET_CHARACTERS)
    throw new Error(`${SECRET_VARIABLE} needs at least ${MIN_SECRET_CHARACTERS} characters.`);
  return createHash('sha256').update(secret).digest();
}

export class Tickets {
  readonly #secret: Buffer;

  /** @param secret at least 16 bytes; default: of this process alone */
  constructor(secret: Buffer = randomBytes(32)) {
    this.#secret = secret;
  }

  /** `<key>.<issued at>.<signature>.<request id>`; the last part is Kong's text and may hold anything printable. */
  issue({ key, requestId, issuedAtMs }: Ticket): string {
    const issuedAt = issuedAtMs.toString(36);
    return `${key}.${issuedAt}.${this.#sign(key, issuedAt, requestId)}.${requestId}`;
  }

  /** @returns undefined for what nobody with this secret has issued, or an hour ago */
  read(text: string, nowMs: number): Ticket | undefined {
    if (text.length > MAX_CHARACTERS) return undefined;
    const [key = '', issuedAt = '', signature = '', ...rest] = text.split('.');
    if (rest.length === 0) return undefined;
    const requestId = rest.join('.');
    const expected = this.#sign(key, issuedAt, requestId);
    if (signature.length !== MAC_CHARACTERS) return undefined;
    if (!timingSafeEqual(Buffer.from(signature, 'latin1'), Buffer.from(expected, 'latin1'))) return undefined;
    const issuedAtMs = parseInt(issuedAt, 36);
    return nowMs - issuedAtMs > VALID_MS ? undefined : { key, requestId, issuedAtMs };
  }

  #sign(key: string, issuedAt: string, requestId: string): string {
    return createHmac('sha256', this.#secret)
      .update(`${key}.${issuedAt}.${requestId}`)
      .digest('base64url')
      .slice(0, MAC_CHARACTERS);
  }
}
