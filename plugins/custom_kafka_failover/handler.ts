/**
 * Before a request goes to its upstream: a mark, by which nginx finds the way here when the upstream fails. While the
 * breaker of a service is open, its requests are kept here and now. With `capture: log` a copy as well, which the log
 * phase decides on.
 */
import { randomUUID } from 'node:crypto';
import { connectionOf } from '../../bridge/config/connection-options';
import { failedRequestOptions } from '../../bridge/config/failover-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { producerSettings } from '../../bridge/config/produce-options';
import { systemClock } from '../../bridge/clock';
import { errorAnswer, GatewayError } from '../../bridge/errors';
import { Breakers } from '../../bridge/failover/breakers';
import { isReady, mayBeKept, type CaptureHold, type Captures } from '../../bridge/failover/captures';
import { failedRequestValue } from '../../bridge/failover/failed-request';
import { ENTRY_MEMBER } from '../../bridge/failover/log-verdict';
import {
  SERVICE_READ,
  serviceName,
  WholeRequestReader,
  type WholeRequest,
} from '../../bridge/failover/whole-request';
import { reportTimeoutMs } from '../../bridge/kafka/producer-settings';
import type { Kong, KongService } from '../../bridge/kong';
import { overPromises, type Phase, type PhaseEvent } from '../../bridge/phase';
import { listHeaderOf } from '../../bridge/request/http-request';
import type { RequestReply } from '../../bridge/request-reply';
import { FAILOVER, FAILOVER_TABLE, type FailoverPluginConfig } from './config';

/** What kong/failover-proxy.conf looks for in `ngx.ctx`. */
const MARK = 'kafka_failover';

