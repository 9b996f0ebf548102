/**
 * Streams that another gateway goes on with: several of them on clusters in memory that all get every reply, and clocks
 * that only the tests move.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { bytesInFlight } from '../../bridge/bytes-in-flight';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { RequestReply } from '../../bridge/request-reply';
import { STREAM_TICKET_HEADER } from '../../bridge/streams/tickets';
import { setLogSink } from '../../bridge/telemetry/log';
import { closeSchemas } from '../../bridge/schemas';
import { StubRegistry } from '../../dev/registry/stub-registry';
import { HttpListener } from '../../listener/http-listener';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { EventSource } from '../support/event-source';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const FORMS = ['one', 'pair'] as const;
type Form = (typeof FORMS)[number];

const SECRET = 'the same on every gateway';
const LEAST = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };

interface Options {
  readonly by?: Form;
  readonly stream?: object;
  /** Beside `mode` and `stream`. */
  readonly reply?: object;
  readonly request?: object;
}

interface SaidTo {
  readonly partition?: number;
  readonly headers?: Record<string, string>;
  /** The id of its schema: then the id of its request is in the body, and nowhere else. */
  readonly framed?: number;
}

/** All gateways of one test. */
class Fleet {
  readonly gateways: Gateway[] = [];
  readonly #t: TestContext;
  readonly #log: ReceivedRecord[] = [];
  readonly #offsets = new Map<number, number>();
  #wireId = '';

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
    const held = bytesInFlight.held;
    t.after(async () => {
      for (const gateway of this.gateways) await gateway.stop();
      assert.equal(bytesInFlight.held, held, 'no memory is left behind');
    });
  }

  async start(options: Options = {}): Promise<Gateway> {
    const kafka = new FakeKafka();
    kafka.earlier.push(...this.#log);
    const gateway = await Gateway.start(kafka, options);
    this.gateways.push(gateway);
    return gateway;
  }

  /** The first stream of a test: what is said from now on is said to its request. */
  async begin(gateway: Gateway, request: FakeRequest = { method: 'GET' }): Promise<EventSource> {
    const source = await gateway.open(request);
    const sent = gateway.kafka.produced.at(-1)!;
    sent.onDelivery(undefined);
    this.#wireId = headerOf(sent.record, 'kafka_correlationId')!;
    return source;
  }

  /** A reply, which is in the topic now. */
  written(value: string | null, { partition = 0, headers, framed }: SaidTo = {}): ReceivedRecord {
    const wireId = { kafka_correlationId: this.#wireId };
    const offset = this.#offsets.get(partition) ?? 0;
    this.#offsets.set(partition, offset + 1);
    const record = {
      ...receivedRecord({
        topic: 'replies',
        headers: { ...(framed === undefined && wireId), ...headers },
        value: framed === undefined ? value : this.#framed(value, framed),
      }),
      partition,
      offset,
    };
    this.#log.push(record);
    return record;
  }

  /** As a service writes it that knows the id from the body, and where it belongs; the schema is one of JSON. */
  #framed(value: string | null, schema: number): Buffer {
    const json = JSON.stringify({ 'correlation-id': this.#wireId, value });
    return Buffer.concat([Buffer.of(0, 0, 0, 0, schema), Buffer.from(json)]);
  }

  /** The same, and all gateways have read it. */
  say(...[value, options]: Parameters<Fleet['written']>): void {
    const record = this.written(value, options);
    for (const { kafka } of this.gateways) kafka.arrive(record);
  }

  advance(ms: number): void {
    this.#t.mock.timers.tick(ms);
    for (const { clock } of this.gateways) clock.advance(ms);
  }
}

class Gateway {
  readonly clock = new FakeClock();
  readonly kafka: FakeKafka;
  readonly #by: Form;
  readonly #options: Options;
  readonly requestReply: RequestReply;
  readonly #listener: HttpListener;
  readonly #sources: EventSource[] = [];
  handlers: { access(kong: FakeKong): Promise<void>; close(): void }[];
  #requests = 0;

  private constructor(kafka: FakeKafka, options: Options) {
    this.kafka = kafka;
    this.#by = options.by ?? 'one';
    this.#options = options;
    this.requestReply = new RequestReply({ clients: kafka, clock: this.clock });
    this.requestReply.setTogether(true);
    this.#listener = new HttpListener({
      address: { host: '127.0.0.1', port: 0 },
      routes: [this.requestReply.streams.route],
    });
    this.requestReply.streams.listener = () => this.#listener.reachableAt;
    this.handlers = this.configured();
  }

  static async start(kafka: FakeKafka, options: Options): Promise<Gateway> {
    const gateway = new Gateway(kafka, options);
    await gateway.#listener.serve(true);
    return gateway;
  }

  configured({
    stream = this.#options.stream,
    reply = this.#options.reply,
  }: Options = {}): Gateway['handlers'] {
    const consumer = { mode: 'stream', result_secret: SECRET, stream: { ...stream }, ...reply };
    const request = { ...LEAST, ...this.#options.request };
    return this.#by === 'one'
      ? [new RequestReplyHandler(parseRequestReplyConfig({ ...request, reply: consumer }), this.requestReply)]
      : [
          new ProducerHandler(parseProducerConfig(request), this.requestReply),
          new ConsumerHandler(
            parseConsumerConfig({ bootstrap_servers: SERVERS, topic: 'replies', ...consumer }),
            this.requestReply,
          ),
        ];
  }

  async access(request: FakeRequest = { method: 'GET' }): Promise<FakeKong> {
    const kong = new FakeKong({ requestId: `request ${this.#requests++}`, ...request });
    for (const handler of this.handlers) if (kong.exits.length === 0) await handler.access(kong);
    await settled();
    return kong;
  }

  async open(request: FakeRequest = { method: 'GET' }): Promise<EventSource> {
    const kong = await this.access(request);
    assert.deepEqual(kong.exits, [], 'Kong is led to the stream');
    const source = await EventSource.open(
      `http://${kong.upstream.get('target')}${kong.upstream.get('path')}`,
      undefined,
      { headers: { [STREAM_TICKET_HEADER]: kong.upstreamHeaders.get(STREAM_TICKET_HEADER)! } },
    );
    this.#sources.push(source);
    return source;
  }

  /** The client of that source comes here. */
  resume(source: EventSource, request: Partial<FakeRequest> = {}): Promise<EventSource> {
    return this.open(returning(source.lastEventId, request));
  }

  status(): Record<string, unknown> & { kept_replies: { kept: number; taken_over: number }[] } {
    return this.requestReply.status().streams as ReturnType<Gateway['status']>;
  }

  async until(isTrue: () => boolean): Promise<void> {
    for (let turns = 0; !isTrue(); turns++) {
      assert.ok(turns < 2000, 'it never became true');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async left(source: EventSource): Promise<void> {
    source.close();
    await this.until(() => this.status().attached === 0);
  }

  /** As with kill -9, but for what a test has to give back. */
  async stop(): Promise<void> {
    for (const source of this.#sources) source.close();
    await this.until(() => this.status().attached === 0);
    await this.requestReply.close();
    await this.#listener.serve(false);
    // What is kept of a stream that has ended.
    this.clock.advance(60_000);
  }
}

function returning(lastEventId: string | undefined, request: Partial<FakeRequest> = {}): FakeRequest {
  assert.ok(lastEventId !== undefined, 'it knows with what to come back');
  return { method: 'GET', ...request, headers: { 'last-event-id': lastEventId } };
}

const shown = (source: EventSource) =>
  source.events.map(({ name, data }) => (name === 'message' ? data : `${name} ${data}`));

for (const by of FORMS) {
  test(`a client whose gateway is gone goes on at another one, and misses nothing (${by})`, async (t) => {
    const fleet = new Fleet(t);
    const [first, other] = [
      await fleet.start({ by, stream: { count: 6 } }),
      await fleet.start({ by, stream: { count: 6 } }),
    ];
    const source = await fleet.begin(first);
    fleet.say('1');
    fleet.say('2');
    await source.count(2);
    source.close();
    fleet.say('3');
    fleet.say('4');
    const again = await other.resume(source);
    assert.equal(again.status, 200);
    fleet.say('5');
    fleet.say('6');
    await again.untilEnd();
    assert.deepEqual(shown(again), ['3', '4', '5', '6', 'end {"reason":"complete"}']);
    assert.equal(other.kafka.produced.length, 0, 'the record is not sent again');
    assert.equal(other.status().resumed, 1);
    assert.equal(other.status().taken_over, 1);
    assert.equal(other.requestReply.inFlight, 0);
    for (const gateway of [first, other]) {
      const kong = await gateway.access(returning(again.lastEventId));
      assert.equal(kong.exits[0]!.status, 204, 'it has seen the end');
      assert.equal(gateway.kafka.produced.length, gateway === first ? 1 : 0);
    }
  });

  test(`a gateway that starts later has read back what was said before (${by})`, async (t) => {
    const fleet = new Fleet(t);
    const first = await fleet.start({ by });
    const source = await fleet.begin(first);
    for (const value of ['1', '2', '3']) fleet.say(value);
    await source.count(3);
    await first.left(source);
    fleet.say('4');
    const other = await fleet.start({ by });
    const again = await other.resume(source);
    fleet.say('5');
    await again.count(2);
    assert.deepEqual(shown(again), ['4', '5']);
  });

  test(`a client that goes there and back neither misses nor repeats (${by})`, async (t) => {
    const fleet = new Fleet(t);
    const options = { by, stream: { max_per_consumer: 1 } };
    const [first, other] = [await fleet.start(options), await fleet.start(options)];
    const who = { consumer: { id: 'alice' } };
    const source = await fleet.begin(first, { method: 'GET', ...who });
    fleet.say('1');
    await source.count(1);
    await first.left(source);
    fleet.say('2');
    const there = await other.resume(source, who);
    await there.count(1);
    fleet.say('3');
    await there.count(2);
    await other.left(there);
    fleet.say('4');
    const back = await first.resume(there, who);
    fleet.say('5');
    await back.count(2);
    await first.left(back);
    // Its own count again: what is in its buffer.
    const stays = await first.resume(back, who);
    fleet.say('6');
    await stays.count(1);
    const thereAgain = await other.resume(stays, who);
    fleet.say('7');
    await thereAgain.count(1);
    assert.deepEqual([there, back, stays, thereAgain].map(shown), [['2', '3'], ['4', '5'], ['6'], ['7']]);
    assert.equal(first.kafka.produced.length + other.kafka.produced.length, 1);
  });

  test(`somebody else, a forged id, another secret and another topic are 410, and no record (${by})`, async (t) => {
    const fleet = new Fleet(t);
    const [first, other] = [await fleet.start({ by }), await fleet.start({ by })];
    const strangers = [
      await fleet.start({ by, reply: { result_secret: 'another one entirely' } }),
      await fleet.start({
        by,
        request: { reply_topic: 'others' },
        ...(by === 'pair' && { reply: { topic: 'others' } }),
      }),
    ];
    const alice = { consumer: { id: 'alice' } };
    const source = await fleet.begin(first, { method: 'GET', ...alice });
    fleet.say('1');
    await source.count(1);
    const id = source.lastEventId!;
    const flipped = `kks2.${id[5] === 'A' ? 'B' : 'A'}${id.slice(6)}`;
    const attempts: [Gateway, FakeRequest][] = [
      [other, returning(id)],
      [other, returning(id, { consumer: { id: 'mallory' } })],
      [other, returning(flipped, alice)],
      [other, returning(id.slice(0, -8), alice)],
      ...strangers.map((gateway): [Gateway, FakeRequest] => [gateway, returning(id, alice)]),
    ];
    for (const [gateway, request] of attempts) {
      const kong = await gateway.access(request);
      assert.deepEqual([kong.answer.status, kong.answer.json.code], [410, 'stream_gone']);
      assert.equal(gateway.kafka.produced.length, 0);
    }
    assert.equal((await other.access(returning(id, alice))).exits.length, 0, 'while its own client may');
    const head = await other.access({ ...returning(id, alice), method: 'HEAD' });
    assert.equal(head.answer.status, 400);
    assert.equal(other.kafka.produced.length, 0);
  });
}

/** The id of a reply is in its body, and the schema of the first one has to be fetched. */
async function slowSchema(t: TestContext) {
  const registry = await StubRegistry.start();
  const held: (() => void)[] = [];
  t.after(() => {
    closeSchemas();
    return registry.stop();
  });
  for (const id of [3, 7])
    registry.add(id, { schemaType: 'JSON', schema: '{}' }, { subject: `schema ${id}` });
  registry.trouble = (request, response) => {
    if (!request.url!.includes('/schemas/ids/7')) return false;
    held.push(() => response.writeHead(200).end('{"schemaType":"JSON","schema":"{}"}'));
    return true;
  };
  const consumer = { match: 'body_field', schema_registry: { confluent: { url: registry.url } } };
  return { consumer, held };
}

const valuesOf = (sources: readonly EventSource[]) =>
  sources.map(({ events }) =>
    events.map(({ name, data }) =>
      name === 'message' ? (JSON.parse(data) as { value: string }).value : `${name} ${data}`,
    ),
  );

/** Where a client was told the next one first, its place was behind both; another gateway thought that it has them. */
test('a reply whose schema is being fetched is not overtaken, so that a client that moves just then misses none', async (t) => {
  const { consumer, held } = await slowSchema(t);
  const fleet = new Fleet(t);
  const options: Options = { by: 'pair', reply: consumer, stream: { end_header: 'last' } };
  const [first, other, third] = [
    await fleet.start(options),
    await fleet.start(options),
    await fleet.start(options),
  ];
  const source = await fleet.begin(first);
  fleet.say('known', { framed: 3 });
  await source.count(1);
  fleet.say('slow', { framed: 7 });
  fleet.say('behind it', { framed: 3 });
  fleet.say('on another partition', { framed: 3, partition: 1 });
  await source.count(2);
  await first.until(() => held.length > 0);
  await first.left(source);
  const there = await other.resume(source);
  await other.left(there);
  const again = await third.resume(source);
  for (const answer of held) answer();
  fleet.say('the end', { framed: 3, headers: { last: '' } });
  await again.untilEnd();
  assert.deepEqual(valuesOf([source, there, again]), [
    ['known', 'on another partition'],
    [],
    ['slow', 'behind it', 'the end', 'end {"reason":"complete"}'],
  ]);
});

/** It ended the stream, and what it ends was never sent. */
test('the end of a stream waits for a reply before it whose schema is being fetched', async (t) => {
  const { consumer, held } = await slowSchema(t);
  const fleet = new Fleet(t);
  const gateway = await fleet.start({ by: 'pair', reply: consumer, stream: { end_header: 'last' } });
  const source = await fleet.begin(gateway);
  fleet.say('known', { framed: 3 });
  await source.count(1);
  fleet.say('slow', { framed: 7 });
  fleet.say('the end', { framed: 3, headers: { last: '' } });
  await gateway.until(() => held.length > 0);
  for (const answer of held) answer();
  await source.untilEnd();
  assert.deepEqual(valuesOf([source]), [['known', 'slow', 'the end', 'end {"reason":"complete"}']]);
});

/** The producer of a pair cannot know what follows: its consumer may not be there yet. */
test('on a route without streams nobody comes back to one', async (t) => {
  const fleet = new Fleet(t);
  const first = await fleet.start({ by: 'pair' });
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  const other = await fleet.start({ by: 'pair' });
  other.handlers.splice(1, 1, new ConsumerHandler(parseConsumerConfig({}), other.requestReply));
  const kong = await other.access(returning(source.lastEventId));
  assert.deepEqual([kong.answer.status, kong.answer.json.code], [410, 'stream_gone']);
  assert.equal(other.kafka.produced.length, 0);
  fleet.advance(10_010);
});

/** Kong starts an instance with its first request, the producer's first. */
test('a client may be the first that a pair ever sees', async (t) => {
  const fleet = new Fleet(t);
  const first = await fleet.start({ by: 'pair' });
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  fleet.say('2');
  const other = await fleet.start({ by: 'pair' });
  const [producer, consumer] = other.handlers;
  consumer!.close();
  other.handlers = [
    producer!,
    {
      access: (kong) => {
        const [, late] = other.configured({ reply: { timeout: 4000 } });
        return late!.access(kong);
      },
      close: () => undefined,
    },
  ];
  const again = await other.resume(source);
  await again.count(1);
  assert.deepEqual(shown(again), ['2']);
});

test('each partition has its order, whichever was read first', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await fleet.begin(first);
  const [a0, a1, a2] = ['a0', 'a1', 'a2'].map((value) => fleet.written(value, { partition: 0 }));
  const [b0, b1, b2] = ['b0', 'b1', 'b2'].map((value) => fleet.written(value, { partition: 7 }));
  for (const record of [a0, b0, a1]) first.kafka.arrive(record!);
  await source.count(3);
  source.close();
  // The other gateway is behind in one partition, and ahead in the other.
  for (const record of [b0, b1, b2, a0]) other.kafka.arrive(record!);
  const again = await other.resume(source);
  for (const record of [a1, a2]) other.kafka.arrive(record!);
  await again.count(3);
  assert.deepEqual(shown(again), ['b1', 'b2', 'a2']);
});

/** The end was on a partition that had been read before the others: what was on these was missed, though it was here. */
test('the end comes after all that is kept, whichever partition was read first', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: { end_header: 'last' } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1', { partition: 0 });
  await source.count(1);
  await first.left(source);
  const two = fleet.written('2', { partition: 0 });
  const three = fleet.written('3', { partition: 1, headers: { last: '' } });
  for (const record of [three, two]) other.kafka.arrive(record);
  const again = await other.resume(source);
  await again.untilEnd();
  assert.deepEqual(shown(again), ['2', '3', 'end {"reason":"complete"}']);
});

const IN_SEQUENCE = { end_header: 'last', sequence_header: 'seq' };
const at = (place: number, partition: number) => ({ partition, headers: { seq: String(place) } });

for (const by of FORMS)
  test(`what waits for its turn waits at the next gateway, too (${by})`, async (t) => {
    const fleet = new Fleet(t);
    const options = { by, stream: IN_SEQUENCE };
    const [first, other] = [await fleet.start(options), await fleet.start(options)];
    const source = await fleet.begin(first);
    fleet.say('3', at(3, 0));
    fleet.say('1', at(1, 1));
    fleet.say(null, { partition: 2, headers: { seq: '6', last: '' } });
    await source.count(1);
    await first.left(source);
    const again = await other.resume(source);
    fleet.say('5', at(5, 0));
    // A service that has sent it twice.
    fleet.say('one more', at(1, 3));
    fleet.say('2', at(2, 1));
    await again.count(2);
    await other.left(again);
    const third = await fleet.start(options);
    const last = await third.resume(again);
    fleet.say('4', at(4, 2));
    await last.untilEnd();
    assert.deepEqual([source, again, last].map(shown), [
      ['1'],
      ['2', '3'],
      ['4', '5', 'end {"reason":"complete"}'],
    ]);
    for (const gateway of [first, other, third]) {
      const kong = await gateway.access(returning(last.lastEventId));
      assert.equal(kong.exits[0]!.status, 204, 'it has seen the end');
    }
    assert.equal(first.kafka.produced.length + other.kafka.produced.length, 1);
  });

/** Who has the last reply has not been told that it was the last. */
test('an end that has a place and was told elsewhere is one here, too', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [
    await fleet.start({ stream: IN_SEQUENCE }),
    await fleet.start({ stream: IN_SEQUENCE }),
  ];
  const source = await fleet.begin(first);
  fleet.say('2', { partition: 1, headers: { seq: '2', last: '' } });
  fleet.say('1', at(1, 0));
  await source.untilEnd();
  const cut = await other.open(returning(source.events[1]!.id));
  await cut.untilEnd();
  assert.deepEqual(shown(cut), ['end {"reason":"complete"}']);
});

test('who is told by places may have replies on any number of partitions, and some without a place', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [
    await fleet.start({ stream: IN_SEQUENCE }),
    await fleet.start({ stream: IN_SEQUENCE }),
  ];
  const source = await fleet.begin(first);
  for (let place = 70; place > 0; place--) fleet.say(`p${place}`, at(place, place));
  fleet.say('none', { partition: 3 });
  await source.count(71);
  await first.left(source);
  const again = await other.resume(source);
  fleet.say('p72', at(72, 0));
  fleet.say('another', { partition: 3 });
  fleet.say('p71', at(71, 0));
  await again.count(3);
  assert.deepEqual(shown(again), ['another', 'p71', 'p72']);
});

