/** The streams of this process, and the replies that were answered together. */
import type { StreamsReading } from '../streams/streams';
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';

export interface CollectedReading {
  readonly collected: number;
  readonly collected_partial: number;
}

const OPEN: Family = {
  name: 'kong_kafka_streams_open',
  type: 'gauge',
  help: 'Streams that have not ended, by kind: events (server-sent events; also without a client for a while) and websocket.',
  labels: ['kind'],
};
const OPENED: Family = {
  name: 'kong_kafka_streams_opened_total',
  type: 'counter',
  help: 'Streams that were opened, by kind.',
  labels: ['kind'],
};
const ENDED: Family = {
  name: 'kong_kafka_streams_ended_total',
  type: 'counter',
  help: 'Streams that have ended, by their end: complete, idle, max_life, failed (an error was the last event), client_gone, draining.',
  labels: ['end'],
};
const RETURNS: Family = {
  name: 'kong_kafka_stream_returns_total',
  type: 'counter',
  help: 'Clients that came back with Last-Event-ID, by result: resumed (here, or begun elsewhere), gone (nothing is kept here), or later (told to come again, as the gateway was not ready, full or ending).',
  labels: ['result'],
};
const SLOW: Family = {
  name: 'kong_kafka_stream_slow_clients_total',
  type: 'counter',
  help: 'Clients that were disconnected because they did not read what they were sent.',
  labels: [],
};
const MESSAGES: Family = {
  name: 'kong_kafka_websocket_messages_total',
  type: 'counter',
  help: 'Messages of clients on WebSockets; each becomes a request.',
  labels: [],
};
const COLLECTED: Family = {
  name: 'kong_kafka_collected_answers_total',
  type: 'counter',
  help: 'Answers made of several replies, by result: complete, or partial at the deadline.',
  labels: ['result'],
};

export const STREAM_FAMILIES: readonly Family[] = [OPEN, OPENED, ENDED, RETURNS, SLOW, MESSAGES, COLLECTED];

export class StreamMetrics implements MetricGroup {
  readonly families = STREAM_FAMILIES;

  /** Asked at each scrape. */
  constructor(
    private readonly streams: () => StreamsReading,
    private readonly collected: () => CollectedReading,
  ) {}

  collect(page: MetricsPage): void {
    const { open, opened, ended, resumed, gone, later, slow, messages } = this.streams();
    for (const [kind, count] of Object.entries(open)) page.add(OPEN, labelText({ kind }), count);
    for (const [kind, count] of Object.entries(opened)) page.add(OPENED, labelText({ kind }), count);
    for (const [end, count] of Object.entries(ended)) page.add(ENDED, labelText({ end }), count);
    for (const [result, count] of Object.entries({ resumed, gone, later }))
      page.add(RETURNS, labelText({ result }), count);
    page.add(SLOW, '', slow);
    page.add(MESSAGES, '', messages);
    const { collected: complete, collected_partial: partial } = this.collected();
    for (const [result, count] of Object.entries({ complete, partial }))
      page.add(COLLECTED, labelText({ result }), count);
  }
}
