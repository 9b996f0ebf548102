/** What both stand-ins for a Kong worker know of the two plugins and of the request they send. */
import type { EventRounds, Exchanger, Rounds } from './closed-loop';
import { childOptions, serveLoads } from './load-child';
import { BODY_LENGTH } from './payload';

export interface PluginSocket {
  readonly plugin: string;
  readonly socket: string;
  /** As Kong would send it to the instance. */
  readonly config: object;
}

export interface KongOptions {
  readonly producer: PluginSocket;
  readonly consumer: PluginSocket;
}

export const PHASE = 'access';
export const METHOD = 'POST';

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

/** Rounds of the events of one plugin. */
export class RoundCounter {
  #events = 0;
  #rounds = 0;
  #most = 0;

  add(rounds: number): void {
    this.#events++;
    this.#rounds += rounds;
    if (rounds > this.#most) this.#most = rounds;
  }

  take(): Rounds {
    const taken = { events: this.#events, rounds: this.#rounds, most: this.#most };
    this.#events = this.#rounds = this.#most = 0;
    return taken;
  }
}

/** Absent: the handler returned. */
export interface Exit {
  readonly status: number;
  readonly body: Buffer;
}

/** One plugin as a worker sees it, in one of Kong's protocols. */
export interface PluginEnd<Request> {
  readonly rounds: RoundCounter;
  startInstance(): Promise<void>;
  run(request: Request, onEnd: (exit: Exit | undefined) => void): void;
}

/** The producer's event and, unless that ended the request, the consumer's. */
class KongWorker<Request> implements Exchanger {
  constructor(
    private readonly producer: PluginEnd<Request>,
    private readonly consumer: PluginEnd<Request>,
    private readonly requestOf: (nonce: string) => Request,
  ) {}

  exchange(nonce: string, done: (status: number, body: Buffer) => void): void {
    const request = this.requestOf(nonce);
    this.producer.run(request, (refusal) => {
      if (refusal) done(refusal.status, refusal.body);
      else this.consumer.run(request, (exit) => done(exit?.status ?? 0, exit?.body ?? Buffer.alloc(0)));
    });
  }

  takeRounds(): EventRounds {
    return { producer: this.producer.rounds.take(), consumer: this.consumer.rounds.take() };
  }
}

/** Runs this process as a worker that speaks the protocol of these ends. */
export function serveKongWorker<Request>(
  newEnd: (options: PluginSocket) => PluginEnd<Request>,
  requestOf: (nonce: string) => Request,
): void {
  serveLoads(async () => {
    const options = childOptions<KongOptions>();
    const ends = [newEnd(options.producer), newEnd(options.consumer)] as const;
    for (const end of ends) await end.startInstance();
    return new KongWorker(...ends, requestOf);
  });
}
