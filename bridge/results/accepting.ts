/** The half of a route that lets clients go before their reply is there: when, and with which id. */
import type { ResultConfig } from '../config/result-options';
import { GatewayError } from '../errors';
import { wireIdOf, type Exchange } from '../exchange';
import { waitPreference } from '../reply/preferred-wait';
import { pendingAnswer, prefersAsync, type Acceptance } from './acceptance';
import { tellWithoutSecret } from './own-secret';
import { ResultIds } from './result-id';

export class Accepting {
  readonly #ids: ResultIds;
  readonly #location: string;
  readonly #onTimeout: boolean;
  readonly #byPreference: boolean;

  /** @returns undefined where every client waits for its reply */
  static of(config: ResultConfig): Accepting | undefined {
    return config.on_timeout === 'accepted' || config.respond_async ? new Accepting(config) : undefined;
  }

  private constructor({ on_timeout, respond_async, result_location, result_secret }: ResultConfig) {
    tellWithoutSecret('result_secret', result_secret);
    this.#ids = new ResultIds(result_secret);
    this.#location = result_location ?? '';
    this.#onTimeout = on_timeout === 'accepted';
    this.#byPreference = respond_async;
  }

  /**
   * @param consumerId of Kong: who may ask for the reply
   * @param preferredSeconds see ReplyHalf
   * @returns undefined for a request that waits for its reply
   * @throws GatewayError `misconfigured` where no other gateway would see the reply, or the id is not ours
   */
  acceptance(
    exchange: Exchange,
    consumerId: string | undefined,
    preferredSeconds: number | undefined,
  ): Acceptance | undefined {
    const { channel, wait, prefer } = exchange;
    const isPreferred = this.#byPreference && prefersAsync(prefer);
    if (!isPreferred && !this.#onTimeout) return undefined;
    if (channel.routeTag !== undefined) throw new GatewayError('misconfigured', `on_timeout: ${ROUTED}`);
    if (channel.sharedWithRequests) throw new GatewayError('misconfigured', `on_timeout: ${SHARED}`);
    if (wait.requestId !== undefined) throw new GatewayError('misconfigured', `on_timeout: ${CLIENTS_ID}`);
    return {
      // Who names a time as well wants the reply until then.
      moment: isPreferred && preferredSeconds === undefined ? 'delivery' : 'deadline',
      answer: () => {
        const scope = { replyTopic: channel.replyTopic, consumerId };
        const id = this.#ids.issue({ wireId: wireIdOf(exchange), issuedAtMs: Date.now() }, scope);
        return pendingAnswer({
          id,
          location: this.#location.replace('{id}', id),
          preferences: [isPreferred ? 'respond-async' : [], waitPreference(preferredSeconds)].flat(),
        });
      },
    };
  }
}

/** Each completes a sentence that begins with an option. */
export const ROUTED =
  'needs reply_routing: broadcast, because with partition and topic only the gateway that sent a request sees its reply, and another one could not answer for it';
export const SHARED =
  'needs a reply_topic other than topic, because whoever is asked for a result could take the request for its reply';
export const CLIENTS_ID = 'needs correlation: generated, because ids that clients choose are not unique';
