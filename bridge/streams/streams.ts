/**
 * The streams of this process, and the way to them: the access phase leaves a ticket in a header and sends Kong to the
 * listener, which is told by the ticket what it is for. Without one there is nothing here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerJson, type HttpRoute } from '../../listener/http-route';
import { openFileLimit } from '../../common/open-file-limit';
import type { Configuration } from '../configuration';
import { GatewayError } from '../errors';
import type { PhaseEvent } from '../phase';
import { LastTime } from '../telemetry/last-time';
import { log } from '../telemetry/log';
import { NowAndThen } from '../telemetry/now-and-then';
import { readEventId, type EventId } from './event-id';
import { streamEvents } from './event-stream';
import { madeUpService } from './made-up-service';
import type { ReplyStream } from './reply-stream';
import type { StreamEnd } from './stream-rule';
import { STREAM_TICKET_HEADER, StreamTickets } from './tickets';

/** Where Kong reaches the listener. */
export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a ticket is for: one of the two, and what becomes of it where nobody comes. */
export interface Entrance {
  readonly events?: (response: ServerResponse) => void;
  readonly socket?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly expired: () => void;
}

/** A WebSocket, as far as all of them are concerned. */
export interface OpenSocket {
  /** No further messages; it ends when the last has its reply. */
  drain(): void;
  /** Ends now. */
  end(): void;
}

export interface StreamsReading {
  readonly open: { readonly events: number; readonly websocket: number };
  readonly opened: { readonly events: number; readonly websocket: number };
  readonly ended: Readonly<Record<StreamEnd, number>>;
  readonly resumed: number;
  readonly gone: number;
  readonly later: number;
  readonly slow: number;
  readonly messages: number;
}

export const STREAM_PREFIX = '/stream/';

/** More than one process should have to lose. */
const MAX_STREAMS = 32_768;
/** Each has a file descriptor, and those of requests, of Kafka and for refusing must be left. */
const SHARE_OF_FILES = 0.5;
/** How long streams go on when the process is told to end. */
const DRAIN_MS = 10_000;
/** Longer than Kong ever needs between two plugins of one request. */
const CLAIMED_MS = 10_000;

export class Streams {
  /** Undefined: this process has no port that Kong reaches; null: not at the moment. Told by the plugin server. */
  listener: () => ListenerAddress | null | undefined = () => undefined;
  readonly counters = {
    events: 0,
    websocket: 0,
    resumed: 0,
    /** Of these, those that another process had begun. */
    taken_over: 0,
    gone: 0,
    /** Told to come again. */
    later: 0,
    slow: 0,
    messages: 0,
    expired: 0,
  };
  readonly ended: Record<StreamEnd, number> = {
    complete: 0,
    idle: 0,
    max_life: 0,
    failed: 0,
    client_gone: 0,
    draining: 0,
  };
  readonly #last = { failed: new LastTime(), gone: new LastTime(), expired: new LastTime() };
  readonly #lines = new NowAndThen<'not fetched'>();
  #isDraining = false;
  readonly #max = Math.min(MAX_STREAMS, Math.floor(openFileLimit() * SHARE_OF_FILES));
  readonly #within: (limitMs: number, callback: () => void) => () => void;
  readonly #tickets: StreamTickets<Entrance>;
  readonly #streams = new Map<string, ReplyStream>();
  readonly #sockets = new Set<OpenSocket>();
  /** Requests whose other half is to say what they come back to; each with what forgets it. */
  readonly #returning = new Map<string, () => void>();
  readonly #perConsumer = new WeakMap<Configuration, Map<string, number>>();

