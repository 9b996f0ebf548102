/** Who we are to a registry: headers for each request, and with OAuth 2 a token that is kept while it lives. */
import { createHmac, randomUUID } from 'node:crypto';
import { jsonObject, reasonOf, shownUrl, type HttpExchange } from './http-exchange';
import { RegistryError } from './registry-error';

export type Authentication =
  | { readonly mode: 'none' }
  | { readonly mode: 'basic'; readonly username: string; readonly password: string }
  | { readonly mode: 'bearer'; readonly token: string }
  | ({ readonly mode: 'oauth2' } & OauthSettings);

export interface OauthSettings {
  readonly tokenEndpoint: URL;
  readonly grant: 'client_credentials' | 'password';
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly clientAuth: 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt' | 'none';
  readonly jwtAlgorithm: 'HS256' | 'HS512';
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly postArgs: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Tokens travel in a header; a larger answer is something else, such as a login page. */
const LONGEST_ANSWER_BYTES = 64 * 1024;
const UNKNOWN_LIFE_MS = 60_000;
/** The next token is fetched when this share of the life of the one before is over. */
const RENEWED_AT = 0.8;
const ASSERTION_LIFE_S = 60;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export class Authorization {
  readonly #authentication: Authentication;
  readonly #exchange: HttpExchange;
  readonly #nowMs: () => number;
  #token: { readonly value: string; readonly staleAtMs: number } | undefined;
  #fetching: Promise<string> | undefined;

  constructor(authentication: Authentication, exchange: HttpExchange, nowMs: () => number) {
    this.#authentication = authentication;
    this.#exchange = exchange;
    this.#nowMs = nowMs;
  }

  /** @throws RegistryError `unavailable` when there is no token */
  async headers(): Promise<Readonly<Record<string, string>>> {
    const given = this.#authentication;
    switch (given.mode) {
      case 'none':
        return {};
      case 'basic':
        return { authorization: basic(given.username, given.password) };
      case 'bearer':
        return { authorization: `Bearer ${given.token}` };
      case 'oauth2':
        return { authorization: `Bearer ${await this.#current(given)}` };
    }
  }

  /**
   * The registry has refused the credentials.
   * @returns true when other ones may be had
   */
  refused(): boolean {
    const hadToken = this.#token !== undefined;
    this.#token = undefined;
    return hadToken;
  }

  #current(settings: OauthSettings): Promise<string> {
    if (this.#token && this.#nowMs() < this.#token.staleAtMs) return Promise.resolve(this.#token.value);
    this.#fetching ??= this.#fetch(settings).finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetch(settings: OauthSettings): Promise<string> {
    const { tokenEndpoint, timeoutMs } = settings;
    const { headers, form } = tokenRequest(settings);
    const endpoint = `the token endpoint ${shownUrl(tokenEndpoint)}`;
    const reply = await this.#exchange
      .ask({
        method: 'POST',
        url: tokenEndpoint,
        headers,
        body: form.toString(),
        timeoutMs,
        maxBytes: LONGEST_ANSWER_BYTES,
      })
      .catch((error: unknown) => {
        throw new RegistryError('unavailable', `${endpoint} cannot be asked: ${reasonOf(error)}`);
      });
    const fields = jsonObject(reply.body);
    const token = fields?.['access_token'];
    if (reply.status !== 200) {
      throw new RegistryError(
        'unavailable',
        `${endpoint} refused with status ${reply.status}${codeOf(fields?.['error'])}`,
      );
    }
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
      throw new RegistryError('unavailable', `the answer of ${endpoint} holds no access_token`);
    }
    const lifeS = Number(fields?.['expires_in']);
    const lifeMs = lifeS > 0 ? lifeS * 1000 : UNKNOWN_LIFE_MS;
    this.#token = { value: token, staleAtMs: this.#nowMs() + RENEWED_AT * lifeMs };
    return token;
  }
}

function tokenRequest(settings: OauthSettings): { headers: Record<string, string>; form: URLSearchParams } {
  const { clientId = '', clientSecret = '', grant, username, password, scopes, audience } = settings;
  const form = new URLSearchParams({ grant_type: grant });
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...settings.headers,
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (grant === 'password') {
    form.set('username', username ?? '');
    form.set('password', password ?? '');
  }
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  for (const one of audience) form.append('audience', one);
  for (const [name, value] of Object.entries(settings.postArgs)) form.set(name, value);
  switch (settings.clientAuth) {
    case 'client_secret_basic':
      headers.authorization = basic(formEncoded(clientId), formEncoded(clientSecret));
      break;
    case 'client_secret_post':
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
      break;
    case 'client_secret_jwt':
      form.set('client_id', clientId);
      form.set('client_assertion_type', JWT_BEARER);
      form.set('client_assertion', assertion(settings, clientId, clientSecret));
      break;
    case 'none':
      if (clientId !== '') form.set('client_id', clientId);
  }
  return { headers, form };
}

/** RFC 7523: the client proves that it knows the secret, and does not send it. */
function assertion({ jwtAlgorithm, tokenEndpoint }: OauthSettings, clientId: string, secret: string): string {
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: tokenEndpoint.href,
    jti: randomUUID(),
    iat: nowS,
    exp: nowS + ASSERTION_LIFE_S,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: jwtAlgorithm, typ: 'JWT' })}.${part(claims)}`;
  const hash = jwtAlgorithm === 'HS256' ? 'sha256' : 'sha512';
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** As RFC 6749, section 2.3.1, wants both halves of the credentials before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** The standard's code, such as `invalid_client`. Its free text is left out: nobody knows what is in there. */
function codeOf(error: unknown): string {
  return typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? `, ${error}` : '';
}
