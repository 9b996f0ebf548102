/** Reply topics are shared and old: most of what is in them is nobody's business here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { heldBytes } from '../../support/memory';
import { produceForeignReplies } from '../../support/raw-kafka';
import { connect, deliver, openChannel, reply, until } from './support';

const kafka = useKafka();

const HALF_A_MILLION_IN_BATCHES = 63;
const WARM_UP_IN_BATCHES = 8;

const place = (topic: string) => ({
  port: kafka.server.nodes[0]?.port ?? assert.fail('a server has a node'),
  topic,
});

/** Every gateway reads the replies of all others: what it keeps of each would end it within the hour. */
test('half a million foreign replies leave nothing behind', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  // The worse of two cases: what nobody waits for is held for a moment, because some consumer is still to come.
  const { channel, wait } = openChannel(reader, topic, { waitsComeLate: true });
  await channel.whenReady();
  const read = async (batches: number) => {
    const before = channel.topic.counters.foreign;
    const sent = await produceForeignReplies(place(topic), batches);
    await until('all are read', () => channel.topic.counters.foreign === before + sent, 60_000);
  };
  await read(WARM_UP_IN_BATCHES);
  const beforeBytes = await heldBytes();
  await read(HALF_A_MILLION_IN_BATCHES);
  const grownBytes = (await heldBytes()) - beforeBytes;
  // An id alone has 36 bytes; this is ten for each.
  assert.ok(grownBytes < 5_000_000, `${grownBytes} bytes more`);

  const answer = wait('mine');
  await deliver(producer, reply(topic, 'mine', 'found'));
  assert.equal(await answer, 'found');
  assert.equal(channel.inFlight, 0);
});

/** Other bridges start at the beginning: minutes of reading before the first request can be answered. */
test('a million old records are not read', async (t) => {
  const topic = await kafka.topic();
  assert.equal(await produceForeignReplies(place(topic), 125), 1_000_000);
  const { producer, reader } = connect(t, kafka.connection);
  const { channel, wait } = openChannel(reader, topic);
  await channel.whenReady();
  const answer = wait('mine');
  await deliver(producer, reply(topic, 'mine', 'found'));
  assert.equal(await answer, 'found');
  assert.equal(reader.status()['records'], 1);
  assert.equal(channel.inFlight, 0);
});
