/** A gateway that may describe a reply topic but not read it: the broker says so once, and not of which topic. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ConnectionOptions } from '../../../bridge/kafka/connection';
import { grant, revoke, setScramPassword } from '../../../dev/kafka/access';
import { useSecureKafka } from '../../support/secure-kafka';
import { connect, deliver, Inbox, openChannel, reply, until } from './support';

const secure = useSecureKafka();
const PASSWORD = 'alice-password';

const connection = (): ConnectionOptions => ({
  bootstrapServers: [secure.kafka.server.listener('sasl')],
  sasl: { mechanism: 'SCRAM-SHA-512', user: 'alice', password: PASSWORD },
});

before(async () => {
  // Hooks of a file run side by side; whoever gives a topic has waited for the broker.
  await secure.kafka.topic();
  await setScramPassword(secure.adminPort, 'alice', PASSWORD);
});

const toRead = (topic: string) => ({ user: 'alice', topic, operation: 'read' }) as const;

async function topicFor(operations: readonly ('read' | 'write' | 'describe')[]): Promise<string> {
  const topic = await secure.kafka.topic({ partitions: 2 });
  for (const operation of operations) await grant(secure.adminPort, { user: 'alice', topic, operation });
  return topic;
}

// Side by side: most of their time is waiting.
describe('the right to read', { concurrency: true }, () => {
  test('a reader without the right to read says why, and reads on once it has it', async (t) => {
    const topic = await topicFor(['write', 'describe']);
    const { producer, reader } = connect(t, connection());
    const inbox = new Inbox();
    const followed = reader.follow(topic, { from: 'end', onRecord: inbox.onRecord });
    await until('it is refused', () => followed.reason === `The gateway may not read topic ${topic}.`);
    assert.equal(followed.ready, false);
    await deliver(producer, { topic, value: Buffer.from('early') });
    await grant(secure.adminPort, toRead(topic));
    await Promise.all([inbox.has(1), followed.whenReady()]);
    assert.equal(followed.reason, undefined);
    assert.equal(reader.status()['reason'], undefined);
  });

  /**
   * The topic counted as read before, so each request was sent and ended by its timeout. A consumer is not told when it may
   * read again, and without requests no reply shows it.
   */
  test('a right that is revoked ends waits at once and spares other topics; granted again it is used', async (t) => {
    const [lost, kept] = [await topicFor(['read', 'write', 'describe']), await topicFor(['read', 'write', 'describe'])]; // prettier-ignore
    const { producer, reader } = connect(t, connection());
    const [one, other] = [openChannel(reader, lost), openChannel(reader, kept)];
    await Promise.all([one.channel.whenReady(), other.channel.whenReady()]);
    const [ended, unharmed] = [one.wait('a'), other.wait('b')];

    await revoke(secure.adminPort, toRead(lost));
    assert.equal(await ended, 'reply_reader_lost');
    assert.deepEqual([one.channel.ready, other.channel.ready], [false, true]);
    assert.equal(one.channel.reason, `The gateway may not read topic ${lost}.`);
    await deliver(producer, reply(kept, 'b', 'mine'));
    assert.equal(await unharmed, 'mine');

    await grant(secure.adminPort, toRead(lost));
    // No record comes meanwhile.
    await one.channel.whenReady();
    const again = one.wait('c');
    await deliver(producer, reply(lost, 'c', 'again'));
    assert.equal(await again, 'again');
    assert.deepEqual([one.channel.inFlight, other.channel.inFlight], [0, 0]);
  });

  /** Error 30 comes with every connect of an assigned consumer; a session that took it for the end read nothing. */
  test('without any right on its group a consumer reads all the same', async (t) => {
    const topic = await topicFor(['read', 'write', 'describe']);
    const { producer, reader } = connect(t, connection());
    const { channel, wait } = openChannel(reader, topic);
    await channel.whenReady();
    const answer = wait('a');
    await deliver(producer, reply(topic, 'a', 'mine'));
    assert.equal(await answer, 'mine');
    // It has been told, or there would be nothing to bear.
    await until('it was told', () => reader.status()['read_errors'] === 1);
    assert.equal(reader.status()['reason'], undefined);
    assert.equal(channel.ready, true);
  });
});
