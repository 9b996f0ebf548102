/** The end of a configuration that answers with replies to earlier requests. */
import type { Configuration } from '../configuration';
import { GatewayError } from '../errors';
import type { Exchange, RequestFacts } from '../exchange';
import { notReady, type Link } from '../link';
import type { ReceiverOptions } from '../receiver';
import { UNTRACED } from '../telemetry/tracing';
import { goneResult } from './gone-results';
import type { KeepBounds } from './kept-replies';
import type { DeletedResult, ReplyStore } from './reply-store';

export interface ResultOptions extends ReceiverOptions {
  /** Undefined: as many as memory allows. */
  readonly maxInFlight?: number | undefined;
  readonly keep: KeepBounds;
}

export class ResultReader {
  readonly #link: Link;
  readonly #store: ReplyStore;
  readonly #tellOthers: (deleted: DeletedResult) => Promise<void> | undefined;
  readonly close: () => void;

  constructor(
    link: Link,
    store: ReplyStore,
    tellOthers: (deleted: DeletedResult) => Promise<void> | undefined,
    close: () => void,
  ) {
    this.#tellOthers = tellOthers;
    this.#link = link;
    this.#store = store;
    this.close = close;
  }

  get configuration(): Configuration {
    return this.#link.configuration;
  }

  /** True when no reply can have been missed. @throws as Link */
  readyNow(): boolean {
    return this.#link.readyNow();
  }

  /** See Link. */
  whenReady(): Promise<void> {
    return this.#link.whenReady();
  }

  /** @throws GatewayError `result_gone`, `overloaded` */
  exchange(wireId: string, timeoutMs: number, facts: RequestFacts): Exchange {
    const { channel, configuration } = this.#link;
    if (channel === undefined) throw new GatewayError('internal', 'results without a reply channel');
    if (this.#store.isGone(wireId)) throw goneResult();
    const onDeadline = (): GatewayError => notReady(this.#link);
    const wait = this.#store.follow(channel, wireId, timeoutMs, onDeadline);
    // Or there would be no id to ask with.
    wait.delivered();
    const repeats = { wireId, isReplayed: false };
    return { configuration, channel, wait, topic: undefined, ...facts, trace: UNTRACED, repeats };
  }

  /** @returns resolves when the other workers of this node know it; undefined where there are none */
  delete(wireId: string): Promise<void> | undefined {
    return this.#tellOthers(this.#store.delete(wireId));
  }
}
