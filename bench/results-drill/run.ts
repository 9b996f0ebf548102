/**
 * Slow requests at an even rate to several gateways around one Kafka, each a plugin server and a stand-in gateway. One is
 * killed and another one added now and then, so that those that answer have not always seen what they answer with: they
 * have read it back.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import { startKafka } from '../../dev/kafka/server';
import { startResponderProcess } from '../../dev/stack';
import { Fleet } from '../load/fleet';
import { tell, type Told } from '../load/tell';
import type { RepetitionsReport, ResultsDrillReport } from './goals';

export interface ResultsDrillOptions {
  readonly durationMs: number;
  readonly perSecond: number;
  readonly killEveryMs: number;
  /** How long the service takes. */
  readonly delayMs: number;
  readonly repetitions: number;
  readonly say?: (line: string) => void;
}

const GATEWAYS = 3;
/** Two pairs of routes, each with topics of its own. */
const SERVICES = ['one', 'two'] as const;
const SECRET = 'the same on every gateway';
const ASKED_FOR_MS = 60_000;
const TRY_AGAIN_MS = 250;
/** So many of the ids are tried at the wrong route first. */
const STRAY_SHARE = 10;
const KEYED = 'keyed';
const KEYED_CLIENTS = 100;

export async function runResultsDrill(options: ResultsDrillOptions): Promise<ResultsDrillReport> {
  const { say = () => undefined } = options;
  const kafka = await startKafka();
  const endings: (() => Promise<unknown>)[] = [];
  const fleet = new Fleet({
    kongYml: kongYml(kafka.bootstrapServers),
    warm: (url) =>
      Promise.all(SERVICES.map((name) => tell(`${url}/results/${name}/none`, { method: 'GET' }))),
  });
  try {
    for (const name of [...SERVICES, KEYED]) {
      for (const kind of ['requests', 'replies'])
        await kafka.createTopic(`${name}.${kind}`, { partitions: 3 });
    }
    const services = [...SERVICES, KEYED].map((name) => `${name}.requests,delay-ms=${options.delayMs}`);
    const responder = await startResponderProcess(kafka.bootstrapServers, services);
    endings.push(() => responder.stop());
    await Promise.all(Array.from({ length: GATEWAYS }, () => fleet.add()));

    const account = new Account();
    const clients: Promise<void>[] = [];
    const over = new AbortController();
    const killing = fleet.killInTurns(options.killEveryMs, over.signal, say);
    const startedAtMs = performance.now();
    for (let number = 0; performance.now() - startedAtMs < options.durationMs; number++) {
      clients.push(client(fleet, account, number, options.delayMs));
      const dueAtMs = startedAtMs + ((number + 1) / options.perSecond) * 1000;
      await pause(Math.max(0, dueAtMs - performance.now()));
    }
    over.abort();
    const killed = await killing;
    say('all are sent');
    await Promise.all(clients);
    say(`${account.accepted} were accepted and asked for; now the repetitions`);
    const repetitions = await repeat(fleet, options.repetitions, kafka.connection);
    return { ...account.report(), killed, repetitions };
  } finally {
    await fleet.stop();
    for (const end of endings) await end();
    await kafka.stop();
  }
}

class Account {
  sent = 0;
  accepted = 0;
  answered = 0;
  gone = 0;
  unknown = 0;
  missing = 0;
  crossed = 0;
  strayAsked = 0;
  strayAnswered = 0;
  readonly tookMs: number[] = [];

