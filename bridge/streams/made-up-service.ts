/**
 * What stands in for the service of a route that has none. Kong proxies where `ngx.ctx.service` is something, and looks
 * nowhere else for it: seen on 3.9.3. From there the log plugins have it, so it looks like one of Kong's.
 */
import type { KongTable } from '../phase';
import type { ListenerAddress } from './streams';

/** The same everywhere, and none of Kong's. */
const ID = '6b6b6166-6b61-4000-8000-73747265616d';
/** Kong's default; on a stream something is said more often. */
const TIMEOUT_MS = 60_000;

export function madeUpService({ host, port }: ListenerAddress): KongTable {
  return {
    id: ID,
    name: 'kafka-stream',
    protocol: 'http',
    host,
    port,
    // A ticket is good once.
    retries: 0,
    connect_timeout: TIMEOUT_MS,
    write_timeout: TIMEOUT_MS,
    read_timeout: TIMEOUT_MS,
  };
}
