import type { FollowOptions } from '../../bridge/kafka/reader';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import type { ClientPool } from '../../bridge/link';
import type { GatewayError } from '../../bridge/errors';

type OnDelivery = (error: GatewayError | undefined) => void;

/** A cluster in memory: tests see every record and decide when it is delivered and what is replied. */
export class FakeKafka implements ClientPool {
  readonly produced: { record: OutgoingRecord; onDelivery: OnDelivery }[] = [];
  readonly acquired: string[] = [];
  released = 0;
  closed = 0;
  readonly kept = new Set<string>();
  state: 'connecting' | 'up' | 'down' = 'up';
  reason: string | undefined;
  /** Thrown by produce. */
  refusal: GatewayError | undefined;
  onProduce: ((record: OutgoingRecord, onDelivery: OnDelivery) => void) | undefined;
  /** What whoever looks back finds. */
  readonly earlier: ReceivedRecord[] = [];
  readonly followed = new Map<string, Pick<FollowOptions, 'onRecord' | 'onLost' | 'partition'>[]>();

  acquire(key: string) {
    this.acquired.push(key);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the getters below belong to other objects
    const kafka = this;
    return {
      producer: {
        get state() {
          return kafka.state;
        },
        get reason() {
          return kafka.reason;
        },
        whenUp: () => (kafka.state === 'up' ? Promise.resolve() : new Promise<void>(() => undefined)),
        produce: (record: OutgoingRecord, onDelivery: OnDelivery) => {
          if (kafka.refusal) throw kafka.refusal;
          kafka.produced.push({ record, onDelivery });
          kafka.onProduce?.(record, onDelivery);
        },
      },
      reader: {
        follow: (
          topic: string,
          options: Pick<FollowOptions, 'onRecord' | 'onLost' | 'onCaughtUp' | 'partition' | 'upToNow'>,
        ) => {
          const followers = kafka.followed.get(topic) ?? [];
          // Nothing is there before the topic is followed.
          if (!options.upToNow) kafka.followed.set(topic, [...followers, options]);
          else if (kafka.earlier.length === 0) options.onCaughtUp?.();
          else
            setImmediate(() => {
              for (const record of kafka.earlier) if (record.topic === topic) options.onRecord(record);
              options.onCaughtUp?.();
            });
          return {
            ready: true,
            reason: undefined,
            partition: options.partition?.number,
            whenReady: () => Promise.resolve(),
            stop: () => {
              kafka.followed.set(
                topic,
                (kafka.followed.get(topic) ?? []).filter((other) => other !== options),
              );
            },
          };
        },
      },
      keepTopic: ({ topic }: { topic: string }) => {
        this.kept.add(topic);
        return () => void this.kept.delete(topic);
      },
      wanted: () => undefined,
      release: () => {
        this.released++;
      },
    };
  }

  /** Hands a record to everybody who follows its topic. */
  arrive(record: ReceivedRecord): void {
    for (const follower of this.followed.get(record.topic) ?? []) follower.onRecord(record);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  status(): unknown {
    return [];
  }

  figures(): [] {
    return [];
  }
}

/** The value of a header of a produced record. */
export function headerOf(record: OutgoingRecord, name: string): string | undefined {
  return record.headers.find(([headerName]) => headerName === name)?.[1];
}