test('what the bounds have put out is a gap in its turn, and only for who has missed it', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: IN_SEQUENCE, reply: { keep_replies: { count: 2 } } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  for (const place of [2, 1, 3, 5, 4]) fleet.say(String(place), at(place, place));
  await source.count(5);
  await first.left(source);
  fleet.say('7', at(7, 7));
  const upToDate = await other.resume(source);
  fleet.say('6', at(6, 6));
  await upToDate.count(2);
  assert.deepEqual(shown(upToDate), ['6', '7']);
  const behind = await other.open(returning(source.events[0]!.id));
  await behind.count(3);
  assert.deepEqual(shown(behind), ['gap {"missing":4}', '6', '7']);
});

test('a gap is an error at the next gateway, too, where what is behind it waits anew', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: IN_SEQUENCE, reply: { timeout: 4000 } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1', at(1, 0));
  fleet.say('3', at(3, 1));
  await source.count(1);
  await first.left(source);
  fleet.advance(3000);
  const again = await other.resume(source);
  fleet.advance(3900);
  assert.equal(other.requestReply.inFlight, 1);
  fleet.advance(200);
  await again.untilEnd();
  assert.deepEqual(
    again.events.map(({ name }) => name),
    ['failure', 'end'],
  );
});

test('a client that was told by places goes on where that is so, and one that was not anywhere', async (t) => {
  const fleet = new Fleet(t);
  const gateway = await fleet.start();
  const source = await fleet.begin(gateway);
  fleet.say('2', at(2, 0));
  await source.count(1);
  const configure = (stream: object): void => {
    for (const handler of gateway.handlers) handler.close();
    gateway.handlers = gateway.configured({ stream });
  };
  configure(IN_SEQUENCE);
  const again = await gateway.resume(source);
  fleet.say('1', at(1, 0));
  await again.count(1);
  assert.deepEqual(shown(again), ['1'], 'as it was begun');
  const anew = await gateway.open();
  gateway.kafka.produced.at(-1)!.onDelivery(undefined);
  await anew.until(() => anew.lastEventId !== undefined);
  configure({ end_header: 'last' });
  const kong = await gateway.access(returning(anew.lastEventId));
  assert.deepEqual([kong.answer.status, kong.answer.json.code], [410, 'stream_gone']);
});

