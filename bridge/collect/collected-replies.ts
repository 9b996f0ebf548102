/** The replies to one request, until they are all there. It knows records and nothing of how they are answered. */
import { bytesInFlight } from '../bytes-in-flight';
import { GatewayError } from '../errors';
import { costOf, type ReceivedRecord } from '../kafka/records';
import type { Collector, Verdict } from '../reply/collector';
import { placeIn } from '../reply/reply-place';
import type { CollectRule } from './collect-rule';

export interface CollectedRepliesOptions {
  /** An error reply ends the wait: it is the answer. */
  readonly isError: (reply: ReceivedRecord) => boolean;
  /** Calls back once after that time; the returned function cancels. */
  readonly within: (limitMs: number, callback: () => void) => () => void;
  /** Nothing has come for long enough after this reply. */
  readonly onQuiet: (last: ReceivedRecord) => void;
}

interface Taken {
  readonly reply: ReceivedRecord;
  readonly place: number | undefined;
}

export class CollectedReplies implements Collector {
  /** Where one of them is the end of those that have come. */
  readonly inOrder: boolean;
  readonly #rule: CollectRule;
  readonly #options: CollectedRepliesOptions;
  readonly #taken: Taken[] = [];
  /** By `partition:offset`. */
  readonly #seen = new Set<string>();
  readonly #places = new Set<number>();
  #highestPlace = -1;
  /** The last one there is, once the marker has said so. */
  #end: { readonly place: number | undefined } | undefined;
  #bytes = 0;
  #failure: ReceivedRecord | GatewayError | undefined;
  #cancelQuiet: (() => void) | undefined;

  constructor(rule: CollectRule, options: CollectedRepliesOptions) {
    this.#rule = rule;
    this.#options = options;
    this.inOrder = rule.endHeader !== undefined && rule.sequenceHeader === undefined;
  }

  get count(): number {
    return this.#taken.length;
  }

  /** The error reply, or the bound, that has ended it. */
  get failure(): ReceivedRecord | GatewayError | undefined {
    return this.#failure;
  }

  /** By place, those without one behind; else as they came. */
  get replies(): readonly ReceivedRecord[] {
    const ordered =
      this.#places.size === 0
        ? this.#taken
        : [...this.#taken].sort(
            (one, other) => (one.place ?? Number.MAX_SAFE_INTEGER) - (other.place ?? Number.MAX_SAFE_INTEGER),
          );
    return ordered.map(({ reply }) => reply);
  }

  /** How many are known to be missing; undefined where nothing says how many there are. */
  get missing(): number | undefined {
    const { count } = this.#rule;
    if (count !== undefined && this.#end === undefined) return Math.max(0, count - this.#taken.length);
    if (this.#places.size > 0) return this.#highestPlace + 1 - this.#rule.sequenceStart - this.#places.size;
    return this.#end === undefined ? undefined : 0;
  }

  add(reply: ReceivedRecord): Verdict {
    const offset = `${reply.partition}:${reply.offset}`;
    const place = this.#placeOf(reply);
    if (this.#seen.has(offset) || (place !== undefined && this.#places.has(place))) return 'duplicate';
    if (this.#options.isError(reply)) return this.#fail(reply);
    if (this.#seen.size >= this.#rule.maxCount)
      return this.#fail(tooMany(`more than ${this.#rule.maxCount} replies (collect.max_count)`));
    const bytes = costOf(reply);
    if (this.#bytes + bytes > this.#rule.maxBytes)
      return this.#fail(tooMany(`replies of more than ${this.#rule.maxBytes} bytes (collect.max_bytes)`));
    this.#seen.add(offset);
    if (place !== undefined) {
      this.#places.add(place);
      this.#highestPlace = Math.max(this.#highestPlace, place);
    }
    const isEnd = this.#isEnd(reply);
    if (isEnd) this.#end = { place };
    if (!isEnd || (reply.value !== null && reply.value.length > 0)) {
      this.#bytes += bytes;
      bytesInFlight.add(bytes);
      this.#taken.push({ reply, place });
    }
    if (this.#isComplete) return 'last';
    this.#waitForQuiet(reply);
    return 'more';
  }

  /** The wait is over: nothing comes any more. */
  stop(): void {
    this.#cancelQuiet?.();
    this.#cancelQuiet = undefined;
  }

  /** Nobody needs the replies any more. To be called once. */
  release(): void {
    bytesInFlight.add(-this.#bytes);
    this.#bytes = 0;
  }

  get #isComplete(): boolean {
    const { count } = this.#rule;
    if (count !== undefined && this.#taken.length >= count) return true;
    if (this.#end === undefined) return false;
    // Partitions have no order among each other: a numbered end may come before some of what it ends.
    return this.#end.place === undefined || this.missing === 0;
  }

  #fail(failure: ReceivedRecord | GatewayError): Verdict {
    this.#failure = failure;
    return 'last';
  }

  #isEnd({ headers }: ReceivedRecord): boolean {
    const { endHeader } = this.#rule;
    return endHeader !== undefined && headers.some(([name]) => name === endHeader);
  }

  #placeOf(reply: ReceivedRecord): number | undefined {
    const { sequenceHeader, sequenceStart } = this.#rule;
    const place = sequenceHeader === undefined ? undefined : placeIn(reply, sequenceHeader);
    return place === undefined || place < sequenceStart ? undefined : place;
  }

  #waitForQuiet(last: ReceivedRecord): void {
    const { quietMs } = this.#rule;
    if (quietMs === undefined) return;
    this.#cancelQuiet?.();
    this.#cancelQuiet = this.#options.within(quietMs, () => this.#options.onQuiet(last));
  }
}

function tooMany(what: string): GatewayError {
  return new GatewayError('reply_too_large', `the service sent ${what}`);
}
