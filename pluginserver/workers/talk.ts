/**
 * Questions and answers between the primary and a worker, over node's channel. None of it belongs to a request: it is used
 * when workers, instances and sockets come and go, and when somebody asks how it is.
 */

/** What one side can be asked. */
export type Questions = object;
type Asked<Q, K extends keyof Q> = Q[K] extends (asked: infer A) => unknown ? A : never;
type Answer<Q, K extends keyof Q> = Q[K] extends (...asked: never[]) => infer R ? Awaited<R> : never;
/** How one side answers; a handle may come along. */
export type Answers<Q> = {
  readonly [K in keyof Q]: (asked: Asked<Q, K>, handle: unknown) => Answer<Q, K> | Promise<Answer<Q, K>>;
};

/** A process, or a child process. */
export interface Channel {
  send(message: object, handle: unknown, onSent: (error: Error | null) => void): unknown;
  onMessage(listener: (message: unknown, handle: unknown) => void): void;
}

interface Question {
  readonly question: number;
  readonly kind: string;
  readonly asked: unknown;
}

interface Reply {
  readonly answerTo: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

interface Asker {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Of what goes to a process that is gone. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

export class Talk<Theirs extends Questions, Ours extends Questions> {
  readonly #channel: Channel;
  readonly #answers: Answers<Ours>;
  readonly #waiting = new Map<number, Asker>();
  #count = 0;
  #isOver = false;

  constructor(channel: Channel, answers: Answers<Ours>) {
    this.#channel = channel;
    this.#answers = answers;
    channel.onMessage((message, handle) => void this.#onMessage(message as Question | Reply, handle));
  }

  /** @throws GoneError; Error with what the other side could not do */
  ask<K extends keyof Theirs & string>(
    kind: K,
    asked: Asked<Theirs, K>,
    handle?: unknown,
  ): Promise<Answer<Theirs, K>> {
    const question = ++this.#count;
    return new Promise<Answer<Theirs, K>>((resolve, reject) => {
      if (this.#isOver) {
        reject(new GoneError(`nobody is there to answer ${kind}`));
        return;
      }
      this.#waiting.set(question, { resolve: resolve, reject });
      this.#send({ question, kind, asked }, handle);
    });
  }

  /** Like `ask`, of what needs no answer: if the other side is gone, nothing is lost. */
  tell<K extends keyof Theirs & string>(kind: K, asked: Asked<Theirs, K>): void {
    this.ask(kind, asked).catch(() => undefined);
  }

  /** The other side is gone. */
  end(): void {
    this.#isOver = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const asker of waiting) asker.reject(new GoneError('the other process is gone'));
  }

  async #onMessage(message: Question | Reply, handle: unknown): Promise<void> {
    if ('answerTo' in message) {
      const asker = this.#waiting.get(message.answerTo);
      this.#waiting.delete(message.answerTo);
      if (message.failure === undefined) asker?.resolve(message.answer);
      else asker?.reject(new Error(message.failure));
      return;
    }
    const { question, kind, asked } = message;
    try {
      const answer = await this.#answers[kind as keyof Ours](asked as never, handle);
      this.#send({ answerTo: question, answer });
    } catch (error) {
      this.#send({ answerTo: question, failure: error instanceof Error ? error.message : String(error) });
    }
  }

  #send(message: Question | Reply, handle?: unknown): void {
    if (this.#isOver) return;
    try {
      this.#channel.send(message, handle, (error) => {
        if (error !== null) this.end();
      });
    } catch {
      // Its channel is closed, and the end of the process is about to be told.
      this.end();
    }
  }
}

/** One that shall run longer runs at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Resolves with undefined when the answer does not come in time, or never will. */
export async function inTime<T>(timeoutMs: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.min(timeoutMs, LONGEST_TIMER_MS));
  });
  try {
    return await Promise.race([answer.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