test('a stream on more partitions than an id has room for goes on where it was begun', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await fleet.begin(first);
  const say = (from: number, to: number) => {
    for (let partition = from; partition < to; partition++) fleet.say(`p${partition}`, { partition });
  };
  say(0, 64);
  await source.count(64);
  assert.ok(source.lastEventId!.length < 2000);
  assert.equal((await other.access(returning(source.lastEventId))).exits.length, 0);
  say(64, 65);
  await source.count(65);
  assert.equal((await other.access(returning(source.lastEventId))).answer.json.code, 'stream_gone');
  await first.left(source);
  say(65, 66);
  const again = await first.resume(source);
  await again.count(1);
  assert.deepEqual(shown(again), ['p65']);
});

test('before the first reply a client has an id, once its request is with a broker', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await first.open();
  await source.until(() => source.comments.length > 0);
  assert.equal(source.lastEventId, undefined, 'who comes back now asks again');
  const [sent] = first.kafka.produced;
  sent!.onDelivery(undefined);
  await source.until(() => source.lastEventId !== undefined);
  source.close();
  const again = await other.resume(source);
  assert.equal(again.status, 200);
  assert.equal(other.kafka.produced.length, 0);
});

test('whoever has been away for too long is told so, and a beat counts as being there', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: { resume_ms: 30_000 } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  const early = source.lastEventId!;
  for (let beats = 0; beats < 4; beats++) {
    const before = source.lastEventId;
    fleet.advance(20_010);
    await source.until(() => source.lastEventId !== before);
  }
  assert.equal(source.events.length, 1, 'an id alone is no event');
  const tooLate = await other.access(returning(early));
  assert.deepEqual([tooLate.answer.status, tooLate.answer.json.code], [410, 'stream_gone']);
  await first.left(source);
  fleet.say('2');
  fleet.advance(29_000);
  const again = await other.resume(source);
  await again.count(1);
  assert.deepEqual(shown(again), ['2']);
  fleet.advance(60_000);
});

