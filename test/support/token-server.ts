/** An identity provider: tokens for client credentials at /token, the keys they are signed with at /jwks. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class TokenServer {
  readonly audience = 'kafka';
  readonly clientId = 'gateway-client';
  readonly clientSecret = 'planted-client-secret';
  /** Of the tokens issued from now on. */
  lifeSeconds = 300;
  /** Claims that replace the usual ones. */
  claims: Record<string, unknown> = {};
  /** True: answers 503 to everybody who wants a token. */
  away = false;
  readonly issued: string[] = [];
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<TokenServer> {
    const server = new TokenServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/jwks') {
      send(200, { keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] }); // prettier-ignore
      return;
    }
    let form = '';
    for await (const chunk of request) form += String(chunk);
    if (this.away) return send(503, { error: 'temporarily_unavailable' });
    const expected = Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64');
    if (request.headers.authorization !== `Basic ${expected}`) return send(401, { error: 'invalid_client' });
    if (new URLSearchParams(form).get('grant_type') !== 'client_credentials')
      return send(400, { error: 'unsupported_grant_type' });
    const token = this.#sign();
    this.issued.push(token);
    send(200, { access_token: token, token_type: 'Bearer', expires_in: this.lifeSeconds });
  }

  #sign(): string {
    const now = Date.now() / 1000;
    // Whole seconds, rounded up: a token never ends before its `expires_in`.
    const claims = { sub: 'gateway', aud: this.audience, iat: Math.floor(now), exp: Math.ceil(now + this.lifeSeconds), jti: String(this.issued.length), ...this.claims }; // prettier-ignore
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const content = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'k1' })}.${encode(claims)}`;
    return `${content}.${createSign('RSA-SHA256').update(content).sign(this.#keys.privateKey, 'base64url')}`;
  }
}
