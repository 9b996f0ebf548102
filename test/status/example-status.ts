/** An answer of /status with something of everything, for the tests of the page. */
import type { ErrorCode } from '../../bridge/errors';

export const NOW = new Date('2026-11-28T10:15:30Z');

const at = (secondsAgo: number): string => new Date(NOW.getTime() - secondsAgo * 1000).toISOString();

/** @param code of its last error */
export function configuration(facts: object = {}, code?: ErrorCode, detail = 'why it failed'): object {
  return {
    topic: 'orders.requests',
    reply_topic: 'orders.replies',
    cluster: 'kafka-1.internal:9092',
    ready: true,
    in_flight: 3,
    max_in_flight: 10_000,
    per_second: 128.4,
    p50_ms: 6.4,
    p99_ms: 41,
    failed_in_last_minute: code === undefined ? 0 : 17,
    succeeded: 184_220,
    failed: code === undefined ? 0 : 17,
    refused_to_client: 0,
    hints: [],
    ...(code !== undefined && { last_error: { code, detail, at: at(4), count: 17 } }),
    ...facts,
  };
}

export function status(facts: object = {}, configurations: object[] = [configuration()]): object {
  const up = {
    state: 'up',
    replaced: 0,
    brokers: [1, 2, 3].map((id) => ({ name: `kafka-${id}.internal:9092/${id}`, state: 'UP' })),
  };
  return {
    ready: true,
    state: 'serving',
    pid: 4711,
    version: '0.1.0',
    uptime_seconds: 93_784,
    memory_rss_bytes: 142_606_336,
    load: {
      open_events: 24,
      bytes_in_flight: 20_480,
      event_loop_lag_ms: 1,
      refused: { open_events: 0, connections: 0 },
    },
    broken_configurations: [],
    plugins: {
      custom_kafka_producer: {
        socket_owned: true,
        process: {
          ready: true,
          configurations,
          clusters: [
            {
              name: 'shop',
              bootstrap_servers: ['kafka-1.internal:9092', 'kafka-2.internal:9092'],
              producer: up,
              reader: { ...up, replaced: 1 },
            },
          ],
        },
      },
      custom_kafka_consumer: { socket_owned: true },
    },
    recent_events: [
      {
        at: at(40),
        event: 'reply_hint',
        message: 'a request got no reply in time, and a record came that may have been meant as one',
        facts: { reply_topic: 'invoices.replies', reason: 'no_known_header' },
      },
      {
        at: at(3000),
        event: 'kafka_client_replaced',
        message: 'kafka client replaced',
        facts: { client: 'reply reader', why: 'the client has lost its list of brokers' },
      },
      {
        at: at(93_780),
        event: 'kafka_topic_followed',
        message: 'kafka topic followed',
        facts: { topic: 'orders.replies' },
      },
      { at: at(93_784), event: 'serving', message: 'serving', facts: {} },
    ],
    ...facts,
  };
}

/** With one configuration that is not ready, one whose replies are not understood, and one that Kong should not have. */
export function troubledStatus(): object {
  const hint = {
    reason: 'no_known_header',
    text: 'a record came with the headers x-correlation, content-type, a key of 36 bytes and a value of 112 bytes; expected the id in one of the headers correlation-id, kafka_correlationId, REPLY_CORRELATION_ID',
    timeouts: 17,
  };
  const missing = 'Topic payments.replies does not exist, or the gateway may not describe it.';
  return status(
    {
      ready: false,
      broken_configurations: [
        {
          plugin: 'custom_kafka_producer',
          reason: 'security.certificate: it is not a PEM certificate',
          since: at(640),
          instances: 2,
          route_id: '7a3f5a52-6f0e-4d9c-9d7e-0c2f5f6a1b11',
        },
      ],
    },
    [
      configuration({ refused_to_client: 12 }),
      configuration(
        {
          topic: 'invoices.requests',
          reply_topic: 'invoices.replies',
          per_second: 0.28,
          p50_ms: undefined,
          p99_ms: undefined,
          hints: [hint],
        },
        'reply_timeout',
        'delivered to invoices.requests, no reply on invoices.replies in time',
      ),
      configuration(
        {
          topic: 'payments.requests',
          reply_topic: 'payments.replies',
          ready: false,
          reason: missing,
          in_flight: 0,
          per_second: 0,
          p50_ms: undefined,
          p99_ms: undefined,
        },
        'not_ready',
        missing,
      ),
      configuration({
        topic: 'audit',
        reply_topic: undefined,
        max_in_flight: undefined,
        in_flight: 0,
        per_second: 12,
      }),
    ],
  );
}

/** For docs/status-page.md: what fits into a picture. */
export function pictureStatus(): object {
  const { plugins } = troubledStatus() as {
    plugins: Record<string, { process: { configurations: object[] } }>;
  };
  const [well, misunderstood] = plugins['custom_kafka_producer']?.process.configurations ?? [];
  return status({}, [misunderstood ?? {}, well ?? {}]);
}