test('what the bounds have put out is a gap, and only for who has missed it', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: { count: 6 }, reply: { keep_replies: { count: 2 } } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  const id = source.lastEventId;
  for (const value of ['2', '3', '4', '5']) fleet.say(value);
  await source.count(5);
  const upToDate = await other.resume(source);
  source.close();
  fleet.say('6');
  await upToDate.untilEnd();
  assert.deepEqual(shown(upToDate), ['6', 'end {"reason":"complete"}']);
  const behind = await other.open(returning(id));
  await behind.untilEnd();
  assert.deepEqual(shown(behind), ['gap {"missing":3}', '5', '6', 'end {"reason":"complete"}']);
});

test('an end that the client has not seen is there at every gateway', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: { end_header: 'last' } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  await first.left(source);
  const beforeLast = source.lastEventId!;
  fleet.say('2', { headers: { last: '' } });
  await first.until(() => (first.status().ended as { complete: number }).complete === 1);
  const again = await other.open(returning(beforeLast));
  await again.untilEnd();
  assert.deepEqual(shown(again), ['2', 'end {"reason":"complete"}']);
  // It has the last reply, and was cut off before the end was said.
  const cut = await other.open(returning(again.events[0]!.id));
  await cut.untilEnd();
  const third = await fleet.start(options);
  const atThird = await third.open(returning(again.events[0]!.id));
  await atThird.untilEnd();
  for (const { events } of [cut, atThird])
    assert.deepEqual(
      events.map(({ name }) => name),
      ['end'],
    );
});

