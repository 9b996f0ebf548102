/**
 * `POST /failover/`: where nginx sends a request that its upstream could not take, with everything it was. The client is
 * told that it is kept when a broker has its record, and not before; in all other cases nginx gets the status of the
 * upstream's failure, and gives the client the error that it would have had without us.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { acceptsProblem } from '../accept';
import { bytesInFlight } from '../bytes-in-flight';
import { systemClock, type Clock } from '../clock';
import { readBoundedBody } from '../../listener/bounded-body';
import type { HttpRoute } from '../../listener/http-route';
import type { GatewayError } from '../errors';
import type { Sender } from '../sender';
import { LingerPool, type Lingering } from '../linger-pool';
import type { FailoverReading } from '../telemetry/failover-metrics';
import { log } from '../telemetry/log';
import { UNTRACED } from '../telemetry/tracing';
import type { FailedRequest, FailureFacts } from './failed-request';
import { readFailureFacts, REPLAYED_HEADER, TICKET_HEADER } from './nginx-facts';
import { secretOfEnvironment, Tickets } from './ticket';

/** One configuration: what it keeps, and how. */
export interface Capture {
  readonly topic: string;
  readonly statuses: readonly number[];
  readonly methods: readonly string[];
  readonly maxRequestBytes: number;
  readonly answer: { readonly status: number; readonly message: string; readonly retryAfterSeconds: number };
  readonly toValue: (request: FailedRequest, nowMs: number) => string;
  readonly sender: Pick<Sender, 'readyNow' | 'whenReady' | 'deliver' | 'close'>;
}

/**
 * A request that was marked may wait for its upstream for long, and Kong closes all instances at each change of any
 * plugin: what a configuration has marked is kept for this long after the last instance that had it.
 */
const LINGER_MS = 120_000;

/** Why a request was not kept, as it is counted. */
type Refusal =
  'no_ticket' | 'replayed' | 'status' | 'method' | 'too_large' | 'no_memory' | 'gone' | 'not_delivered';

export class Captures {
  readonly counters = { marked: 0, kept: 0, maybe_delivered: 0 };
  readonly refused: Record<Refusal, number> = {
    no_ticket: 0,
    replayed: 0,
    status: 0,
    method: 0,
    too_large: 0,
    no_memory: 0,
    gone: 0,
    not_delivered: 0,
  };
  readonly #tickets: Tickets;
  readonly #clock: Clock;
  readonly #captures = new Map<string, Capture>();
  readonly #pool: LingerPool<Lingering>;
  #open = 0;

  constructor(options: { tickets?: Tickets; clock?: Clock } = {}) {
    this.#tickets = options.tickets ?? new Tickets(secretOfEnvironment());
    this.#clock = options.clock ?? systemClock;
    this.#pool = new LingerPool(this.#clock, LINGER_MS);
  }

