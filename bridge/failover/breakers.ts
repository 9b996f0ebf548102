/** The breakers of one configuration: one for each service that has failed. */
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import { Breaker, type BreakerFailure, type BreakerOptions, type Decision } from './breaker';
import { isReachable, type ProbeTarget } from './probe';

export interface BreakersOptions extends BreakerOptions {
  readonly clock: Clock;
  /** See ProbeOptions. */
  readonly probePath: string | undefined;
  /** Default: over the network. */
  readonly isReachable?: typeof isReachable;
}

interface Watched {
  readonly breaker: Breaker;
  /** Of the latest failure. */
  target: ProbeTarget;
}

/** Services of one configuration; those that failed first are forgotten. */
const MOST_SERVICES = 200;
const PROBE_TIMEOUT_MS = 2000;

export class Breakers {
  /** Requests that went to their upstream. */
  marked = 0;
  /** None, most of the time: then nothing else is asked of this. */
  open = 0;
  readonly #options: BreakersOptions;
  readonly #services = new Map<string, Watched>();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  onFailure(service: string, target: ProbeTarget, failure: BreakerFailure): void {
    const watched = this.#services.get(service) ?? this.#watch(service, target);
    watched.target = target;
    watched.breaker.onFailure(failure, this.marked, this.#options.clock.now());
  }

  decide(service: string, requestId: string): Exclude<Decision, 'probe'> {
    const watched = this.#services.get(service);
    if (watched === undefined) return 'through';
    const decision = watched.breaker.decide(requestId, this.#options.clock.now());
    if (decision !== 'probe') return decision;
    void this.#probe(watched);
    return 'keep';
  }

  /** Of the failure that was seen last. */
  statusOf(service: string): number {
    return this.#services.get(service)?.breaker.status ?? 503;
  }

  get openServices(): string[] {
    return [...this.#services].filter(([, { breaker }]) => breaker.isOpen).map(([service]) => service);
  }

  async #probe({ breaker, target }: Watched): Promise<void> {
    const ask = this.#options.isReachable ?? isReachable;
    if (await ask(target, { path: this.#options.probePath, timeoutMs: PROBE_TIMEOUT_MS }))
      breaker.onReachable();
  }

  #watch(service: string, target: ProbeTarget): Watched {
    if (this.#services.size >= MOST_SERVICES) this.#forgetOne();
    const onChange = (isOpen: boolean): void => {
      this.open += isOpen ? 1 : -1;
      log.warn(
        isOpen
          ? 'a service fails, and its requests are kept without trying it'
          : 'a service that failed gets its requests again',
        { service },
      );
    };
    const watched = { breaker: new Breaker(this.#options, onChange), target };
    this.#services.set(service, watched);
    return watched;
  }

  /** The one that was first, of those that let requests through if there is one. */
  #forgetOne(): void {
    const services = [...this.#services];
    const [service, { breaker }] = services.find(([, watched]) => !watched.breaker.isOpen) ?? services[0]!;
    if (breaker.isOpen) this.open--;
    this.#services.delete(service);
  }
}
