/** A Kafka with every way to be secured, its certificates and an identity provider, for one test file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { makeCertificates, type Certificates } from '../../dev/kafka/certificates';
import type { ListenerName } from '../../dev/kafka/security';
import { useKafka, type TestKafka } from '../../dev/kafka/use-kafka';
import { TokenServer } from './token-server';

/** Of the user `gateway` of PLAIN; those of SCRAM are set by the tests. */
export const PLAIN_PASSWORD = 'planted-plain-password';

export interface SecureKafka {
  readonly kafka: TestKafka;
  readonly certificates: Certificates;
  readonly tokens: TokenServer;
  /** Port of the listener on which everybody may do everything. */
  readonly adminPort: number;
  /** `bootstrap_servers` of a listener. */
  servers(listener: ListenerName): { host: string; port: number }[];
}

export function useSecureKafka(): SecureKafka {
  let certificates: Certificates | undefined;
  let tokens: TokenServer | undefined;
  const kafka = useKafka(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    certificates = await makeCertificates(folder).finally(() => rm(folder, { recursive: true }));
    tokens = await TokenServer.start();
    return {
      security: {
        certificates,
        plainUsers: { gateway: PLAIN_PASSWORD },
        jwksUrl: `${tokens.url}/jwks`,
        audience: tokens.audience,
      },
    };
  });
  after(() => tokens?.stop());
  const there = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error('Kafka starts in before(); ask later.');
    return thing;
  };
  return {
    kafka,
    get certificates() {
      return there(certificates);
    },
    get tokens() {
      return there(tokens);
    },
    get adminPort() {
      return there(kafka.server.nodes[0]).port;
    },
    servers: (listener) => {
      const [host = '', port] = kafka.server.listener(listener).split(':');
      return [{ host, port: Number(port) }];
    },
  };
}
