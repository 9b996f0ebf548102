/**
 * Keeps one Kafka client supplied with tokens: one before it connects, the next when 80 % of its life is over.
 *
 * The client library's binding has no refresh callback and thinks that a token lives for ever; whatever was set last
 * is used at the next login, also at those a broker asks for during the life of a connection.
 */
import { systemClock, type Clock } from '../clock';
import { log } from '../telemetry/log';
import type { OauthOptions } from './connection';
import { fetchOauthToken, type OauthToken } from './oauth-token';

/** What a client must be able to do. */
export interface TokenTaker {
  /** Takes effect at the next login. A consumer takes it between two reads only, which may block for 100 ms. */
  setOauthBearerToken(token: string): void;
}

const REFRESH_AT = 0.8;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5000;
/** What a timer can hold; a token that lives longer is just renewed sooner. */
const LONGEST_TIMER_MS = 24 * 3600_000;
/**
 * A new client takes the token of the one before only while that is this young. So a broker that is away does not
 * have the endpoint asked twice a second, and a token that brokers refuse is not tried for ever.
 */
const REUSED_FOR_MS = 5000;

export class OauthLogin {
  readonly #fetch: () => Promise<OauthToken>;
  readonly #clock: Clock;
  #token: OauthToken | undefined;
  #fetchedAtMs = 0;
  #client: TokenTaker | undefined;
  #failure: string | undefined;
  #retryMs = FIRST_RETRY_MS;
  #cancelTimer: (() => void) | undefined;

  /** @param fetch for tests */
  constructor(options: OauthOptions, fetch = () => fetchOauthToken(options), clock: Clock = systemClock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** Why there was no new token the last time one was due; undefined while all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The token in use: a secret. */
  get token(): string | undefined {
    return this.#token?.value;
  }

  /** Gives a client that is not connected yet its token. @throws Error with the reason, without secrets */
  async prepare(client: TokenTaker): Promise<void> {
    this.forget();
    if (this.#token === undefined || this.#ageMs() > Math.min(REUSED_FOR_MS, this.#refreshAfterMs())) {
      await this.#renew();
    }
    if (this.#token) client.setOauthBearerToken(this.#token.value);
  }

  /** The client is connected: from now on its token is renewed in time. */
  keep(client: TokenTaker): void {
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
    this.#refreshIn(this.#refreshAfterMs() - this.#ageMs());
  }

  /** The client is about to go: nothing touches it any more. Idempotent. */
  forget(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#client = undefined;
  }

  /**
   * A broker has refused a login: the token may have been revoked, so another is fetched before this one's time. Not
   * at once for each refusal, of which there are two a second.
   */
  rejected(): void {
    // After a failure the next attempt is due already.
    if (this.#client === undefined || this.#failure !== undefined) return;
    this.#refreshIn(Math.min(REUSED_FOR_MS, this.#refreshAfterMs()) - this.#ageMs());
  }

  #refreshIn(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(
      Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS),
      () => void this.#refresh(),
    );
  }

  async #refresh(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    try {
      await this.#renew();
      if (client !== this.#client) return;
      if (this.#token) client.setOauthBearerToken(this.#token.value);
      this.#retryMs = FIRST_RETRY_MS;
      this.#refreshIn(this.#refreshAfterMs());
    } catch (error) {
      if (client !== this.#client) return;
      log.warn('kafka token not renewed', { reason: (error as Error).message, retry_ms: this.#retryMs });
      this.#refreshIn(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  async #renew(): Promise<void> {
    try {
      this.#token = await this.#fetch();
      this.#fetchedAtMs = this.#clock.now();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = (error as Error).message;
      throw error;
    }
  }

  #ageMs(): number {
    return this.#clock.now() - this.#fetchedAtMs;
  }

  #refreshAfterMs(): number {
    return (this.#token?.lifeMs ?? 0) * REFRESH_AT;
  }
}
