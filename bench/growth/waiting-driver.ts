/**
 * Ten thousand requests that wait, as Kong's workers hold them: begun at a steady pace, each in its second event until
 * its answer comes. A process of its own.
 */
import { childOptions, serveQuestions } from '../load/load-child';
import { nextNonce } from '../load/payload';
import type { PluginSocket } from '../load/kong-events';
import { ProtocolEnd } from '../load/protobuf-end';
import { ascending, percentile } from '../load/statistics';
import { tickEvery } from '../load/ticker';

export interface WaitingOptions {
  readonly producer: PluginSocket;
  /** Its timeout is ours to choose. */
  readonly consumer: PluginSocket;
}

export interface WaitingLoad {
  readonly waits: number;
  readonly perSecond: number;
  /** Of the first one; of the others, too, unless all deadlines are to be one. */
  readonly timeoutMs: number;
  readonly oneDeadline: boolean;
}

/** Resolves with null when all of them wait, and with their end when all have ended. */
export type WaitingQuestion = { readonly begin: WaitingLoad } | { readonly end: true };

export interface WaitingEnd {
  /** Status -> how many. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How long after its timeout a client got its 504. NaN without any. */
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
  /** From the first end to the last. */
  readonly endedWithinMs: number;
}

/** Timeouts are a configuration, and there is one for each step: the deadlines of all lie as close as that. */
const DEADLINE_STEP_MS = 100;
const STEP_MS = 10;

class Waiting {
  readonly #producer: ProtocolEnd;
  readonly #consumers = new Map<number, ProtocolEnd>();
  readonly #statuses: Record<string, number> = {};
  #lateMs: number[] = [];
  #endedMs: number[] = [];
  #open = 0;
  #onAllEnded = (): void => undefined;

  constructor(private readonly options: WaitingOptions) {
    this.#producer = new ProtocolEnd(options.producer);
  }

  async answer(question: WaitingQuestion): Promise<WaitingEnd | null> {
    if ('end' in question) return this.#end();
    await this.#begin(question.begin);
    return null;
  }

  async #begin(load: WaitingLoad): Promise<void> {
    const { waits, perSecond } = load;
    await this.#producer.startInstance();
    const timeoutOf = (index: number) => timeoutMs(load, (index * 1000) / perSecond);
    for (let index = 0; index < waits; index++) await this.#consumer(timeoutOf(index));
    const beganMs = performance.now();
    let sent = 0;
    await new Promise<void>((resolve) => {
      let handedOver = 0;
      const stop = tickEvery(STEP_MS, () => {
        const due = Math.min(Math.floor(((performance.now() - beganMs) / 1000) * perSecond), waits);
        for (; sent < due; sent++)
          this.#send(timeoutOf(sent), () => {
            if (++handedOver < waits) return;
            stop();
            resolve();
          });
      });
    });
  }

  /** @param onWaiting the first event is over */
  #send(timeoutMs: number, onWaiting: () => void): void {
    const nonce = nextNonce();
    const sentMs = performance.now();
    this.#open++;
    const ended = (status: number) => {
      const nowMs = performance.now();
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      this.#endedMs.push(nowMs);
      if (status === 504) this.#lateMs.push(nowMs - sentMs - timeoutMs);
      if (--this.#open === 0) this.#onAllEnded();
    };
    this.#producer.run(nonce, (refusal) => {
      if (refusal) ended(refusal.status);
      else this.#consumers.get(timeoutMs)?.run(nonce, (exit) => ended(exit?.status ?? 0));
      onWaiting();
    });
  }

  async #end(): Promise<WaitingEnd> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#onAllEnded = resolve));
    const late = ascending(this.#lateMs);
    const ended = ascending(this.#endedMs);
    return {
      statuses: this.#statuses,
      lateP99Ms: percentile(late, 0.99),
      lateMaxMs: percentile(late, 1),
      endedWithinMs: percentile(ended, 1) - percentile(ended, 0),
    };
  }

  async #consumer(timeout: number): Promise<void> {
    if (this.#consumers.has(timeout)) return;
    const { consumer } = this.options;
    const end = new ProtocolEnd({ ...consumer, config: { ...consumer.config, timeout } });
    await end.startInstance();
    this.#consumers.set(timeout, end);
  }
}

function timeoutMs({ timeoutMs: first, oneDeadline }: WaitingLoad, afterMs: number): number {
  return oneDeadline ? first - Math.floor(afterMs / DEADLINE_STEP_MS) * DEADLINE_STEP_MS : first;
}

serveQuestions(async () => {
  const waiting = new Waiting(childOptions<WaitingOptions>());
  return (question: WaitingQuestion) => waiting.answer(question);
});
