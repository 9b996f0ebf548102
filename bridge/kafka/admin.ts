/**
 * Topic administration: for the gateway only reply topics of its own (`reply_routing: topic`), for tests, the demo and
 * development tools everything.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { newAdmin, newProducer } from './binding';
import type { NativeAdmin, NativeError } from './binding';
import { adminProperties, CONNECT_TIMEOUT_MS } from './connection';
import type { ConnectionOptions } from './connection';
import { fetchOauthToken } from './oauth-token';
import { threadPool } from './thread-pool';

export interface TopicLayout {
  /** Default 1. */
  readonly partitions?: number;
  /** Default 1; -1: as the broker does by default. */
  readonly replicationFactor?: number;
  /** Topic settings such as `max.message.bytes`. */
  readonly config?: Readonly<Record<string, string>>;
}

const ADMIN_TIMEOUT_MS = 10_000;
const TOPIC_ALREADY_EXISTS = 36;

/**
 * Resolves when every partition of the topic has a leader; an existing topic is left as it is.
 * @returns whether it was made
 */
export async function createTopic(
  options: ConnectionOptions,
  name: string,
  layout: TopicLayout = {},
): Promise<boolean> {
  const partitions = layout.partitions ?? 1;
  const topic = {
    topic: name,
    num_partitions: partitions,
    replication_factor: layout.replicationFactor ?? 1,
    ...(layout.config === undefined ? {} : { config: { ...layout.config } }),
  };
  return inPool(options, async () => {
    let existed = false;
    await withAdmin(options, `create topic ${name}`, (admin, done) =>
      admin.createTopic(topic, ADMIN_TIMEOUT_MS, (error) => {
        existed = error?.code === TOPIC_ALREADY_EXISTS;
        done(existed ? undefined : error);
      }),
    );
    if (!existed) await leadersOf(options, name, partitions);
    return !existed;
  });
}

/** @param total the new number of partitions */
export async function createPartitions(
  options: ConnectionOptions,
  name: string,
  total: number,
): Promise<void> {
  await withAdmin(options, `give topic ${name} ${total} partitions`, (admin, done) =>
    admin.createPartitions(name, total, ADMIN_TIMEOUT_MS, done),
  );
  await leadersOf(options, name, total);
}

export async function deleteTopic(options: ConnectionOptions, name: string): Promise<void> {
  await inPool(options, () =>
    withAdmin(options, `delete topic ${name}`, (admin, done) =>
      admin.deleteTopic(name, ADMIN_TIMEOUT_MS, done),
    ),
  );
}

/** Its calls come one after the other: they hold one thread. */
function inPool<T>(options: ConnectionOptions, act: () => Promise<T>): Promise<T> {
  return threadPool.asking.run(options, 2 * ADMIN_TIMEOUT_MS + 2 * CONNECT_TIMEOUT_MS, act);
}

async function withAdmin(
  options: ConnectionOptions,
  what: string,
  act: (admin: NativeAdmin, done: (error?: NativeError) => void) => void,
): Promise<void> {
  const admin = newAdmin(adminProperties(options), await tokenFor(options));
  try {
    await new Promise<void>((resolve, reject) => {
      act(admin, (error) =>
        error ? reject(new Error(`Cannot ${what}: ${error.message}.`, { cause: error })) : resolve(),
      );
    });
  } finally {
    admin.disconnect();
  }
}

async function tokenFor({ sasl }: ConnectionOptions): Promise<string | undefined> {
  return sasl?.mechanism === 'OAUTHBEARER' ? (await fetchOauthToken(sasl.oauth)).value : undefined;
}

/** A created topic is answered for before its leaders are elected; whoever produces then meets an unknown topic. */
async function leadersOf(options: ConnectionOptions, name: string, partitions: number): Promise<void> {
  const client = newProducer(adminProperties(options));
  const token = await tokenFor(options);
  if (token !== undefined) client.setOauthBearerToken(token);
  await new Promise<void>((resolve, reject) => {
    client.connect({ allTopics: false, timeout: CONNECT_TIMEOUT_MS }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  try {
    const deadline = Date.now() + ADMIN_TIMEOUT_MS;
    for (;;) {
      const led = await new Promise<number>((resolve, reject) => {
        client.getMetadata(
          { topic: name, allTopics: false, timeout: CONNECT_TIMEOUT_MS },
          (error, metadata) =>
            error
              ? reject(error)
              : resolve(
                  metadata.topics[0]?.partitions.filter((partition) => partition.leader >= 0).length ?? 0,
                ),
        );
      });
      if (led >= partitions) return;
      if (Date.now() > deadline) {
        throw new Error(
          `Topic ${name} has leaders for ${led} of ${partitions} partitions after ${ADMIN_TIMEOUT_MS} ms.`,
        );
      }
      await delay(10);
    }
  } finally {
    await new Promise<void>((resolve) => client.disconnect(100, () => resolve()));
  }
}
