/**
 * One WebSocket: each message becomes a request, each reply a message. What the client may not send now is not read, and
 * so waits at the client; a client that does not read what it is sent is disconnected.
 */
import { Directory } from '../../common/directory';
import { GatewayError, toGatewayError, type HttpAnswer } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { Verdict } from '../reply/collector';
import { InTurn } from './in-turn';
import { SeenRecords } from './seen-records';
import { SequencedReplies, type Teller } from './sequenced-replies';
import { endMessage, readMessage, replyMessage, type SocketMessage } from './socket-message';
import { hasSeveral, isLast, type StreamEnd, type StreamRule } from './stream-rule';
import type { OpenSocket } from './streams';

/** What is needed of a `WebSocket` of npm ws. */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string, onSent: () => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'pong' | 'close' | 'error', listener: () => void): unknown;
}

export interface SocketSessionOptions {
  readonly rule: StreamRule;
  readonly nowMs: () => number;
  /** Calls back once after that time; the returned function cancels. */
  readonly within: (limitMs: number, callback: () => void) => () => void;
  /** Sends it, or joins one with its key that was. Rejects with GatewayError. */
  readonly request: (message: SocketMessage) => Promise<Exchange>;
  readonly read: (reply: ReceivedRecord, exchange: Exchange, use: (answer: HttpAnswer) => void) => void;
  readonly errorAnswer: (error: GatewayError, exchange: Exchange | undefined) => HttpAnswer;
  readonly onMessage: () => void;
  /** It was not sent. */
  readonly onRefused: (error: GatewayError) => void;
  readonly onAnswered: (exchange: Exchange, error: GatewayError | undefined) => void;
  readonly onSlow: () => void;
  readonly onClosed: (end: StreamEnd) => void;
}

/** RFC 6455, 7.4.1. */
const NORMAL = 1000;
const RESTART = 1012;

/** Kong ends a connection on which nothing is said for a minute. */
const PING_MS = 20_000;
/** What is not sent yet: from here on no further message is taken. */
const CONGESTED_SHARE = 0.25;

interface Request {
  readonly reference: string;
  exchange: Exchange | undefined;
}

export class SocketSession implements OpenSocket {
  readonly #socket: Socket;
  readonly #options: SocketSessionOptions;
  readonly #queue: SocketMessage[] = [];
  readonly #requests = new Directory<Request>();
  #lastNumber = 0;
  /** May be taken now; one more for each part of a second. */
  #tokens: number;
  #tokensAtMs: number;
  #isWaitingForToken = false;
  #isDraining = false;
  #isAlive = true;
  /** What was not sent yet at the last ping. */
  #unsentBytes = 0;
  #end: StreamEnd | undefined;
  #isClosed = false;
  #cancelIdle: (() => void) | undefined;
  #cancelPing: (() => void) | undefined;
  readonly #cancelLife: () => void;