test('age and silence are counted from where they began', async (t) => {
  for (const [stream, end] of [
    [{ max_life_ms: 60_000 }, 'max_life'],
    [{ idle_ms: 40_000 }, 'idle'],
  ] as const) {
    await t.test(end, async (t) => {
      const fleet = new Fleet(t);
      const [first, other] = [await fleet.start({ stream }), await fleet.start({ stream })];
      const source = await fleet.begin(first);
      fleet.advance(10_000);
      fleet.say('1');
      await source.count(1);
      fleet.advance(20_010);
      await source.until(() => source.comments.length > 2);
      const again = await other.resume(source);
      fleet.advance(19_000);
      await settled();
      assert.equal(other.requestReply.streams.size, 1, 'not yet');
      fleet.advance(12_000);
      await again.untilEnd();
      assert.deepEqual(shown(again), [`end {"reason":"${end}"}`]);
    });
  }
});

test('a gateway that ends sends its clients to another one', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  first.requestReply.drain();
  first.clock.advance(10_010);
  await source.untilEnd();
  assert.deepEqual(shown(source), ['1'], 'no end is said');
  const again = await other.resume(source);
  fleet.say('2');
  await again.count(1);
  assert.deepEqual(shown(again), ['2']);
});

/** It was 503, after which a browser's EventSource never asks again. */
test('an EventSource that cannot go on yet is told to come again, and any other client why', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  const browser = returning(source.lastEventId);
  const asBrowser = { ...browser, headers: { ...browser.headers, accept: 'text/event-stream' } };
  /** Until it is answered. */
  const later = async (request: FakeRequest) => {
    const access = other.access(request);
    let isOver = false;
    void access.finally(() => (isOver = true));
    while (!isOver) {
      other.clock.advance(100);
      await settled();
    }
    return (await access).exits[0]!;
  };
  other.kafka.state = 'connecting';
  const told = await later(asBrowser);
  assert.deepEqual([told.status, told.body.toString()], [200, 'retry: 2000\n\n']);
  assert.equal(told.headers['content-type'], 'text/event-stream');
  const why = await later(browser);
  assert.deepEqual([why.status, why.headers['retry-after']], [503, '1']);
  const afresh = await later({ method: 'GET', headers: { accept: 'text/event-stream' } });
  assert.equal(afresh.status, 503, 'a new request has no stream to lose');
  other.kafka.state = 'up';
  const again = await other.resume(source, asBrowser);
  fleet.say('2');
  await again.count(1);
  assert.deepEqual(shown(again), ['2']);
  other.requestReply.drain();
  const ending = await other.access(asBrowser);
  assert.equal(ending.exits[0]!.status, 200, 'the next gateway has it');
  const gone = await other.access({ ...asBrowser, consumer: { id: 'mallory' } });
  assert.equal(gone.exits[0]!.status, 410, 'what does not pass is an error');
  assert.equal(other.status().later, 2);
});

