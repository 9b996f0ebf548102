/**
 * The replies to one request, sent on as they come. It outlives the connection of its client for a while: who comes back
 * gets what is kept. Where replies are kept for it in other processes too, one of these may go on with it; then two of them
 * have it at once, and each knows only of its own. It knows events and nothing of how they travel.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError, type HttpAnswer } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { Collector, Verdict } from '../reply/collector';
import type { Outcome } from '../reply/pending-replies';
import { eventIdText, hasReply, MOST_PARTITIONS, NUMBERED, type EventId, type Place } from './event-id';
import { EventLog, type EventFacts, type UnreadEvent } from './event-log';
import { eventBlock, namedEvent } from './event-text';
import { InTurn } from './in-turn';
import { SeenRecords } from './seen-records';
import type { SequencedReplies, Teller } from './sequenced-replies';
import { isLast, type StreamEnd, type StreamRule } from './stream-rule';

/** Where the events of a stream go. */
export interface StreamClient {
  /** @returns false: nothing more, please, until `flush` is called */
  send(text: string): boolean;
  /** It has all. */
  end(): void;
  /** It is too slow, or has come back on another connection. */
  drop(): void;
}

/** A stream that another process has begun, as its client had it there. */
export interface Begun {
  /** Since 1970. */
  readonly atMs: number;
  readonly place: Place;
}

export interface ReplyStreamOptions {
  /** By which its client comes back. */
  readonly id: string;
  /** Other processes may go on with it. */
  readonly isPortable: boolean;
  /** Undefined: this process has begun it. */
  readonly begun?: Begun | undefined;
  readonly rule: StreamRule;
  /** Before whom its replies come; undefined: they are told as they come. */
  readonly sequence?: SequencedReplies;
  readonly exchange: Exchange;
  /** Kong's id of the consumer that has asked, who alone may come back. */
  readonly consumer: string | undefined;
  /** Calls back once after that time; the returned function cancels. */
  readonly within: (limitMs: number, callback: () => void) => () => void;
  /** The answer to one reply; calls back, later where its schema has to be fetched. */
  readonly read: (reply: ReceivedRecord, use: (answer: HttpAnswer) => void) => void;
  readonly errorAnswer: (error: GatewayError) => HttpAnswer;
  readonly onSlow: () => void;
  readonly onEnded: (stream: ReplyStream, end: StreamEnd, error: GatewayError | undefined) => void;
  /** Nobody can come back to it any more. */
  readonly onForgotten: (stream: ReplyStream) => void;
}

/** Kong ends a connection on which its upstream says nothing for a minute. */
export const BEAT_MS = 20_000;
const BEAT = ': \n\n';

/** Who counts events. Nobody guesses one: it is compared, and opens nothing. */
const COUNTER_BYTES = 6;

export class ReplyStream implements Teller {
  /** An end must not be faster than what it ends, nor the place of the client ahead of what it has not been given. */
  readonly inOrder = true;
  readonly id: string;
  readonly exchange: Exchange;
  readonly consumer: string | undefined;
  readonly #options: ReplyStreamOptions;
  readonly #log: EventLog;
  readonly #reading: InTurn<UnreadEvent>;
  readonly #seen = new SeenRecords();
  readonly #counter = randomBytes(COUNTER_BYTES).toString('base64url');
  #replies = 0;
  /** Since 1970. */
  #lastReplyAtMs: number;
  #client: StreamClient | undefined;
  #hasHadClient = false;
  /** Of the last event that the client has. */
  #position = 0;
  /** So many replies the client has, or knows that it has missed. */
  #clientReplies = 0;
  /** See Place. */
  #clientOffsets: Map<number, number> | undefined;
  #isCongested = false;
  #isOver = false;
  #isForgotten = false;
  /** Why we have ended it ourselves. */
  #endedBy: StreamEnd | undefined;
  #earlyFailure: HttpAnswer | undefined;
  #cancelIdle: (() => void) | undefined;
  #cancelLife: (() => void) | undefined;
  #cancelBeat: (() => void) | undefined;
  #cancelForget: (() => void) | undefined;