  constructor(socket: Socket, options: SocketSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#tokens = options.rule.messagesPerSecond;
    this.#tokensAtMs = options.nowMs();
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => (this.#isAlive = true));
    socket.on('close', () => this.#onClosed());
    // The close that follows says all.
    socket.on('error', () => undefined);
    this.#cancelLife = options.within(options.rule.maxLifeMs, () => this.#close(NORMAL, 'max_life'));
    this.#restartIdle();
    this.#ping();
  }

  drain(): void {
    this.#isDraining = true;
    this.#socket.pause();
    this.#endWhenIdle();
  }

  end(): void {
    this.#close(RESTART, 'draining');
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#isEnding) return;
    this.#options.onMessage();
    this.#restartIdle();
    this.#queue.push(readMessage(data, isBinary));
    this.#pump();
  }

  /** Takes what may be taken; while something is left over, nothing is read. */
  #pump(): void {
    while (this.#queue.length > 0 && this.#mayTake()) this.#take(this.#queue.shift()!);
    if (this.#isEnding) return;
    if (this.#queue.length > 0) this.#socket.pause();
    else this.#socket.resume();
  }

  /** What is not taken by now is for the next connection: what has had no reply when this one is drained was not sent. */
  get #isEnding(): boolean {
    return this.#isDraining || this.#isClosed || this.#end !== undefined;
  }

  #mayTake(): boolean {
    const { rule } = this.#options;
    if (this.#isEnding || this.#requests.size >= rule.maxInFlight) return false;
    if (this.#socket.bufferedAmount > rule.bufferBytes * CONGESTED_SHARE) return false;
    return this.#hasToken();
  }

  #hasToken(): boolean {
    const { rule, nowMs, within } = this.#options;
    const now = nowMs();
    const perMs = rule.messagesPerSecond / 1000;
    this.#tokens = Math.min(rule.messagesPerSecond, this.#tokens + (now - this.#tokensAtMs) * perMs);
    this.#tokensAtMs = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    if (!this.#isWaitingForToken) {
      this.#isWaitingForToken = true;
      within(Math.ceil((1 - this.#tokens) / perMs), () => {
        this.#isWaitingForToken = false;
        this.#pump();
      });
    }
    return false;
  }

  #take(message: SocketMessage): void {
    const reference = message.reference ?? String(++this.#lastNumber);
    if (this.#requests.has(reference)) {
      this.#refuse(
        reference,
        new GatewayError('request_invalid', 'a message with this ref waits for its reply'),
      );
      return;
    }
    const request: Request = { reference, exchange: undefined };
    this.#requests.set(reference, request);
    this.#options
      .request(message)
      .then((exchange) => this.#await(request, exchange))
      .catch((reason: unknown) => {
        const error = toGatewayError(reason);
        // The drain has overtaken it: it is as if it had not been taken.
        if (error.code !== 'draining') this.#refuse(reference, error);
        this.#over(request);
      });
  }

  #refuse(reference: string, error: GatewayError): void {
    this.#options.onRefused(error);
    this.#say(replyMessage(reference, this.#options.errorAnswer(error, undefined)));
  }

  /** In the turn in which it was sent: no reply has been looked at yet. */
  #await(request: Request, exchange: Exchange): void {
    const { rule, read } = this.#options;
    const { wait, trace, repeats } = exchange;
    const say = (answer: HttpAnswer): void =>
      this.#say(replyMessage(request.reference, answer, repeats?.isReplayed));
    const several = hasSeveral(rule)
      ? new MessageReplies(rule, { read: (reply, use) => read(reply, exchange, use), say })
      : undefined;
    const sequence = several && this.#sequence(several, exchange);
    wait.collector = sequence ?? several;
    request.exchange = exchange;
    // The client left while it was on its way.
    if (this.#isClosed) this.#leave(exchange);
    wait.whenEnded((outcome) => {
      sequence?.stop();
      const error = 'error' in outcome ? outcome.error : undefined;
      const end = (): void => this.#onEnded(request, exchange, error, sequence?.missing);
      const reply = 'reply' in outcome ? outcome.reply : undefined;
      if (several !== undefined) several.whenRead(end);
      else if (reply === undefined) end();
      else {
        read(reply, exchange, (answer) => {
          say(answer);
          end();
        });
      }
      trace.ended(reply, error?.code);
    });
  }

  #sequence(several: MessageReplies, { channel, wait }: Exchange): SequencedReplies | undefined {
    const { rule, nowMs, within } = this.#options;
    if (rule.sequence === undefined) return undefined;
    const fail = (error: GatewayError): void => channel.fail(wait, error);
    const sequence = new SequencedReplies({ sequence: rule.sequence, rule, nowMs, within, fail });
    sequence.tellTo(several);
    return sequence;
  }

  #onEnded(request: Request, exchange: Exchange, error: GatewayError | undefined, missing?: number): void {
    const { configuration, wait } = exchange;
    const { activity, metrics } = configuration;
    this.#options.onAnswered(exchange, error);
    if (this.#isClosed) metrics.ended('closed');
    else if (error === undefined) {
      metrics.answered('ok', wait.createdAtMs, undefined);
      activity.succeeded(wait.createdAtMs);
    } else {
      metrics.answered(error.code, wait.createdAtMs, undefined);
      activity.failed(error);
      this.#say(replyMessage(request.reference, this.#options.errorAnswer(error, request.exchange)));
    }
    const { count, endHeader } = this.#options.rule;
    if (error === undefined && (count !== undefined || endHeader !== undefined))
      this.#say(endMessage(request.reference, missing));
    this.#over(request);
  }

  #over(request: Request): void {
    this.#requests.delete(request.reference);
    if (this.#isDraining) this.#endWhenIdle();
    else this.#pump();
  }

  #say(text: string): void {
    if (this.#isClosed) return;
    this.#restartIdle();
    this.#socket.send(text, () => this.#pump());
    if (this.#socket.bufferedAmount <= this.#options.rule.bufferBytes) return;
    this.#options.onSlow();
    // It would not read a close frame either.
    this.#socket.terminate();
  }

  #endWhenIdle(): void {
    if (this.#requests.size === 0) this.#close(RESTART, 'draining');
  }

  #close(code: number, end: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    // Without it the close frame of the client is not seen.
    this.#socket.resume();
    this.#socket.close(code, end);
  }

  #onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelLife();
    this.#cancelIdle?.();
    this.#cancelPing?.();
    this.#queue.length = 0;
    for (const { exchange } of [...this.#requests.values()])
      if (exchange !== undefined) this.#leave(exchange);
    this.#options.onClosed(this.#end ?? 'client_gone');
  }

  #leave({ channel, wait }: Exchange): void {
    channel.fail(wait, new GatewayError('internal', 'the client has left'));
  }

  #restartIdle(): void {
    const { rule, within } = this.#options;
    this.#cancelIdle?.();
    if (rule.idleMs !== undefined && !this.#isClosed)
      this.#cancelIdle = within(rule.idleMs, () => this.#close(NORMAL, 'idle'));
  }

  #ping(): void {
    this.#cancelPing = this.#options.within(PING_MS, () => {
      const unsentBytes = this.#socket.bufferedAmount;
      const isStuck = unsentBytes > 0 && unsentBytes >= this.#unsentBytes && this.#unsentBytes > 0;
      if (isStuck) this.#options.onSlow();
      // A paused socket sees no pong, also from a client that is well.
      if (isStuck || (!this.#isAlive && this.#queue.length === 0)) {
        this.#socket.terminate();
        return;
      }
      this.#unsentBytes = unsentBytes;
      this.#isAlive = false;
      this.#socket.ping();
      this.#ping();
    });
  }
}

