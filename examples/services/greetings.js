/**
 * A service that answers, in forty lines: it reads `greetings.requests`, and sends each reply to the topic that the
 * request names, with the correlation id copied over.
 *
 *   node examples/services/greetings.js localhost:9092
 */
const { KafkaConsumer, Producer } = require('node-rdkafka');

const brokers = process.argv[2] ?? 'localhost:9092';
const producer = new Producer({ 'metadata.broker.list': brokers });
const consumer = new KafkaConsumer(
  { 'metadata.broker.list': brokers, 'group.id': 'greetings' },
  { 'auto.offset.reset': 'earliest' },
);

consumer.on('data', ({ value, headers = [] }) => {
  const header = (name) => headers.find((one) => name in one)?.[name].toString();
  const replyTo = header('reply-to');
  if (replyTo === undefined) return; // Nobody waits for a reply.
  const { status, body } = answer(value);
  producer.produce(replyTo, null, Buffer.from(JSON.stringify(body)), null, null, null, [
    { 'correlation-id': header('correlation-id') },
    { status: String(status) },
    { 'content-type': 'application/json' },
  ]);
});

/** What is wrong with the request is an answer as well: the client would wait for nothing else. */
function answer(value) {
  try {
    return { status: 200, body: { greeting: `Hello, ${JSON.parse(value).name}!` } };
  } catch {
    return { status: 400, body: { message: 'Send a JSON object with a name.' } };
  }
}

producer.on('ready', () => consumer.connect());
consumer.on('ready', () => {
  consumer.subscribe(['greetings.requests']).consume();
  console.log('The service is ready.');
});
consumer.on('event.error', ({ message }) => console.error(message));
producer.connect();

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => consumer.disconnect(() => producer.disconnect(() => process.exit(0))));
}
