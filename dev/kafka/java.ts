/** Finds Java and tells its version; everything here ends in one sentence that says what to install. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Kafka 4 brokers are compiled for Java 17 (class file version 61). */
const OLDEST_JAVA = 17;

export interface Java {
  readonly command: string;
  /** As `java -version` prints it, such as "17.0.15". Class archives are valid for exactly one version. */
  readonly version: string;
}

export async function findJava(environment: NodeJS.ProcessEnv = process.env): Promise<Java> {
  const home = environment['JAVA_HOME'];
  const command = home ? join(home, 'bin', 'java') : 'java';
  let printed: string;
  try {
    // -version writes to stderr.
    printed = (await run(command, ['-version'])).stderr;
  } catch (error) {
    throw new Error(
      `Cannot run ${command}: install Java ${OLDEST_JAVA} or newer, or set JAVA_HOME to one, to start Kafka.`,
      { cause: error },
    );
  }
  const version = /version "([^"]+)"/.exec(printed)?.[1];
  if (version === undefined || majorVersion(version) < OLDEST_JAVA) {
    throw new Error(
      `${command} is Java ${version ?? '(unknown)'}; Kafka needs Java ${OLDEST_JAVA} or newer.`,
    );
  }
  return { command, version };
}

/** "17.0.15" → 17; the old scheme "1.8.0_402" → 1, which is too old either way. */
export function majorVersion(version: string): number {
  return Number.parseInt(version, 10) || 0;
}
