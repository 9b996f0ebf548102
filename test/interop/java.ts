/** How the services on Java are built and started. */
import { findJava } from '../../dev/kafka/java';
import type { ServiceCommand } from './framework';

export const MAVEN_BUILD = [['mvn', '-q', '-B', '-ntp', '-DskipTests', 'package']] as const;

/** Small and quick to start: five services take turns on one machine. */
export async function java(...args: readonly string[]): Promise<ServiceCommand> {
  const { command } = await findJava();
  return { command, args: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...args] };
}
