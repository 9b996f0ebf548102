/** Both halves of a request as the handler tests use them. */
import assert from 'node:assert/strict';
import { RequestReply } from '../../bridge/request-reply';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { FakeClock } from './fake-clock';
import { FakeKafka, headerOf } from './fake-kafka';
import { receivedRecord } from './records';

export const SERVERS = [{ host: 'kafka', port: 9092 }];

/** A route with both plugins, on a cluster in memory and a clock that only the test moves. */
export function route(options: { producer?: object; consumer?: object; together?: boolean } = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  if (options.together !== false) requestReply.setTogether(true);
  const producer = new ProducerHandler(
    parseProducerConfig({
      bootstrap_servers: SERVERS,
      topic: 'orders',
      reply_topic: 'replies',
      ...options.producer,
    }),
    requestReply,
  );
  const consumer = new ConsumerHandler(parseConsumerConfig(options.consumer ?? {}), requestReply);
  const nothingPending = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.status().not_handed_over, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, kafka, requestReply, producer, consumer, nothingPending };
}

/** Lets promises that are already resolved run on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A reply to the record that was produced as the `index`th. */
export function replyTo(
  kafka: FakeKafka,
  index: number,
  value: string | Buffer | null,
  headers: Record<string, string> = {},
) {
  const id = headerOf(kafka.produced[index]!.record, 'kafka_correlationId')!;
  return receivedRecord({ topic: 'replies', headers: { kafka_correlationId: id, ...headers }, value });
}
