/**
 * An ordinary Kafka service: reads request topics, answers where each request says.
 *
 *   const responder = await startResponder({ connection, topics: [{ ...DEFAULT_BEHAVIOUR, topic: 'orders' }] });
 *   ... await responder.close();
 */
import { KafkaClients } from '../../bridge/kafka/clients';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { ConsumerSession } from '../../bridge/kafka/consumer-session';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import { replyTo, type Behaviour } from './behaviour';

export interface ResponderOptions {
  readonly connection: ConnectionOptions;
  readonly topics: readonly Behaviour[];
  /**
   * Consumer group, as services have one: several responders share the work. Without one, every responder reads
   * every request from now on, and no rebalance ever delays an answer.
   */
  readonly groupId?: string;
  /** For tests: sees every request before it is answered. */
  readonly onRequest?: (request: ReceivedRecord) => void;
  /** For tests: further headers of a reply, by its request. */
  readonly replyHeaders?: (request: ReceivedRecord) => Readonly<Record<string, string>>;
}

export class Responder {
  readonly counters = { requests: 0, replies: 0, unanswerable: 0, failed: 0 };
  readonly #delayed = new Set<NodeJS.Timeout>();
  /** By topic, where answers are given together. */
  readonly #held = new Map<string, OutgoingRecord[]>();
  readonly #behaviours: ReadonlyMap<string, Behaviour>;
  readonly #options: ResponderOptions;
  readonly #clients = new KafkaClients();
  readonly #lease;
  #session: ConsumerSession | undefined;
  #closed = false;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#behaviours = new Map(options.topics.map((behaviour) => [behaviour.topic, behaviour]));
    this.#lease = this.#clients.acquire('responder', options.connection);
  }

  /** Resolves when no request sent from now on can be missed. */
  async start(): Promise<void> {
    await this.#lease.producer.whenUp();
    const topics = [...this.#behaviours.keys()];
    const onRecord = (request: ReceivedRecord) => this.#answer(request);
    if (this.#options.groupId === undefined) {
      const followed = topics.map((topic) => this.#lease.reader.follow(topic, { from: 'end', onRecord }));
      await Promise.all(followed.map((topic) => topic.whenReady()));
      return;
    }
    this.#session = new ConsumerSession({
      name: 'responder',
      connection: this.#options.connection,
      // What was asked while no responder ran is answered too, as a service would.
      tuning: { groupId: this.#options.groupId, groupStart: 'earliest' },
      subscribe: topics,
      onRecord,
    });
    await this.#session.whenUp();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#delayed) clearTimeout(timer);
    await this.#session?.close();
    this.#lease.release();
    await this.#clients.close();
  }

  #answer(request: ReceivedRecord): void {
    const behaviour = this.#behaviours.get(request.topic);
    if (!behaviour) return;
    this.counters.requests++;
    this.#options.onRequest?.(request);
    const headers = { ...behaviour.headers, ...this.#options.replyHeaders?.(request) };
    this.#giveFrom(1, behaviour.delayMs, request, { ...behaviour, headers });
  }

  /** One after the other: of thousands of requests with thousands of replies, only the next ones wait. */
  #giveFrom(place: number, pauseMs: number, request: ReceivedRecord, behaviour: Behaviour): void {
    const reply = replyTo(request, behaviour, place);
    if (!reply) {
      this.counters.unanswerable++;
      return;
    }
    const give = (): void => {
      this.#give(reply, behaviour);
      if (place < behaviour.replies) this.#giveFrom(place + 1, behaviour.everyMs, request, behaviour);
    };
    if (pauseMs === 0) give();
    else this.#after(pauseMs, give);
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      callback();
    }, delayMs);
    this.#delayed.add(timer);
  }

  #give(reply: OutgoingRecord, behaviour: Behaviour): void {
    const { topic, together } = behaviour;
    if (together <= 1) {
      this.#send(reply, behaviour);
      return;
    }
    const held = this.#held.get(topic) ?? [];
    this.#held.set(topic, held);
    held.push(reply);
    if (held.length >= together) for (const each of held.splice(0)) this.#send(each, behaviour);
  }

  #send(reply: OutgoingRecord, behaviour: Behaviour): void {
    if (this.#closed) return;
    try {
      for (let copy = 0; copy <= behaviour.duplicates; copy++) {
        this.#lease.producer.produce(reply, (error) =>
          error ? this.counters.failed++ : this.counters.replies++,
        );
      }
    } catch {
      this.counters.failed++; // the broker is away: the caller will time out, as with any service
    }
  }
}

export async function startResponder(options: ResponderOptions): Promise<Responder> {
  const responder = new Responder(options);
  await responder.start();
  return responder;
}
