/**
 * Apache Kafka on disk: jars from Maven, a class-data archive and a formatted data directory.
 *
 * KAFKA_VERSION in the environment chooses another version than that of the pom.
 *
 * All three are made once and kept in `.cache/kafka/<Kafka version>-<pom>-java-<Java version>/`. Each is built under
 * a temporary name and renamed into place, so an interrupted build is never taken for a good one and two processes
 * that build at the same time both end with a whole result; the lock only spares the second one the work.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildAside } from '../build-aside';
import { isAlive } from '../is-alive';
import { runTool } from '../run-tool';
import { findJava } from './java';
import type { Java } from './java';
import { repositoryRoot, temporaryRoot } from './paths';

export interface KafkaDistribution {
  readonly java: Java;
  /** Jars in a fixed order: a class-data archive is only valid for the class path it was made with. */
  readonly classPath: string;
  /** Empty data directory, formatted with node id 1; server-files.ts copies it. */
  readonly formattedDirectory: string;
  /** Absent while it is being recorded. */
  readonly classArchive: string | undefined;
  readonly log4jConfiguration: string;
}

/** Records the classes that a node loads, into the given file. Passed in because starting nodes is node.ts's job. */
export type RecordClassArchive = (distribution: KafkaDistribution, file: string) => Promise<void>;

/** A lock older than this belongs to a process that is gone: a cold fetch takes 10 s here, minutes on a slow line. */
const STALE_LOCK_MS = 10 * 60_000;

export async function prepareDistribution(
  recordClassArchive: RecordClassArchive,
): Promise<KafkaDistribution> {
  const java = await findJava();
  const root = repositoryRoot();
  const pomFile = join(root, 'dev', 'kafka', 'pom.xml');
  const pom = await readFile(pomFile, 'utf8');
  const version = process.env.KAFKA_VERSION || /<kafka\.version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new Error(`${pomFile} names no <kafka.version>.`);
  const pomDigest = createHash('sha256').update(pom).digest('hex').slice(0, 8);
  const home = join(root, '.cache', 'kafka', `${version}-${pomDigest}-java-${java.version}`);
  const libs = join(home, 'libs');
  const classArchive = join(home, 'classes.jsa');
  const formattedDirectory = join(home, 'formatted');
  const log4jConfiguration = join(root, 'dev', 'kafka', 'log4j2.properties');

  const complete = () => [libs, formattedDirectory, classArchive].every((path) => existsSync(path));
  const describe = async (archive: string | undefined): Promise<KafkaDistribution> => ({
    java,
    classPath: await jarsOf(libs),
    formattedDirectory,
    classArchive: archive,
    log4jConfiguration,
  });
  if (complete()) return describe(classArchive);

  await mkdir(home, { recursive: true });
  await withLock(join(home, 'lock'), complete, async () => {
    await removeLeftovers(home);
    if (!existsSync(libs)) {
      progress(`fetching Apache Kafka ${version} with mvn, about 45 MB, once`);
      await buildAside(libs, (path) => fetchJars(pomFile, version, path));
    }
    const plain = await describe(undefined);
    if (!existsSync(formattedDirectory)) {
      progress('formatting an empty data directory, once');
      await buildAside(formattedDirectory, (path) => formatDirectory(plain, path));
    }
    if (!existsSync(classArchive)) {
      progress('recording a class archive, once (later starts take about a second)');
      await buildAside(classArchive, (path) => recordClassArchive(plain, path));
    }
  });
  return describe(classArchive);
}

/** The command line up to, and without, the main class. */
export function javaArguments(distribution: KafkaDistribution): string[] {
  return [
    // One small heap per node; measured resident size is 170-320 MB.
    '-Xmx384m',
    '-XX:+UseSerialGC',
    // Saves writing /tmp/hsperfdata files.
    '-XX:-UsePerfData',
    `-Dlog4j2.configurationFile=${distribution.log4jConfiguration}`,
    ...(distribution.classArchive === undefined
      ? []
      : // Without the log switches a moved or rebuilt archive would print warnings; Java just does without it then.
        [`-XX:SharedArchiveFile=${distribution.classArchive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']),
    '-cp',
    distribution.classPath,
  ];
}

async function jarsOf(libs: string): Promise<string> {
  const names = (await readdir(libs)).filter((name) => name.endsWith('.jar')).sort();
  return names.map((name) => join(libs, name)).join(':');
}

async function fetchJars(pomFile: string, version: string, into: string): Promise<void> {
  await runTool(
    'mvn',
    [
      ...['-q', '-B', '-ntp', '-f', pomFile, `-Dkafka.version=${version}`],
      ...['dependency:copy-dependencies', `-DoutputDirectory=${into}`],
    ],
    'Cannot run mvn: install Apache Maven (the Debian package is "maven") to fetch the Kafka jars.',
  );
}

async function formatDirectory(distribution: KafkaDistribution, into: string): Promise<void> {
  const scratch = join(temporaryRoot(), `kafka-format-${randomUUID()}`);
  await mkdir(scratch);
  try {
    const propertiesFile = join(scratch, 'server.properties');
    await writeFile(
      propertiesFile,
      [
        'process.roles=broker,controller',
        'node.id=1',
        'controller.quorum.voters=1@127.0.0.1:9093',
        'listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
        'controller.listener.names=CONTROLLER',
        `log.dirs=${into}`,
        '',
      ].join('\n'),
    );
    await runTool(
      distribution.java.command,
      [
        ...javaArguments(distribution),
        'kafka.tools.StorageTool',
        'format',
        '-t',
        randomClusterId(),
        '-c',
        propertiesFile,
      ],
      `Cannot run ${distribution.java.command}.`,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Kafka writes ids as base64url of a UUID: 22 characters. One that starts with "-" would be taken for a flag. */
export function randomClusterId(): string {
  const bytes = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes.toString('base64url');
}

/** What a killed build left: a name with a process id behind it. Nobody else builds while we hold the lock. */
export async function removeLeftovers(home: string): Promise<void> {
  const leftovers = (await readdir(home)).filter((name) => /\.\d+-[0-9a-f]{8}$/.test(name));
  await Promise.all(leftovers.map((name) => rm(join(home, name), { recursive: true, force: true })));
}

export async function withLock(file: string, done: () => boolean, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (done()) return;
    if (await isStale(file)) await rm(file, { force: true });
    else await delay(100);
  }
  try {
    await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const owner = Number(await readFile(file, 'utf8'));
    const { mtimeMs } = await stat(file);
    // The owner writes its id right after creating the file; an empty file is simply too young.
    return Date.now() - mtimeMs > STALE_LOCK_MS || (owner > 0 && !isAlive(owner));
  } catch {
    return false; // Released in this very moment.
  }
}

function progress(text: string): void {
  process.stderr.write(`kafka: ${text} ...\n`);
}
