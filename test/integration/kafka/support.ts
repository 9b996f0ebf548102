/** What the tests against a real broker share. */
import type { TestContext } from 'node:test';
import { systemClock } from '../../../bridge/clock';
import { GatewayError } from '../../../bridge/errors';
import type { ConnectionOptions } from '../../../bridge/kafka/connection';
import { RecordProducer } from '../../../bridge/kafka/producer';
import { TopicReader } from '../../../bridge/kafka/reader';
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import type { ReplyChannel, ReplyChannelOptions } from '../../../bridge/reply/reply-channel';
import type { ReplySource } from '../../../bridge/reply/reply-topics';
import { setLogSink } from '../../../bridge/telemetry/log';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { outcomeOf } from '../../support/outcome-of';

// Outages are the subject of these tests; their log lines would drown the results.
setLogSink(() => undefined);

export type Overrides = Readonly<Record<string, string | number | boolean>>;

/** Closed at the end of the test, the reader first. */
export function connect(
  t: TestContext,
  connection: ConnectionOptions,
  overrides: { producer?: Overrides; reader?: Overrides } = {},
): { producer: RecordProducer; reader: TopicReader } {
  const producer = new RecordProducer(connection, { overrides: overrides.producer ?? {} });
  const reader = new TopicReader(connection, producer, { overrides: overrides.reader });
  t.after(async () => {
    await reader.close();
    await producer.close(500);
  });
  return { producer, reader };
}

export interface TestChannel {
  readonly channel: ReplyChannel;
  /** A wait for 30 s; gives the value of its reply, or the code of the error that ended it. */
  readonly wait: (id: string) => Promise<string>;
}

/** A reply channel as requests have it, on a real topic. */
export function openChannel(
  reader: TopicReader,
  replyTopic: string,
  options: Partial<ReplySource & ReplyChannelOptions> = {},
): TestChannel {
  const channel = openReplyChannel(replyTopics(systemClock), reader, {
    replyTopic,
    capacity: 100,
    ...options,
  });
  const wait = async (id: string) => {
    const timeout = () => new GatewayError('reply_timeout', 'none came');
    const outcome = await outcomeOf(channel.register(id, 30_000, timeout));
    if ('error' in outcome) return outcome.error.code;
    return 'reply' in outcome ? (outcome.reply.value?.toString() ?? '(null)') : 'accepted';
  };
  return { channel, wait };
}

/** A reply as a responder sends it. */
export function reply(topic: string, id: string, value: string): OutgoingRecord {
  return { topic, value: Buffer.from(value), headers: [['correlation-id', id]] };
}

/** Resolves when the broker has acknowledged, rejects with the delivery error. */
export function deliver(
  producer: RecordProducer,
  record: Partial<OutgoingRecord> & { readonly topic: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    producer.produce(
      { value: null, headers: [], ...record },
      (error) => (error ? reject(error) : resolve()),
      {
        awaited: true,
      },
    );
  });
}

/** Collects records and lets a test wait for the next ones. */
export class Inbox {
  readonly records: ReceivedRecord[] = [];
  #wake: () => void = () => undefined;

  readonly onRecord = (record: ReceivedRecord): void => {
    this.records.push(record);
    this.#wake();
  };

  get texts(): string[] {
    return this.records.map(({ value }) => value?.toString() ?? '(null)');
  }

  async has(count: number, limitMs = 10_000): Promise<void> {
    let limit: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = () => {
        if (this.records.length >= count) resolve();
      };
      this.#wake();
      limit = setTimeout(() => {
        reject(
          new Error(
            `${this.records.length} of ${count} records after ${limitMs} ms: ${this.texts.join(' ')}`,
          ),
        );
      }, limitMs);
    });
    clearTimeout(limit);
  }
}

/** For states that raise no event. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not so after ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Long enough for the event loop to count as busy: see busy-linger.ts. */
export function keepBusy(): void {
  const untilMs = performance.now() + 100;
  while (performance.now() < untilMs);
}
