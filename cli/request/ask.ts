/** One request through the plugins of a route, as the plugin server would run them; Kong's part is played here. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Phase, PhaseEvent, Tell } from '../../bridge/phase';
import type { ClientPool } from '../../bridge/link';
import type { Hint } from '../../bridge/reply/reply-hints';
import { RequestReply } from '../../bridge/request-reply';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import type { ConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import type { ProducerConfig } from '../../plugins/custom_kafka_producer/config';
import type { RequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { answerTo, type CliRequest } from './http-request';

/** The plugins of a route: one, or a pair. */
export type RoutePlugins =
  | { readonly requestReply: RequestReplyConfig }
  | { readonly producer: ProducerConfig; readonly consumer: ConsumerConfig | undefined };

export interface AskedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
  /** `ok`, or that of the error. */
  readonly code: string;
  readonly correlationId: string | undefined;
  readonly reply: ReplyPlace | undefined;
  /** Of an answer that is missing: what the gateway thinks of what came instead. */
  readonly hints: readonly string[];
}

export interface ReplyPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface AskOptions {
  readonly clients: ClientPool;
  readonly plugins: RoutePlugins;
  readonly request: CliRequest;
  /** How long Kafka is waited for before a request can be sent. */
  readonly connectTimeoutMs: number;
  readonly interrupted: AbortSignal;
}

const AGAIN_MS = 100;

/** @returns undefined when it was interrupted @throws GatewayError `misconfigured` for plugins that cannot work */
export async function ask(options: AskOptions): Promise<AskedAnswer | undefined> {
  const { request, connectTimeoutMs, interrupted } = options;
  const requestReply = new RequestReply({ clients: options.clients });
  requestReply.setTogether(true);
  const { phases, close } = handlersOf(options.plugins, requestReply);
  const deadlineMs = performance.now() + connectTimeoutMs;
  // The deadlines of a gateway keep no process alive.
  const alive = setInterval(() => undefined, 60_000);
  try {
    for (;;) {
      const answer = await runPhases(phases, request, interrupted);
      // Nothing was sent: a gateway that has just started would have been asked again.
      if (answer?.code !== 'not_ready' || performance.now() >= deadlineMs)
        return answer && { ...answer, hints: hintsOf(requestReply) };
      await delay(AGAIN_MS, undefined, { signal: interrupted }).catch(() => undefined);
      if (interrupted.aborted) return undefined;
    }
  } finally {
    clearInterval(alive);
    close();
    await requestReply.close();
  }
}

/** What the log entry would say is how we learn which record was the reply; and here every cause is told. */
const TELLING = { log_fields: true, error_handling: { return_error_message: true } } as const;

function handlersOf(
  plugins: RoutePlugins,
  requestReply: RequestReply,
): { readonly phases: readonly Phase[]; readonly close: () => void } {
  if ('requestReply' in plugins) {
    const handler = new RequestReplyHandler({ ...plugins.requestReply, ...TELLING }, requestReply);
    return { phases: [handler.planned.access], close: () => handler.close() };
  }
  const producer = new ProducerHandler({ ...plugins.producer, ...TELLING }, requestReply);
  const consumer = plugins.consumer && new ConsumerHandler({ ...plugins.consumer, ...TELLING }, requestReply);
  return {
    phases: [producer.planned.access, ...(consumer ? [consumer.planned.access] : [])],
    close: () => {
      producer.close();
      consumer?.close();
    },
  };
}

function hintsOf(requestReply: RequestReply): string[] {
  const { configurations } = requestReply.status() as {
    configurations?: readonly { hints?: readonly Partial<Hint>[] }[];
  };
  const hints = (configurations ?? []).flatMap((configuration) => configuration.hints ?? []);
  return [...new Set(hints.flatMap(({ text }) => text ?? []))];
}

async function runPhases(
  phases: readonly Phase[],
  request: CliRequest,
  interrupted: AbortSignal,
): Promise<AskedAnswer | undefined> {
  const event = new CliEvent();
  for (const phase of phases) {
    const answer = await event.run(phase, request, interrupted);
    if (answer !== 'passed') return answer;
  }
  return undefined;
}

/** The event of one request in all its plugins. */
class CliEvent implements PhaseEvent {
  /** Kong's have this form. */
  readonly requestId = randomBytes(16).toString('hex');
  #logged: Readonly<Record<string, unknown>> = {};
  #end: (answer: AskedAnswer | 'passed' | undefined) => void = () => undefined;
  #onOver: () => void = () => undefined;
  #goOn: (next: Phase) => void = () => undefined;

  async run(
    phase: Phase,
    request: CliRequest,
    interrupted: AbortSignal,
  ): Promise<AskedAnswer | 'passed' | undefined> {
    const interrupt = (): void => {
      this.#onOver();
      this.#end(undefined);
    };
    if (interrupted.aborted) return undefined;
    interrupted.addEventListener('abort', interrupt);
    try {
      return await new Promise((resolve) => {
        this.#end = resolve;
        this.#goOn = (next) =>
          next.run(
            this,
            next.reads.map((read) => answerTo(read, request)),
          );
        this.#goOn(phase);
      });
    } finally {
      interrupted.removeEventListener('abort', interrupt);
    }
  }

  tell(...call: Tell): void {
    if (call[0] === 'kong.log.set_serialize_value') this.#logged = { ...this.#logged, ...call[2] };
  }

  exit(status: number, body: Buffer, headers: Readonly<Record<string, string | string[]>>): void {
    const { code, correlation_id, reply_topic, partition, offset } = this.#logged;
    this.#end({
      status,
      headers,
      body,
      code: typeof code === 'string' ? code : 'ok',
      correlationId: typeof correlation_id === 'string' ? correlation_id : undefined,
      reply:
        typeof reply_topic === 'string' && typeof partition === 'number' && typeof offset === 'number'
          ? { topic: reply_topic, partition, offset }
          : undefined,
      hints: [],
    });
  }

  goOn(next: Phase): void {
    this.#goOn(next);
  }

  pass(): void {
    this.#end('passed');
  }

  onOver(callback: () => void): void {
    this.#onOver = callback;
  }
}
