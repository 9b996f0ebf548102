/** Carries a plan out: everything real but Kong, whose part a driver plays, all on this machine. */
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import { startResponderProcess } from '../../dev/stack';
import type { Load } from '../load/load';
import type { CleanUps } from '../load/run-command';
import { CONTENDERS, topicsOf, type Contender } from './contenders';
import { Drivers } from './drivers';
import { measure, type Bystanders, type Measurement } from './measure';
import { startsBefore, turnsOf, warmUpsOf, type Entry, type Plan, type Turn } from './plan';

const PARTITIONS = 4;

/** Above this the figures are about the neighbours as well. */
export const QUIET_CORES = 0.2;

export async function runPlan(
  plan: Plan,
  cleanUps: CleanUps,
  say: (line: string) => void,
): Promise<Measurement[]> {
  say('starting Kafka and responder');
  const kafka: KafkaServer = await startKafka({ optimizeFor: 'throughput' });
  cleanUps.push(() => kafka.stop());
  const topics = plan.entries
    .filter(({ contender }) => !CONTENDERS[contender].withoutKafka)
    .map(({ label }) => topicsOf(label));
  for (const { requestTopic, replyTopic } of topics) {
    await kafka.createTopic(requestTopic, { partitions: PARTITIONS });
    await kafka.createTopic(replyTopic, { partitions: PARTITIONS });
  }
  const requestTopics = topics.map(({ requestTopic }) => requestTopic);
  const responder = await startResponderProcess(kafka.bootstrapServers, requestTopics);
  cleanUps.push(() => responder.stop());
  const drivers = new Drivers();
  cleanUps.push(() => drivers.stop());
  const run = new Run(plan, kafka, responder.pid, drivers, say);
  cleanUps.push(() => run.stop());
  return run.measureAll();
}

class Run {
  readonly #contenders = new Map<string, Contender>();
  readonly #measurements: Measurement[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly kafka: KafkaServer,
    private readonly responderId: number,
    private readonly drivers: Drivers,
    private readonly say: (line: string) => void,
  ) {}

  async measureAll(): Promise<Measurement[]> {
    const { plan } = this;
    for (let round = 1; round <= plan.rounds; round++) {
      if (startsBefore(plan, round)) await this.#start(round === 1);
      for (const turn of turnsOf(plan, round)) await this.#measure(turn, round);
    }
    return this.#measurements;
  }

  async stop(): Promise<void> {
    for (const contender of this.#contenders.values()) await contender.stop();
    this.#contenders.clear();
  }

  async #start(isFirst: boolean): Promise<void> {
    await this.stop();
    for (const { label, contender, dist, node } of this.plan.entries) {
      const kafka = { ...this.kafka.connection, ...topicsOf(label) };
      const place = { label, dist, node, drivers: this.drivers, kafka };
      this.#contenders.set(label, await CONTENDERS[contender].start(place));
    }
    for (const entry of this.plan.entries) {
      this.say(`warming up: ${entry.label}`);
      for (const load of warmUpsOf(entry, isFirst)) await this.#contender(entry).run(load);
    }
  }

  async #measure({ entry, inFlight, share }: Turn, round: number): Promise<void> {
    const measurement: Measurement = {
      contender: entry.label,
      round,
      ...(inFlight === undefined ? {} : { inFlight }),
      ...(share === undefined ? {} : { share }),
      ...(await measure(
        this.#contender(entry),
        this.#load(entry, inFlight, share, round),
        this.#bystanders(),
      )),
    };
    this.#measurements.push(measurement);
    this.say(progressLine(measurement, this.plan.rounds));
  }

  #load(entry: Entry, inFlight: number | undefined, share: number | undefined, round: number): Load {
    const durationMs = this.plan.seconds * 1000;
    if (inFlight !== undefined) return { inFlight, durationMs };
    const rate = closedLoopRate(this.#measurements, this.plan.pacedBy ?? entry.label, round);
    return { perSecond: Math.max(rate * (share ?? 1), 1), durationMs };
  }

  #contender({ label }: Entry): Contender {
    return this.#contenders.get(label) as Contender;
  }

  #bystanders(): Bystanders {
    const { nodes } = this.kafka;
    const brokerIds = nodes.flatMap(({ processId }) => (processId === undefined ? [] : [processId]));
    const own = [...this.#contenders.values()].flatMap(({ processIds, driverId }) => [
      ...processIds,
      ...(driverId === undefined ? [] : [driverId]),
    ]);
    return {
      brokerIds,
      responderIds: [this.responderId],
      processIds: [...new Set([process.pid, ...brokerIds, this.responderId, ...own])],
    };
  }
}

/** The best that a contender has reached in a round, with however many in flight. */
export function closedLoopRate(measurements: readonly Measurement[], label: string, round: number): number {
  const rates = measurements
    .filter((each) => each.contender === label && each.round === round && each.inFlight !== undefined)
    .map(({ perSecond }) => perSecond);
  return Math.max(0, ...rates);
}

function progressLine(of: Measurement, rounds: number): string {
  const failures =
    of.lost + of.crossed === 0 ? '' : `  ${of.lost} lost (status ${of.lostStatus}), ${of.crossed} crossed`;
  const foreign = of.foreignCores > QUIET_CORES ? `  others use ${of.foreignCores.toFixed(1)} cores` : '';
  const step =
    of.inFlight === undefined
      ? `${((of.share ?? 0) * 100).toFixed(0)} % of rate`
      : `${of.inFlight} in flight`;
  return (
    `round ${of.round}/${rounds}  ${step.padStart(13)}  ${of.contender.padEnd(9)}` +
    `${of.perSecond.toFixed(0).padStart(7)} req/s  p50 ${of.p50Ms.toFixed(3)} ms  p99 ${of.p99Ms.toFixed(2)} ms` +
    `  ${of.cpu.server.toFixed(0)} µs CPU${foreign}${failures}`
  );
}
