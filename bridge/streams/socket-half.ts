/** WebSockets of one configuration: from the upgrade in the access phase to the messages, each of which is a request. */
import { randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';
import type { Exchange } from '../exchange';
import { errorAnswer, GatewayError, type HttpAnswer } from '../errors';
import type { PhaseEvent } from '../phase';
import type { RequestHalf } from '../request-half';
import { headerIn, type HttpRequest } from '../request/http-request';
import { usableKey } from '../results/idempotency-key';
import { accessLog } from '../telemetry/access-log';
import { OpenCount } from './open-count';
import type { SocketMessage } from './socket-message';
import { SocketSession, type Socket } from './socket-session';
import { writeStreamAccess, type ReplyReader, type StreamOwner, type StreamVisitor } from './stream-half';
import type { StreamRule } from './stream-rule';
import type { Entrance } from './streams';

export interface SocketHalfOptions {
  readonly rule: StreamRule;
  readonly request: Pick<RequestHalf, 'sender' | 'captured' | 'following' | 'factsOf'>;
  readonly reader: ReplyReader;
  /** For the reply to a message. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  /** The request header that the key of a message takes the place of. In lower case. */
  readonly keyHeader: string;
  readonly returnErrorMessage: boolean;
  readonly nowMs: () => number;
}

/** Of the upgrade, and of no message. */
const OF_THE_UPGRADE =
  /^(?:connection|upgrade|content-length|content-type|content-encoding|idempotency-key|sec-websocket-.*)$/;

export function isUpgrade(headers: HttpRequest['headers']): boolean {
  return headerIn(headers, 'upgrade')?.toLowerCase() === 'websocket';
}

export class SocketHalf {
  readonly #owner: StreamOwner;
  readonly #options: SocketHalfOptions;
  readonly #server: WebSocketServer;
  readonly #open = new OpenCount();

  constructor(owner: StreamOwner, options: SocketHalfOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Its memory for each connection is more than all the rest of it.
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
    });
  }

  /** Calls back once when no WebSocket of it is open any more: until then its messages have to be sent. */
  whenUnused(callback: () => void): void {
    this.#open.whenNone(callback);
  }

  /** @throws GatewayError as `Streams.admit`, and `request_invalid` for a page of a foreign origin */
  begin(event: PhaseEvent, answers: readonly unknown[], visitor: StreamVisitor): void {
    const { request, rule, keyHeader } = this.#options;
    const { consumer, headers, lacksService } = visitor;
    const origin = headerIn(headers, 'origin');
    if (origin !== undefined && rule.allowedOrigins?.includes(origin.toLowerCase()) === false)
      throw new GatewayError('request_invalid', 'pages of this origin may not open a WebSocket here');
    const { streams } = this.#owner;
    request.sender.readyNow();
    const captured = withoutUpgrade(request.captured(event, answers), keyHeader);
    const release = streams.reserve(request.sender.configuration, consumer);
    const ended = this.#open.add();
    const closed = (): void => {
      release();
      ended();
    };
    try {
      streams.lead(event, lacksService, { socket: this.#entrance(captured, closed), expired: closed });
    } catch (error) {
      closed();
      throw error;
    }
  }

  #entrance(captured: HttpRequest, closed: () => void): NonNullable<Entrance['socket']> {
    return (incoming, connection, head) => {
      let isOpened = false;
      connection.once('close', () => {
        if (!isOpened) closed();
      });
      this.#server.handleUpgrade(incoming, connection, head, (socket) => {
        isOpened = true;
        this.#openSession(socket, captured, closed);
      });
    };
  }

  #openSession(socket: Socket, captured: HttpRequest, closed: () => void): void {
    const { streams } = this.#owner;
    const { rule, reader, nowMs } = this.#options;
    const session = new SocketSession(socket, {
      rule,
      nowMs,
      within: (limitMs, callback) => this.#owner.within(limitMs, callback),
      request: (message) => this.#send(captured, message),
      read: (reply, exchange, use) => reader.read(reply, exchange, use),
      errorAnswer: (error, exchange) => this.#errorAnswer(error, exchange),
      onMessage: () => streams.counters.messages++,
      onRefused: (error) => {
        const { activity, metrics } = this.#options.request.sender.configuration;
        activity.failed(error);
        metrics.ended(error.code);
      },
      onAnswered: (exchange, error) => {
        if (accessLog.isOn) writeStreamAccess(reader.plugin, exchange, error);
      },
      onSlow: () => streams.onSlow(this.#options.request.sender.configuration.topic),
      onClosed: (end) => {
        leave(end);
        closed();
      },
    });
    const leave = streams.openSocket(session);
  }

  async #send(captured: HttpRequest, { key, body, contentType }: SocketMessage): Promise<Exchange> {
    const { request, timeoutMs, keyHeader } = this.#options;
    const headers = {
      ...captured.headers,
      'content-type': contentType,
      ...(key !== undefined && { [keyHeader]: usableKey(key, 'key') }),
    };
    const built = await request.following({ ...captured, id: randomUUID(), headers, body });
    return request.sender.request(built, request.factsOf(built), timeoutMs);
  }

  #errorAnswer(error: GatewayError, exchange: Exchange | undefined): HttpAnswer {
    if (exchange !== undefined) return this.#options.reader.errorAnswer(error, exchange);
    return errorAnswer(error, { returnErrorMessage: this.#options.returnErrorMessage });
  }
}

function withoutUpgrade(request: HttpRequest, keyHeader: string): HttpRequest {
  const headers = Object.fromEntries(
    // One key for all messages would make them one.
    Object.entries(request.headers).filter(([name]) => !OF_THE_UPGRADE.test(name) && name !== keyHeader),
  );
  return { ...request, headers };
}
