/**
 * The replies to one request that have places among each other, before they are told: what comes before its turn waits here
 * until all before it have come. Those without a place are told at once. It stands before what else would take the replies,
 * so that a stream without places knows nothing of it.
 */
import { bytesInFlight } from '../bytes-in-flight';
import { GatewayError } from '../errors';
import { costOf, type ReceivedRecord } from '../kafka/records';
import type { Collector, Verdict } from '../reply/collector';
import { placeIn } from '../reply/reply-place';
import { NUMBERED } from './event-id';
import { isLast, type SequenceRule, type StreamRule } from './stream-rule';

/** Whom replies are told in their turn. Each comes as from the partition NUMBERED: see there. */
export interface Teller {
  add(reply: ReceivedRecord): Verdict;
  delivered?(): void;
  /**
   * So many are not told, though something is that comes after them.
   * @param haveBeenHere they have come, and are not kept any more
   */
  skip?(missing: number, haveBeenHere: boolean): void;
}

export interface SequencedRepliesOptions {
  readonly sequence: SequenceRule;
  readonly rule: Pick<StreamRule, 'endHeader' | 'count' | 'bufferEvents' | 'bufferBytes'>;
  /** Of a stream that another process has begun: how far its client is, and with how many replies. */
  readonly begun?: { readonly number: number; readonly replies: number } | undefined;
  readonly nowMs: () => number;
  /** Calls back once after that time; the returned function cancels. */
  readonly within: (limitMs: number, callback: () => void) => () => void;
  /** Ends the wait. */
  readonly fail: (error: GatewayError) => void;
}

interface Waiting {
  readonly reply: ReceivedRecord;
  readonly sinceMs: number;
}

/** An object, and a place in a map. */
const WAITING_COST_BYTES = 100;

export class SequencedReplies implements Collector {
  readonly #options: SequencedRepliesOptions;
  #teller: Teller | undefined;
  /** Numbers are places counted from 1. All up to this one have been told. */
  #told: number;
  /** Replies, with those that wait. */
  #come: number;
  /** In the order in which they came. Undefined: it was here, and is not kept any more. */
  readonly #waiting = new Map<number, Waiting | undefined>();
  /** Of these, those that are replies. */
  #held = 0;
  #bytes = 0;
  #missing = 0;
  #isOver = false;
  #cancelGap: (() => void) | undefined;

  constructor(options: SequencedRepliesOptions) {
    this.#options = options;
    this.#told = options.begun?.number ?? 0;
    this.#come = options.begun?.replies ?? 0;
  }

  /** To be called once, before the first reply. */
  tellTo(teller: Teller): void {
    this.#teller = teller;
  }

  /** Something has come that cannot be told yet. */
  get isWaiting(): boolean {
    return this.#held > 0;
  }

  /** So many places before others had no reply when all was over. */
  get missing(): number {
    return this.#missing;
  }