export class FailoverHandler {
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase; readonly log: Phase };
  readonly #key: string;
  readonly #captures: Captures;
  readonly #hold: CaptureHold;
  readonly #whole: WholeRequestReader;

  constructor(config: FailoverPluginConfig, captures: Captures, requestReply: RequestReply) {
    const key = configKey(FAILOVER_TABLE, config);
    const produce = producerSettings(config);
    const sender = () =>
      requestReply.openSender({
        plugin: FAILOVER.name,
        key,
        connectionKey: configKey(FAILOVER_TABLE, config, isConnectionRow),
        connection: { ...connectionOf(config, config.bootstrap_servers, config.timeout), produce },
        topic: config.topic,
        route: undefined,
        // The request is followed to its upstream; what is kept of it begins anew.
        trace: { replyTopic: undefined, b3: 'off' },
        maxInFlight: 0,
        reportTimeoutMs: reportTimeoutMs(produce),
      });
    const { answer } = config;
    this.#key = key;
    this.#captures = captures;
    this.#hold = captures.open(key, () => ({
      topic: config.topic,
      statuses: config.statuses,
      methods: config.methods,
      maxRequestBytes: config.max_request_bytes,
      answer: { status: answer.status, message: answer.message, retryAfterSeconds: answer.retry_after },
      toValue: failedRequestValue(failedRequestOptions(config)),
      sender: sender(),
      breakers: breakersOf(config),
    }));
    this.#whole = new WholeRequestReader({
      maxBodyBytes: config.max_request_bytes,
      boundedRead: requestReply.inOwnServer,
    });
    this.planned = config.capture === 'log' ? this.#withSnapshot() : this.#withoutSnapshot();
  }

  /** What was marked until then is still kept. */
  close(): void {
    this.#hold.close();
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  /** It goes to its upstream. */
  #mark(event: PhaseEvent, requestId = event.requestId): void {
    const { breakers } = this.#hold.capture;
    if (breakers !== undefined) breakers.marked++;
    event.tell('kong.nginx.set_ctx', MARK, this.#captures.ticketFor(this.#key, requestId));
    event.pass();
  }

  #withoutSnapshot(): FailoverHandler['planned'] {
    const { breakers } = this.#hold.capture;
    const access: Phase = {
      reads: [],
      run: (event) => {
        if (breakers === undefined || breakers.open === 0) this.#mark(event);
        else event.goOn(this.#whileOneIsOpen(breakers));
      },
    };
    // The dump of this form does not name the phase; the other dump may be installed all the same.
    return { access, log: { reads: [], run: (event) => event.pass() } };
  }

  #withSnapshot(): FailoverHandler['planned'] {
    const { capture } = this.#hold;
    const access: Phase = {
      reads: this.#whole.reads,
      run: (event, answers) => {
        const request = this.#wholeOf(event, answers);
        if (request === undefined) return this.#mark(event);
        const { service, id } = request;
        if (service !== undefined && capture.breakers?.decide(service, id) === 'keep')
          return this.#keepOrMark(event, request, capture.breakers.statusOf(service));
        this.#captures.snapshots.add(capture, request);
        event.tell('kong.log.set_serialize_value', ENTRY_MEMBER, { id });
        this.#mark(event, id);
      },
    };
    const log: Phase = {
      reads: [['kong.log.serialize']],
      run: (event, answers) => {
        // Before anything else: the worker of Kong has a timer for each event that is not over.
        event.pass();
        const [entry] = answers;
        if (typeof entry === 'string') void this.#captures.onLogged(Buffer.from(entry, 'latin1'));
      },
    };
    return { access, log };
  }

  #whileOneIsOpen(breakers: Breakers): Phase {
    return {
      reads: [SERVICE_READ],
      run: (event, answers) => {
        const [service] = answers.map(serviceNameIn);
        // Kong may have none: whether the one that tries the service fails must be seen all the same.
        const id = event.requestId || randomUUID();
        if (service === undefined || breakers.decide(service, id) === 'through') this.#mark(event, id);
        else event.goOn(this.#keeping(breakers.statusOf(service)));
      },
    };
  }

  #keeping(status: number): Phase {
    return {
      reads: this.#whole.reads,
      run: (event, answers) => {
        const request = this.#wholeOf(event, answers);
        if (request === undefined) this.#mark(event);
        else this.#keepOrMark(event, request, status);
      },
    };
  }

  /** Undefined where Kong has refused a question: then the request goes its way. */
  #wholeOf(event: PhaseEvent, answers: readonly unknown[]): WholeRequest | undefined {
    try {
      return this.#whole.read(event.requestId, answers);
    } catch {
      return undefined;
    }
  }

  #keepOrMark(event: PhaseEvent, request: WholeRequest, status: number): void {
    const { method, headers, bodyOmitted } = request;
    const { capture } = this.#hold;
    if (bodyOmitted === undefined && mayBeKept(capture, method, headers) && isReady(capture))
      void this.#keep(event, request, status);
    else this.#mark(event);
  }

  async #keep(event: PhaseEvent, { headers, ...request }: WholeRequest, status: number): Promise<void> {
    const accept = listHeaderOf(headers, 'accept');
    const outcome = await this.#captures.keepNow(
      this.#hold.capture,
      {
        ...request,
        status,
        reason: `The service failed too often, the last time with ${status}, and was not tried.`,
        mayBeDelivered: false,
      },
      accept,
    );
    if (!(outcome instanceof GatewayError)) event.exit(outcome.status, outcome.body, outcome.headers);
    else if (outcome.code === 'produce_timeout') {
      // The record may be there: it must not be carried out as well.
      const answer = errorAnswer(outcome, { requestId: event.requestId, accept });
      event.exit(answer.status, answer.body, answer.headers);
    } else this.#mark(event);
  }
}

function serviceNameIn(answer: unknown): string | undefined {
  return answer instanceof Error ? undefined : serviceName(answer as KongService | undefined);
}

function breakersOf({ breaker }: FailoverPluginConfig): Breakers | undefined {
  if (breaker.failures === 0) return undefined;
  return new Breakers({
    failures: breaker.failures,
    windowMs: breaker.window * 1000,
    openForMs: breaker.open_for * 1000,
    probePath: breaker.probe_path,
    clock: systemClock,
  });
}