  report(): Omit<ResultsDrillReport, 'killed' | 'repetitions'> {
    const { sent, accepted, answered, gone, unknown, missing, crossed, strayAsked, strayAnswered } = this;
    const sorted = this.tookMs.sort((one, other) => one - other);
    const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
    return {
      sent,
      accepted,
      notAccepted: sent - accepted,
      answered,
      gone,
      unknown,
      missing,
      crossed,
      strayAsked,
      strayAnswered,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  }
}

/** One request, and how its reply is had: sometimes before it is there, sometimes after. */
async function client(fleet: Fleet, account: Account, number: number, delayMs: number): Promise<void> {
  const body = `request ${number}`;
  const [name, other] = number % 2 === 0 ? SERVICES : [SERVICES[1], SERVICES[0]];
  const issuer = fleet.any();
  account.sent++;
  const sent = await tell(`${issuer.url}/slow/${name}`, { body, headers: { prefer: 'respond-async' } });
  if (sent.status !== 202) return;
  account.accepted++;
  const acceptedAtMs = performance.now();
  const { id } = JSON.parse(sent.body) as { id: string };
  await pause(randomInt(2 * delayMs));
  if (number % STRAY_SHARE === 0) {
    const stray = await tell(`${fleet.any(issuer.number).url}/results/${other}/${id}`, { method: 'GET' });
    account.strayAsked++;
    if (stray.status === 200 || stray.status === 202) account.strayAnswered++;
  }
  const result = await askUntilThere(fleet, issuer.number, `/results/${name}/${id}`);
  if (result === undefined) account.missing++;
  else if (result.status === 410) account.gone++;
  else if (result.status === 404) account.unknown++;
  else if (result.body !== body) account.crossed++;
  else {
    account.answered++;
    account.tookMs.push(performance.now() - acceptedAtMs);
  }
}

/** Whatever another gateway says that comes to an end; one that is killed meanwhile says nothing. */
async function askUntilThere(fleet: Fleet, issuer: number, path: string): Promise<Told | undefined> {
  const untilMs = performance.now() + ASKED_FOR_MS;
  while (performance.now() < untilMs) {
    const told = await tell(fleet.any(issuer).url + path, { method: 'GET' });
    if ([200, 404, 410].includes(told.status)) return told;
    await pause(TRY_AGAIN_MS);
  }
  return undefined;
}

/** One request, again and again at two gateways. */
async function repeat(
  fleet: Fleet,
  times: number,
  connection: { readonly bootstrapServers: readonly string[] },
): Promise<RepetitionsReport> {
  const urls = fleet.all.slice(0, 2).map(({ url }) => `${url}/keyed`);
  let [begun, answeredAlike] = [0, 0];
  const clients = Array.from({ length: Math.min(KEYED_CLIENTS, times) }, async () => {
    while (begun < times) {
      const url = urls[begun++ % urls.length] ?? '';
      const { status, body } = await tell(url, { body: 'once', headers: { 'idempotency-key': 'the-one' } });
      if (status === 200 && body === 'once') answeredAlike++;
    }
  });
  await Promise.all(clients);
  return { sent: times, answeredAlike, records: await recordsIn(`${KEYED}.requests`, connection) };
}

async function recordsIn(
  topic: string,
  connection: { readonly bootstrapServers: readonly string[] },
): Promise<number> {
  const producer = new RecordProducer(connection);
  const reader = new TopicReader(connection, producer);
  let count = 0;
  try {
    await new Promise<void>((resolve, reject) =>
      reader.follow(topic, {
        from: { sinceMs: 0 },
        upToNow: true,
        onRecord: () => count++,
        onCaughtUp: resolve,
        onLost: reject,
      }),
    );
    return count;
  } finally {
    await reader.close();
    await producer.close();
  }
}

function kongYml(servers: string): string {
  const [host = '', port] = servers.split(':');
  const bootstrap_servers = [{ host, port: Number(port) }];
  const route = (path: string, plugins: readonly object[]) => ({
    name: path.slice(1).replaceAll('/', '-'),
    paths: [path],
    plugins,
  });
  const keep_replies = { count: 1_000_000, bytes: 1_073_741_824 };
  return JSON.stringify({
    _format_version: '3.0',
    routes: [
      ...SERVICES.flatMap((name) => [
        route(`/slow/${name}`, [
          {
            name: 'custom_kafka_producer',
            config: { bootstrap_servers, topic: `${name}.requests`, reply_topic: `${name}.replies` },
          },
          {
            name: 'custom_kafka_consumer',
            config: {
              on_timeout: 'accepted',
              respond_async: true,
              result_location: `/results/${name}/{id}`,
              result_secret: SECRET,
            },
          },
        ]),
        route(`/results/${name}`, [
          {
            name: 'custom_kafka_consumer',
            config: {
              bootstrap_servers,
              topic: `${name}.replies`,
              mode: 'result',
              result_secret: SECRET,
              keep_replies,
            },
          },
        ]),
      ]),
      route('/keyed', [
        {
          name: 'custom_kafka_request_reply',
          config: {
            bootstrap_servers,
            topic: `${KEYED}.requests`,
            reply_topic: `${KEYED}.replies`,
            idempotency: 'replay',
            idempotency_secret: SECRET,
            reply: { timeout: 30_000 },
          },
        },
      ]),
    ],
  });
}
