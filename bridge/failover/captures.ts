/**
 * What is kept, and the answer to it.
 *
 * `POST /failover/`: where nginx sends a request that its upstream could not take, with everything it was. The client is
 * told that it is kept when a broker has its record, and not before; in all other cases nginx gets the status of the
 * upstream's failure, and gives the client the error that it would have had without us.
 *
 * `keepNow`: the same for a request that does not go to its upstream, because its service has failed too often.
 *
 * `onLogged`: for Kong without the includes, after the client has had Kong's own error.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { acceptsProblem } from '../accept';
import { bytesInFlight } from '../bytes-in-flight';
import { systemClock, type Clock } from '../clock';
import { readBoundedBody } from '../../listener/bounded-body';
import type { HttpRoute } from '../../listener/http-route';
import { toGatewayError, type GatewayError } from '../errors';
import type { Sender } from '../sender';
import { LingerPool, type Lingering } from '../linger-pool';
import type { FailoverReading } from '../telemetry/failover-metrics';
import { log } from '../telemetry/log';
import { NowAndThen } from '../telemetry/now-and-then';
import { UNTRACED } from '../telemetry/tracing';
import type { Breakers } from './breakers';
import type { FailedRequest } from './failed-request';
import { readVerdict } from './log-verdict';
import { readFailureFacts, REPLAYED_HEADER, TICKET_HEADER, type NginxFacts } from './nginx-facts';
import { Snapshots } from './snapshots';
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
  /** Undefined: every request goes to its upstream. */
  readonly breakers?: Breakers | undefined;
}

/** One user of a capture, and its end, to be called once. */
export interface CaptureHold {
  readonly capture: Capture;
  readonly close: () => void;
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
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
  /** Of those that were kept: without a try at their upstream; after their clients were told of the failure. */
  readonly counters = { marked: 0, kept: 0, kept_at_once: 0, kept_by_log: 0, maybe_delivered: 0 };
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
  /** Of configurations with `capture: log`. */
  readonly snapshots: Snapshots;
  readonly #pool: LingerPool<Lingering & { readonly capture: Capture }>;
  readonly #lines: NowAndThen<string>;
  #open = 0;

  constructor(options: { tickets?: Tickets; clock?: Clock } = {}) {
    this.#tickets = options.tickets ?? new Tickets(secretOfEnvironment());
    this.#clock = options.clock ?? systemClock;
    this.#lines = new NowAndThen(() => this.#clock.now());
    this.snapshots = new Snapshots(this.#clock);
    this.#pool = new LingerPool(this.#clock, LINGER_MS);
  }

  /**
   * Equal keys share what was made first.
   * @param key of the configuration
   */
  open(key: string, make: () => Capture): CaptureHold {
    const { capture } = this.#pool.acquire(key, () => {
      const capture = make();
      this.#captures.set(key, capture);
      return {
        capture,
        mayEnd: () => true,
        end: () => {
          this.#captures.delete(key);
          capture.sender.close();
        },
      };
    });
    return { capture, close: () => this.#pool.release(key) };
  }

  /**
   * For a request that is going to its upstream.
   * @param requestId Kong's; undefined where Kong does not tell it: the record has one of its own
   */
  ticketFor(key: string, requestId: string | undefined): string {
    this.counters.marked++;
    return this.#tickets.issue({ key, requestId: requestId || randomUUID(), issuedAtMs: Date.now() });
  }

  /**
   * Never rejects.
   * @param accept of the client
   * @returns why it could not be kept: with `produce_timeout` nobody knows whether it was
   */
  async keepNow(
    capture: Capture,
    failed: FailedRequest,
    accept: string | undefined,
  ): Promise<KeptAnswer | GatewayError> {
    const error = await this.#counted(capture, failed, 'kept_at_once');
    return error ?? keptAnswer(capture, failed.id, accept);
  }

