/** Who has the status port: what another plugin server of ours says of itself, or that it is none. */

import { get } from 'node:http';

const TIMEOUT_MS = 1000;
const MAX_BYTES = 4 * 1024 * 1024;

export type StatusHolder =
  | {
      readonly kind: 'plugin server';
      readonly pid: number;
      readonly version: string;
      readonly state: string | undefined;
    }
  | { readonly kind: 'something else' };

const SOMETHING_ELSE: StatusHolder = { kind: 'something else' };

/**
 * Never rejects, and takes a second at most.
 * @param token of this process: the one before it most likely has the same
 */
export async function askHolder(
  host: string,
  port: number,
  token?: string,
  timeoutMs = TIMEOUT_MS,
): Promise<StatusHolder> {
  try {
    return holderIn(await fetchStatus(host, port, token, timeoutMs));
  } catch {
    return SOMETHING_ELSE;
  }
}

function fetchStatus(
  host: string,
  port: number,
  token: string | undefined,
  timeoutMs: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = get({ host, port, path: '/status', headers, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BYTES) request.destroy(new Error('too long'));
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

function holderIn(text: string): StatusHolder {
  const { pid, version, state, plugins } = JSON.parse(text) as Record<string, unknown>;
  if (typeof pid !== 'number' || typeof version !== 'string' || typeof plugins !== 'object')
    return SOMETHING_ELSE;
  return { kind: 'plugin server', pid, version, state: typeof state === 'string' ? state : undefined };
}