  /**
   * Equal keys share what was made first. The returned function, to be called once, lets go of it.
   * @param key of the configuration
   */
  open(key: string, make: () => Capture): () => void {
    this.#pool.acquire(key, () => {
      const capture = make();
      this.#captures.set(key, capture);
      return {
        mayEnd: () => true,
        end: () => {
          this.#captures.delete(key);
          capture.sender.close();
        },
      };
    });
    return () => this.#pool.release(key);
  }

  /**
   * For a request that is going to its upstream.
   * @param requestId Kong's; undefined where Kong does not tell it: the record has one of its own
   */
  ticketFor(key: string, requestId: string | undefined): string {
    this.counters.marked++;
    return this.#tickets.issue({ key, requestId: requestId || randomUUID(), issuedAtMs: Date.now() });
  }

  /** Requests that are being kept at the moment. */
  get inFlight(): number {
    return this.#open;
  }

  async idle(): Promise<void> {
    while (this.#open > 0) await new Promise<void>((resolve) => this.#clock.after(20, resolve));
  }

  /** For the metrics. */
  reading(): FailoverReading {
    const { marked, kept } = this.counters;
    return { marked, kept, notKept: this.refused, inFlight: this.#open };
  }

  /** For the status page. */
  status(): Record<string, unknown> {
    return {
      configurations: this.#captures.size,
      in_flight: this.#open,
      ...this.counters,
      not_kept: this.refused,
    };
  }

  readonly route: HttpRoute = {
    prefix: '/failover/',
    handle: (request, response) => void this.#take(request, response),
  };

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open++;
    try {
      await this.#keep(request, response);
    } catch (error) {
      log.error('a failed request could not be kept: this is a bug', { error });
      if (!response.headersSent) notKept(request, response, 502);
    } finally {
      this.#open--;
    }
  }

  async #keep(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ticket = this.#tickets.read(String(request.headers[TICKET_HEADER] ?? ''), Date.now());
    const facts = readFailureFacts(request.headers);
    const status = facts?.status ?? 502;
    const refuse = (refusal: Refusal): void => {
      this.refused[refusal]++;
      notKept(request, response, status);
    };
    const capture = ticket && this.#captures.get(ticket.key);
    if (!ticket || !facts || !capture) return refuse('no_ticket');
    if (request.headers[REPLAYED_HEADER] !== undefined) return refuse('replayed');
    const method = request.method ?? '';
    if (!capture.statuses.includes(facts.status)) return refuse('status');
    if (!capture.methods.includes(method)) return refuse('method');
    const outcome = await readBoundedBody(request, {
      maxBytes: capture.maxRequestBytes,
      reserve: (sizeBytes) => bytesInFlight.reserve(sizeBytes),
      release: (sizeBytes) => bytesInFlight.add(-sizeBytes),
    });
    if ('refused' in outcome) return refuse(outcome.refused);
    const { body, done } = outcome;
    const failed = { ...facts, id: ticket.requestId, method, rawHeaders: request.rawHeaders, body };
    const error = await this.#deliver(capture, failed).finally(done);
    if (error !== undefined) {
      log.warn('a failed request could not be kept, and its client was told of the failure', {
        request_id: ticket.requestId,
        topic: capture.topic,
        code: error.code,
        reason: error.detail,
      });
      return refuse('not_delivered');
    }
    this.counters.kept++;
    if (facts.mayBeDelivered) this.counters.maybe_delivered++;
    kept(request, response, capture, ticket.requestId);
  }

  async #deliver(
    { sender, topic, toValue }: Capture,
    failed: FailedRequest,
  ): Promise<GatewayError | undefined> {
    const value = Buffer.from(toValue(failed, Date.now()));
    try {
      if (!sender.readyNow()) await sender.whenReady();
      return await new Promise<GatewayError | undefined>((resolve) =>
        sender.deliver(
          {
            record: { topic, key: failed.id, value, headers: headersOf(failed) },
            wire: { id: failed.id, requestId: undefined },
            trace: UNTRACED,
          },
          resolve,
        ),
      );
    } catch (error) {
      return error as GatewayError;
    }
  }
}

/** So that whoever carries the request out can see whether it has done so before. */
function headersOf({ id }: FailureFacts): readonly (readonly [string, string])[] {
  return [
    ['content-type', 'application/json'],
    ['idempotency-key', id],
  ];
}

function kept(request: IncomingMessage, response: ServerResponse, { answer }: Capture, id: string): void {
  const asProblem = acceptsProblem(request.headers.accept);
  const body = JSON.stringify(
    asProblem
      ? { type: 'about:blank', title: answer.message, status: answer.status, id }
      : { message: answer.message, id },
  );
  response.writeHead(answer.status, {
    'content-type': asProblem ? 'application/problem+json' : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...(answer.retryAfterSeconds > 0 && { 'retry-after': String(answer.retryAfterSeconds) }),
  });
  response.end(body);
}

/** nginx has an error page for it: that of the failure, in the form that the client accepts. */
function notKept(request: IncomingMessage, response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return;
  // What is still to come is not read.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}