test('what the gateway that is left behind reads is neither late nor an orphan', async (t) => {
  const fleet = new Fleet(t);
  const options = { stream: { resume_ms: 5000 }, request: { orphan_topic: 'orphans' } };
  const [first, other] = [await fleet.start(options), await fleet.start(options)];
  const source = await fleet.begin(first);
  fleet.say('1');
  await source.count(1);
  await first.left(source);
  const again = await other.resume(source);
  fleet.advance(6000);
  assert.equal(first.requestReply.inFlight, 0, 'it has let go of it');
  fleet.say('2');
  await again.count(1);
  const [topic] = first.requestReply.status().reply_topics as { late: number; accepted: number }[];
  assert.deepEqual([topic!.late, topic!.accepted], [0, 1]);
  assert.equal(first.kafka.produced.length, 1, 'nothing went to the topic of orphans');
});

test('a client with an altered place sees its own stream from there', async (t) => {
  const fleet = new Fleet(t);
  const [first, other] = [await fleet.start(), await fleet.start()];
  const source = await fleet.begin(first);
  for (const value of ['1', '2', '3']) fleet.say(value);
  await source.count(3);
  const altered = source.lastEventId!.replace(/\.0:2$/, '.0:0');
  assert.notEqual(altered, source.lastEventId);
  const again = await other.open(returning(altered));
  await again.count(2);
  assert.deepEqual(shown(again), ['2', '3']);
});