  constructor(within: (limitMs: number, callback: () => void) => () => void) {
    this.#within = within;
    this.#tickets = new StreamTickets(within, ({ expired }) => {
      this.#onExpired();
      expired();
    });
  }

  /** Those that have not ended. */
  get size(): number {
    let open = this.#sockets.size;
    for (const { isOver } of this.#streams.values()) if (!isOver) open++;
    return open;
  }

  /**
   * Before anything is sent.
   * @throws GatewayError `misconfigured` without a listener, `not_ready` while it has no port, `overloaded`
   */
  admit(configuration: Configuration, consumer: string | undefined, maxPerConsumer: number): void {
    this.#address();
    if (this.#streams.size + this.#sockets.size >= this.#max)
      throw new GatewayError(
        'overloaded',
        `${this.#max} streams are open in this process, which is the limit`,
      );
    const open = consumer === undefined ? 0 : (this.#perConsumer.get(configuration)?.get(consumer) ?? 0);
    if (open >= maxPerConsumer)
      throw new GatewayError(
        'overloaded',
        `${open} streams of this consumer are open, which is the limit (stream.max_per_consumer)`,
      );
  }

  /**
   * Sends Kong to the listener.
   * @param lacksService and Kong shall go there all the same
   * @throws GatewayError as `admit`
   */
  lead(event: PhaseEvent, lacksService: boolean, entrance: Entrance): void {
    const address = this.#address();
    if (lacksService) event.tell('kong.nginx.set_ctx', 'service', madeUpService(address));
    event.tell('kong.service.set_target', address.host, address.port);
    event.tell('kong.service.request.set_scheme', 'http');
    event.tell('kong.service.request.set_path', STREAM_PREFIX);
    event.tell('kong.service.request.set_header', STREAM_TICKET_HEADER, this.#tickets.issue(entrance));
    if (entrance.socket === undefined) {
      // The record has it, and it is not sent twice.
      event.tell('kong.service.request.set_method', 'GET');
      event.tell('kong.service.request.set_raw_body', '');
    }
    event.pass();
  }

  /** One that this process has begun. */
  open(stream: ReplyStream): void {
    this.counters.events++;
    this.#add(stream);
  }

  /** One that another process has begun, or this one: its client was elsewhere since then. */
  takeOver(stream: ReplyStream): void {
    this.counters.resumed++;
    this.counters.taken_over++;
    this.#add(stream);
  }

  /** The client of a stream has gone on elsewhere, and what is here of it is old. */
  letGo(id: string): void {
    this.#streams.get(id)?.forget();
  }

  /** A client does not read what it is sent. */
  onSlow(topic: string | undefined): void {
    this.counters.slow++;
    log.debug('a client of a stream does not read, and is disconnected', { topic });
  }

  onEnded(stream: ReplyStream, end: StreamEnd): void {
    this.#countEnd(end);
    this.#count(stream.exchange.configuration, stream.consumer, -1);
  }

  onForgotten(stream: ReplyStream): void {
    if (this.#streams.get(stream.id) === stream) this.#streams.delete(stream.id);
  }

  /** For a WebSocket that is about to be opened. The returned function, to be called once, gives its place back. */
  reserve(configuration: Configuration, consumer: string | undefined): () => void {
    this.#count(configuration, consumer, 1);
    return () => this.#count(configuration, consumer, -1);
  }

  /** The returned function, to be called once, takes it away again. */
  openSocket(socket: OpenSocket): (end: StreamEnd) => void {
    this.counters.websocket++;
    this.#sockets.add(socket);
    // Its ticket was issued before.
    if (this.#isDraining) socket.drain();
    return (end) => {
      this.#countEnd(end);
      this.#sockets.delete(socket);
    };
  }

  /**
   * The stream of this process to which a client comes back.
   * @param configuration undefined where another half has looked at it
   * @returns undefined for one that is not here, or somebody else's, or has gone on elsewhere
   */
  resumed(
    id: EventId,
    configuration: Configuration | undefined,
    consumer: string | undefined,
  ): ReplyStream | undefined {
    const stream = this.#find(id.streamId, configuration);
    if (stream === undefined || stream.consumer !== consumer || !stream.hasCounted(id)) return undefined;
    this.counters.resumed++;
    return stream;
  }

  /**
   * For the half of a pair that sends: whether this is a client that comes back, of which no record is made.
   * @throws GatewayError `stream_gone`
   */
  isReturn(lastEventId: unknown, configuration: Configuration, requestId: string): boolean {
    const id = readEventId(lastEventId);
    if (id === undefined) return false;
    if (this.#find(id.streamId, configuration) !== undefined) return true;
    if (id.place === undefined) throw this.gone();
    this.#returning.get(requestId)?.();
    const cancel = this.#within(CLAIMED_MS, () => this.#returning.delete(requestId));
    this.#returning.set(requestId, cancel);
    return true;
  }

  /** For a half that knows no streams: whether this request is no new one, and so has no record. */
  isReturning(requestId: string): boolean {
    return this.#returning.has(requestId);
  }

  /** Counts one that comes back in vain. */
  gone(): GatewayError {
    this.counters.gone++;
    this.#last.gone.note();
    return new GatewayError(
      'stream_gone',
      'nothing is kept of the stream of this Last-Event-ID; without it the request is sent again',
    );
  }

  /** What is open goes on for a moment. */
  drain(): void {
    this.#isDraining = true;
    for (const socket of this.#sockets) socket.drain();
    if (this.size > 0) this.#within(DRAIN_MS, () => this.endAll());
  }

  endAll(): void {
    if (this.size > 0) log.info('streams were ended, because the process ends', { open: this.size });
    for (const socket of [...this.#sockets]) socket.end();
    for (const stream of [...this.#streams.values()]) stream.end('draining');
  }

  readonly route: HttpRoute = {
    prefix: STREAM_PREFIX,
    isLong: true,
    handle: (request, response) => {
      const events = this.#tickets.take(request.headers[STREAM_TICKET_HEADER])?.events;
      if (events === undefined) answerJson(response, 404, { message: 'nothing is served here' });
      else events(response);
    },
    upgrade: (request, socket, head) => {
      const open = this.#tickets.take(request.headers[STREAM_TICKET_HEADER])?.socket;
      open?.(request, socket, head);
      return open !== undefined;
    },
  };

  /** For the status page. */
  status(): Record<string, unknown> {
    const { events, websocket } = this.reading().open;
    return {
      listener: this.listener() ?? null,
      open: events + websocket,
      kept: this.#streams.size,
      attached: [...this.#streams.values()].filter(({ hasClient }) => hasClient).length,
      open_websockets: websocket,
      ...this.counters,
      ended: this.ended,
      last_failed: this.#last.failed.status,
      last_gone: this.#last.gone.status,
      last_expired: this.#last.expired.status,
    };
  }

  /** For the metrics. */
  reading(): StreamsReading {
    const { events, websocket, resumed, gone, later, slow, messages } = this.counters;
    const open = { events: this.size - this.#sockets.size, websocket: this.#sockets.size };
    return { open, opened: { events, websocket }, ended: this.ended, resumed, gone, later, slow, messages };
  }

  #address(): ListenerAddress {
    const address = this.listener();
    if (address) return address;
    throw address === null
      ? new GatewayError('not_ready', 'the port of --http-listen is not there yet')
      : new GatewayError(
          'misconfigured',
          'mode: stream needs a port that Kong reaches: --http-listen <host:port> of the plugin server',
        );
  }

  #add(stream: ReplyStream): void {
    this.#streams.set(stream.id, stream);
    this.#count(stream.exchange.configuration, stream.consumer, 1);
  }

  #find(streamId: string, configuration: Configuration | undefined): ReplyStream | undefined {
    const stream = this.#streams.get(streamId);
    const isOther = configuration !== undefined && stream?.exchange.configuration !== configuration;
    return isOther ? undefined : stream;
  }

  #onExpired(): void {
    this.counters.expired++;
    this.#last.expired.note();
    const line = this.#lines.due('not fetched');
    if (line === undefined) return;
    const { host, port } = this.listener() ?? {};
    const address = host === undefined ? undefined : `${host}:${port}`;
    log.warn(
      'Kong did not come for a stream: it cannot reach the address of the listener (--http-listen, --http-advertise), or the client left',
      { address, further_times: line.further },
    );
  }

  #countEnd(end: StreamEnd): void {
    this.ended[end]++;
    if (end === 'failed') this.#last.failed.note();
  }

  #count(configuration: Configuration, consumer: string | undefined, by: number): void {
    if (consumer === undefined) return;
    const counts = this.#perConsumer.get(configuration) ?? new Map<string, number>();
    this.#perConsumer.set(configuration, counts);
    const count = (counts.get(consumer) ?? 0) + by;
    if (count > 0) counts.set(consumer, count);
    else counts.delete(consumer);
  }
}

/**
 * How the listener hands a stream over.
 * @param at of a client that comes back: the last event that it has
 */
export function eventsEntrance(stream: ReplyStream, at?: EventId): Entrance {
  return {
    events: (response) => streamEvents(stream, at, response),
    expired: () => {
      if (stream.isUnvisited) stream.forget();
    },
  };
}
