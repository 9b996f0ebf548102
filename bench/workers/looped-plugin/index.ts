/**
 * custom_kafka_request_reply around a Kafka that is none: each record comes back as its own reply, in the same process and a
 * moment later. What is measured is all that a request costs the plugin server, without the client library and the broker.
 */
import type { OutgoingRecord, ReceivedRecord } from '../../../bridge/kafka/records';
import type { ClientPool, Lease } from '../../../bridge/link';
import { RequestReply } from '../../../bridge/request-reply';
import { parseRequestReplyConfig } from '../../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../../plugins/custom_kafka_request_reply/handler';

const REPLY_TOPIC_HEADER = 'reply-to';

class LoopedKafka implements ClientPool {
  readonly #followed = new Map<string, (record: ReceivedRecord) => void>();

  acquire(): Lease {
    return {
      producer: {
        state: 'up',
        reason: undefined,
        whenUp: async () => undefined,
        produce: (record, onDelivery) => {
          setImmediate(() => {
            onDelivery(undefined);
            this.#comesBack(record);
          });
        },
      },
      reader: {
        follow: (topic, options) => {
          this.#followed.set(topic, (record) => options.onRecord(record));
          return {
            ready: true,
            reason: undefined,
            partition: undefined,
            whenReady: async () => undefined,
            stop: () => void this.#followed.delete(topic),
          };
        },
      },
      keepTopic: () => () => undefined,
      wanted: () => undefined,
      release: () => undefined,
    };
  }

  #comesBack({ key, value, headers }: OutgoingRecord): void {
    const [, replyTopic = ''] = headers.find(([name]) => name === REPLY_TOPIC_HEADER) ?? [];
    this.#followed.get(replyTopic)?.({
      topic: replyTopic,
      partition: 0,
      offset: 0,
      timestamp: -1,
      key: key == null ? null : Buffer.from(key),
      value,
      // A service answers with the id, and not with where to answer.
      headers: headers
        .filter(([name]) => name === 'correlation-id')
        .map(([name, text]) => [name, Buffer.from(text)] as const),
    });
  }

  async close(): Promise<void> {}

  status(): unknown {
    return [];
  }

  figures(): [] {
    return [];
  }
}

const requestReply = new RequestReply({ clients: new LoopedKafka() });
requestReply.setTogether(false);

export class Plugin extends RequestReplyHandler {
  constructor(config: unknown) {
    super(parseRequestReplyConfig(config), requestReply);
  }
}

export const Name = 'custom_kafka_request_reply';
