/**
 * Requests at an even rate, by a process of its own that is started with their URL and told each measurement: the clients of
 * the streams are in another one, and it is busy with them.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { ascending, percentile } from '../load/statistics';

export interface Measurement {
  readonly perSecond: number;
  readonly measureMs: number;
}

export interface Latencies {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class PlainRequests {
  readonly #child: ChildProcess;

  constructor(url: string) {
    this.#child = fork(__filename, [url]);
  }

  measure({ perSecond, measureMs }: Measurement): Promise<Latencies> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`it ended with ${code}`));
      this.#child.once('exit', onExit).once('message', (latencies) => {
        this.#child.off('exit', onExit);
        resolve(latencies as Latencies);
      });
      this.#child.send({ perSecond, measureMs });
    });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** A latency counts from the moment at which the request was due. */
async function measure(url: string, { perSecond, measureMs }: Measurement): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  let failed = 0;
  const total = Math.floor((perSecond * measureMs) / 1000);
  const beganMs = performance.now();
  const requests: Promise<void>[] = [];
  for (let number = 0; number < total; number++) {
    const dueMs = beganMs + (number * 1000) / perSecond;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await pause(earlyMs);
    requests.push(
      post(url, agent).then((isAnswered) => {
        if (isAnswered) latencies.push(performance.now() - dueMs);
        else failed++;
      }),
    );
  }
  await Promise.all(requests);
  agent.destroy();
  const sorted = ascending(latencies);
  return { count: sorted.length, failed, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
}

function post(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = httpRequest(url, { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    sent.on('error', () => resolve(false));
    sent.end('{"item":"book"}');
  });
}

if (require.main === module) {
  const [url = ''] = process.argv.slice(2);
  process.on('message', (measurement: Measurement) => {
    void measure(url, measurement).then((latencies) => process.send?.(latencies));
  });
}
