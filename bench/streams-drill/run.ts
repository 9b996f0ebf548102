/**
 * Thousands of streams beside plain requests: what is measured is what both in one plugin server do to each other. On a
 * machine that also has Kafka, the clients, the service and the stand-in for Kong, streams make requests slower whoever holds
 * them; so the same streams are first held by another plugin server. Streams and requests have clients, a gateway and a service
 * each, and those of the streams, which are on other machines or in other workers of Kong in earnest, give way.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { startKafka } from '../../dev/kafka/server';
import { PluginServerProcess, startGatewayProcess, startResponderProcess } from '../../dev/stack';
import { giveWay } from '../load/give-way';
import { residentMegabytes } from '../load/process-usage';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import { PlainRequests, type Latencies } from './plain-requests';

export interface StreamsDrillOptions {
  readonly events: number;
  readonly sockets: number;
  readonly perSecond: number;
  readonly measureMs: number;
  /** Between two replies to a stream. */
  readonly everyMs: number;
  readonly say: (line: string) => void;
}

/** Streams of one plugin server, and plain requests beside them. */
interface Held {
  readonly opened: number;
  /** Streams that ended too early, or had no reply. */
  readonly lost: number;
  readonly eventsSeen: number;
  readonly messagesSeen: number;
  readonly kilobytesPerEvents: number;
  readonly kilobytesPerSocket: number;
  readonly beside: Latencies;
}

/** What is said of the streams is of those in the plugin server that has the requests, too. */
export interface StreamsDrillReport extends Held {
  readonly wanted: number;
  /** Plain requests by themselves. */
  readonly alone: Latencies;
  /** Beside the same streams in another plugin server. */
  readonly besideOthers: Latencies;
}

const REPLIES = 1000;
/** Opened at once: as many clients as come back after a network was away, and no more than a machine of two cores bears. */
const AT_ONCE = 50;
const SETTLE_MS = 5000;
/** Until the code of all processes is compiled, that of Kafka fully: 50,000 records. */
const WARM_UP = { perSecond: 1000, measureMs: 25_000 };

