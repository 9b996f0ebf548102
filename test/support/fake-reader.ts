import type { GatewayError } from '../../bridge/errors';
import type { FollowedTopic, FollowOptions } from '../../bridge/kafka/reader';
import type { ReceivedRecord } from '../../bridge/kafka/records';

/** A reader that is always ready; tests decide what comes. */
export class FakeReader {
  #follower: FollowOptions | undefined;
  #readBack: FollowOptions | undefined;

  follow(_topic: string, options: FollowOptions): FollowedTopic {
    if (options.upToNow) this.#readBack = options;
    else this.#follower = options;
    const partition = options.partition?.number;
    const whenReady = () => Promise.resolve();
    return { ready: true, reason: undefined, partition, whenReady, stop: () => undefined };
  }

  deliver(record: ReceivedRecord): void {
    this.#follower?.onRecord(record);
  }

  /** It was there before. */
  deliverEarlier(record: ReceivedRecord): void {
    this.#readBack?.onRecord(record);
  }

  /** Everything that was there before has been read. */
  catchUp(): void {
    this.#readBack?.onCaughtUp?.();
  }

  lose(error: GatewayError): void {
    this.#follower?.onLost?.(error);
  }
}
