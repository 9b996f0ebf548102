/** The facts without which figures mean nothing. */
import { cpus, loadavg, totalmem } from 'node:os';
import { librdkafkaVersion } from '../../bridge/kafka/binding';
import { fetchKafka } from '../../dev/kafka/server';

export async function machineFacts(): Promise<string> {
  const { classPath, java } = await fetchKafka();
  const kafka = /kafka_[\d.]+-(\d[\w.]*?)\.jar/.exec(classPath)?.[1] ?? 'unknown';
  const processors = cpus();
  return [
    `${processors.length} cores (${processors[0]?.model.trim() ?? 'unknown'})`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `load ${loadavg()[0]?.toFixed(2)} before the run`,
    `node ${process.versions.node}`,
    `librdkafka ${librdkafkaVersion}`,
    `Kafka ${kafka}, one node, on Java ${java.version}`,
  ].join(', ');
}