export async function runStreamsDrill(options: StreamsDrillOptions): Promise<StreamsDrillReport> {
  const { events, sockets, say } = options;
  const kafka = await startKafka({ optimizeFor: 'throughput' });
  const endings: (() => Promise<unknown>)[] = [() => kafka.stop()];
  try {
    for (const name of ['plain', 'events', 'socket'])
      for (const kind of ['requests', 'replies'])
        await kafka.createTopic(`${name}.${kind}`, { partitions: 4 });
    const yml = kongYml(kafka.bootstrapServers);
    // All the room for young objects from the beginning: it is no part of what a stream takes.
    const nodeFlags = [...SHIPPED_NODE_FLAGS, '--min-semi-space-size=64'];
    const server = await PluginServerProcess.start({ nodeFlags });
    endings.push(() => server.stop());
    const other = await PluginServerProcess.start({ nodeFlags });
    endings.push(() => other.stop());
    const responder = await startResponderProcess(kafka.bootstrapServers, ['plain.requests']);
    endings.push(() => responder.stop());
    const gateway = await startGatewayProcess(server, yml, 0);
    endings.push(() => gateway.child.stop());
    const requests = new PlainRequests(`${gateway.url}/plain`);
    endings.push(async () => requests.stop());
    // The clients of the streams are here, and their service and gateway are started from here.
    giveWay();

    say('25 seconds of warm-up');
    await requests.measure(WARM_UP);
    say('plain requests alone');
    const alone = await requests.measure(options);
    const stage = { ...options, bootstrapServers: kafka.bootstrapServers, yml, requests };
    say('beside streams of another plugin server');
    const besideOthers = (await withStreams(other, stage)).beside;
    say('beside streams of the same one');
    return { ...(await withStreams(server, stage)), wanted: events + sockets, alone, besideOthers };
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

interface Stage extends StreamsDrillOptions {
  readonly bootstrapServers: string;
  readonly yml: string;
  readonly requests: PlainRequests;
}

/** Their service and gateway come and go with them, so that nothing of them is left for who comes next. */
async function withStreams(server: PluginServerProcess, stage: Stage): Promise<Held> {
  const { events, sockets, everyMs, say } = stage;
  const responder = await startResponderProcess(stage.bootstrapServers, [
    `events.requests,mode=steps,replies=${REPLIES},every-ms=${everyMs}`,
    'socket.requests',
  ]);
  const gateway = await startGatewayProcess(server, stage.yml, 0);
  const clients = new Clients();
  try {
    const { pid } = server.child;
    const atFirstMb = residentMegabytes(pid);
    say(`${events} streams of events`);
    await inTurns(events, everyMs, () => clients.openEvents(`${gateway.url}/events`));
    await pause(SETTLE_MS);
    const withEventsMb = residentMegabytes(pid);
    say(`${sockets} WebSockets`);
    await inTurns(sockets, everyMs, () =>
      clients.openSocket(`${gateway.url.replace('http', 'ws')}/socket`, everyMs),
    );
    await pause(SETTLE_MS);
    const withAllMb = residentMegabytes(pid);
    say('plain requests beside them');
    const beside = await stage.requests.measure(stage);
    // Whoever was opened last has its second reply by then.
    await pause(everyMs);
    return {
      beside,
      opened: clients.opened,
      lost: clients.lost,
      eventsSeen: clients.events,
      messagesSeen: clients.messages,
      kilobytesPerEvents: ((withEventsMb - atFirstMb) * 1024) / Math.max(events, 1),
      kilobytesPerSocket: ((withAllMb - withEventsMb) * 1024) / Math.max(sockets, 1),
    };
  } finally {
    await clients.close();
    await gateway.child.stop();
    await responder.stop();
  }
}

/** Clients of both kinds: that each goes on, and has at least one reply. */
class Clients {
  opened = 0;
  events = 0;
  messages = 0;
  #ended = 0;
  readonly #withoutReply = new Set<object>();
  readonly #ends: (() => void)[] = [];
  #isClosing = false;

  /** Streams that ended by themselves, or have had no reply. */
  get lost(): number {
    return this.#ended + this.#withoutReply.size;
  }

  async openEvents(url: string): Promise<void> {
    const response = await new Promise<IncomingMessage | undefined>((resolve) => {
      const sent = httpRequest(url, { agent: false }, resolve);
      sent.on('error', () => resolve(undefined));
      sent.end();
    });
    if (response?.statusCode !== 200) {
      response?.resume();
      return;
    }
    this.#open(response, () => response.destroy());
    response.setEncoding('latin1').on('data', (text: string) => {
      const count = text.split('\ndata: ').length - 1;
      this.events += count;
      if (count > 0) this.#withoutReply.delete(response);
    });
    response.on('error', () => undefined);
    response.on('close', () => this.#onEnd());
  }

  async openSocket(url: string, everyMs: number): Promise<void> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (!isOpen) return;
    const timer = setInterval(() => socket.send('{"ref":"a","body":{"item":"book"}}'), everyMs);
    this.#open(socket, () => {
      clearInterval(timer);
      socket.terminate();
    });
    socket.send('{"ref":"a","body":{"item":"book"}}');
    socket.on('message', () => {
      this.messages++;
      this.#withoutReply.delete(socket);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onEnd());
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const end of this.#ends) end();
    await pause(100);
  }

  #open(client: object, end: () => void): void {
    this.opened++;
    this.#withoutReply.add(client);
    this.#ends.push(end);
  }

  #onEnd(): void {
    if (!this.#isClosing) this.#ended++;
  }
}

/** Evenly over that time, so that replies at a distance from the opening come evenly, too. */
async function inTurns(count: number, overMs: number, open: () => Promise<void>): Promise<void> {
  const beganMs = performance.now();
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      const dueMs = beganMs + (begun++ * overMs) / count;
      await pause(Math.max(0, dueMs - performance.now()));
      await open();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

function kongYml(bootstrapServers: string): string {
  const bootstrap_servers = bootstrapServers.split(',').map((server) => {
    const [host = '', port] = server.split(':');
    return { host, port: Number(port) };
  });
  const route = (name: string, reply: Record<string, unknown>) => ({
    name,
    paths: [`/${name}`],
    service: 'nowhere',
    plugins: [
      {
        name: 'custom_kafka_request_reply',
        config: {
          bootstrap_servers,
          topic: `${name}.requests`,
          reply_topic: `${name}.replies`,
          max_in_flight: 100_000,
          reply,
        },
      },
    ],
  });
  return JSON.stringify({
    _format_version: '3.0',
    services: [{ name: 'nowhere', url: 'http://kafka-reply.invalid' }],
    routes: [route('plain', {}), route('events', { mode: 'stream' }), route('socket', { mode: 'stream' })],
  });
}
