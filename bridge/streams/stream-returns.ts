/**
 * The end of a configuration that goes on with streams that other processes have begun. Their clients bring all that has to
 * be known: an id that one of them has signed, and their place. The replies are here already, as every gateway sees every
 * reply; so none has to tell another.
 */
import { v4 as uuid } from 'uuid';
import type { Configuration } from '../configuration';
import { GatewayError } from '../errors';
import type { Exchange, RequestFacts } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import { notReady, type Link } from '../link';
import type { ReceiverOptions } from '../receiver';
import { isUuid } from '../reply/id-forms';
import type { KeepBounds } from '../results/kept-replies';
import { ResultIds } from '../results/result-id';
import { UNTRACED } from '../telemetry/tracing';
import { hasReply, isNumbered, type EventId } from './event-id';
import { BEAT_MS, type Begun, type ReplyStream } from './reply-stream';
import type { SequenceRule } from './stream-rule';
import type { StreamStore } from './stream-store';

export interface StreamReturnOptions extends ReceiverOptions {
  readonly maxInFlight: number | undefined;
  /** Undefined: that of this node. */
  readonly secret: string | undefined;
  readonly resumeMs: number;
  /** Undefined: streams that were begun with one are not continued. */
  readonly sequence: SequenceRule | undefined;
  readonly keep: Pick<KeepBounds, 'count' | 'bytes'>;
}

/** What it needs of the process it is part of. */
interface ReturnsOwner {
  nowMs(): number;
}

/** By so much the clocks of two gateways may differ, and one may be behind the other in reading. */
const SLACK_MS = 10_000;

/**
 * Who comes back in time may have heard of its place one beat before it left, and what it had not been told by then may have
 * waited for its turn.
 */
export function keptForMs({
  resumeMs,
  sequence,
}: Pick<StreamReturnOptions, 'resumeMs' | 'sequence'>): number {
  return resumeMs + BEAT_MS + SLACK_MS + (sequence?.gapMs ?? 0);
}

/** A stream that another process has begun. */
export interface ReturnedStream extends Begun {
  readonly wireId: string;
}

export class StreamReturns {
  readonly #owner: ReturnsOwner;
  readonly #link: Link;
  readonly #store: StreamStore;
  readonly #resumeMs: number;
  readonly #sequence: SequenceRule | undefined;
  readonly #replyTopic: string;
  readonly #ids: ResultIds;
  readonly close: () => void;

  constructor(
    owner: ReturnsOwner,
    link: Link,
    store: StreamStore,
    { secret, resumeMs, sequence, route }: StreamReturnOptions,
    close: () => void,
  ) {
    this.#owner = owner;
    this.#link = link;
    this.#store = store;
    this.#resumeMs = resumeMs;
    this.#sequence = sequence;
    if (sequence) store.rememberPlaces(sequence.header);
    this.#replyTopic = route.replyTopic;
    this.#ids = new ResultIds(secret, 'stream ids');
    this.close = close;
  }

  get configuration(): Configuration {
    return this.#link.configuration;
  }

  /** The id of a stream that this process begins; undefined where no other one sees its replies, or its id is not ours. */
  idOf({ channel, wait }: Exchange, consumerId: string | undefined): string | undefined {
    const isSeenElsewhere =
      channel.replyTopic === this.#replyTopic &&
      channel.routeTag === undefined &&
      !channel.sharedWithRequests &&
      wait.requestId === undefined &&
      isUuid(wait.id);
    if (!isSeenElsewhere) return undefined;
    return this.#ids.issue({ wireId: wait.id, issuedAtMs: Date.now() }, this.#scope(consumerId));
  }

  /** @returns undefined for one of somebody else */
  wireIdOf({ streamId }: EventId, consumerId: string | undefined): string | undefined {
    return this.#ids.read(streamId, this.#scope(consumerId))?.wireId;
  }

  /** @returns undefined for one of somebody else, and one whose client comes too late */
  read({ streamId, place }: EventId, consumerId: string | undefined): ReturnedStream | undefined {
    const issued = this.#ids.read(streamId, this.#scope(consumerId));
    if (issued === undefined || place?.offsets === undefined) return undefined;
    const sinceMs = Date.now() - place.asOfMs;
    if (!place.isEnd && sinceMs > this.#resumeMs + BEAT_MS) return undefined;
    let waitedMs = 0;
    if (isNumbered(place)) {
      if (this.#sequence === undefined) return undefined;
      waitedMs = this.#sequence.gapMs;
    }
    if (this.#store.hasForgotten(this.#owner.nowMs() - sinceMs - waitedMs)) return undefined;
    return { wireId: issued.wireId, atMs: issued.issuedAtMs, place };
  }

  /** True when every reply of before is here. @throws as Link */
  readyNow(): boolean {
    return this.#link.readyNow();
  }

  /** See Link. */
  whenReady(): Promise<void> {
    return this.#link.whenReady();
  }

  /** A wait of our own for what somebody else has asked. @throws as ReplyChannel.register */
  exchange(timeoutMs: number, facts: RequestFacts): Exchange {
    const { channel, configuration } = this.#link;
    if (channel === undefined) throw new GatewayError('internal', 'streams without a reply channel');
    // Under an id that no record has: in this process too may be a wait under the other.
    const wait = channel.register(uuid(), timeoutMs, () => notReady(this.#link));
    // Or there would be no id to come back with.
    wait.delivered();
    return { configuration, channel, wait, topic: undefined, ...facts, trace: UNTRACED };
  }

  /** All that its client does not have: what is kept, then what comes. */
  feed(stream: ReplyStream, { wireId, place }: ReturnedStream): void {
    const { exchange, collector, sequence } = stream;
    const { channel, wait } = exchange;
    const take = (reply: ReceivedRecord): void => {
      if (!stream.isOver && collector.add(reply, wait) === 'last') channel.complete(wait, reply);
    };
    const replies = [...this.#store.repliesTo(wireId)];
    const lost = replies.filter(({ record }) => record === undefined);
    // Those with a place are missing in their turn.
    const others = sequence ? lost.filter((reply) => !sequence.lose(reply.places)) : lost;
    const missing = others.filter((reply) => !hasReply(place, reply)).length;
    if (missing > 0) stream.skip(missing);
    sequence?.tellWhatIsDue();
    wait.whenEnded(this.#store.follow(wireId, take));
    const records = replies.flatMap(({ record }) => record ?? []);
    // The partition of the end may have been read before the others.
    records.sort((one, other) => Number(stream.isLast(one)) - Number(stream.isLast(other)));
    for (const record of records) take(record);
  }

  #scope(consumerId: string | undefined): {
    readonly replyTopic: string;
    readonly consumerId: string | undefined;
  } {
    return { replyTopic: this.#replyTopic, consumerId };
  }
}
