/**
 * The raw client properties an admin may set: tuning only.
 *
 * A list of what is allowed, not of what is denied: the client library gets new properties with every release, some of
 * which load code, read files or write secrets to the log, and a list of denied ones would let those in unseen. What
 * has an option of its own is not here, nor what correctness rests on: acks, idempotence, the message timeout, the
 * watchdog's statistics, offsets and groups.
 */

export const CLIENT_PROPERTIES_OF_BOTH = [
  'broker.address.family',
  'broker.address.ttl',
  'client.dns.lookup',
  'client.id',
  'client.rack',
  'enable.metrics.push',
  'receive.message.max.bytes',
  'reconnect.backoff.max.ms',
  'reconnect.backoff.ms',
  'retry.backoff.max.ms',
  'retry.backoff.ms',
  'socket.connection.setup.timeout.ms',
  'socket.keepalive.enable',
  'socket.nagle.disable',
  'socket.receive.buffer.bytes',
  'socket.send.buffer.bytes',
] as const;

export const CLIENT_PROPERTIES_OF_PRODUCERS = [
  'batch.num.messages',
  'batch.size',
  'linger.ms',
  'message.max.bytes',
  'queue.buffering.max.kbytes',
  'queue.buffering.max.messages',
  'sticky.partitioning.linger.ms',
] as const;

export const CLIENT_PROPERTIES_OF_CONSUMERS = [
  'check.crcs',
  'fetch.error.backoff.ms',
  'fetch.max.bytes',
  'fetch.min.bytes',
  'fetch.queue.backoff.ms',
  'fetch.wait.max.ms',
  'isolation.level',
  'max.partition.fetch.bytes',
  'queued.max.messages.kbytes',
  'queued.min.messages',
] as const;

export const CLIENT_PROPERTY_NAMES: readonly string[] = [
  ...CLIENT_PROPERTIES_OF_BOTH,
  ...CLIENT_PROPERTIES_OF_PRODUCERS,
  ...CLIENT_PROPERTIES_OF_CONSUMERS,
].sort();

/** @returns those of the given properties that clients of the kind know; the others would be warned about */
export function clientPropertiesFor(
  kind: 'producer' | 'consumer' | 'admin',
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const own: readonly string[] =
    kind === 'producer'
      ? CLIENT_PROPERTIES_OF_PRODUCERS
      : kind === 'consumer'
        ? CLIENT_PROPERTIES_OF_CONSUMERS
        : [];
  const known = new Set<string>([...CLIENT_PROPERTIES_OF_BOTH, ...own]);
  return Object.fromEntries(Object.entries(given).filter(([name]) => known.has(name)));
}
