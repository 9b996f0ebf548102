/** The second half of a request whose replies are sent on as they come: the access phase of one configuration. */
import { randomBytes } from 'node:crypto';
import { answer, writeAccess } from '../answer';
import type { Configuration } from '../configuration';
import { GatewayError, toGatewayError, type HttpAnswer } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { KongService } from '../kong';
import { answerOf, type PhaseEvent, type Read } from '../phase';
import { headerIn, listHeaderOf, MAX_HEADERS, type HttpRequest } from '../request/http-request';
import { accessLog } from '../telemetry/access-log';
import { isNumbered, NUMBERED, readEventId, type EventId } from './event-id';
import { COME_AGAIN, EVENT_STREAM } from './event-stream';
import { OpenCount } from './open-count';
import { ReplyStream, type Begun } from './reply-stream';
import { SequencedReplies } from './sequenced-replies';
import type { ReturnedStream, StreamReturns } from './stream-returns';
import type { StreamRule } from './stream-rule';
import { eventsEntrance, type Streams } from './streams';

/** What it needs of the half that answers one reply. */
export interface ReplyReader {
  /** Whose replies they are: its name. */
  readonly plugin: string;
  read(reply: ReceivedRecord, exchange: Exchange, use: (answer: HttpAnswer) => void): void;
  errorAnswer(error: GatewayError, exchange: Exchange): HttpAnswer;
}

export interface StreamOwner {
  readonly streams: Streams;
  nowMs(): number;
  within(limitMs: number, callback: () => void): () => void;
}

/** Who asks. */
export interface StreamVisitor {
  readonly headers: HttpRequest['headers'];
  readonly method: string | undefined;
  /** Kong's id of its consumer. */
  readonly consumer: string | undefined;
  /** Kong has to be told of a service, as the route has none. */
  readonly lacksService: boolean;
}

/** A stream ends by itself, and before its wait does: there a deadline would be a request without a reply. */
const BEHIND_LIFE_MS = 5000;
/** Of an id that is known here alone. */
const ID_BYTES = 16;

/** To send it would break the promise of the key, and to give its first reply again that of the stream. */
export const STREAM_WITH_KEY =
  'a stream of events cannot be asked for with an idempotency key, as it has several replies and one would be kept';

/** The one answer after which a browser does not come again. */
const readToItsEnd = (event: PhaseEvent): void =>
  event.exit(204, Buffer.alloc(0), { 'cache-control': 'no-store' });

const READS: readonly Read[] = [
  ['kong.request.get_headers', MAX_HEADERS],
  ['kong.request.get_method'],
  ['kong.client.get_consumer'],
];

export class StreamHalf {
  readonly rule: StreamRule;
  readonly #owner: StreamOwner;
  readonly #reader: ReplyReader;
  /** Undefined: a stream is continued where it was begun, or not at all. */
  readonly #returns: StreamReturns | undefined;
  readonly #open = new OpenCount();

  constructor(owner: StreamOwner, rule: StreamRule, reader: ReplyReader, returns?: StreamReturns) {
    this.#owner = owner;
    this.rule = rule;
    this.#reader = reader;
    this.reads = rule.withoutService ? [...READS, ['kong.router.get_service']] : READS;
    this.#returns = returns;
  }