interface MessageRepliesOptions {
  readonly read: (reply: ReceivedRecord, use: (answer: HttpAnswer) => void) => void;
  readonly say: (answer: HttpAnswer) => void;
}

/** The replies to one message that may have several. */
class MessageReplies implements Teller {
  readonly inOrder = true;
  readonly #rule: StreamRule;
  readonly #seen = new SeenRecords();
  /** With the one that is being read. */
  readonly #unread: ReceivedRecord[] = [];
  readonly #reading: InTurn<ReceivedRecord>;
  #replies = 0;
  #whenRead: (() => void) | undefined;

  constructor(rule: StreamRule, { read, say }: MessageRepliesOptions) {
    this.#rule = rule;
    this.#reading = new InTurn(
      () => this.#unread[0],
      (reply, done) =>
        read(reply, (answer) => {
          this.#unread.shift();
          say(answer);
          if (this.#unread.length === 0) this.#whenRead?.();
          done();
        }),
    );
  }

  add(reply: ReceivedRecord): Verdict {
    if (!this.#seen.add(reply)) return 'duplicate';
    const { count = Infinity } = this.#rule;
    const isEnd = isLast(this.#rule, reply);
    if (!isEnd || (reply.value !== null && reply.value.length > 0)) {
      this.#replies++;
      this.#unread.push(reply);
      this.#reading.goOn();
    }
    return isEnd || this.#replies >= count ? 'last' : 'more';
  }

  /** Calls back when all that has come has been said. */
  whenRead(callback: () => void): void {
    if (this.#unread.length === 0) callback();
    else this.#whenRead = callback;
  }
}
