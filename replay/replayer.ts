/**
 * Carries kept requests out: reads them as a member of a group, in order within a partition, and says of each in Kafka
 * what became of it before it is done with it.
 *
 *     send ──▶ the service took it ──▶ <topic>.done has its id ──▶ the offset is committed
 *          ──▶ it refused, or failed too often ──▶ the dead topic has it ──▶ the offset is committed
 *
 * Ended at any point and started again, it repeats at most what was in flight, under the same Idempotency-Key.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../bridge/errors';
import { costOf, type OutgoingRecord, type ReceivedRecord } from '../bridge/kafka/records';
import { plainName, REDACTED_BY_DEFAULT, redactUrl } from '../bridge/log-entry/redaction';
import { isCredential } from '../bridge/request/reserved-headers';
import type { BackOff } from './back-off';
import { readKeptRequest, type KeptRequest } from './kept-request';
import type { Attempt, Target } from './send';

/** How a request ended. */
export type Outcome =
  | 'carried_out'
  /** Its id is in the done topic: somebody has carried it out, and was ended before the commit. */
  | 'carried_out_before'
  /** Nobody knows whether the upstream took it, and a repetition could do harm. */
  | 'maybe_delivered'
  | 'refused'
  | 'failed_too_often'
  | 'not_a_request'
  /** Of a dry run: it is in the dead topic since an earlier one. */
  | 'dead_before'
  /** By the filters: it stays in the topic for another group. */
  | 'passed_over';

export interface AuditLine {
  readonly at: string;
  readonly by: string;
  readonly outcome: Outcome;
  readonly id?: string;
  readonly service?: string | undefined;
  readonly method?: string;
  readonly uri?: string;
  readonly attempts: number;
  readonly status?: number;
  readonly reason?: string;
  readonly partition: number;
  readonly offset: number;
}

export interface ReplayerPorts {
  /** The next record, or undefined after a while without one. */
  next(): Promise<ReceivedRecord | undefined>;
  /** Whether there is none, as far as this member of the group is concerned. */
  isAtEnd(): Promise<boolean>;
  /** Resolves when a broker has it; rejects when none takes it. */
  produce(record: OutgoingRecord): Promise<void>;
  commit(record: ReceivedRecord): void;
  send(request: KeptRequest, target: Target): Promise<Attempt>;
  /** Undefined: there is no such service. */
  targetOf(service: string | undefined): Target | undefined;
  audit(line: AuditLine): void;
  /** Waits for its turn under `--rate`. */
  turn(): Promise<void>;
}

export interface ReplayerOptions {
  readonly topic: string;
  readonly doneTopic: string;
  readonly deadTopic: string;
  readonly maxAttempts: number;
  /** Also those that an upstream may have carried out, with a method that must not be repeated. */
  readonly maybe: boolean;
  readonly dryRun: boolean;
  readonly operator: string;
  readonly isWanted: (request: KeptRequest, nowMs: number) => boolean;
  /** Go on when there is nothing left. */
  readonly follow: boolean;
}

/** HTTP says of these that once more does no more (RFC 9110, 9.2.2). */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** The service may take it another time. */
const TRY_AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);
/** It wants to be asked somewhere else, where only the operator may send requests. 303 comes after it was carried out. */
const ELSEWHERE = new Set([301, 302, 307, 308]);
const DEFAULT_SERVICE = '(none)';
/** Of the headers of the dead, the one that may be long. */
const REASON = 'replay-answer';
/** Of the records that wait for the one before them in their partition. */
const MOST_WAITING = 100;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

export class Replayer {
  readonly counts: Record<Outcome, number> = {
    carried_out: 0,
    carried_out_before: 0,
    maybe_delivered: 0,
    refused: 0,
    failed_too_often: 0,
    not_a_request: 0,
    dead_before: 0,
    passed_over: 0,
  };
  attempts = 0;
  #stopped = false;
  #failure: Error | undefined;
  #waiting = 0;
  #waitingBytes = 0;
  /** By partition, of the last that has ended: the group may be made anew, and reads from its last commit on then. */
  readonly #endedAt = new Map<number, number>();

