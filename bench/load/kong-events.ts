/** What both stand-ins for a Kong worker know of plugins and of the request they send. */
import type { Exchanger } from './load';
import { serveLoads } from './load-child';
import { BODY_LENGTH } from './payload';
import type { Traffic, TrafficCounter } from './traffic';

export interface PluginSocket {
  readonly plugin: string;
  readonly socket: string;
  /** As Kong would send it to the instance. */
  readonly config: object;
  /** Default: access. */
  readonly phase?: string;
}

export interface KongOptions {
  /** In the order in which a request meets them: two that share the work, or one that does it all. */
  readonly plugins: readonly PluginSocket[];
}

export const DEFAULT_PHASE = 'access';
export const METHOD = 'POST';
/** Kong would pass the request on to an upstream. */
const NOBODY_ANSWERED = 0;

/** Of a plain client behind Kong, with the Correlation ID plugin's header, which Kong 3.9 sets before ours run. */
export function requestHeaders(correlationId: string): Record<string, string> {
  return {
    host: '127.0.0.1:8000',
    'user-agent': 'curl/7.88.1',
    accept: '*/*',
    'content-type': 'application/json',
    'content-length': String(BODY_LENGTH),
    'kong-request-id': correlationId,
  };
}

/** Absent: the handler returned. */
export interface Exit {
  readonly status: number;
  readonly body: Buffer;
}

/** One plugin as a worker sees it, in one of Kong's protocols. */
export interface PluginEnd<Request> {
  readonly plugin: string;
  readonly traffic: TrafficCounter;
  startInstance(): Promise<void>;
  run(request: Request, onEnd: (exit: Exit | undefined) => void): void;
}

/** Runs the event of one plugin after the other, until one of them answers. */
export class KongWorker<Request> implements Exchanger {
  constructor(
    private readonly ends: readonly PluginEnd<Request>[],
    private readonly requestOf: (nonce: string) => Request,
  ) {}

  exchange(nonce: string, done: (status: number, body: Buffer) => void): void {
    this.#event(0, this.requestOf(nonce), done);
  }

  takeTraffic(): Traffic {
    return Object.fromEntries(this.ends.map(({ plugin, traffic }) => [plugin, traffic.take()]));
  }

  #event(index: number, request: Request, done: (status: number, body: Buffer) => void): void {
    const end = this.ends[index];
    if (end === undefined) done(NOBODY_ANSWERED, Buffer.alloc(0));
    else {
      end.run(request, (exit) => {
        if (exit) done(exit.status, exit.body);
        else this.#event(index + 1, request, done);
      });
    }
  }
}

/** Runs this process as workers that speak the protocol of these ends, a worker for each target. */
export function serveKongWorkers<Request>(
  newEnd: (options: PluginSocket) => PluginEnd<Request>,
  requestOf: (nonce: string) => Request,
): void {
  serveLoads(async ({ plugins }: KongOptions) => {
    const ends = plugins.map(newEnd);
    for (const end of ends) await end.startInstance();
    return new KongWorker(ends, requestOf);
  });
}
