/** The benchmark: `node dist/bench/throughput/cli.js --help`. */
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import { startResponderProcess } from '../../dev/stack';
import { budgets, correctness, withinReach } from './budgets';
import { DESCRIPTIONS, startContender, topicsOf, type Contender } from './contenders';
import { machineFacts } from '../load/machine';
import { runCommand, type CleanUps } from '../load/run-command';
import { measure, type Measurement } from './measure';
import { socketRoundTripMs } from './socket-round-trip';
import { BENCH } from './options';
import { verdictLine } from '../load/verdict';
import { table } from './report';
import { median } from '../load/statistics';

const PARTITIONS = 4;
/** Java needs some 50 000 records before its broker is as fast as it gets, and our processes need some, too. */
const WARM_UP = { inFlight: 256, durationMs: 4000, round: 0 };
const SHORT_WARM_UP = { inFlight: 32, durationMs: 1500, round: 0 };

/** Of a socket: two events, each with its calls in one and its end in the other. */
const ROUND_TRIPS_PER_REQUEST = 4;

/** Above this the figures are about the neighbours as well. */
const QUIET_CORES = 0.2;

/** What is to be measured, and all processes of the benchmark. */
interface Stage {
  readonly contenders: readonly Contender[];
  readonly processIds: readonly number[];
}

type BenchOptions = NonNullable<ReturnType<typeof BENCH.parse>>;

async function start(options: BenchOptions, cleanUps: CleanUps): Promise<Stage> {
  say('starting Kafka, responder and contenders');
  const kafka: KafkaServer = await startKafka({ optimizeFor: 'throughput' });
  cleanUps.push(() => kafka.stop());
  const topics = options.only.filter((name) => name !== 'empty').map(topicsOf);
  for (const { requestTopic, replyTopic } of topics) {
    await kafka.createTopic(requestTopic, { partitions: PARTITIONS });
    await kafka.createTopic(replyTopic, { partitions: PARTITIONS });
  }
  const responder = await startResponderProcess(
    kafka.bootstrapServers,
    topics.map(({ requestTopic }) => requestTopic),
  );
  cleanUps.push(() => responder.stop());
  const contenders: Contender[] = [];
  for (const name of options.only) {
    const contender = await startContender(name, kafka.connection.bootstrapServers);
    cleanUps.push(() => contender.stop());
    contenders.push(contender);
  }
  const brokers = kafka.nodes.map(({ processId = process.pid }) => processId);
  const own = contenders.flatMap(({ processIds, driverId }) => [
    ...processIds,
    ...(driverId ? [driverId] : []),
  ]);
  return { contenders, processIds: [process.pid, ...brokers, responder.pid, ...own] };
}

async function warmUp({ contenders, processIds }: Stage): Promise<void> {
  for (const contender of contenders) {
    say(`warming up: ${contender.name}`);
    await measure(contender, SHORT_WARM_UP, processIds);
    // The stock server leaks with every request: the broker gets warm with the others.
    if (contender.name !== 'stock') await measure(contender, WARM_UP, processIds);
  }
}

async function measureAll(stage: Stage, options: BenchOptions): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const inFlight of options['in-flight']) {
      for (const contender of stage.contenders) {
        const load = { inFlight, durationMs: options.seconds * 1000, round };
        const measurement = await measure(contender, load, stage.processIds);
        measurements.push(measurement);
        say(progressLine(measurement, options.rounds));
      }
    }
  }
  return measurements;
}

function progressLine(of: Measurement, rounds: number): string {
  const failures =
    of.lost + of.crossed === 0 ? '' : `  ${of.lost} lost (status ${of.lostStatus}), ${of.crossed} crossed`;
  const foreign = of.foreignCores > QUIET_CORES ? `  others use ${of.foreignCores.toFixed(1)} cores` : '';
  return (
    `round ${of.round}/${rounds}  ${String(of.inFlight).padStart(3)} in flight  ${of.contender.padEnd(6)}` +
    `${of.perSecond.toFixed(0).padStart(7)} req/s  p50 ${of.p50Ms.toFixed(3)} ms  p99 ${of.p99Ms.toFixed(2)} ms` +
    `  ${of.cpuMicrosecondsPerRequest.toFixed(0)} µs CPU${foreign}${failures}`
  );
}

function report(
  facts: string,
  roundTripMs: number,
  options: BenchOptions,
  measurements: readonly Measurement[],
): boolean {
  const verdicts = [correctness(measurements), ...budgets(measurements)];
  const legend = options.only.map((name) => `- ${name}: ${DESCRIPTIONS[name]}`);
  const foreignCores = median(measurements.map((each) => each.foreignCores));
  const lines = [
    `Medians of ${options.rounds} rounds of ${options.seconds} s each; CPU and RSS without drivers, broker and responder.`,
    `Broker, responder, driver and contender share the machine: ${facts}.`,
    `Other programs kept ${foreignCores.toFixed(1)} cores busy${foreignCores > QUIET_CORES ? ': repeat on a quiet machine' : ''}.`,
    `A round trip between two bare processes over a Unix socket takes ${roundTripMs.toFixed(3)} ms here (p50); Kong's`,
    `protocol needs two per event and thus ${ROUND_TRIPS_PER_REQUEST} per request: ${(ROUND_TRIPS_PER_REQUEST * roundTripMs).toFixed(3)} ms before anybody has done anything.`,
    '',
    ...legend,
    '',
    table(measurements),
    '',
    ...verdicts.map(verdictLine),
    ...withinReach(measurements).map((line) => `      ${line}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

runCommand(BENCH, async (options, cleanUps) => {
  const facts = await machineFacts();
  const roundTripMs = await socketRoundTripMs();
  const stage = await start(options, cleanUps);
  await warmUp(stage);
  return report(facts, roundTripMs, options, await measureAll(stage, options));
});
