/** A route that answers with replies to earlier requests: GET holds the client until the reply is there, DELETE lets go of it. */
import { answer, ErrorAnswers } from '../answer';
import type { WaitConfig } from '../config/wait-options';
import { GatewayError, toGatewayError, type HttpAnswer } from '../errors';
import type { RequestFacts } from '../exchange';
import { answerOf, type PhaseEvent, type Read } from '../phase';
import type { ReplyHalf } from '../reply-half';
import { waitPreference } from '../reply/preferred-wait';
import { listHeaderOf, MAX_HEADERS, type ConsumerIdentity, type HttpRequest } from '../request/http-request';
import { pendingAnswer } from './acceptance';
import { tellWithoutSecret } from './own-secret';
import { hasFormOfResultId, ResultIds, type IssuedResult } from './result-id';
import type { ResultReader } from './result-reader';

export interface ResultHalfOptions {
  readonly plugin: string;
  readonly config: WaitConfig;
  readonly replyTopic: string;
  readonly returnErrorMessage: boolean;
  /** Answers; closed by who made it. */
  readonly half: ReplyHalf;
  readonly reader: ResultReader;
}

const READS: readonly Read[] = [
  ['kong.request.get_method'],
  ['kong.request.get_headers', MAX_HEADERS],
  ['kong.nginx.get_var', 'request_uri'],
  ['kong.client.get_consumer'],
];

interface AskedResult extends IssuedResult {
  readonly id: string;
}

export class ResultHalf {
  readonly reads = READS;
  readonly #options: ResultHalfOptions;
  readonly #ids: ResultIds;
  readonly #errors: ErrorAnswers;
  readonly #ttlMs: number;

  constructor(options: ResultHalfOptions) {
    this.#options = options;
    this.#errors = new ErrorAnswers(options.plugin);
    tellWithoutSecret('result_secret', options.config.result_secret);
    this.#ids = new ResultIds(options.config.result_secret);
    this.#ttlMs = options.config.result_ttl * 1000;
  }

  run(event: PhaseEvent, answers: readonly unknown[]): void {
    const headers = headersIn(answers);
    try {
      const method = answerOf<string>(answers, 0);
      if (!Object.hasOwn(METHODS, method))
        throw new GatewayError('method_not_allowed', 'only GET, HEAD and DELETE are');
      const result = this.#resultOf(answers);
      if (METHODS[method as keyof typeof METHODS] === 'delete') this.#delete(event, result, headers);
      else this.#get(event, result, headers);
    } catch (error) {
      this.#refuse(event, error, headers);
    }
  }

  close(): void {
    this.#options.reader.close();
  }

  /** @throws GatewayError `result_unknown` alike for what is no id, and for one of somebody else; `result_gone` */
  #resultOf(answers: readonly unknown[]): AskedResult {
    const [path = ''] = (answerOf<string | undefined>(answers, 2) ?? '').split('?');
    const consumer = answerOf<ConsumerIdentity | undefined>(answers, 3);
    const id = path.split('/').findLast(hasFormOfResultId);
    const scope = { replyTopic: this.#options.replyTopic, consumerId: consumer?.id };
    const result = id === undefined ? undefined : this.#ids.read(id, scope);
    if (id === undefined || result === undefined)
      throw new GatewayError('result_unknown', 'the path has no id that was given to this client');
    if (Date.now() - result.issuedAtMs > this.#ttlMs) {
      const { result_ttl } = this.#options.config;
      throw new GatewayError('result_gone', `its ${result_ttl} seconds are over`);
    }
    return { ...result, id };
  }

  #delete(event: PhaseEvent, { wireId }: AskedResult, headers: HttpRequest['headers']): void {
    const { reader } = this.#options;
    const told = reader.delete(wireId);
    const end = (): void => {
      reader.configuration.metrics.ended('ok');
      answer(event, DELETED);
    };
    if (told === undefined) end();
    else told.then(end).catch((error: unknown) => this.#refuse(event, error, headers));
  }

  #get(event: PhaseEvent, result: AskedResult, headers: HttpRequest['headers']): void {
    const { reader } = this.#options;
    if (reader.readyNow()) {
      this.#hold(event, result, headers);
      return;
    }
    reader
      .whenReady()
      .then(() => this.#hold(event, result, headers))
      .catch((error: unknown) => this.#refuse(event, error, headers));
  }

  #hold(event: PhaseEvent, { id, wireId }: AskedResult, headers: HttpRequest['headers']): void {
    const { half, reader } = this.#options;
    const facts: RequestFacts = {
      accept: listHeaderOf(headers, 'accept'),
      prefer: listHeaderOf(headers, 'prefer'),
      shownId: wireId,
    };
    const preferredSeconds = half.preferredSeconds(facts.prefer);
    const exchange = reader.exchange(wireId, half.timeoutMs(preferredSeconds), facts);
    half.answer(event, exchange, preferredSeconds, {
      moment: 'deadline',
      answer: () => pendingAnswer({ id, preferences: waitPreference(preferredSeconds) }),
    });
  }

  #refuse(event: PhaseEvent, error: unknown, headers: HttpRequest['headers']): void {
    const { config, reader, returnErrorMessage } = this.#options;
    const context = {
      requestId: event.requestId,
      accept: config.problem_details ? listHeaderOf(headers, 'accept') : undefined,
      returnErrorMessage,
      headers: toGatewayError(error).code === 'method_not_allowed' ? ALLOWED : undefined,
    };
    this.#errors.answer(event, error, context, reader);
  }
}

function headersIn(answers: readonly unknown[]): HttpRequest['headers'] {
  const headers = answers[1];
  return headers instanceof Error ? {} : ((headers ?? {}) as HttpRequest['headers']);
}

const ALLOWED = { allow: 'GET, HEAD, DELETE' };

const METHODS = { GET: 'get', HEAD: 'get', DELETE: 'delete' } as const;

const DELETED: HttpAnswer = {
  status: 204,
  headers: { 'cache-control': 'no-store' },
  body: Buffer.alloc(0),
};
