/**
 * One librdkafka client that is always there: connected in the background, replaced when it cannot be trusted.
 *
 * - A client whose connect failed is thrown away and a new one made after a pause: connecting the same object again
 *   duplicates every event.
 * - A client with an empty broker list is replaced (statistics.ts).
 * - Every connect and disconnect ends inside its own time bound, called back or not, and has a thread of the pool.
 * - The pauses between attempts grow to a minute. Whoever wants the client ends them (`wanted`).
 *
 * Events of a client that is no longer ours are ignored by identity. Its listeners stay: the library uses some itself.
 */
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import type { NativeClient } from './binding';
import type { ClusterAccess } from './cluster-access';
import { CONNECT_TIMEOUT_MS } from './connection';
import { hangUpFromLog, inOurWords, isLoginFailure, reasonFromLog } from './failure-reason';
import { GatewayError } from '../errors';
import { countBrokers, StuckDetector, type BrokerState } from './statistics';
import { threadPool, type PoolShare, type ThreadPool } from './thread-pool';
import { Waiters } from './waiters';

/** `connecting`: no outcome yet, at the start and after a replacement. `down`: known to reach no broker. */
export type ClientState = 'connecting' | 'up' | 'down';

export interface ManagedClientRole<C extends NativeClient> {
  /** For log lines, such as "producer". */
  readonly name: string;
  readonly access: ClusterAccess;
  create(): C;
  /** The client is connected and ours to use. */
  onLive(client: C): void;
  /** The client is about to be disconnected: nothing may use it once this resolves. */
  onGone(client: C, why: string): Promise<void>;
  disconnect(client: C, done: () => void): void;
  onStateChange?(state: ClientState): void;
  /** Resolves when an attempt can succeed; undefined: it can now. Default: always. */
  promising?(): Promise<void> | undefined;
}

/** What tests replace. */
export interface ManagedClientSeams {
  readonly clock?: Clock;
  readonly pool?: ThreadPool;
}

const FIRST_RETRY_MS = 100;
/** While somebody wants the client. An attempt itself waits for a broker for three seconds. */
const LONGEST_WANTED_RETRY_MS = 1000;
const WANTED_FOR_MS = 10_000;
/** A cluster that nobody asks costs a few threads of the library for three seconds a minute. */
const LONGEST_RETRY_MS = 60_000;
/** Beyond its metadata timeout a failing connect only cleans up, which took milliseconds in every case seen. */
const CONNECT_GRACE_MS = 2000;
const CONNECT_LIMIT_MS = CONNECT_TIMEOUT_MS + CONNECT_GRACE_MS;
const DISCONNECT_LIMIT_MS = 2000;
const ALL_BROKERS_DOWN = 'all broker connections are down';

