/**
 * A real schema registry: Apicurio, which speaks Confluent's REST interface too. It comes from Maven as Kafka does, 142 MB,
 * once, and keeps its schemas in memory.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild, type Child } from '../child-process';
import { buildAside } from '../build-aside';
import { removeLeftovers, withLock } from '../kafka/distribution';
import { findJava } from '../kafka/java';
import { repositoryRoot } from '../kafka/paths';
import { freePorts } from '../kafka/ports';
import { runTool } from '../run-tool';

/** The last one that runs on Java 17, as Kafka does. */
const VERSION = '2.6.13.Final';
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
const JAR = `apicurio-registry-app-${VERSION}-runner.jar`;

export interface SchemaInRegistry {
  readonly schema: string;
  readonly schemaType?: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly references?: readonly { name: string; subject: string; version: number }[];
}

export class Apicurio {
  #process: Child | undefined;

  private constructor(
    private readonly java: string,
    private readonly folder: string,
    private readonly port: number,
    private readonly managementPort: number,
  ) {}

  static async start(): Promise<Apicurio> {
    const java = await findJava();
    const folder = await unpacked();
    const [port = 0, managementPort = 0] = await freePorts(2);
    const registry = new Apicurio(java.command, folder, port, managementPort);
    await registry.resume();
    return registry;
  }

  /** The base of Confluent's interface. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/apis/ccompat/v7`;
  }

  /** The base of its own interface, for its own serializers. */
  get ownUrl(): string {
    return `http://127.0.0.1:${this.port}/apis/registry/v2`;
  }

  /** On the same port as before, and empty. */
  async resume(): Promise<void> {
    const args = [
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:-UsePerfData',
      '-XX:TieredStopAtLevel=1',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${this.port}`,
      // Newer ones have a second port, which is open to everybody unless it is told otherwise.
      '-Dquarkus.management.host=127.0.0.1',
      `-Dquarkus.management.port=${this.managementPort}`,
      '-jar',
      join(this.folder, JAR),
    ];
    this.#process = await startChild('schema registry', args, {
      command: this.java,
      readyWhen: /started in [\d.]+s/,
    });
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
  }

  /** @returns the schema's id */
  async register(subject: string, schema: SchemaInRegistry): Promise<number> {
    const response = await fetch(`${this.url}/subjects/${encodeURIComponent(subject)}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(schema),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${subject} was not registered: ${response.status} ${text}`);
    return (JSON.parse(text) as { id: number }).id;
  }
}

async function unpacked(): Promise<string> {
  const home = join(repositoryRoot(), '.cache', 'registry', VERSION);
  const app = join(home, 'app');
  const isThere = () => existsSync(app);
  if (isThere()) return app;
  await mkdir(home, { recursive: true });
  await withLock(join(home, 'lock'), isThere, async () => {
    await removeLeftovers(home);
    process.stderr.write(
      `registry: fetching Apicurio Registry ${VERSION} with mvn, about 142 MB, once ...\n`,
    );
    await buildAside(app, async (folder) => {
      const archive = join(home, `apicurio-registry-app-${VERSION}-all.tar.gz`);
      const copy = [`-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${home}`];
      await runTool(
        'mvn',
        ['-q', '-B', '-ntp', 'dependency:copy', ...copy],
        'Cannot run mvn: install Apache Maven (the Debian package is "maven") to fetch the schema registry.',
      );
      await mkdir(folder);
      await runTool('tar', ['-xzf', archive, '-C', folder], 'Cannot run tar.');
      await rm(archive);
    });
  });
  return app;
}
