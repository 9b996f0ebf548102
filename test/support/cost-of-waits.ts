/**
 * A program of its own, because the test runner's hooks on promises weigh as much as what is measured here: the memory
 * of waiting requests, through the real plugin server and both plugins, on connections that were there before.
 *
 *   node cost-of-waits.js <waits> <bytes of each body>      prints the bytes that one of them holds
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayError } from '../../bridge/errors';
import { toNativeHeaders } from '../../bridge/kafka/record-conversion';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { Overload } from '../../pluginserver/overload';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { FakeKong, frame } from '../pluginserver/support/fake-kong';
import { encode, structMessage } from '../pluginserver/support/kong-schema';
import { eventually } from '../pluginserver/support/serving';
import { FakeKafka } from './fake-kafka';
import { heldBytes } from './memory';
import { SERVERS } from './route';

const kafka = new FakeKafka();
const requestReply = new RequestReply({ clients: kafka });
const overload = new Overload();
const folder = mkdtempSync(join(tmpdir(), 'waits-'));

class Producer extends ProducerHandler {
  constructor(config: unknown) {
    super(parseProducerConfig(config), requestReply);
  }
}

class Consumer extends ConsumerHandler {
  constructor(config: unknown) {
    super(parseConsumerConfig(config), requestReply);
  }
}

async function serve(Plugin: unknown, name: string, continues?: string): Promise<PluginServer> {
  const module = { Plugin, Name: name, Version: '1.0.0', Priority: 1, Continues: continues };
  const server = new PluginServer({
    plugin: toPlugin(module, folder),
    socketPath: join(folder, `${name}.sock`),
    overload,
  });
  await server.listen();
  return server;
}

async function startInstance(server: PluginServer, config: unknown): Promise<number> {
  const kong = await FakeKong.connect(server.socketPath);
  const instanceId = await kong.startInstance(server.pluginName, config);
  kong.socket.destroy();
  return instanceId;
}

/** A connection as Kong has it in its pool: used before. */
async function worker(server: PluginServer): Promise<Socket> {
  const socket = connect(server.socketPath);
  await once(socket, 'connect');
  socket.write(frame(encode('RpcCall', { sequence: 1, cmd_get_plugin_names: {} })));
  await once(socket, 'data');
  return socket.resume();
}

/** All that a worker of Kong says in an event at once, the answers to what it is going to be asked included. */
function event(instanceId: number, answers: readonly Uint8Array[]): Buffer {
  const call = { sequence: 2, cmd_handle_event: { instance_id: instanceId, event_name: 'access' } };
  return Buffer.concat([encode('RpcCall', call), ...answers].map(frame));
}

const text = (value: string): Uint8Array => encode('Text', { v: value });

async function measure(waits: number, bodyBytes: number): Promise<number> {
  requestReply.setTogether(true);
  const producer = await serve(Producer, 'producer');
  const consumer = await serve(Consumer, 'consumer', 'producer');
  const config = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };
  const producing = await startInstance(producer, config);
  const consuming = await startInstance(consumer, { timeout: 300_000 });
  const sender = await worker(producer);
  const waiters: Socket[] = [];
  while (waiters.length < waits) waiters.push(await worker(consumer));

  const body = encode('RawBody', { content: Buffer.alloc(bodyBytes, 'x') });
  const begin = async (id: string, waiter: Socket): Promise<void> => {
    const open = consumer.openEventCount;
    const headers = { 'kong-request-id': id, accept: 'application/json', 'content-type': 'text/plain' };
    const answers = [text(id), encode('Struct', structMessage(headers)), body];
    sender.write(event(producing, answers));
    await eventually(() => kafka.produced.length > 0, 'nothing was produced');
    const { record, onDelivery } = kafka.produced.pop() ?? assert.fail('nothing was produced');
    assert.equal(record.value?.length, bodyBytes);
    toNativeHeaders(record);
    onDelivery(undefined);
    await eventually(() => producer.openEventCount === 0, 'the event of the producer goes on');
    waiter.write(event(consuming, [text(id)]));
    await eventually(() => consumer.openEventCount > open, 'the consumer has not begun');
  };

  const end = (): void => {
    assert.equal(requestReply.inFlight, waits);
    consumer.refuseOpenEvents(new GatewayError('draining', 'the measurement is over'));
    assert.equal(requestReply.inFlight, 0);
  };

  // The first round also pays for what the engine makes of code that runs often.
  for (const [number, waiter] of waiters.entries()) await begin(`warm-up-${number}`, waiter);
  end();
  const before = await heldBytes();
  for (const [number, waiter] of waiters.entries()) await begin(`request-${number}`, waiter);
  const held = (await heldBytes()) - before;
  assert.equal(overload.status()['bytes_in_flight'], 0);
  end();
  for (const socket of [sender, ...waiters]) socket.destroy();
  for (const server of [producer, consumer]) server.close();
  await requestReply.close();
  return held / waits;
}

async function main([waits, bodyBytes]: readonly string[]): Promise<void> {
  setLogSink(() => undefined);
  try {
    console.log(Math.round(await measure(Number(waits), Number(bodyBytes))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main(process.argv.slice(2));
