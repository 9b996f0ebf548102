/** A token for OAUTHBEARER from a token endpoint: the client-credentials grant of RFC 6749, section 4.4. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { OauthOptions } from './connection';

export interface OauthToken {
  readonly value: string;
  /** From now on. */
  readonly lifeMs: number;
}

/** A slow endpoint must not outlive the patience of the requests that wait for Kafka. */
const TIMEOUT_MS = 5000;
/** Tokens travel in a header-sized frame; a larger answer is something else, such as a login page. */
const LONGEST_ANSWER_BYTES = 64 * 1024;
/** When neither the answer nor the token itself tells how long it lives. */
const UNKNOWN_LIFE_MS = 5 * 60_000;

/** @throws Error with one sentence that names the endpoint and the reason, never a credential */
export async function fetchOauthToken(options: OauthOptions, timeoutMs = TIMEOUT_MS): Promise<OauthToken> {
  const endpoint = shownUrl(options.tokenEndpointUrl);
  let answer: { status: number; text: string };
  try {
    answer = await post(options, timeoutMs);
  } catch (error) {
    throw new Error(`The token endpoint ${endpoint} cannot be asked: ${reasonOf(error)}.`);
  }
  const fields = parsed(answer.text);
  if (answer.status !== 200) {
    const code = errorCode(fields);
    throw new Error(
      `The token endpoint ${endpoint} refused with status ${answer.status}${code === undefined ? '' : `, ${code}`}.`,
    );
  }
  const token = fields?.['access_token'];
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error(`The answer of the token endpoint ${endpoint} holds no access_token.`);
  }
  return { value: token, lifeMs: lifeOf(fields?.['expires_in'], token) };
}

function post(options: OauthOptions, timeoutMs: number): Promise<{ status: number; text: string }> {
  const url = new URL(options.tokenEndpointUrl);
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (options.scopes.length > 0) form.set('scope', options.scopes.join(' '));
  const body = form.toString();
  const credentials = `${formEncoded(options.clientId)}:${formEncoded(options.clientSecret)}`;
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      url,
      {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        },
        rejectUnauthorized: options.verifyTls,
        // One request in some minutes: a kept connection would only be found broken.
        agent: false,
        // For the whole exchange: the socket's own timeout starts again with every byte.
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > LONGEST_ANSWER_BYTES) {
            request.destroy(new Error(`its answer is longer than ${LONGEST_ANSWER_BYTES} bytes`));
          } else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** As RFC 6749, section 2.3.1, wants both halves of the credentials before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The standard's code, such as `invalid_client`. Its free text is left out: nobody knows what is in there. */
function errorCode(fields: Record<string, unknown> | undefined): string | undefined {
  const code = fields?.['error'];
  return typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? code : undefined;
}

function lifeOf(expiresIn: unknown, token: string): number {
  const seconds = Number(expiresIn);
  if (expiresIn !== undefined && expiresIn !== null && seconds > 0) return seconds * 1000;
  const expiry = Number(parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())?.['exp']);
  const lifeMs = expiry * 1000 - Date.now();
  return lifeMs > 0 ? lifeMs : UNKNOWN_LIFE_MS;
}

/** Without user, password and query, where credentials could be. */
function shownUrl(text: string): string {
  try {
    const { origin, pathname } = new URL(text);
    return origin + pathname;
  } catch {
    return '(not a URL)';
  }
}

function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || (name === 'AbortError' && code === 'ABORT_ERR')) return 'no answer in time';
  if (code === 'ERR_INVALID_URL') return 'its URL is not valid';
  // An attempt at several addresses has an empty message.
  return message || code || 'unknown reason';
}
