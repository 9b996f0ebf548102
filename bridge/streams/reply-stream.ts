/**
 * The replies to one request, sent on as they come. It outlives the connection of its client for a while: who comes back
 * gets what is kept. It knows events and nothing of how they travel.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError, type HttpAnswer } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { Collector, Verdict } from '../reply/collector';
import type { Outcome } from '../reply/pending-replies';
import { eventIdText } from './event-id';
import { EventLog } from './event-log';
import { eventBlock, namedEvent } from './event-text';
import type { StreamEnd, StreamRule } from './stream-rule';

/** Where the events of a stream go. */
export interface StreamClient {
  /** @returns false: nothing more, please, until `flush` is called */
  send(text: string): boolean;
  /** It has all. */
  end(): void;
  /** It is too slow, or has come back on another connection. */
  drop(): void;
}

export interface ReplyStreamOptions {
  readonly rule: StreamRule;
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
const BEAT_MS = 20_000;
const BEAT = ': \n\n';
/** Each record once: readers go back a little when they connect again. */
const REMEMBERED = 1024;

/** An event in its place; without text while its reply cannot be read yet. */
interface Slot {
  block: string | undefined;
}

export class ReplyStream implements Collector {
  readonly id = randomBytes(16).toString('base64url');
  readonly exchange: Exchange;
  readonly consumer: string | undefined;
  readonly #options: ReplyStreamOptions;
  readonly #log: EventLog;
  readonly #seen = new Set<string>();
  #slots: Slot[] = [];
  #replies = 0;
  #client: StreamClient | undefined;
  /** Of the last event that the client has. */
  #position = 0;
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
    this.#log = new EventLog(options.rule);
  }

  /** After the wait has this stream for its collector. */
  start(): void {
    this.#restartIdle();
    const { rule, within } = this.#options;
    this.#cancelLife = within(rule.maxLifeMs, () => this.end('max_life'));
    this.exchange.wait.whenEnded((outcome) => this.#onEnded(outcome));
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

  /** True where there is nothing after this event, and never will be. */
  isRead(number: number): boolean {
    return this.#isOver && this.#slots.length === 0 && number >= this.#log.last;
  }

  add(reply: ReceivedRecord): Verdict {
    const key = `${reply.partition}:${reply.offset}`;
    if (this.#seen.has(key)) return 'duplicate';
    this.#remember(key);
    const { endHeader, count } = this.#options.rule;
    const isEnd = endHeader !== undefined && reply.headers.some(([name]) => name === endHeader);
    if (!isEnd || (reply.value !== null && reply.value.length > 0)) {
      this.#replies++;
      const slot: Slot = { block: undefined };
      this.#slots.push(slot);
      this.#options.read(reply, (answer) => {
        slot.block = eventBlock(answer);
        this.#settle();
      });
    }
    if (isEnd || (count !== undefined && this.#replies >= count)) return 'last';
    this.#restartIdle();
    return 'more';
  }

  /** @param after the number of the last event that the client has */
  attach(client: StreamClient, after: number): void {
    this.#client?.drop();
    this.#cancelForget?.();
    this.#client = client;
    this.#isCongested = false;
    this.#position = Math.min(after, this.#log.last);
    this.#beat();
    this.flush();
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
      client.send(namedEvent('gap', { missing: this.#log.dropped - this.#position }));
      this.#position = this.#log.dropped;
    }
    for (;;) {
      const event = this.#log.next(this.#position);
      if (event === undefined) break;
      this.#position = event.number;
      const id = eventIdText({ streamId: this.id, number: event.number });
      if (!client.send(`id: ${id}\n${event.block}`)) {
        this.#isCongested = true;
        return;
      }
    }
    if (this.isRead(this.#position)) client.end();
  }

  /** Ends it without another reply. */
  end(by: StreamEnd): void {
    if (this.#isOver) return;
    this.#endedBy ??= by;
    const { channel, wait } = this.exchange;
    channel.fail(wait, new GatewayError('reply_timeout', `the stream was ended: ${by}`));
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

  #onEnded(outcome: Outcome<ReceivedRecord>): void {
    this.#cancelIdle?.();
    this.#cancelLife?.();
    this.#isOver = true;
    const error = 'error' in outcome ? outcome.error : undefined;
    const end = this.#endedBy ?? (error === undefined ? 'complete' : 'failed');
    if (end === 'failed' && error !== undefined) {
      const answer = this.#options.errorAnswer(error);
      if (this.#replies === 0) this.#earlyFailure = answer;
      this.#slots.push({ block: eventBlock(answer) });
    }
    this.#slots.push({ block: namedEvent('end', { reason: end }) });
    this.#options.onEnded(this, end, end === 'failed' ? error : undefined);
    this.exchange.trace.ended('reply' in outcome ? outcome.reply : undefined, error && end);
    this.#settle();
    if (this.#client === undefined) this.#forgetLater();
  }

  /** In the order in which the replies came, whichever can be read first. */
  #settle(): void {
    let count = 0;
    for (const { block } of this.#slots) {
      if (block === undefined) break;
      this.#log.append(block);
      count++;
    }
    if (count === 0) return;
    this.#slots.splice(0, count);
    if (this.#client !== undefined && this.#isCongested && this.#position < this.#log.dropped) {
      this.#options.onSlow();
      this.#client.drop();
    } else if (!this.#isCongested) this.flush();
  }

  #remember(key: string): void {
    if (this.#seen.size >= REMEMBERED) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest!);
    }
    this.#seen.add(key);
  }

  #restartIdle(): void {
    const { rule, within } = this.#options;
    this.#cancelIdle?.();
    if (rule.idleMs !== undefined) this.#cancelIdle = within(rule.idleMs, () => this.end('idle'));
  }

  #beat(): void {
    this.#cancelBeat?.();
    this.#cancelBeat = this.#options.within(BEAT_MS, () => {
      if (!this.#isCongested) this.#client?.send(BEAT);
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
