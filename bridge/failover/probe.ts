/**
 * Is somebody there? Asked of a service whose breaker is open, from this process: a connection, or an answer to a GET.
 *
 * Two ways lead to a service: its name, which leads to where it is now, and the addresses nginx has tried, which are all
 * there is where the name is that of an Upstream entity of Kong. One that answers is enough.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

export interface ProbeTarget {
  /** Of the service, as Kong has it: `http://orders:8080/base`. */
  readonly backendUrl: string | undefined;
  /** `$upstream_addr` of nginx: those that were tried, with commas or colons between. */
  readonly upstreamAddresses: string | undefined;
}

export interface ProbeOptions {
  /** Of a GET, whose answer must be below 500. Undefined: that it takes a connection is enough. */
  readonly path: string | undefined;
  readonly timeoutMs: number;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

const MOST_PLACES = 8;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Never rejects. */
export async function isReachable(target: ProbeTarget, { path, timeoutMs }: ProbeOptions): Promise<boolean> {
  const backend = urlOf(target.backendUrl);
  const tries = placesOf(target).map(async (place) => {
    const isThere = await (path === undefined || backend === undefined
      ? takesConnection(place, timeoutMs)
      : answers(place, backend, path, timeoutMs));
    if (!isThere) throw new Error('nobody there');
  });
  return Promise.any(tries).then(
    () => true,
    () => false,
  );
}

/** Without those that are no TCP addresses, each once. */
export function placesOf({ backendUrl, upstreamAddresses }: ProbeTarget): Place[] {
  const places = new Map<string, Place>();
  const backend = urlOf(backendUrl);
  if (backend !== undefined)
    places.set('', {
      host: withoutBrackets(backend.hostname),
      port: Number(backend.port) || (DEFAULT_PORTS[backend.protocol] ?? 80),
    });
  for (const [, host = '', port] of (upstreamAddresses ?? '').matchAll(
    /(\[[0-9A-Fa-f:.]+\]|[0-9.]+):(\d{1,5})(?![0-9.])/g,
  ))
    places.set(`${host}:${port}`, { host: withoutBrackets(host), port: Number(port) });
  return [...places.values()].filter(({ port }) => port > 0 && port < 65_536).slice(0, MOST_PLACES);
}

function takesConnection({ host, port }: Place, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (isThere: boolean): void => {
      resolve(isThere);
      socket.destroy();
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

function answers({ host, port }: Place, backend: URL, path: string, timeoutMs: number): Promise<boolean> {
  const isSecure = backend.protocol === 'https:';
  return new Promise((resolve) => {
    const asked = (isSecure ? httpsRequest : httpRequest)({
      host,
      port,
      path,
      headers: { host: backend.host },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      // Nothing is sent that is secret and nothing is believed but that somebody answers; Kong checks what it checks.
      ...(isSecure && { servername: withoutBrackets(backend.hostname), rejectUnauthorized: false }),
    });
    asked.on('response', ({ statusCode = 500 }) => {
      resolve(statusCode < 500);
      asked.destroy();
    });
    asked.on('error', () => resolve(false));
    asked.on('close', () => resolve(false));
    asked.end();
  });
}

function urlOf(text: string | undefined): URL | undefined {
  try {
    return text === undefined ? undefined : new URL(text);
  } catch {
    return undefined;
  }
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
