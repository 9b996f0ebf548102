/** A line for each request: who, when, what came back. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { OutgoingRecord } from '../bridge/kafka/records';
import type { ReplayOptions } from './options';
import type { AuditLine } from './replayer';

export class Audit {
  readonly #file: number | undefined;
  readonly #topic: string | undefined;
  readonly #dryRun: boolean;
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  /** @param produce rejects when no broker takes it */
  constructor(
    { auditFile, auditTopic, dryRun }: Pick<ReplayOptions, 'auditFile' | 'auditTopic' | 'dryRun'>,
    private readonly produce: (record: OutgoingRecord) => Promise<void>,
  ) {
    this.#file = auditFile === undefined ? undefined : openSync(auditFile, 'a', 0o600);
    this.#topic = auditTopic;
    this.#dryRun = dryRun;
  }

  write(line: AuditLine): void {
    const text = JSON.stringify(this.#dryRun ? { ...line, dry_run: true } : line);
    if (this.#dryRun) process.stdout.write(`${text}\n`);
    if (this.#file !== undefined) writeSync(this.#file, `${text}\n`);
    if (this.#topic === undefined || this.#dryRun) return;
    const sent = this.produce({
      topic: this.#topic,
      key: line.id ?? null,
      value: Buffer.from(text),
      headers: [],
    })
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => this.#pending.delete(sent));
    this.#pending.add(sent);
  }

  /** @throws what a line was lost by */
  async end(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#file !== undefined) closeSync(this.#file);
    if (this.#failure !== undefined) throw this.#failure as Error;
  }
}
