/**
 * Streams of numbered replies at several gateways around one Kafka. One is killed and another one added now and then; each
 * client comes back to another gateway with its Last-Event-ID, and some move without need. In the end what each has seen is
 * held against what is in the topic.
 */
import { startKafka } from '../../dev/kafka/server';
import { routePlugins, type PluginForm } from '../../dev/plugin-form';
import { startResponderProcess } from '../../dev/stack';
import { Fleet } from '../load/fleet';
import { ascending, percentile } from '../load/statistics';
import { tell } from '../load/tell';
import { readWholeTopic } from '../load/whole-topic';
import type { ResumeDrillReport } from './goals';
import { follow, type SeenStream } from './stream-client';

export interface ResumeDrillOptions {
  readonly form: PluginForm;
  readonly durationMs: number;
  readonly clients: number;
  readonly killEveryMs: number;
  /** To each stream. */
  readonly replies: number;
  /** Between two of them. */
  readonly everyMs: number;
  readonly say?: (line: string) => void;
}

const GATEWAYS = 3;
/** The replies to one stream come on all of them, as they have no key. */
const PARTITIONS = 4;
const SECRET = 'the same on every gateway';
/** A stream that has not ended so long after it should have is given up. */
const PATIENCE_MS = 30_000;

export async function runResumeDrill(options: ResumeDrillOptions): Promise<ResumeDrillReport> {
  const { clients, replies, everyMs, say = () => undefined } = options;
  const kafka = await startKafka();
  const fleet = new Fleet({
    kongYml: kongYml(options.form, kafka.bootstrapServers, replies),
    warm: (url) =>
      tell(`${url}/steps`, { method: 'GET', headers: { 'last-event-id': 'kks2.nothing that is known' } }),
  });
  const endings: (() => Promise<unknown>)[] = [];
  try {
    for (const kind of ['requests', 'replies'])
      await kafka.createTopic(`steps.${kind}`, { partitions: PARTITIONS });
    const service = `steps.requests,mode=steps,replies=${replies},every-ms=${everyMs}`;
    const responder = await startResponderProcess(kafka.bootstrapServers, [service]);
    endings.push(() => responder.stop());
    await Promise.all(Array.from({ length: GATEWAYS }, () => fleet.add()));

    const over = new AbortController();
    const killing = fleet.killInTurns(options.killEveryMs, over.signal, say);
    const beginUntilMs = performance.now() + options.durationMs;
    const seen: SeenStream[] = [];
    const client = async (): Promise<void> => {
      while (performance.now() < beginUntilMs) {
        const giveUpAtMs = performance.now() + replies * everyMs + PATIENCE_MS;
        seen.push(await follow(fleet, '/steps', giveUpAtMs));
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    over.abort();
    const killed = await killing;
    say(`${seen.length} streams were followed; now what is in the topics`);
    let records = 0;
    await readWholeTopic(kafka, 'steps.requests', PARTITIONS, () => records++);
    const places = await placesOf(kafka);
    return { ...judged(seen, places, replies), records, killed };
  } finally {
    await fleet.stop();
    for (const end of endings) await end();
    await kafka.stop();
  }
}

interface PlaceInTopic {
  readonly partition: number;
  readonly offset: number;
}

/** Of each reply: by the correlation id of its request, and by its number. */
async function placesOf(
  kafka: Parameters<typeof readWholeTopic>[0],
): Promise<ReadonlyMap<string, ReadonlyMap<number, PlaceInTopic>>> {
  const places = new Map<string, Map<number, PlaceInTopic>>();
  await readWholeTopic(kafka, 'steps.replies', PARTITIONS, ({ partition, offset, headers, value }) => {
    const id = headers.find(([name]) => name === 'kafka_correlationId')?.[1].toString();
    if (id === undefined || value === null) return;
    const { step } = JSON.parse(value.toString()) as { step: number };
    const ofRequest = places.get(id) ?? new Map<number, PlaceInTopic>();
    places.set(id, ofRequest.set(step, { partition, offset }));
  });
  return places;
}

function judged(
  seen: readonly SeenStream[],
  places: Awaited<ReturnType<typeof placesOf>>,
  replies: number,
): Omit<ResumeDrillReport, 'records' | 'killed'> {
  let [missing, twice, disordered, mostPartitions] = [0, 0, 0, 0];
  for (const { steps, lastEventId, isComplete } of seen) {
    const once = new Set(steps);
    twice += steps.length - once.size;
    if (isComplete) missing += replies - once.size;
    const ofRequest = places.get(wireIdIn(lastEventId));
    const lastOf = new Map<number, number>();
    for (const step of steps) {
      const place = ofRequest?.get(step);
      if (place === undefined || place.offset < (lastOf.get(place.partition) ?? -1)) disordered++;
      else lastOf.set(place.partition, place.offset);
    }
    mostPartitions = Math.max(mostPartitions, lastOf.size);
  }
  const sum = (count: (one: SeenStream) => number): number => seen.reduce((all, one) => all + count(one), 0);
  const awayMs = ascending(seen.flatMap((one) => one.awayMs));
  return {
    asked: sum(({ asked }) => asked),
    complete: seen.filter(({ isComplete }) => isComplete).length,
    unfinished: seen.filter(({ isComplete }) => !isComplete).length,
    missing,
    twice,
    disordered,
    gone: sum(({ gone }) => gone),
    gaps: sum(({ gaps }) => gaps),
    cutOff: sum(({ cutOff }) => cutOff),
    moved: sum(({ moved }) => moved),
    mostPartitions,
    p50Ms: percentile(awayMs, 0.5),
    p99Ms: percentile(awayMs, 0.99),
  };
}

/** See bridge/results/result-id.ts. */
function wireIdIn(lastEventId: string | undefined): string {
  const hex = Buffer.from(lastEventId?.split('.')[1] ?? '', 'base64url').toString('hex', 5, 21);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function kongYml(form: PluginForm, servers: string, count: number): string {
  const [host = '', port] = servers.split(':');
  const bootstrap_servers = [{ host, port: Number(port) }];
  const request = { bootstrap_servers, topic: 'steps.requests', reply_topic: 'steps.replies' };
  const reply = {
    mode: 'stream',
    result_secret: SECRET,
    keep_replies: { count: 1_000_000, bytes: 1_073_741_824 },
    // They come on several partitions, of which one may be read before another: a reply that says it is the last need not be.
    stream: { count },
    ...(form === 'pair' && { bootstrap_servers, topic: request.reply_topic }),
  };
  return JSON.stringify({
    _format_version: '3.0',
    services: [{ name: 'kafka-reply', url: 'http://kafka-reply.invalid' }],
    routes: [
      {
        name: 'steps',
        service: 'kafka-reply',
        paths: ['/steps'],
        plugins: routePlugins(form, request, reply),
      },
    ],
  });
}
