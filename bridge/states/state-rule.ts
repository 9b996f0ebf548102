/** What an event says of the state that a client waits for. */
import { GatewayError } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';
import type { ReceivedRecord } from '../kafka/records';
import { atPointer, parseJsonPointer } from '../request/json-pointer';

export interface StateOptions {
  /** JSON pointer into the value. */
  readonly field: string;
  /** HTTP status by state. */
  readonly values: Readonly<Record<string, string>>;
  /** What another state does. */
  readonly others: 'ignore' | 'error';
}

export class StateRule {
  readonly #tokens: readonly string[];
  readonly #statuses: ReadonlyMap<string, number>;
  readonly #othersEnd: boolean;

  constructor({ field, values, others }: StateOptions) {
    this.#tokens = parseJsonPointer(field) ?? [field];
    this.#statuses = new Map(Object.entries(values).map(([state, status]) => [state, Number(status)]));
    this.#othersEnd = others === 'error';
  }

  /** Whether the event ends a wait. One without a state never does. */
  endsWait(event: ReceivedRecord): boolean {
    const state = this.#stateOf(event);
    return state !== undefined && (this.#othersEnd || this.#statuses.has(state));
  }

  /** @throws GatewayError `reply_invalid` for a state that is none of those waited for */
  statusOf(event: ReceivedRecord): number {
    const status = this.#statuses.get(this.#stateOf(event) ?? '');
    if (status === undefined)
      throw new GatewayError('reply_invalid', 'the event has a state that is not in wait_for.values');
    return status;
  }

  #stateOf({ value }: ReceivedRecord): string | undefined {
    if (value === null || isDeeperThan(value, MAX_JSON_DEPTH)) return undefined;
    let document: unknown;
    try {
      document = JSON.parse(value.toString('utf8'));
    } catch {
      return undefined; // something else on the topic
    }
    const state = atPointer(document, this.#tokens);
    return typeof state === 'string' || typeof state === 'number' || typeof state === 'boolean'
      ? String(state)
      : undefined;
  }
}
