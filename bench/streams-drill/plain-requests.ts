/** Requests at an even rate, as a process of its own: `<url> <per second> <for how many milliseconds>`. Prints Latencies. */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { ascending, percentile } from '../load/statistics';

export interface Latencies {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Until the code of this process is compiled. */
const WARM_UP_MS = 3000;

async function main(): Promise<void> {
  const [url = '', perSecond, measureMs] = process.argv.slice(2);
  await measure(url, Number(perSecond), WARM_UP_MS);
  process.stdout.write(JSON.stringify(await measure(url, Number(perSecond), Number(measureMs))));
}

/** A latency counts from the moment at which the request was due. */
async function measure(url: string, perSecond: number, measureMs: number): Promise<Latencies> {
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

void main();