  /** Calls back once when no stream of it is left: until then its replies have to be read. */
  whenUnused(callback: () => void): void {
    this.#open.whenNone(() => {
      this.#returns?.close();
      callback();
    });
  }

  /** Of the wait. */
  get timeoutMs(): number {
    return this.rule.maxLifeMs + BEHIND_LIFE_MS;
  }

  /** What `visitor` looks at. */
  readonly reads: readonly Read[];

  /** @param answers to `reads` */
  visitor(answers: readonly unknown[]): StreamVisitor {
    return {
      headers: answerOf<HttpRequest['headers'] | undefined>(answers, 0) ?? {},
      method: answerOf(answers, 1),
      consumer: answerOf<{ id?: string } | undefined>(answers, 2)?.id,
      lacksService:
        this.rule.withoutService && answerOf<KongService | undefined>(answers, 3)?.id === undefined,
    };
  }

  /**
   * A client that comes back to its stream is dealt with here, and so is one that cannot have any.
   * @param configuration undefined where another half has looked at it
   * @param refuse told of an error that shows later
   * @returns false: it is a new request
   * @throws GatewayError `request_invalid`, `stream_gone`, `misconfigured`; those that pass, where it is no EventSource
   */
  takes(
    event: PhaseEvent,
    visitor: StreamVisitor,
    configuration: Configuration | undefined,
    refuse: (error: unknown) => void,
  ): boolean {
    const { headers, method } = visitor;
    if (method === 'HEAD' || method === 'OPTIONS')
      throw new GatewayError('request_invalid', `${method} cannot have a stream for its answer`);
    const id = readEventId(headerIn(headers, 'last-event-id'));
    if (id === undefined) return false;
    try {
      this.#goBack(event, visitor, id, configuration, (error) => {
        if (!this.#comesAgain(event, visitor, error)) refuse(error);
      });
    } catch (error) {
      if (!this.#comesAgain(event, visitor, error)) throw error;
    }
    return true;
  }

  #goBack(
    event: PhaseEvent,
    visitor: StreamVisitor,
    id: EventId,
    configuration: Configuration | undefined,
    refuse: (error: unknown) => void,
  ): void {
    const { consumer, lacksService } = visitor;
    const { streams } = this.#owner;
    const isKnown = id.place === undefined || this.#returns?.wireIdOf(id, consumer) !== undefined;
    const stream = isKnown ? streams.resumed(id, configuration, consumer) : undefined;
    if (stream === undefined) this.#takeOver(event, visitor, id, refuse);
    else if (stream.isRead(id.number)) readToItsEnd(event);
    else streams.lead(event, lacksService, eventsEntrance(stream, id));
  }

  /** @returns false for one that is better off with the error */
  #comesAgain(event: PhaseEvent, { headers }: StreamVisitor, error: unknown): boolean {
    const passes = toGatewayError(error).retryAfterSeconds !== undefined;
    if (!passes || listHeaderOf(headers, 'accept')?.includes(EVENT_STREAM) !== true) return false;
    this.#owner.streams.counters.later++;
    answer(event, COME_AGAIN);
    return true;
  }

  /** @throws GatewayError as `Streams.admit` */
  admit(configuration: Configuration, { consumer }: StreamVisitor): void {
    this.#owner.streams.admit(configuration, consumer, this.rule.maxPerConsumer);
  }

  /** Of a wait that is registered: what takes its replies from now on. @throws GatewayError `request_invalid` */
  stream(exchange: Exchange, { consumer }: StreamVisitor): ReplyStream {
    // The producer of a pair does not know that there is a stream: it has sent the first, and joined this one to it.
    if (exchange.repeats !== undefined)
      throw new GatewayError(
        'request_invalid',
        `${STREAM_WITH_KEY}; its record was sent by the first with this key`,
      );
    const portableId = this.#returns?.idOf(exchange, consumer);
    return this.#stream(exchange, consumer, {
      id: portableId ?? randomBytes(ID_BYTES).toString('base64url'),
      isPortable: portableId !== undefined,
    });
  }

  /** A stream of another process. @throws GatewayError `stream_gone`, `draining` */
  #takeOver(event: PhaseEvent, visitor: StreamVisitor, id: EventId, refuse: (error: unknown) => void): void {
    const returns = this.#returns;
    const returned = returns?.read(id, visitor.consumer);
    if (returns === undefined || returned === undefined) throw this.#owner.streams.gone();
    if (returned.place.isEnd) {
      readToItsEnd(event);
      return;
    }
    const begin = (): void => this.#goOn(event, visitor, returns, returned, id.streamId);
    if (returns.readyNow()) begin();
    else returns.whenReady().then(begin).catch(refuse);
  }

  #goOn(
    event: PhaseEvent,
    visitor: StreamVisitor,
    returns: StreamReturns,
    returned: ReturnedStream,
    id: string,
  ): void {
    const { headers, consumer } = visitor;
    const { streams } = this.#owner;
    streams.letGo(id);
    this.admit(returns.configuration, visitor);
    const exchange = returns.exchange(this.timeoutMs, {
      accept: listHeaderOf(headers, 'accept'),
      prefer: listHeaderOf(headers, 'prefer'),
      shownId: returned.wireId,
    });
    const stream = this.#stream(exchange, consumer, { id, isPortable: true, begun: returned });
    streams.takeOver(stream);
    stream.start();
    returns.feed(stream, returned);
    this.#lead(event, stream, visitor);
  }

  #stream(
    exchange: Exchange,
    consumer: string | undefined,
    identity: { readonly id: string; readonly isPortable: boolean; readonly begun?: Begun },
  ): ReplyStream {
    const { streams } = this.#owner;
    const { configuration } = exchange;
    const forgotten = this.#open.add();
    const sequence = this.#sequence(exchange, identity.begun);
    return new ReplyStream({
      ...identity,
      rule: this.rule,
      ...(sequence && { sequence }),
      exchange,
      consumer,
      within: (limitMs, callback) => this.#owner.within(limitMs, callback),
      read: (reply, use) => this.#reader.read(reply, exchange, use),
      errorAnswer: (error) => this.#reader.errorAnswer(error, exchange),
      onSlow: () => streams.onSlow(exchange.topic),
      onEnded: (stream, end, error) => {
        streams.onEnded(stream, end);
        if (end === 'client_gone') configuration.metrics.ended('closed');
        else configuration.metrics.ended(error?.code ?? (end === 'draining' ? 'draining' : 'ok'));
        if (error) configuration.activity.failed(error);
        if (accessLog.isOn) writeStreamAccess(this.#reader.plugin, exchange, error);
      },
      onForgotten: (stream) => {
        streams.onForgotten(stream);
        forgotten();
      },
    });
  }

  /** Undefined also for one that was begun without: its client cannot say which places it has. */
  #sequence({ channel, wait }: Exchange, begun: Begun | undefined): SequencedReplies | undefined {
    const { rule } = this;
    if (rule.sequence === undefined || (begun !== undefined && !isNumbered(begun.place))) return undefined;
    const sequence = new SequencedReplies({
      sequence: rule.sequence,
      rule,
      begun: begun && { number: begun.place.offsets?.get(NUMBERED) ?? 0, replies: begun.place.replies },
      nowMs: () => this.#owner.nowMs(),
      within: (limitMs, callback) => this.#owner.within(limitMs, callback),
      fail: (error) => channel.fail(wait, error),
    });
    wait.whenEnded(() => sequence.stop());
    return sequence;
  }

  /** Sends Kong to it. The event ends. */
  begin(event: PhaseEvent, stream: ReplyStream, visitor: StreamVisitor): void {
    const { streams } = this.#owner;
    streams.open(stream);
    stream.start();
    this.#lead(event, stream, visitor);
  }

  #lead(event: PhaseEvent, stream: ReplyStream, { lacksService }: StreamVisitor): void {
    try {
      this.#owner.streams.lead(event, lacksService, eventsEntrance(stream));
    } catch (error) {
      stream.forget();
      throw error;
    }
  }
}

/** The line of a stream when it ends, or of a message when it is answered. Only where the log of requests is on. */
export function writeStreamAccess(plugin: string, exchange: Exchange, error: GatewayError | undefined): void {
  const { configuration, shownId, wait } = exchange;
  writeAccess(configuration, {
    plugin,
    status: error?.status ?? 200,
    code: error?.code,
    requestId: undefined,
    correlationId: shownId,
    sinceMs: wait.createdAtMs,
  });
}
