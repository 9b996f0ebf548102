/** A Kafka of its own for a test file, whose brokers are known by the address of a proxy that can change their metadata. */
import { after, before } from 'node:test';
import { freePorts } from '../../../dev/kafka/ports';
import { startKafka, type KafkaServer } from '../../../dev/kafka/server';
import { MetadataProxy } from './metadata-proxy';

export interface KafkaBehindProxy {
  readonly server: KafkaServer;
  readonly proxy: MetadataProxy;
  readonly connection: { readonly bootstrapServers: string[] };
}

/** Call it once at the top of a file; what it returns is filled in before the first test. */
export function useKafkaBehindProxy(): KafkaBehindProxy {
  const kafka = {} as { -readonly [Part in keyof KafkaBehindProxy]: KafkaBehindProxy[Part] };
  before(async () => {
    const [brokerPort = 0, proxyPort = 0] = await freePorts(2);
    kafka.proxy = new MetadataProxy(brokerPort);
    await kafka.proxy.listen(proxyPort);
    kafka.server = await startKafka({
      port: brokerPort,
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` },
    });
    kafka.connection = { bootstrapServers: [`127.0.0.1:${proxyPort}`] };
  });
  after(async () => {
    await kafka.server.stop();
    await kafka.proxy.close();
  });
  return kafka;
}