test('another configuration of the route goes on with a stream of the one before', async (t) => {
  const fleet = new Fleet(t);
  const gateway = await fleet.start();
  const source = await fleet.begin(gateway);
  fleet.say('1');
  await source.count(1);
  for (const handler of gateway.handlers) handler.close();
  gateway.handlers = gateway.configured({ stream: { buffer: 77 } });
  fleet.say('2');
  await source.count(2);
  const again = await gateway.resume(source);
  fleet.say('3');
  await again.count(1);
  assert.deepEqual(shown(again), ['3']);
  assert.equal(gateway.kafka.produced.length, 1);
});

test('without what other gateways need nothing is kept, and they know nothing', async (t) => {
  const fleet = new Fleet(t);
  for (const options of [
    { reply: { result_secret: undefined } },
    { stream: { resume_ms: 0 } },
  ] satisfies Options[]) {
    const [first, other] = [await fleet.start(options), await fleet.start(options)];
    const source = await fleet.begin(first);
    fleet.say('1');
    await source.count(1);
    const id = source.lastEventId!;
    assert.match(id, /^kks1\./);
    assert.equal((await other.access(returning(id))).answer.json.code, 'stream_gone');
    for (const gateway of [first, other]) assert.deepEqual(gateway.status().kept_replies, []);
  }
});