  /**
   * Never rejects.
   * @param entry Kong's, of a request that may have a snapshot here
   */
  async onLogged(entry: Buffer): Promise<void> {
    if (this.snapshots.size === 0) return;
    const verdict = readVerdict(entry);
    const snapshot = verdict && this.snapshots.take(verdict.id);
    if (snapshot === undefined) return;
    const { capture, request, atMs } = snapshot;
    const { id, status, isOfUpstream, mayBeDelivered, upstreamAddresses } = verdict!;
    if (isOfUpstream || !capture.statuses.includes(status)) return;
    const { service, backendUrl } = request;
    tellBreaker(capture, id, this.#clock.now() - atMs, { service, backendUrl, upstreamAddresses, status });
    if (!mayBeKept(capture, request.method, request.headers)) return;
    await this.#counted(capture, { ...request, status, mayBeDelivered }, 'kept_by_log');
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
    const { marked, kept, kept_at_once: keptAtOnce, kept_by_log: keptByLog } = this.counters;
    return {
      ...{ marked, kept, keptAtOnce, keptByLog },
      notKept: this.refused,
      inFlight: this.#open,
      openServices: this.#openServices,
    };
  }

  /** For the status page. */
  status(): Record<string, unknown> {
    return {
      configurations: this.#captures.size,
      open_breakers: this.#openServices,
      in_flight: this.#open,
      waiting_for_log: this.snapshots.size,
      given_up_waiting: this.snapshots.givenUp,
      ...this.counters,
      not_kept: this.refused,
    };
  }

  get #openServices(): string[] {
    return [...this.#captures.values()].flatMap(({ breakers }) => breakers?.openServices ?? []);
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
    // Now it is this one's affair, whatever becomes of it.
    this.snapshots.take(ticket.requestId);
    tellBreaker(capture, ticket.requestId, Date.now() - ticket.issuedAtMs, facts);
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
      this.#notDelivered(capture, ticket.requestId, error);
      return notKept(request, response, status);
    }
    this.counters.kept++;
    if (facts.mayBeDelivered) this.counters.maybe_delivered++;
    const answer = keptAnswer(capture, ticket.requestId, request.headers.accept);
    response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
    response.end(answer.body);
  }

  #notDelivered({ topic }: Capture, requestId: string, { code, detail }: GatewayError): void {
    this.refused.not_delivered++;
    const line = this.#lines.due(`${topic} ${code}`);
    if (line === undefined) return;
    log.warn('a failed request could not be kept, and its client was told of the failure', {
      request_id: requestId,
      topic,
      code,
      reason: detail,
      further_times: line.further,
    });
  }

  async #counted(
    capture: Capture,
    failed: FailedRequest,
    how: 'kept_at_once' | 'kept_by_log',
  ): Promise<GatewayError | undefined> {
    this.#open++;
    try {
      const error = await this.#deliver(capture, failed);
      if (error !== undefined) {
        this.#notDelivered(capture, failed.id, error);
        return error;
      }
      this.counters.kept++;
      this.counters[how]++;
      if (failed.mayBeDelivered) this.counters.maybe_delivered++;
      return undefined;
    } finally {
      this.#open--;
    }
  }

  async #deliver(
    { sender, topic, toValue }: Capture,
    failed: FailedRequest,
  ): Promise<GatewayError | undefined> {
    try {
      const value = Buffer.from(toValue(failed, Date.now()));
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
      return toGatewayError(error);
    }
  }
}

/** So that whoever carries the request out can see whether it has done so before. */
function headersOf({ id }: FailedRequest): readonly (readonly [string, string])[] {
  return [
    ['content-type', 'application/json'],
    ['idempotency-key', id],
  ];
}

function keptAnswer({ answer }: Capture, id: string, accept: string | undefined): KeptAnswer {
  const { status, message, retryAfterSeconds } = answer;
  const asProblem = acceptsProblem(accept);
  return {
    status,
    headers: {
      'content-type': asProblem ? 'application/problem+json' : 'application/json; charset=utf-8',
      ...(retryAfterSeconds > 0 && { 'retry-after': String(retryAfterSeconds) }),
    },
    body: Buffer.from(
      JSON.stringify(asProblem ? { type: 'about:blank', title: message, status, id } : { message, id }),
    ),
  };
}

/** What cannot be kept has its chance with the upstream, and its client the failure of that. */
export function mayBeKept(
  { methods }: Capture,
  method: string,
  headers: Readonly<Record<string, unknown>>,
): boolean {
  return methods.includes(method) && !Object.hasOwn(headers, REPLAYED_HEADER);
}

/** Without waiting for Kafka: a request that has somewhere else to go shall not. */
export function isReady({ sender }: Capture): boolean {
  try {
    return sender.readyNow();
  } catch {
    return false;
  }
}

/** A failure that the configuration does not keep is none that its breaker could do anything about. */
function tellBreaker(
  { breakers, statuses }: Capture,
  requestId: string,
  tookMs: number,
  facts: Pick<NginxFacts, 'service' | 'backendUrl' | 'upstreamAddresses' | 'status'>,
): void {
  const { service, backendUrl, upstreamAddresses, status } = facts;
  if (breakers === undefined || service === undefined || !statuses.includes(status)) return;
  breakers.onFailure(service, { backendUrl, upstreamAddresses }, { requestId, tookMs, status });
}

/** nginx has an error page for it: that of the failure, in the form that the client accepts. */
function notKept(request: IncomingMessage, response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return;
  // What is still to come is not read.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}
