/** Many requests with a nonce each: who got an answer, and whose. */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { ask } from '../support/stack';
import { order } from './framework';
import type { RequestCounts } from './outcome';

export const JSON_TYPE = { 'content-type': 'application/json' };

/** How many wait at the same time. */
const CONCURRENCY = 32;

export async function manyRequests(url: string, count: number): Promise<RequestCounts> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const nonces = new Set(Array.from({ length: count }, () => randomUUID() as string));
  const left = nonces.values();
  const startedAtMs = performance.now();
  const seen = { answered: 0, crossed: 0, lost: 0 };
  const worker = async () => {
    // All workers take from one iterator.
    for (const nonce of left) {
      const item = await itemOf(url, nonce, agent);
      if (item === nonce) seen.answered++;
      else if (item !== undefined && nonces.has(item)) seen.crossed++;
      else seen.lost++;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  agent.destroy();
  return { sent: count, ...seen, tookMs: performance.now() - startedAtMs };
}

/** What an accepted order says it is for; undefined for every other answer. */
async function itemOf(url: string, nonce: string, agent: Agent): Promise<string | undefined> {
  try {
    const answer = await ask(url, { headers: JSON_TYPE, body: order(nonce, 1), agent });
    if (answer.status !== 200) return undefined;
    return typeof answer.json.item === 'string' ? answer.json.item : undefined;
  } catch {
    return undefined; // the connection broke, or the body is no JSON
  }
}