  add(reply: ReceivedRecord): Verdict {
    if (this.#isOver) return 'duplicate';
    const number = this.#numberOf(placeIn(reply, this.#options.sequence.header));
    if (number === undefined) return this.#addUnnumbered(reply);
    if (number <= this.#told)
      return this.#isEndOfBefore(reply, number) ? this.#say(reply, number) : 'duplicate';
    if (this.#waiting.has(number)) return 'duplicate';
    if (!this.#isLast(reply) || hasValue(reply)) this.#come++;
    if (number === this.#told + 1) {
      this.#told = number;
      if (this.#say(reply, number) === 'last') return 'last';
    } else if (!this.#hold(reply, number)) return 'more';
    return this.tellWhatIsDue();
  }

  delivered(): void {
    this.#teller?.delivered?.();
  }

  /**
   * A reply to a stream of another process that was here and is not any more. Its client may have it.
   * @param places by their record headers
   * @returns false for one without a place
   */
  lose(places: ReadonlyMap<string, number> | undefined): boolean {
    const number = this.#numberOf(places?.get(this.#options.sequence.header));
    if (number === undefined) return false;
    if (number > this.#told && !this.#waiting.has(number)) {
      this.#waiting.set(number, undefined);
      this.#come++;
    }
    return true;
  }

  /** What waits and has all before it. To be called after `lose`. */
  tellWhatIsDue(): Verdict {
    while (this.#waiting.has(this.#told + 1)) if (this.#tellWaiting(this.#told + 1) === 'last') return 'last';
    const { count } = this.#options.rule;
    // So many are all: what is not here by now has no number of its own.
    return count !== undefined && this.#come >= count ? this.#tellAll(false) : 'more';
  }

  /** The wait is over. */
  stop(): void {
    this.#isOver = true;
    this.#cancelGap?.();
    this.#cancelGap = undefined;
    this.#waiting.clear();
    this.#held = 0;
    this.#account(-this.#bytes);
  }

  #numberOf(place: number | undefined): number | undefined {
    const { start } = this.#options.sequence;
    return place === undefined || place < start ? undefined : place - start + 1;
  }

  /** A client that was elsewhere has its last reply, and has not been told that it was the last. */
  #isEndOfBefore(reply: ReceivedRecord, number: number): boolean {
    return number <= (this.#options.begun?.number ?? 0) && this.#isLast(reply);
  }

  #addUnnumbered(reply: ReceivedRecord): Verdict {
    // Nothing says how many come before it.
    if (this.#isLast(reply)) return this.#tellAll(true) === 'last' ? 'last' : this.#say(reply);
    const verdict = this.#say(reply);
    if (verdict !== 'more') return verdict;
    this.#come++;
    return this.tellWhatIsDue();
  }

  /** @returns false where that is too much, and all is over */
  #hold(reply: ReceivedRecord, number: number): boolean {
    const { bufferEvents, bufferBytes } = this.#options.rule;
    const bytes = costOf(reply) + WAITING_COST_BYTES;
    if (this.#held >= bufferEvents)
      return this.#fail(this.#tooMuch(`${bufferEvents} replies (stream.buffer)`));
    if (this.#bytes + bytes > bufferBytes)
      return this.#fail(this.#tooMuch(`${bufferBytes} bytes (stream.buffer_bytes)`));
    this.#waiting.set(number, { reply, sinceMs: this.#options.nowMs() });
    this.#held++;
    this.#account(bytes);
    this.#cancelGap ??= this.#failLater(this.#options.sequence.gapMs);
    return true;
  }

  /** All that waits, in its order. @param saysMissing what is not here is never going to be told */
  #tellAll(saysMissing: boolean): Verdict {
    for (const number of [...this.#waiting.keys()].sort((one, other) => one - other)) {
      // Told together with the one before it.
      if (!this.#waiting.has(number)) continue;
      const missing = number - this.#told - 1;
      if (saysMissing && missing > 0) {
        this.#missing += missing;
        this.#teller?.skip?.(missing, false);
      }
      if (this.#tellWaiting(number) === 'last') return 'last';
    }
    return 'more';
  }

  /** @param number of one that waits; all before it are told, or never will be */
  #tellWaiting(number: number): Verdict {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) {
      let missing = 0;
      for (; this.#isLost(number + missing); missing++) this.#waiting.delete(number + missing);
      this.#told = number + missing - 1;
      this.#teller?.skip?.(missing, true);
      return 'more';
    }
    this.#waiting.delete(number);
    this.#told = number;
    this.#held--;
    this.#account(-costOf(waiting.reply) - WAITING_COST_BYTES);
    if (this.#held === 0) {
      this.#cancelGap?.();
      this.#cancelGap = undefined;
    }
    return this.#say(waiting.reply, number);
  }

  #isLost(number: number): boolean {
    return this.#waiting.has(number) && this.#waiting.get(number) === undefined;
  }

  #say(reply: ReceivedRecord, number?: number): Verdict {
    // What was said just now may have been the end of all.
    if (this.#isOver) return 'duplicate';
    const told = number === undefined ? reply : { ...reply, partition: NUMBERED, offset: number };
    return this.#teller?.add(told) ?? 'more';
  }

  /** Once the oldest that waits has waited for too long. */
  #failLater(limitMs: number): () => void {
    const { within, nowMs, sequence } = this.#options;
    return within(limitMs, () => {
      // In the order in which they came.
      const [oldest] = [...this.#waiting.values()].filter((waiting) => waiting !== undefined);
      if (oldest === undefined) return;
      const restMs = oldest.sinceMs + sequence.gapMs - nowMs();
      if (restMs > 0) this.#cancelGap = this.#failLater(restMs);
      else
        this.#fail(
          new GatewayError(
            'reply_timeout',
            `the reply with number ${this.#nextPlace} did not come, and one behind it has waited for ${sequence.gapMs} ms (stream.sequence_header)`,
          ),
        );
    });
  }

  #fail(error: GatewayError): false {
    this.#options.fail(error);
    return false;
  }

  #tooMuch(bound: string): GatewayError {
    return new GatewayError(
      'reply_too_large',
      `the reply with number ${this.#nextPlace} did not come, and those behind it are more than ${bound}`,
    );
  }

  get #nextPlace(): number {
    return this.#told + this.#options.sequence.start;
  }

  #isLast(reply: ReceivedRecord): boolean {
    return isLast(this.#options.rule, reply);
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    bytesInFlight.add(bytes);
  }
}

function hasValue({ value }: ReceivedRecord): boolean {
  return value !== null && value.length > 0;
}
