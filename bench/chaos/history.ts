/**
 * What happened in a run, one JSON object per line, in the order in which it became known. The checks read this file
 * and nothing else, so that a run can be looked at, and checked, again.
 */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import type { Outcome } from '../load/open-loop';

/** Times in milliseconds since the run began. */
export type HistoryEvent =
  | ({ readonly event: 'request' } & Outcome)
  | { readonly event: 'gateway added'; readonly atMs: number; readonly gateway: string }
  | { readonly event: 'gateway killed'; readonly atMs: number; readonly gateway: string }
  | { readonly event: 'broker killed'; readonly atMs: number; readonly broker: number }
  | { readonly event: 'broker started'; readonly atMs: number; readonly broker: number }
  | { readonly event: 'broker serves'; readonly atMs: number; readonly broker: number }
  /** Found in the request topic after the run. */
  | { readonly event: 'record'; readonly nonce: string; readonly idempotencyKey: string }
  /** Of a gateway that lived to the end: what it still had open, and its counters of replies. */
  | {
      readonly event: 'gateway at the end';
      readonly gateway: string;
      readonly open: number;
      readonly replies: Readonly<Record<string, number>>;
    };

export class HistoryWriter {
  readonly #file: WriteStream;
  readonly #originMs = performance.now();

  constructor(path: string) {
    this.#file = createWriteStream(path);
  }

  nowMs(): number {
    return performance.now() - this.#originMs;
  }

  write(event: HistoryEvent): void {
    this.#file.write(`${JSON.stringify(event)}\n`);
  }

  /** The clock of requests is that of the process. */
  request(outcome: Outcome): void {
    const since = (ms: number) => Math.round((ms - this.#originMs) * 10) / 10;
    const { sentMs, endedMs = sentMs } = outcome;
    this.write({ event: 'request', ...outcome, sentMs: since(sentMs), endedMs: since(endedMs) });
  }

  async close(): Promise<void> {
    this.#file.end();
    await finished(this.#file);
  }
}

export async function readHistory(path: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    events.push(JSON.parse(line) as HistoryEvent);
  }
  return events;
}
