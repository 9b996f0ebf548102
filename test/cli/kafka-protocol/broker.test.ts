import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connectBroker } from '../../../cli/kafka-protocol/broker';
import { describeTopics } from '../../../cli/kafka-protocol/requests';

const FOREVER = new AbortController().signal;

/** A broker that does one thing with whatever it gets. */
async function brokerThat(t: TestContext, act: (socket: Socket, bytes: Buffer) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => act(socket, bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ask(t: TestContext, server: string) {
  const broker = await connectBroker({ bootstrapServers: [server] }, FOREVER);
  t.after(() => broker.close());
  return describeTopics(broker, ['t']);
}

const framed = (...bytes: number[]) => Buffer.from([0, 0, 0, bytes.length, ...bytes]);

test('what is no answer of a broker is refused, and not waited for', async (t) => {
  for (const answer of [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    framed(0, 0, 0, 9),
    framed(0, 0, 0, 1),
    framed(0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
  ]) {
    const server = await brokerThat(t, (socket) => socket.write(answer));
    await assert.rejects(ask(t, server), /not one of a Kafka broker/, answer.toString('hex'));
  }
});

test('an answer in single bytes', async (t) => {
  // Nobody throttles, no brokers, no cluster, no controller, no topics.
  const answer = framed(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
  const server = await brokerThat(t, (socket) => {
    for (const byte of answer) socket.write(Buffer.from([byte]));
  });
  assert.deepEqual(await ask(t, server), { brokers: 0, topics: [] });
});

test('a broker that hangs up, and one that is not there', async (t) => {
  const server = await brokerThat(t, (socket) => socket.destroy());
  await assert.rejects(ask(t, server), /closed the connection|reset/i);
  const gone = '127.0.0.1:1';
  await assert.rejects(ask(t, gone), /^Error: 127\.0\.0\.1:1: .*refused/i);
});

test('an interruption ends the question', async (t) => {
  const controller = new AbortController();
  const server = await brokerThat(t, () => controller.abort());
  const broker = await connectBroker({ bootstrapServers: [server] }, controller.signal);
  t.after(() => broker.close());
  await assert.rejects(describeTopics(broker, ['t']), /timed out/);
});