  constructor(options: ReplyStreamOptions) {
    this.exchange = options.exchange;
    this.consumer = options.consumer;
    this.#options = options;
    this.id = options.id;
    if (options.isPortable) this.#clientOffsets = new Map(options.sequence && [[NUMBERED, 0]]);
    options.sequence?.tellTo(this);
    this.#log = new EventLog(options.rule);
    this.#reading = new InTurn(
      () => this.#log.unread,
      (event, done) =>
        options.read(event.content, (answer) => {
          this.#log.read(event, eventBlock(answer));
          this.#sendOn();
          done();
        }),
    );
    const { begun } = options;
    this.#lastReplyAtMs = begun ? begun.place.asOfMs - begun.place.quietMs : Date.now();
    if (begun === undefined) return;
    this.#replies = begun.place.replies;
    this.#setClientsPlace(begun.place);
  }

  /** What takes the replies of its wait. */
  get collector(): Collector {
    return this.#options.sequence ?? this;
  }

  get sequence(): SequencedReplies | undefined {
    return this.#options.sequence;
  }

  /** After the wait has its collector. */
  start(): void {
    const { rule, within, begun } = this.#options;
    const nowMs = Date.now();
    this.#restartIdle(Math.max(0, nowMs - this.#lastReplyAtMs));
    const ageMs = begun === undefined ? 0 : nowMs - begun.atMs;
    this.#cancelLife = within(Math.max(0, rule.maxLifeMs - ageMs), () => this.end('max_life'));
    this.exchange.wait.whenEnded((outcome) => this.#onEnded(outcome));
    this.#endWithLast();
  }

  /**
   * So many replies are missing.
   * @param haveBeenHere of what another process has begun: the client does not have them, and they are not kept any more
   */
  skip(missing: number, haveBeenHere = true): void {
    const gap = namedEvent('gap', { missing });
    if (!haveBeenHere) {
      this.#say(gap);
      return;
    }
    this.#replies += missing;
    this.#say(gap, { missing });
    this.#endWithLast();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasClient(): boolean {
    return this.#client !== undefined;
  }

  /** What a client is answered that nothing was streamed to yet: the error with which all has ended. */
  get earlyFailure(): HttpAnswer | undefined {
    return this.#earlyFailure;
  }

  /** True where the client has never been here. */
  get isUnvisited(): boolean {
    return !this.#hasHadClient;
  }

  /** True for the id of an event that was sent from here: another process counts in its own way. */
  hasCounted({ place }: EventId): boolean {
    return place === undefined || place.counter === this.#counter;
  }

  /** True where there is nothing after this event, and never will be. */
  isRead(number: number): boolean {
    return this.#hasAll(number) && !this.#goesOnElsewhere;
  }

  isLast(reply: ReceivedRecord): boolean {
    return isLast(this.#options.rule, reply);
  }

  add(reply: ReceivedRecord): Verdict {
    if (!this.#seen.add(reply)) return 'duplicate';
    const { rule, begun } = this.#options;
    const isEnd = this.isLast(reply);
    // From another process, which was faster.
    const isOld = begun !== undefined && hasReply(begun.place, reply);
    if (!isOld && (!isEnd || (reply.value !== null && reply.value.length > 0))) {
      this.#replies++;
      const { partition, offset } = reply;
      const atMs = (this.#lastReplyAtMs = Date.now());
      this.#log.append(reply, { atMs, reply: { partition, offset } });
      this.#reading.goOn();
    }
    if (isEnd || (rule.count !== undefined && this.#replies >= rule.count)) return 'last';
    if (isOld) return 'duplicate';
    this.#restartIdle();
    return 'more';
  }

  /** Its request is with a broker: only now may its client come back rather than ask again. */
  delivered(): void {
    if (this.#client !== undefined && !this.#isOver && this.#position === 0) this.#tellPlace(this.#client);
  }

  /** @param at of a client that comes back: the last event that it has */
  attach(client: StreamClient, at?: EventId): void {
    this.#client?.drop();
    this.#cancelForget?.();
    this.#client = client;
    this.#hasHadClient = true;
    this.#isCongested = false;
    if (at !== undefined) {
      this.#position = Math.min(at.number, this.#log.last);
      if (at.place !== undefined) this.#setClientsPlace(at.place);
    }
    this.#beat();
    this.flush();
    if (this.exchange.wait.isDelivered) this.delivered();
  }

  /** The connection of this client has ended. */
  detach(client: StreamClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#cancelBeat?.();
    this.#forgetLater();
  }

  /** The client takes more. */
  flush(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#isCongested = false;
    if (this.#position < this.#log.dropped) {
      const missing = this.#log.dropped - this.#position;
      client.send(namedEvent('gap', { missing }));
      this.#position = this.#log.dropped;
      this.#clientReplies += missing;
    }
    const from = this.#position;
    for (;;) {
      const event = this.#log.next(this.#position);
      if (event === undefined) break;
      this.#position = event.number;
      this.#advanceClient(event.facts);
      if (!client.send(`id: ${this.#idText(event.facts)}\n${event.content}`)) {
        this.#isCongested = true;
        return;
      }
    }
    // Something has been said.
    if (this.#position > from) this.#beat();
    if (!this.#hasAll(this.#position)) return;
    // Until it has closed the connection nothing may be written.
    this.#cancelBeat?.();
    client.end();
  }

  /** Ends it without another reply. */
  end(by: StreamEnd): void {
    if (this.#isOver) return;
    this.#endedBy ??= by;
    const { channel, wait } = this.exchange;
    // What comes now is not late: its client may be elsewhere.
    if (by === 'client_gone' && this.#options.isPortable) channel.accept(wait);
    else channel.fail(wait, new GatewayError('reply_timeout', `the stream was ended: ${by}`));
  }

  /** Nobody comes back. */
  forget(): void {
    if (this.#isForgotten) return;
    this.#isForgotten = true;
    this.end('client_gone');
    this.#client?.drop();
    this.#client = undefined;
    this.#cancelBeat?.();
    this.#cancelForget?.();
    this.#log.clear();
    this.#options.onForgotten(this);
  }

  #endWithLast(): void {
    const { count } = this.#options.rule;
    if (count !== undefined && this.#replies >= count) this.end('complete');
  }

  #onEnded(outcome: Outcome<ReceivedRecord>): void {
    this.#cancelIdle?.();
    this.#cancelLife?.();
    this.#isOver = true;
    const error = 'error' in outcome ? outcome.error : undefined;
    const end = this.#endedBy ?? (error === undefined ? 'complete' : 'failed');
    if (end === 'failed' && error !== undefined) {
      const answer = this.#options.errorAnswer(error);
      if (this.#replies === 0) this.#earlyFailure = answer;
      this.#log.append(eventBlock(answer), { atMs: Date.now() });
    }
    if (this.#goesOnElsewhere) this.flush();
    else this.#say(namedEvent('end', { reason: end }), { isEnd: true });
    this.#options.onEnded(this, end, end === 'failed' ? error : undefined);
    this.exchange.trace.ended(
      'reply' in outcome ? outcome.reply : undefined,
      end === 'complete' ? undefined : end,
    );
    if (this.#client === undefined) this.#forgetLater();
  }

  /** The process ends, and the stream does not: the client that is disconnected comes back to another one. */
  get #goesOnElsewhere(): boolean {
    return this.#endedBy === 'draining' && this.#options.isPortable;
  }

  #hasAll(number: number): boolean {
    return this.#isOver && number >= this.#log.last;
  }

  #setClientsPlace({ replies, offsets }: Place): void {
    this.#clientReplies = replies;
    this.#clientOffsets = offsets && new Map(offsets);
  }

  #advanceClient({ reply, missing = 0 }: EventFacts): void {
    this.#clientReplies += missing;
    if (reply === undefined) return;
    this.#clientReplies++;
    const { partition, offset } = reply;
    const offsets = this.#clientOffsets;
    if (offsets === undefined) return;
    offsets.set(partition, Math.max(offset, offsets.get(partition) ?? 0));
    if (offsets.size > MOST_PARTITIONS) this.#clientOffsets = undefined;
  }

  /** @param facts of the event that the client is about to have */
  #idText({ atMs, isEnd = false }: EventFacts): string {
    const event = { streamId: this.id, number: this.#position };
    if (!this.#options.isPortable) return eventIdText({ ...event, place: undefined });
    return eventIdText({
      ...event,
      place: {
        counter: this.#counter,
        replies: this.#clientReplies,
        offsets: this.#clientOffsets,
        asOfMs: atMs,
        quietMs: Math.max(0, atMs - this.#lastReplyAtMs),
        isEnd,
      },
    });
  }

  /** An id without an event: a client that has it comes back, and one that has heard of it lately is known to be current. */
  #tellPlace(client: StreamClient): void {
    client.send(`id: ${this.#idText({ atMs: Date.now() })}\n\n`);
  }

  /** An event of ours, after all that came before it. */
  #say(block: string, facts: Omit<EventFacts, 'atMs'> = {}): void {
    this.#log.append(block, { atMs: Date.now(), ...facts });
    this.#sendOn();
  }

  /** There is more to send. */
  #sendOn(): void {
    if (!this.#isCongested) this.flush();
    else if (this.#client !== undefined && this.#position < this.#log.dropped) {
      this.#options.onSlow();
      this.#client.drop();
    }
  }

  /** @param quietMs for how long nothing has come already */
  #restartIdle(quietMs = 0): void {
    const { rule, within } = this.#options;
    this.#cancelIdle?.();
    if (rule.idleMs !== undefined)
      this.#cancelIdle = within(Math.max(0, rule.idleMs - quietMs), () => {
        // It is not silence that it ends with, but what is missing.
        if (this.sequence?.isWaiting !== true) this.end('idle');
      });
  }

  #beat(): void {
    this.#cancelBeat?.();
    this.#cancelBeat = this.#options.within(BEAT_MS, () => {
      const client = this.#client;
      if (client !== undefined && !this.#isCongested) {
        const hasAll = this.#position === this.#log.last && this.exchange.wait.isDelivered;
        if (this.#options.isPortable && hasAll) this.#tellPlace(client);
        else client.send(BEAT);
      }
      this.#beat();
    });
  }

  #forgetLater(): void {
    if (this.#isForgotten) return;
    const { rule, within } = this.#options;
    this.#cancelForget?.();
    if (rule.resumeMs === 0) this.forget();
    else this.#cancelForget = within(rule.resumeMs, () => this.forget());
  }
}
