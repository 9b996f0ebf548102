/** The consumer's end where the producer is in another process. */
import { GatewayError } from './errors';
import type { Exchange, RequestFacts } from './exchange';
import type { ConnectionOptions } from './kafka/connection';
import type { Link } from './link';
import { UNCLAIMED } from './reply/collector';
import type { MatchRule } from './reply/match-rule';
import type { ReplyRoute } from './reply/reply-routing';
import type { WireId } from './request/correlation-id';
import { UNTRACED } from './telemetry/tracing';

export interface ReceiverOptions {
  /** Whose configuration it is: its name. */
  readonly plugin: string;
  readonly key: string;
  readonly connectionKey: string;
  readonly connection: ConnectionOptions;
  readonly route: ReplyRoute;
  readonly rule: MatchRule;
}

export class Receiver {
  readonly #link: Link;
  readonly close: () => void;

  constructor(link: Link, close: () => void) {
    this.#link = link;
    this.close = close;
  }

  /**
   * A wait that its half has to claim.
   * @throws GatewayError `not_ready`, `correlation_conflict`, `overloaded`
   */
  exchange({ id, requestId }: WireId, timeoutMs: number, facts: RequestFacts): Exchange {
    const channel = this.#link.channel;
    if (!channel) throw new GatewayError('internal', 'a receiver without a reply channel');
    const onDeadline = () =>
      channel.ready
        ? new GatewayError(
            'reply_timeout',
            `no reply on ${channel.replyTopic} in time; delivery is known to the producer only`,
          )
        : new GatewayError('not_ready', channel.reason ?? `${channel.replyTopic} is not positioned`);
    const wait = channel.register(id, timeoutMs, onDeadline, requestId);
    wait.collector = UNCLAIMED;
    channel.settleFromHeld(wait);
    // Its first half is the other process's.
    const { configuration } = this.#link;
    return { configuration, channel, wait, topic: undefined, ...facts, trace: UNTRACED };
  }
}
