/** Open-loop load over HTTP: a request is sent when it is due, however long the earlier ones take. */
import { Agent, request as httpRequest } from 'node:http';
import { bodyOf, nextNonce, nonceOf } from './payload';

export interface Target {
  readonly url: string;
  readonly name: string;
}

export interface Outcome {
  readonly nonce?: string;
  /** Of the target it was sent to. */
  readonly target?: string;
  /** Milliseconds of performance.now(), as all times of the drill. */
  readonly sentMs: number;
  /** When the answer was complete, or the connection failed. */
  endedMs?: number;
  /** Absent: no answer, or the connection failed. */
  status?: number;
  /** The code of an error answer, such as not_ready. */
  code?: string;
  /** Answered 200 with another request's nonce, or with something else altogether. */
  crossed?: boolean;
}

/** Above every limit of gateway and plugins: what has no answer by then is lost. */
const CLIENT_TIMEOUT_MS = 15_000;

export class OpenLoop {
  /** In the order they were sent. */
  readonly outcomes: Outcome[] = [];
  readonly #target: () => Target;
  readonly #onEnd: (outcome: Outcome) => void;
  readonly #intervalMs: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  #timer: NodeJS.Timeout | undefined;
  #open = 0;

  /** @param target asked for each request */
  constructor(
    target: () => Target,
    ratePerSecond: number,
    onEnd: (outcome: Outcome) => void = () => undefined,
  ) {
    this.#target = target;
    this.#intervalMs = 1000 / ratePerSecond;
    this.#onEnd = onEnd;
  }

  start(): void {
    let dueMs = performance.now();
    // A timer that comes late makes up for it, or the rate would fall when the machine is busy.
    const sendDue = () => {
      while (dueMs <= performance.now()) {
        this.#send();
        dueMs += this.#intervalMs;
      }
    };
    this.#timer = setInterval(sendDue, Math.min(this.#intervalMs, 5));
  }

  /** Stops sending; resolves when everything that was sent has ended. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#open > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    this.#agent.destroy();
  }

  #send(): void {
    const nonce = nextNonce();
    const { url, name } = this.#target();
    const outcome: Outcome = { nonce, target: name, sentMs: performance.now() };
    this.outcomes.push(outcome);
    this.#open++;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      outcome.endedMs = performance.now();
      this.#open--;
      this.#onEnd(outcome);
    };
    const request = httpRequest(
      url,
      {
        agent: this.#agent,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        timeout: CLIENT_TIMEOUT_MS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', end);
        response.on('end', () => {
          outcome.status = response.statusCode ?? 0;
          const body = Buffer.concat(chunks);
          if (outcome.status !== 200) outcome.code = codeOf(body);
          else if (nonceOf(body) !== nonce) outcome.crossed = true;
          end();
        });
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', end);
    request.end(bodyOf(nonce));
  }
}

/** Of an error answer of ours. */
export function codeOf(body: Buffer): string {
  try {
    return (JSON.parse(body.toString('utf8')) as { code?: string }).code ?? 'without code';
  } catch {
    return 'without code';
  }
}
