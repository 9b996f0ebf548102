/**
 * The way of plain requests through both plugins and the bridge, from the answers of Kong to the answer for the client, for
 * programs that measure it. Without Kong's protocol and without the client library; what is made for the library, and of what
 * it gives, counts.
 */
import assert from 'node:assert/strict';
import type { NativeMessage } from '../../bridge/kafka/binding';
import { fromNativeMessage, toNativeHeaders } from '../../bridge/kafka/record-conversion';
import type { PhaseEvent } from '../../bridge/phase';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { FakeKafka, headerOf } from './fake-kafka';
import { SERVERS } from './route';

const REPLY_TOPIC = 'orders.replies';

export class Event implements PhaseEvent {
  status: number | undefined;

  constructor(
    readonly requestId: string,
    readonly answers: readonly unknown[],
  ) {}

  tell(): void {}
  pass(): void {}
  goOn(): void {}
  onOver(): void {}

  exit(status: number): void {
    this.status = status;
  }
}

const kafka = new FakeKafka();
const requestReply = new RequestReply({ clients: kafka });
requestReply.setTogether(true);
const producer = new ProducerHandler(
  parseProducerConfig({ bootstrap_servers: SERVERS, topic: 'orders.requests', reply_topic: REPLY_TOPIC }),
  requestReply,
);
const consumer = new ConsumerHandler(parseConsumerConfig({}), requestReply);
const body = Buffer.alloc(200, 'x');

let started = 0;

/** As Kong would answer what the producer asks. */
export function newEvent(): Event {
  const id = String(started++).padStart(32, '0');
  const headers = {
    host: '127.0.0.1:8000',
    'user-agent': 'curl/7.88.1',
    accept: '*/*',
    'content-type': 'application/json',
    'content-length': String(body.length),
    'kong-request-id': id,
  };
  const answers = producer.planned.access.reads.map(([call]) =>
    call === 'kong.request.get_headers' ? headers : body,
  );
  return new Event(id, answers);
}

export function send(events: readonly Event[]): void {
  for (const event of events) {
    producer.planned.access.run(event, event.answers);
    toNativeHeaders((kafka.produced.at(-1) ?? assert.fail('nothing was produced')).record);
    consumer.planned.access.run(event, []);
  }
}

/** As the binding would hand them over. */
export function replies(): NativeMessage[] {
  const contentType = Buffer.from('application/json');
  return kafka.produced.splice(0).map(({ record, onDelivery }) => {
    onDelivery(undefined);
    const id = Buffer.from(headerOf(record, 'kafka_correlationId') ?? '');
    const headers = [{ kafka_correlationId: id }, { 'content-type': contentType }];
    return { topic: REPLY_TOPIC, partition: 0, offset: 0, timestamp: 0, key: null, value: body, headers };
  });
}

export function answer(messages: readonly NativeMessage[]): void {
  for (const message of messages) kafka.arrive(fromNativeMessage(message));
}

setLogSink(() => undefined);
