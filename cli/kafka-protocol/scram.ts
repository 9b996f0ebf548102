/** SCRAM (RFC 5802) for the client: three texts, of which the last one of the server proves that it knows the password. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export type ScramHash = 'sha256' | 'sha512';

/** Kafka's own bounds: fewer would be a way to learn the password cheaply, more a way to keep us busy. */
const LEAST_ITERATIONS = 4096;
const MOST_ITERATIONS = 1_000_000;

export class ScramClient {
  readonly first: string;
  readonly #firstBare: string;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(
    private readonly hash: ScramHash,
    user: string,
    private readonly password: string,
    nonce = randomBytes(24).toString('base64'),
  ) {
    this.#nonce = nonce;
    const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#firstBare = `n=${name},r=${nonce}`;
    this.first = `n,,${this.#firstBare}`;
  }

  /** @throws Error for what no honest server says */
  async final(serverFirst: string): Promise<string> {
    const fields = fieldsOf(serverFirst);
    const [nonce = '', salt = '', iterations] = [fields.get('r'), fields.get('s'), Number(fields.get('i'))];
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || salt === '')
      throw new Error('the broker does not follow SCRAM');
    if (!(iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS))
      throw new Error(`the broker asks for ${iterations} iterations of SCRAM`);
    const salted = await promisify(pbkdf2)(
      this.password.normalize('NFKC'),
      Buffer.from(salt, 'base64'),
      iterations,
      this.hash === 'sha256' ? 32 : 64,
      this.hash,
    );
    const withoutProof = `c=biws,r=${nonce}`;
    const messages = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const clientKey = this.#hmac(salted, 'Client Key');
    const signature = this.#hmac(createHash(this.hash).update(clientKey).digest(), messages);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!));
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), messages);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** @throws Error where the server does not know the password either */
  verify(serverFinal: string): void {
    const signature = Buffer.from(fieldsOf(serverFinal).get('v') ?? '', 'base64');
    const expected = this.#serverSignature;
    if (expected?.length !== signature.length || !timingSafeEqual(expected, signature))
      throw new Error('the broker does not prove that it knows the password');
  }

  #hmac(key: Buffer, data: string): Buffer {
    return createHmac(this.hash, key).update(data).digest();
  }
}

function fieldsOf(message: string): Map<string, string> {
  return new Map(message.split(',').map((field) => [field.slice(0, 1), field.slice(2)]));
}
