/** Where a worker takes HTTP from Kong. */
import { HttpListener, type HttpAddress } from '../../listener/http-listener';
import type { HttpRoute } from '../../listener/http-route';
import type { HostAndPort } from '../plugin-module';
import { reachedAt } from '../reached-at';
import { FIRST_WORKER } from './placement';

interface ListenOptions {
  readonly httpListen: readonly HttpAddress[];
  readonly httpAdvertise?: HostAndPort | undefined;
}

/**
 * The addresses of the node are the first worker's. A stream lives in the worker that has its wait, so each of the others
 * has a port of its own beside the node's first one, which Kong is told with the stream.
 */
export function workerListeners(
  worker: number,
  { httpListen }: ListenOptions,
  routes: readonly HttpRoute[],
): HttpListener[] {
  if (worker === FIRST_WORKER) return httpListen.map((address) => new HttpListener({ address, routes }));
  const port = httpListen.find((address) => 'host' in address);
  return port === undefined ? [] : [new HttpListener({ address: { host: port.host, port: 0 }, routes })];
}

/** See reachedAt: a port of its own is not the one that the node advertises. */
export function workerReachedAt(
  worker: number,
  { httpAdvertise }: ListenOptions,
  listeners: readonly HttpListener[],
): HostAndPort | null | undefined {
  if (worker === FIRST_WORKER) return reachedAt(httpAdvertise, listeners);
  const own = reachedAt(undefined, listeners);
  return own && { host: httpAdvertise?.host ?? own.host, port: own.port };
}
