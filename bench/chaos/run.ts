/**
 * Three gateways on one reply topic, a steady load, and never a quiet quarter of a minute: every 15 s a gateway is
 * added or killed (-9), every 45 s a broker is killed. What happened is in the history file; check.ts judges it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ReplyRoutingMode } from '../../bridge/reply/reply-routing';
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import type { PluginForm } from '../../dev/plugin-form';
import { startResponderProcess } from '../../dev/stack';
import { endOf, Gateways } from './gateways';
import { HistoryWriter } from './history';
import { OpenLoop } from '../load/open-loop';
import { nonceOf } from '../load/payload';
import { oneRoute } from '../load/one-route';
import { readWholeTopic } from '../load/whole-topic';

export interface ChaosOptions {
  readonly routing: ReplyRoutingMode;
  readonly plugins: PluginForm;
  readonly seconds: number;
  readonly ratePerSecond: number;
  readonly workers: number;
  readonly historyFile: string;
  readonly onEvent?: (text: string) => void;
}

const GATEWAYS = 3;
const PARTITIONS = 6;
const TOPICS = { request: 'chaos.requests', reply: 'chaos.replies' };
const GATEWAY_EVERY_MS = 15_000;
const BROKER_EVERY_MS = 45_000;
/** Off the beat of the gateways. */
const FIRST_BROKER_MS = 8_000;
/** Longer than its session: its partitions have new leaders when it comes back. */
const BROKER_AWAY_MS = 15_000;
const WARM_UP_MS = 5000;

export async function runChaos(options: ChaosOptions): Promise<void> {
  const { onEvent: tell = () => undefined } = options;
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    tell('starting three brokers, a responder and three gateways');
    const kafka = await startKafka({ nodes: 3 });
    cleanUps.push(() => kafka.stop());
    for (const topic of Object.values(TOPICS))
      await kafka.createTopic(topic, { partitions: PARTITIONS, replicationFactor: 3 });
    const responder = await startResponderProcess(kafka.bootstrapServers, [TOPICS.request]);
    cleanUps.push(() => responder.stop());
    const gateways = new Gateways(kongYml(kafka, options), '/chaos', options.workers);
    cleanUps.push(() => gateways.stop());
    for (let count = 0; count < GATEWAYS; count++) await gateways.add();
    const history = new HistoryWriter(options.historyFile);
    cleanUps.push(() => history.close());
    await chaos(kafka, gateways, history, options);
    for (const gateway of gateways.serving) {
      history.write({ event: 'gateway at the end', gateway: gateway.name, ...(await endOf(gateway)) });
    }
    tell('reading the request topic back');
    await readBack(kafka, history);
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

async function chaos(
  kafka: KafkaServer,
  gateways: Gateways,
  history: HistoryWriter,
  { seconds, ratePerSecond, onEvent: tell = () => undefined }: ChaosOptions,
): Promise<void> {
  const load = new OpenLoop(gateways.next, ratePerSecond, (outcome) => history.request(outcome));
  load.start();
  const startMs = history.nowMs() + WARM_UP_MS;
  const endMs = startMs + seconds * 1000;
  const note = (text: string) => tell(`${((history.nowMs() - startMs) / 1000).toFixed(0)} s: ${text}`);
  /** Calls at every beat until the end, one after the other. */
  const everyBeat = async (firstMs: number, everyMs: number, act: (beat: number) => Promise<void>) => {
    for (let beat = 0; startMs + firstMs + beat * everyMs < endMs; beat++) {
      await delay(Math.max(startMs + firstMs + beat * everyMs - history.nowMs(), 0));
      await act(beat);
    }
  };
  try {
    await Promise.all([
      everyBeat(0, GATEWAY_EVERY_MS, async (beat) => {
        if (beat % 2 === 0) {
          const { name } = gateways.kill();
          history.write({ event: 'gateway killed', atMs: history.nowMs(), gateway: name });
          note(`${name} killed`);
        } else {
          const { name } = await gateways.add();
          history.write({ event: 'gateway added', atMs: history.nowMs(), gateway: name });
          note(`${name} added`);
        }
      }),
      everyBeat(FIRST_BROKER_MS, BROKER_EVERY_MS, async (beat) => {
        const broker = beat % kafka.nodes.length;
        const node = kafka.nodes[broker];
        if (node === undefined) return;
        // Before the kill, so that no request can see it earlier than the history does.
        history.write({ event: 'broker killed', atMs: history.nowMs(), broker });
        await node.stop('SIGKILL');
        note(`broker ${broker} killed`);
        await delay(BROKER_AWAY_MS);
        history.write({ event: 'broker started', atMs: history.nowMs(), broker });
        await node.start();
        history.write({ event: 'broker serves', atMs: history.nowMs(), broker });
        note(`broker ${broker} serves again`);
      }),
      delay(WARM_UP_MS + seconds * 1000),
    ]);
  } finally {
    await load.finish();
  }
}

async function readBack(kafka: KafkaServer, history: HistoryWriter): Promise<void> {
  await readWholeTopic(kafka, TOPICS.request, PARTITIONS, ({ value, headers }) => {
    const nonce = value === null ? undefined : nonceOf(value);
    const key = headers.find(([name]) => name === 'idempotency-key')?.[1].toString() ?? '';
    if (nonce !== undefined) history.write({ event: 'record', nonce, idempotencyKey: key });
  });
}

function kongYml(kafka: KafkaServer, { routing, plugins }: ChaosOptions): string {
  const routed = {
    broadcast: {},
    partition: { reply_routing: 'partition', dialects: ['plain'] },
    topic: { reply_routing: 'topic', reply_topic: `${TOPICS.reply}.{node}` },
  };
  return oneRoute('chaos', plugins, kafka, {
    topic: TOPICS.request,
    reply_topic: TOPICS.reply,
    ...routed[routing],
  });
}