test('a secret for streams that could not go on anywhere is refused', () => {
  const reply = { mode: 'stream', result_secret: SECRET };
  const request = (more: object) => () => parseRequestReplyConfig({ ...LEAST, reply, ...more });
  assert.doesNotThrow(request({}));
  assert.throws(
    request({ reply_routing: 'partition', reply_partition: 0, dialects: ['plain'] }),
    /reply.result_secret: with mode: stream needs reply_routing: broadcast/,
  );
  assert.throws(request({ reply_topic: 'orders' }), /result_secret: with mode: stream needs a reply_topic/);
  assert.throws(request({ correlation: 'client' }), /with mode: stream needs correlation: generated/);
  const consumer = (more: object) => () => parseConsumerConfig({ ...reply, ...more });
  assert.throws(consumer({}), /topic: required with mode: stream and result_secret/);
  const source = { bootstrap_servers: SERVERS, topic: 'replies' };
  assert.doesNotThrow(consumer(source));
  assert.throws(consumer({ ...source, topic: 'replies-{node}' }), /needs reply_routing: broadcast/);
});

test('what is kept goes when its time is over, or nobody wants it any more', async (t) => {
  const fleet = new Fleet(t);
  const gateway = await fleet.start({ stream: { resume_ms: 1000, count: 2 } });
  const held = bytesInFlight.held;
  const source = await fleet.begin(gateway);
  fleet.say('1');
  fleet.say('2');
  await source.untilEnd();
  assert.equal(gateway.status().kept_replies[0]!.kept, 2);
  fleet.advance(32_000);
  fleet.advance(32_000);
  assert.equal(gateway.status().kept_replies[0]!.kept, 0);
  assert.equal(bytesInFlight.held, held);
  assert.equal(gateway.clock.pendingTimers, 0);
});