/** Its timers keep the process alive: a program that waits for its broker may have nothing else. */
const awakeClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export class ManagedClient<C extends NativeClient> {
  readonly counters = { connects: 0, failedConnects: 0, replaced: 0 };
  readonly #role: ManagedClientRole<C>;
  readonly #clock: Clock;
  readonly #pool: ThreadPool;
  readonly #waiters = new Waiters();
  #state: ClientState = 'connecting';
  #reason: string | undefined;
  /** It is only the text of an error, such as "broker transport failure": any line of the log tells more. */
  #reasonIsVague = false;
  readonly #loggedReasons = new Set<string>();
  #downSinceMs: number | undefined;
  /** Being connected; not usable yet. */
  #candidate: C | undefined;
  /** The last one that could not connect, until the next tries. */
  #failed: C | undefined;
  #current: C | undefined;
  #brokers: readonly BrokerState[] = [];
  #attempt: Promise<void> = Promise.resolve();
  /** The attempt has its thread. Before that there is nothing to wait for. */
  #isTrying = false;
  #hasFailed = false;
  #failedAtMs = 0;
  #retryAtMs: number | undefined;
  #cancelRetry: () => void = () => undefined;
  #retryMs = FIRST_RETRY_MS;
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  #provenUpAtMs = Number.NEGATIVE_INFINITY;
  /** False from a proof of life until statistics that are younger: errors from before are delivered in between. */
  #errorsAreNews = false;
  #replacement: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    role: ManagedClientRole<C>,
    { clock = awakeClock, pool = threadPool }: ManagedClientSeams = {},
  ) {
    this.#role = role;
    this.#clock = clock;
    this.#pool = pool;
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The last line that explains why there is no connection; undefined while all is well. */
  get reason(): string | undefined {
    const failure = this.#state === 'up' ? undefined : this.#role.access.login?.failure;
    // Why there is no token explains why brokers refuse the old one.
    if (failure === undefined || failure === this.#reason) return this.#reason;
    return this.#reason === undefined ? failure : `${this.#reason}; ${failure}`;
  }

  /** Why the token in use could not be renewed, although the client may still be up with it. */
  get tokenFailure(): string | undefined {
    return this.#role.access.login?.failure;
  }

  get downForMs(): number {
    return this.#downSinceMs === undefined ? 0 : performance.now() - this.#downSinceMs;
  }

  /** Its part of the thread pool, for calls of the client in use. */
  get share(): PoolShare {
    return this.#state === 'up' ? this.#pool.asking : this.#pool.retrying;
  }

  /** The connected client; undefined between two. */
  get current(): C | undefined {
    return this.#current;
  }

  /** What its owner shows on the status page, beside facts of its own. */
  status(): Record<string, unknown> {
    const { connects, failedConnects, replaced } = this.counters;
    return {
      state: this.state,
      reason: this.reason,
      token_failure: this.tokenFailure,
      connects,
      failed_connects: failedConnects,
      replaced,
      brokers: this.#brokers,
      next_attempt_in_ms:
        this.#retryAtMs === undefined
          ? undefined
          : Math.max(Math.round(this.#retryAtMs - this.#clock.now()), 0),
    };
  }

  /** Rejects with not_ready when closed first. */
  whenUp(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError(this.#role.name));
    return this.#state === 'up' ? Promise.resolve() : this.#waiters.wait();
  }

  start(): void {
    this.#connect();
  }

  /** Somebody has a use for the client now: pauses between attempts are short again. */
  wanted(): void {
    if (this.#state === 'up') return;
    this.#wantedAtMs = this.#clock.now();
    this.#retryMs = Math.min(this.#retryMs, LONGEST_WANTED_RETRY_MS);
    if (this.#retryAtMs === undefined) return;
    const soonMs = this.#failedAtMs + LONGEST_WANTED_RETRY_MS;
    if (soonMs < this.#retryAtMs) this.#retryIn(Math.max(soonMs - this.#wantedAtMs, 0));
  }

  /** Lately. */
  get isWanted(): boolean {
    return this.#clock.now() - this.#wantedAtMs < WANTED_FOR_MS;
  }

  /** Somebody has just had an answer from a broker. */
  proveUp(client: C): void {
    if (client !== this.#current) return;
    this.#provenUp();
  }

  /** Throws the client away and connects a new one. Does nothing for a client that is not current any more. */
  replace(client: C, why: string): void {
    if (client !== this.#current || this.#closing) return;
    this.counters.replaced++;
    log.warn('kafka client replaced', { client: this.#role.name, why });
    this.#reason = why;
    this.#setState('connecting');
    this.#replacement = this.#discard(client, why).then(() => {
      if (!this.#closing) this.#connect();
    });
  }

  /** Idempotent; resolves within about the bounds of one connect and one disconnect. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelRetry();
    this.#waiters.reject(closedError(this.#role.name));
    await this.#replacement;
    if (this.#current) await this.#discard(this.#current, 'the gateway is closing');
    // A client that is just connecting cannot be stopped; it disconnects itself when its attempt ends.
    if (this.#isTrying) await within(this.#attempt, CONNECT_LIMIT_MS);
  }

  #connect(): void {
    this.#retryAtMs = undefined;
    const promising = this.#role.promising?.();
    if (promising) {
      // Rejected when whoever could make it so is closed.
      promising.then(
        () => {
          if (!this.#closing) this.#connect();
        },
        () => undefined,
      );
      return;
    }
    let client: C;
    try {
      client = this.#role.create();
    } catch (error) {
      this.#connectFailed(this.#told(error));
      return;
    }
    this.#candidate = client;
    this.#failed = undefined;
    this.#listen(client);
    const { login } = this.#role.access;
    this.#attempt =
      login === undefined
        ? this.#try(client)
        : login.prepare(client).then(
            () => this.#try(client),
            (error: Error) => {
              // No broker has been asked, so what one said before is not the reason any more.
              this.#reason = undefined;
              return this.#settle(client, error);
            },
          );
  }

  /** Waits for a thread of the pool; resolves when it is known how the attempt has ended. */
  #try(client: C): Promise<void> {
    const share = this.#hasFailed ? this.#pool.retrying : this.#pool.trying;
    return new Promise((ended) => {
      void share.run(this.#role.access.cluster, CONNECT_LIMIT_MS, () => {
        if (this.#closing) {
          ended();
          return Promise.resolve();
        }
        return this.#open(client, (error) => void this.#settle(client, error).then(ended));
      });
    });
  }

  /**
   * Resolves when the library has come back, which may be later than the outcome is told.
   * @param tell called once
   */
  #open(client: C, tell: (error: Error | null | undefined) => void): Promise<void> {
    this.#isTrying = true;
    return new Promise((cameBack) => {
      let told = false;
      const tellOnce = (error: Error | null | undefined) => {
        told = true;
        this.#isTrying = false;
        clearTimeout(limit);
        tell(error);
      };
      const limit = setTimeout(() => tellOnce(new Error('the client did not answer')), CONNECT_LIMIT_MS);
      const comeBack = (error: Error | null | undefined) => {
        cameBack();
        if (!told) tellOnce(error);
        // A late success: nobody waits for it any more.
        else if (!error) void this.#disconnect(client);
      };
      try {
        // The default would fetch the metadata of every topic and wait 30 s.
        client.connect({ allTopics: false, timeout: CONNECT_TIMEOUT_MS }, comeBack);
      } catch (error) {
        comeBack(error as Error);
      }
    });
  }

  async #settle(client: C, error: Error | null | undefined): Promise<void> {
    this.#candidate = undefined;
    if (error) {
      this.#failed = client;
      this.#connectFailed(this.#told(error));
    } else if (this.#closing) {
      await this.#disconnect(client);
    } else {
      this.#connected(client);
    }
  }

  #connected(client: C): void {
    this.counters.connects++;
    this.#hasFailed = false;
    this.#retryMs = FIRST_RETRY_MS;
    this.#current = client;
    this.#role.access.login?.keep(client);
    this.#role.onLive(client);
    this.#provenUp();
  }

  #provenUp(): void {
    this.#provenUpAtMs = performance.now();
    this.#errorsAreNews = false;
    this.#setState('up');
  }

  #connectFailed(text: string): void {
    this.counters.failedConnects++;
    this.#hasFailed = true;
    this.#reasonIsVague ||= this.#reason === undefined;
    this.#reason ??= text;
    this.#setState('down');
    this.#logReason();
    if (this.#closing) return;
    const longestMs = this.isWanted ? LONGEST_WANTED_RETRY_MS : LONGEST_RETRY_MS;
    this.#failedAtMs = this.#clock.now();
    this.#retryIn(Math.min(this.#retryMs, longestMs));
    this.#retryMs = Math.min(this.#retryMs * 2, longestMs);
  }

  #retryIn(delayMs: number): void {
    this.#cancelRetry();
    this.#retryAtMs = this.#clock.now() + delayMs;
    this.#cancelRetry = this.#clock.after(delayMs, () => this.#connect());
  }

  #listen(client: C): void {
    const stuck = new StuckDetector();
    const bornAtMs = performance.now();
    // Right after the connect the library may still shake hands with the broker it has learned of.
    let hasSettled = false;
    // A log line can come later than the failure it explains.
    const isOurs = () => [this.#current, this.#candidate, this.#failed].includes(client);
    client.on('event.log', (event) => {
      if (!isOurs()) return;
      const text = this.#role.access.redact(event.message);
      const reason = reasonFromLog({ ...event, message: text });
      if (reason !== undefined) {
        this.#reason = reason;
        this.#reasonIsVague = false;
        if (isLoginFailure(reason)) this.#role.access.login?.rejected();
      } else if (client !== this.#current && (this.#reason === undefined || this.#reasonIsVague)) {
        this.#reason = hangUpFromLog({ ...event, message: text }) ?? this.#reason;
      }
      // Lines about single brokers while others work are not worth more than debug.
      if (this.#state === 'down') this.#logReason();
      else log.debug('kafka client log', { ...this.#facts(), fac: event.fac, text });
    });
    client.on('event.error', (error) => {
      if (client !== this.#current) return;
      const text = error.message.toLowerCase();
      if (text.includes('fatal')) this.replace(client, this.#told(error));
      else if (text.includes(ALL_BROKERS_DOWN) && this.#errorsAreNews) {
        this.#reason ??= this.#told(error);
        this.#setState('down');
      }
    });
    client.on('event.stats', ({ message }) => {
      const count = countBrokers(message);
      if (client !== this.#current || count === undefined) return;
      // Nothing is delivered while a client connects, so what it wrote then comes when it is long outdated.
      if (bornAtMs + count.ageMs < this.#provenUpAtMs) return;
      this.#brokers = count.brokers;
      // Statistics overtake errors in the library's queue: what comes along with them is still from before.
      setImmediate(() => (this.#errorsAreNews ||= isOurs()));
      if (stuck.observe(count)) {
        this.replace(client, 'the client has lost its list of brokers');
      } else if (count.up > 0) {
        this.#setState('up');
      } else if (hasSettled) {
        this.#reason ??= 'no broker is connected';
        this.#setState('down');
      }
      hasSettled = true;
    });
  }

  #setState(state: ClientState): void {
    if (state === 'up') {
      this.#reason = undefined;
      this.#reasonIsVague = false;
    }
    if (state === this.#state) return;
    this.#state = state;
    this.#downSinceMs = state === 'up' ? undefined : (this.#downSinceMs ?? performance.now());
    if (state === 'up') {
      this.#loggedReasons.clear();
      log.info('kafka client up', this.#facts());
      this.#waiters.resolve();
    } else if (state === 'down') {
      this.#logReason();
    }
    this.#role.onStateChange?.(state);
  }

  /** Each reason once per outage: clients repeat it twice a second, and take turns with one line per broker. */
  #logReason(): void {
    const reason = this.reason ?? 'unknown';
    if (this.#loggedReasons.has(reason)) return;
    this.#loggedReasons.add(reason);
    log.warn('kafka client down', { ...this.#facts(), reason });
  }

  #facts(): Record<string, unknown> {
    const { bootstrapServers, clusterName } = this.#role.access;
    return { client: this.#role.name, cluster: clusterName, bootstrap_servers: bootstrapServers };
  }

  #told(error: unknown): string {
    return inOurWords(this.#role.access.redact(error instanceof Error ? error.message : String(error)));
  }

  async #discard(client: C, why: string): Promise<void> {
    this.#current = undefined;
    this.#role.access.login?.forget();
    await this.#role.onGone(client, why);
    await this.#disconnect(client);
  }

  async #disconnect(client: C): Promise<void> {
    const disconnect = () =>
      new Promise<void>((resolve) => {
        try {
          this.#role.disconnect(client, resolve);
        } catch {
          resolve(); // It throws when there is no connection: nothing to do then.
        }
      });
    const done = this.share.run(this.#role.access.cluster, DISCONNECT_LIMIT_MS, disconnect);
    if (!(await within(done, DISCONNECT_LIMIT_MS))) {
      log.warn('kafka client did not disconnect in time', {
        client: this.#role.name,
        limit_ms: DISCONNECT_LIMIT_MS,
      });
    }
  }
}

/** @returns whether the promise was settled in time */
export async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

export function closedError(name: string): GatewayError {
  return new GatewayError('not_ready', `The Kafka ${name} is closed.`);
}
