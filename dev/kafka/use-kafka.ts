/**
 * One call gives a test file a Kafka and takes it away at the end:
 *
 *   const kafka = useKafka();
 *   test('…', async () => { const topic = await kafka.topic({ partitions: 2 }); … });
 *
 * KAFKA_BOOTSTRAP names a running cluster to use instead, so the same tests run against any Kafka. Topics are
 * never shared: every test asks for its own, and nobody deletes them.
 */
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { createTopic } from '../../bridge/kafka/admin';
import type { TopicLayout } from '../../bridge/kafka/admin';
import { startKafka } from './server';
import type { KafkaOptions, KafkaServer } from './server';

export interface TestKafka {
  /** Options for bridge/kafka. */
  readonly connection: { readonly bootstrapServers: readonly string[] };
  /** "127.0.0.1:9092" */
  readonly bootstrapServers: string;
  /** The server of our own, for tests that stop it; throws when KAFKA_BOOTSTRAP names somebody else's. */
  readonly server: KafkaServer;
  /** Creates a topic of its own for the calling test and gives its name. Default one partition. */
  topic(layout?: TopicLayout): Promise<string>;
  /** A name nobody else uses: for topics that are created later, groups, client ids. */
  uniqueName(prefix?: string): string;
}

/**
 * Call it at the top of a test file or inside a describe: it registers hooks of node:test.
 * @param options as a function where something must be there before the server, such as its certificates
 */
export function useKafka(options: KafkaOptions | (() => Promise<KafkaOptions>) = {}): TestKafka {
  const external = process.env['KAFKA_BOOTSTRAP'];
  const run = `${process.pid}-${randomUUID().slice(0, 8)}`;
  let own: KafkaServer | undefined;
  // Hooks of a file run side by side: another before() that asks for a topic must wait for this one.
  let starting: Promise<unknown> = Promise.resolve();
  let names = 0;

  if (!external) {
    before(async () => {
      const start = async () => startKafka(typeof options === 'function' ? await options() : options);
      starting = start().then((server) => (own = server));
      await starting;
    });
    after(async () => own?.stop());
  }

  const running = (): KafkaServer => {
    if (own !== undefined) return own;
    throw new Error(
      external
        ? 'This test needs a Kafka of its own: unset KAFKA_BOOTSTRAP.'
        : 'Kafka starts in before(); ask later.',
    );
  };
  return {
    get connection() {
      return external ? { bootstrapServers: external.split(',') } : running().connection;
    },
    get bootstrapServers() {
      return external ? external : running().bootstrapServers;
    },
    get server() {
      return running();
    },
    async topic(layout = {}) {
      await starting;
      const name = this.uniqueName('t');
      await createTopic(this.connection, name, layout);
      return name;
    },
    uniqueName: (prefix = 'n') => `${prefix}-${run}-${++names}`,
  };
}