  constructor(
    private readonly options: ReplayerOptions,
    private readonly ports: ReplayerPorts,
    private readonly backOff: BackOff,
    /** Ids in the done topic. */
    private readonly done: Set<string>,
    /** Keys in the dead topic, for a dry run: it begins at the beginning, and has no offsets that say so. */
    private readonly dead: ReadonlySet<string> = new Set(),
  ) {}

  /** What is in flight is finished. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Resolves when there is nothing left, or after `stop`. Rejects when Kafka does not take what must be safe, or does not
   * answer.
   * @returns whether there is nothing left
   */
  async run(): Promise<boolean> {
    const ends = new Map<number, Promise<void>>();
    const isDone = await this.#read(ends).catch((error: unknown) => {
      this.#failure ??= error as Error;
      return false;
    });
    await Promise.all(ends.values());
    if (this.#failure) throw this.#failure;
    return isDone;
  }

  /** @param ends of what is begun, by partition */
  async #read(ends: Map<number, Promise<void>>): Promise<boolean> {
    while (!this.#isOver) {
      const record = await this.ports.next();
      if (record === undefined) {
        if (this.#waiting === 0 && !this.options.follow && (await this.ports.isAtEnd())) return !this.#isOver;
        continue;
      }
      this.#waiting++;
      this.#waitingBytes += costOf(record);
      const before = ends.get(record.partition) ?? Promise.resolve();
      ends.set(
        record.partition,
        before.then(() => this.#handle(record)),
      );
      while (this.#isFull && !this.#isOver) await delay(10);
    }
    return false;
  }

  get #isFull(): boolean {
    return this.#waiting >= MOST_WAITING || this.#waitingBytes >= MOST_WAITING_BYTES;
  }

  get #isOver(): boolean {
    return this.#stopped || this.#failure !== undefined;
  }

  async #handle(record: ReceivedRecord): Promise<void> {
    try {
      // Behind one that was not finished nothing is begun: its offset would be committed with that of this one.
      if (!this.#isOver && !this.#hasEnded(record)) await this.#carryOut(record);
    } catch (error) {
      this.#failure ??= error as Error;
    } finally {
      this.#waiting--;
      this.#waitingBytes -= costOf(record);
    }
  }

  #hasEnded({ partition, offset }: ReceivedRecord): boolean {
    return offset <= (this.#endedAt.get(partition) ?? -1);
  }

  async #carryOut(record: ReceivedRecord): Promise<void> {
    const request = readKeptRequest(record);
    if (typeof request === 'string')
      return this.#dead(record, 'not_a_request', { attempts: 0, reason: request });
    if (this.done.has(request.id)) return this.#end(record, 'carried_out_before', { request, attempts: 0 });
    if (this.dead.has(record.key?.toString() ?? request.id))
      return this.#end(record, 'dead_before', { request, attempts: 0 });
    if (!this.options.isWanted(request, Date.now()))
      return this.#end(record, 'passed_over', { request, attempts: 0 });
    if (request.mayBeDelivered && !REPEATABLE.has(request.method) && !this.options.maybe)
      return this.#dead(record, 'maybe_delivered', {
        request,
        attempts: 0,
        reason: 'the upstream may have carried it out; --maybe sends such requests again',
      });
    const target = this.ports.targetOf(request.service);
    if (target === undefined)
      return this.#dead(record, 'refused', {
        request,
        attempts: 0,
        reason: `no --to for the service ${request.service ?? DEFAULT_SERVICE}`,
      });
    if (this.options.dryRun) return this.#end(record, 'carried_out', { request, attempts: 0 });
    await this.#attempt(record, request, target);
  }

  async #attempt(record: ReceivedRecord, request: KeptRequest, target: Target): Promise<void> {
    const service = request.service ?? DEFAULT_SERVICE;
    let last: Attempt = { kind: 'failed', reason: 'it was never tried' };
    for (let attempts = 1; attempts <= this.options.maxAttempts; attempts++) {
      for (let waitMs = this.backOff.waitMs(service); waitMs > 0; waitMs = this.backOff.waitMs(service)) {
        // A stop does not wait for a service that is away; this request is the first one next time.
        if (this.#isOver) return;
        await delay(Math.min(waitMs, 200));
      }
      await this.ports.turn();
      this.attempts++;
      last = await this.ports.send(request, target);
      if (last.kind === 'answered' && !TRY_AGAIN.has(last.status)) {
        this.backOff.succeeded(service);
        const facts = { request, attempts, status: last.status };
        if (last.status < 400 && !ELSEWHERE.has(last.status)) return this.#carriedOut(record, facts);
        return this.#dead(record, 'refused', { ...facts, reason: last.body });
      }
      this.backOff.failed(service);
    }
    const { maxAttempts: attempts } = this.options;
    await this.#dead(
      record,
      'failed_too_often',
      last.kind === 'answered'
        ? { request, attempts, status: last.status, reason: last.body }
        : { request, attempts, reason: last.reason },
    );
  }

  async #carriedOut(record: ReceivedRecord, facts: Facts & { request: KeptRequest }): Promise<void> {
    const { id } = facts.request;
    await this.ports.produce({
      topic: this.options.doneTopic,
      key: id,
      value: Buffer.from(JSON.stringify({ at: new Date().toISOString(), status: facts.status })),
      headers: [],
    });
    this.done.add(id);
    this.#end(record, 'carried_out', facts);
  }

  /** What cannot be carried out stands in the dead topic as it was, with the reason beside it. */
  async #dead(record: ReceivedRecord, outcome: Outcome, facts: Facts): Promise<void> {
    if (!this.options.dryRun) {
      const headers: [string, string][] = [
        ['replay-outcome', outcome],
        ['replay-attempts', String(facts.attempts)],
        ...(facts.status === undefined ? [] : [['replay-status', String(facts.status)] as [string, string]]),
        ...(facts.reason === undefined ? [] : [[REASON, plainText(facts.reason)] as [string, string]]),
      ];
      await this.#keep(record, headers);
    }
    this.#end(record, outcome, facts);
  }

  /** With its reason it may be larger than what the topic takes, and it was not without: then the reason is in the audit only. */
  async #keep({ key, value }: ReceivedRecord, headers: OutgoingRecord['headers']): Promise<void> {
    for (const kept of [headers, headers.filter(([name]) => name !== REASON), []]) {
      try {
        return await this.ports.produce({ topic: this.options.deadTopic, key, value, headers: kept });
      } catch (error) {
        const isTooLarge = error instanceof GatewayError && error.code === 'request_too_large';
        if (!isTooLarge || kept.length === 0) throw error;
      }
    }
  }

  #end(record: ReceivedRecord, outcome: Outcome, { request, attempts, status, reason }: Facts): void {
    if (!this.options.dryRun) this.ports.commit(record);
    this.#endedAt.set(record.partition, record.offset);
    this.counts[outcome]++;
    this.ports.audit({
      at: new Date().toISOString(),
      by: this.options.operator,
      outcome,
      ...(request && {
        id: request.id,
        service: request.service,
        method: request.method,
        uri: shownUri(request.uri),
      }),
      attempts,
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { reason: plainText(reason) }),
      partition: record.partition,
      offset: record.offset,
    });
  }
}

interface Facts {
  readonly request?: KeptRequest;
  readonly attempts: number;
  readonly status?: number;
  readonly reason?: string;
}

const SECRETS: ReadonlySet<string> = new Set(REDACTED_BY_DEFAULT.map(plainName));

/** More may see the audit than may read the topic of requests. */
function shownUri(uri: string): string {
  return redactUrl(uri, (name) => SECRETS.has(plainName(name)) || isCredential(name));
}

/** What a record header can carry: a character that is cut in two is none. */
function plainText(text: string): string {
  return Buffer.from(text.slice(0, 1000)).toString().replaceAll('\0', ' ');
}
